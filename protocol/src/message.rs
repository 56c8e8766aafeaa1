//! What a member says.

use core::fmt;

use crate::limits::{MAX_DATAGRAM, UDP_HEADER};

/// Texts that begin with this are the server's: a client acts on them, so nobody else may send one.
pub const RESERVED_PREFIX: &str = "SYSTEM_";

/// A chat message: not empty, not one of the server's own texts, and small enough for a datagram
/// (its names and token take their share of that, see [`crate::udp::ClientDatagram::room_for_text`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a>(&'a str);

impl<'a> Message<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// The first of [`MessageError`]'s rules that `text` breaks.
    pub fn new(text: &'a str) -> Result<Self, MessageError> {
        if text.is_empty() {
            return Err(MessageError::Empty);
        }
        if text.starts_with(RESERVED_PREFIX) {
            return Err(MessageError::Reserved);
        }
        if text.len() > MAX_DATAGRAM - UDP_HEADER {
            return Err(MessageError::TooLong { bytes: text.len() });
        }
        Ok(Self(text))
    }

    /// The message's text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// Why a text cannot be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nothing: that is how a client says that it is present.
    #[error("the message is empty")]
    Empty,
    /// It begins with [`RESERVED_PREFIX`].
    #[error("a message cannot begin with SYSTEM_: clients take that for the server's own words")]
    Reserved,
    /// More than a datagram holds.
    #[error("the message is {bytes} bytes long, of at most 4093")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn says_why_a_text_is_no_message() {
        assert_eq!(Message::new("").unwrap_err(), MessageError::Empty);
        assert_eq!(Message::new("SYSTEM_PONG").unwrap_err(), MessageError::Reserved);
        assert_eq!(Message::new("SYSTEM_x").unwrap_err(), MessageError::Reserved);
        assert!(Message::new("system_x").is_ok());
        assert!(Message::new(" SYSTEM_x").is_ok());
        assert!(Message::new(&"a".repeat(4093)).is_ok());
        let long = "a".repeat(4094);
        assert_eq!(Message::new(&long).unwrap_err(), MessageError::TooLong { bytes: 4094 });
    }

    #[test]
    fn is_shown_with_its_control_characters_escaped() {
        assert_eq!(format!("{:?}", Message::new("やあ\u{1b}[2J").unwrap()), r#""やあ\u{1b}[2J""#);
    }
}
