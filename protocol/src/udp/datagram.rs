//! The borrowed view of a datagram.

#[cfg(not(feature = "simd"))]
use core::str::from_utf8;

#[cfg(feature = "simd")]
use simdutf8::basic::from_utf8;

use crate::limits::{MAX_DATAGRAM, UDP_HEADER};
use crate::message::{Message, MessageError};

/// A datagram whose sizes fit and whose text is UTF-8, borrowed from the bytes that came.
///
/// The names and the token are as the sender wrote them: whoever acts on them compares them with
/// its own record first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    room: &'a str,
    user: &'a str,
    token: &'a str,
    text: &'a str,
}

/// What the last field of a valid datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// Empty: the sender is there, and this is its address.
    Presence,
    /// Something to relay.
    Chat(Message<'a>),
    /// It begins like the server's own texts. It is never relayed.
    Reserved(&'a str),
}

impl<'a> Datagram<'a> {
    /// Reads `bytes`, which are the whole of one datagram. Costs one pass over them.
    ///
    /// # Errors
    /// [`DatagramError`], and nothing is to be answered then.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DatagramError> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(DatagramError::TooLong);
        }
        let Some(([room, user, token], body)) = bytes.split_first_chunk::<UDP_HEADER>() else {
            return Err(DatagramError::Truncated);
        };
        let room_end = usize::from(*room);
        let user_end = room_end + usize::from(*user);
        let token_end = user_end + usize::from(*token);
        if token_end > body.len() {
            return Err(DatagramError::Truncated);
        }
        // The parts are UTF-8 exactly when the whole is and no part ends inside a character, so one
        // pass checks all four.
        let body = from_utf8(body).map_err(|_| DatagramError::NotUtf8)?;
        let split = |text: &'a str, at| text.split_at_checked(at).ok_or(DatagramError::NotUtf8);
        let (rest, text) = split(body, token_end)?;
        let (rest, token) = split(rest, user_end)?;
        let (room, user) = split(rest, room_end)?;
        Ok(Self { room, user, token, text })
    }

    /// The name of the room, as the sender wrote it.
    pub fn room(&self) -> &'a str {
        self.room
    }

    /// From a client, its own name; from a server, whom the datagram is about.
    pub fn user(&self) -> &'a str {
        self.user
    }

    /// From a client, its token; from a server, empty for chat and the recipient's for a notice.
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// The bytes after the token as they came.
    pub fn raw_text(&self) -> &'a str {
        self.text
    }

    /// What the text is.
    pub fn text(&self) -> Text<'a> {
        match Message::new(self.text) {
            Ok(message) => Text::Chat(message),
            Err(MessageError::Empty) => Text::Presence,
            // Too long is out of reach: the datagram's own size was checked.
            Err(MessageError::Reserved | MessageError::TooLong { .. }) => Text::Reserved(self.text),
        }
    }
}

impl core::fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Datagram")
            .field("room", &self.room)
            .field("user", &self.user)
            .field("token", &"…")
            .field("text", &self.text)
            .finish()
    }
}

/// Why bytes are no datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatagramError {
    /// More than 4,096 bytes.
    #[error("the datagram is longer than 4096 bytes")]
    TooLong,
    /// Shorter than its header, or than its header says.
    #[error("the datagram is shorter than its header says")]
    Truncated,
    /// A field that is not valid UTF-8.
    #[error("the datagram is not valid UTF-8")]
    NotUtf8,
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    fn bytes(sizes: [u8; 3], body: &[u8]) -> Vec<u8> {
        [&sizes[..], body].concat()
    }

    #[test]
    fn reads_the_four_fields() {
        let bytes = bytes([6, 3, 2], "部屋bobt!やあ".as_bytes());
        let datagram = Datagram::parse(&bytes).unwrap();
        assert_eq!(datagram.room(), "部屋");
        assert_eq!(datagram.user(), "bob");
        assert_eq!(datagram.token(), "t!");
        assert_eq!(datagram.text(), Text::Chat(Message::new("やあ").unwrap()));
    }

    #[test]
    fn tells_presence_and_reserved_texts_from_chat() {
        let presence = bytes([1, 1, 1], b"rut");
        assert_eq!(Datagram::parse(&presence).unwrap().text(), Text::Presence);
        let forged = bytes([1, 1, 1], b"rutSYSTEM_MESSAGE_TIME_OUT");
        let text = Datagram::parse(&forged).unwrap().text();
        assert_eq!(text, Text::Reserved("SYSTEM_MESSAGE_TIME_OUT"));
    }

    #[test]
    fn refuses_sizes_that_do_not_fit() {
        for short in [&b""[..], &[0], &[0, 0], &[1, 0, 0], &[0, 1, 0], &[0, 0, 1]] {
            assert_eq!(Datagram::parse(short), Err(DatagramError::Truncated), "{short:?}");
        }
        assert_eq!(Datagram::parse(&[255, 255, 255, b'a']), Err(DatagramError::Truncated));
        assert!(Datagram::parse(&[0, 0, 0]).is_ok());
        let mut long = bytes([0, 0, 0], &[b'a'; 4093]);
        assert!(Datagram::parse(&long).is_ok());
        long.push(b'a');
        assert_eq!(Datagram::parse(&long), Err(DatagramError::TooLong));
    }

    #[test]
    fn refuses_a_boundary_inside_a_character() {
        // "é" is two bytes: valid as a whole, cut in the middle by the room's size.
        let cut = bytes([1, 1, 0], "é".as_bytes());
        assert_eq!(Datagram::parse(&cut), Err(DatagramError::NotUtf8));
        assert_eq!(Datagram::parse(&bytes([1, 0, 0], b"\xff")), Err(DatagramError::NotUtf8));
        assert_eq!(Datagram::parse(&bytes([0, 0, 0], b"\xc3")), Err(DatagramError::NotUtf8));
    }

    #[test]
    fn refuses_a_byte_that_is_no_text_wherever_it_is() {
        let text = "今日の会議は午後三時からに変わりました。".repeat(5);
        for place in 0..text.len() {
            for wrong in [0xff, 0xc0, 0xf8] {
                let mut body = text.clone().into_bytes();
                body[place] = wrong;
                let refused = Datagram::parse(&bytes([3, 6, 9], &body)).unwrap_err();
                assert_eq!(refused, DatagramError::NotUtf8, "{place}");
            }
        }
    }

    #[test]
    fn does_not_show_the_token() {
        let bytes = bytes([1, 1, 6], b"rusecrethi");
        let shown = format!("{:?}", Datagram::parse(&bytes).unwrap());
        assert_eq!(shown, r#"Datagram { room: "r", user: "u", token: "…", text: "hi" }"#);
    }

    quickcheck::quickcheck! {
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) -> bool {
            match Datagram::parse(&bytes) {
                Ok(d) => {
                    let sizes = [d.room().len() as u8, d.user().len() as u8, d.token().len() as u8];
                    let body = [d.room(), d.user(), d.token(), d.raw_text()].concat();
                    [&sizes[..], body.as_bytes()].concat() == bytes
                }
                Err(_) => true,
            }
        }
    }
}
