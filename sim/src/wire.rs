//! The wire once more, as plainly as the page about the protocol has it: the model and the hostile
//! parties read and write packets with this and not with the code that is put to the test.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The header of a request or a framed reply.
pub(crate) const HEADER: usize = 32;

/// The four fields of a datagram, valid or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) room: &'a str,
    pub(crate) user: &'a str,
    pub(crate) token: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> Fields<'a> {
    /// Reads a datagram: at most 4,096 bytes, sizes that fit, each field UTF-8.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > 4096 {
            return None;
        }
        let (sizes, rest) = bytes.split_at_checked(3)?;
        let [room, user, token] = <[u8; 3]>::try_from(sizes).ok()?.map(usize::from);
        let (room, rest) = rest.split_at_checked(room)?;
        let (user, rest) = rest.split_at_checked(user)?;
        let (token, text) = rest.split_at_checked(token)?;
        Some(Self {
            room: std::str::from_utf8(room).ok()?,
            user: std::str::from_utf8(user).ok()?,
            token: std::str::from_utf8(token).ok()?,
            text: std::str::from_utf8(text).ok()?,
        })
    }

    /// The datagram's bytes. Sizes are cut to a byte, as a careless program would.
    pub(crate) fn write(&self) -> Vec<u8> {
        let Self { room, user, token, text } = *self;
        let mut bytes: Vec<u8> =
            [room, user, token].iter().map(|field| field.len() as u8).collect();
        for field in [room, user, token, text] {
            bytes.extend_from_slice(field.as_bytes());
        }
        bytes
    }
}

/// The datagrams in what a server sends: those in a bundle, or the one that it is. `None` when it is a
/// bundle that no server may send: a size that does not fit, a bundle inside, nothing inside, or
/// anything but zeros after what is the last of them.
pub(crate) fn opened(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    if !is_bundle(bytes) {
        return Some(vec![bytes]);
    }
    let mut datagrams = Vec::new();
    let mut rest = bytes.get(3..)?;
    while let Some((size, after)) = rest.split_at_checked(2) {
        let size = usize::from(u16::from_be_bytes(size.try_into().ok()?));
        if size == 0 {
            break;
        }
        let (datagram, after) = after.split_at_checked(size)?;
        if is_bundle(datagram) {
            return None;
        }
        datagrams.push(datagram);
        rest = after;
    }
    let is_sound = !datagrams.is_empty() && rest.iter().all(|byte| *byte == 0);
    is_sound.then_some(datagrams)
}

/// Whether these bytes are a bundle and not a datagram: a datagram of a server names a room.
pub(crate) fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0; 3])
}

/// A bundle's bytes.
#[cfg(test)]
pub(crate) fn bundle(datagrams: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0; 3];
    for datagram in datagrams {
        bytes.extend_from_slice(&(datagram.len() as u16).to_be_bytes());
        bytes.extend_from_slice(datagram);
    }
    bytes
}

/// What stands in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) room_size: usize,
    pub(crate) operation: u8,
    pub(crate) state: u8,
    /// `None` for a number that no machine holds.
    pub(crate) payload_size: Option<u32>,
}

impl Header {
    /// The header at the start of `bytes`, once it is there.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (header, _) = bytes.split_at_checked(HEADER)?;
        let (first, size) = header.split_at_checked(3)?;
        let [room_size, operation, state] = <[u8; 3]>::try_from(first).ok()?;
        let (high, low) = size.split_at_checked(25)?;
        let low = u32::from_be_bytes(low.try_into().ok()?);
        let payload_size = high.iter().all(|byte| *byte == 0).then_some(low);
        Some(Self { room_size: usize::from(room_size), operation, state, payload_size })
    }
}

/// A request's or a reply's bytes, valid or not.
pub(crate) fn frame(operation: u8, state: u8, room: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![room.len() as u8, operation, state];
    bytes.extend_from_slice(&[0; 25]);
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    bytes.extend_from_slice(room);
    bytes.extend_from_slice(payload);
    bytes
}

/// Whether `text` may be the name of a room or of a user. Sizes are bytes.
pub(crate) fn is_name(text: &str) -> bool {
    let size_fits = (1..=255).contains(&text.len());
    let has_edge = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    let turns =
        |c: char| ('\u{202A}'..='\u{202E}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    size_fits && !has_edge && !text.chars().any(|c| c.is_control() || turns(c))
}

/// A JSON object with its keys in their order, double ones included.
pub(crate) struct Object(pub(crate) Vec<(String, Value)>);

impl Object {
    /// Reads an object with nothing but white space around it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value of `key`; `Err` when it occurs twice.
    pub(crate) fn one(&self, key: &str) -> Result<Option<&Value>, Twice> {
        let mut values = self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() { Err(Twice) } else { Ok(value) }
    }

    /// The text of `key`, where there is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.one(key).ok()?.and_then(Value::as_str)
    }
}

/// A key occurs twice.
#[derive(Debug)]
pub(crate) struct Twice;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Object(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        let fields = Fields { room: "部屋", user: "花子", token: "t", text: "やあ" };
        assert_eq!(Fields::read(&fields.write()), Some(fields));
        assert_eq!(Fields::read(&[1, 1, 0, 0xc3, 0xa9]), None, "cut inside a character");
        assert_eq!(Fields::read(&[0, 0]), None);
    }

    #[test]
    fn a_bundle_is_opened_if_it_is_sound() {
        let bytes = bundle(&[b"one", b"two"]);
        assert_eq!(opened(&bytes), Some(vec![&b"one"[..], b"two"]));
        assert_eq!(opened(b"one"), Some(vec![&b"one"[..]]));
        for padding in 1..5 {
            let padded = [&bytes[..], &[0, 0, 0, 0, 0][..padding]].concat();
            assert_eq!(opened(&padded), opened(&bytes));
        }
        for wrong in [
            bytes[..bytes.len() - 1].to_vec(),
            [&bytes[..], b"x"].concat(),
            [&bytes[..], b"\0\0\0\x01x"].concat(),
            bundle(&[b"one", &bytes]),
            bundle(&[]),
        ] {
            assert_eq!(opened(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_of_names_are_bytes() {
        assert!(is_name(&"あ".repeat(85)) && !is_name(&"あ".repeat(86)));
        assert!(
            !is_name("") && !is_name("a\u{3000}") && !is_name("a\u{7}b") && !is_name("\u{202E}a")
        );
    }

    #[test]
    fn a_key_that_occurs_twice_is_seen() {
        let object = Object::read(br#" {"a": 1, "a": null, "b": "x"} "#).unwrap();
        assert!(object.one("a").is_err());
        assert_eq!(object.text("b"), Some("x"));
        assert!(Object::read(b"[1]").is_none() && Object::read(b"{} x").is_none());
    }
}
