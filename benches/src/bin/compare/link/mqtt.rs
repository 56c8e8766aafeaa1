//! As much of MQTT 3.1.1 as a chat room needs, at quality of service 0.

use std::io;

use super::Ears;
use super::frames::{Framing, Heard};

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;

/// A room is a topic.
#[derive(Debug)]
pub(crate) struct Mqtt {
    topic: String,
    client: String,
    ears: Ears,
}

impl Mqtt {
    pub(crate) fn new(room: usize, client: usize, ears: Ears) -> Self {
        Self { topic: format!("room/{room}"), client: format!("member{client}"), ears }
    }
}

impl Framing for Mqtt {
    fn greeting(&self, ears: Ears) -> Vec<u8> {
        // Protocol "MQTT", level 4, a clean session, and no time after which silence is an end.
        let mut connect = b"\0\x04MQTT\x04\x02\0\0".to_vec();
        string(&self.client, &mut connect);
        let mut out = Vec::new();
        packet(CONNECT, &[&connect], &mut out);
        if ears == Ears::Open {
            let mut subscribe = vec![0, 1];
            string(&self.topic, &mut subscribe);
            subscribe.push(0);
            packet(SUBSCRIBE, &[&subscribe], &mut out);
        }
        out
    }

    fn publish(&self, text: &[u8], out: &mut Vec<u8>) {
        let size = (self.topic.len() as u16).to_be_bytes();
        packet(PUBLISH, &[&size, self.topic.as_bytes(), text], out);
    }

    fn next<'a>(&self, input: &'a [u8]) -> io::Result<Option<(usize, Heard<'a>)>> {
        let Some((kind, rest)) = input.split_first() else { return Ok(None) };
        let Some((digits, size)) = remaining_length(rest)? else { return Ok(None) };
        let begin = 1 + digits;
        let Some(body) = input.get(begin..begin + size) else { return Ok(None) };
        let heard = match (kind & 0xf0, body) {
            (PUBLISH, body) => Heard::Message(text_of(body)?),
            (CONNACK, [_, 0]) if self.ears == Ears::Closed => Heard::Ready,
            (CONNACK, [_, 0]) => Heard::Other,
            (SUBACK, [_, _, 0]) => Heard::Ready,
            (CONNACK | SUBACK, _) => return Err(io::Error::other("refused")),
            _ => Heard::Other,
        };
        Ok(Some((begin + size, heard)))
    }
}

/// What follows the topic.
fn text_of(body: &[u8]) -> io::Result<&[u8]> {
    let (size, rest) =
        body.split_first_chunk().ok_or_else(|| io::Error::other("a message without a topic"))?;
    rest.get(usize::from(u16::from_be_bytes(*size))..)
        .ok_or_else(|| io::Error::other("a topic beyond its message"))
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn packet(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    out.push(kind);
    let mut rest = parts.iter().map(|part| part.len()).sum::<usize>();
    loop {
        let digit = (rest & 0x7f) as u8;
        rest >>= 7;
        out.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// How many bytes the length has, and the length: seven bits a byte, the lowest first.
fn remaining_length(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut size = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let sane = size <= super::READ_BYTES;
            return if sane { Ok(Some((at + 1, size))) } else { Err(too_long()) };
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(too_long()) }
}

fn too_long() -> io::Error {
    io::Error::other("a message that nobody sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mqtt() -> Mqtt {
        Mqtt::new(7, 1, Ears::Open)
    }

    #[test]
    fn what_is_published_can_be_read() {
        for size in [0, 1, 16, 119, 120, 4000, 20_000] {
            let (text, mut out) = (vec![b'x'; size], Vec::new());
            mqtt().publish(&text, &mut out);
            let whole = out.len();
            assert_eq!(mqtt().next(&out).unwrap(), Some((whole, Heard::Message(&text[..]))));
            for part in [0, 1, 2, whole - 1] {
                assert_eq!(mqtt().next(&out[..part]).unwrap(), None, "{part} of {whole}");
            }
        }
    }

    #[test]
    fn requests_are_as_the_protocol_has_them() {
        let mut out = Vec::new();
        mqtt().publish(b"hi", &mut out);
        assert_eq!(out, b"\x30\x0a\0\x06room/7hi");
        let connect = b"\x10\x13\0\x04MQTT\x04\x02\0\0\0\x07member1";
        let subscribe = b"\x82\x0b\0\x01\0\x06room/7\0";
        assert_eq!(mqtt().greeting(Ears::Open), [&connect[..], subscribe].concat());
        assert_eq!(mqtt().greeting(Ears::Closed), connect);
    }

    #[test]
    fn who_hears_is_ready_when_it_is_subscribed() {
        let silent = Mqtt::new(7, 1, Ears::Closed);
        assert_eq!(mqtt().next(b"\x20\x02\0\0").unwrap(), Some((4, Heard::Other)));
        assert_eq!(silent.next(b"\x20\x02\0\0").unwrap(), Some((4, Heard::Ready)));
        assert_eq!(mqtt().next(b"\x90\x03\0\x01\0").unwrap(), Some((5, Heard::Ready)));
        assert_eq!(mqtt().next(b"\xd0\0").unwrap(), Some((2, Heard::Other)));
    }

    #[test]
    fn nonsense_is_an_error() {
        for nonsense in [
            &b"\x20\x02\0\x05"[..],
            b"\x90\x03\0\x01\x80",
            b"\x30\x01\0",
            b"\x30\x03\0\x09x",
            b"\x30\xff\xff\xff\xff",
            b"\x30\xff\xff\xff\x7f",
        ] {
            assert!(mqtt().next(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
