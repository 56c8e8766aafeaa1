//! Reading a reply in whichever form comes: framed, or bare as the seed's server sends it.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::decoder::{AwaitingHeader, Frame, FrameDecoder, Progress};
use super::header::Operation;
use super::reply::{Reply, ReplyError};
use crate::limits::MAX_REPLY_PAYLOAD;

/// The longest bare reply that is read, in bytes. Servers keep to 1,024; one that escapes every
/// character of long names needs a few times that.
const MAX_BARE_READ: usize = 16 * 1024;

/// Waits for a reply. A bare one begins with `{` and its second byte is no operation.
#[derive(Debug)]
pub struct ReplyDecoder(Stage);

#[derive(Debug)]
enum Stage {
    /// Only a `{` has come: a size of 123, or the start of a JSON object.
    Brace,
    Framed(FrameDecoder),
    Bare(BareDecoder),
}

/// The whole text of a reply. It may hold a token, so it is wiped when it is dropped.
pub enum ReplyText {
    /// With a header.
    Framed(Frame),
    /// Nothing but JSON.
    Bare(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for ReplyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framed(frame) => f.debug_tuple("Framed").field(frame).finish(),
            Self::Bare(json) => write!(f, "Bare({} bytes)", json.len()),
        }
    }
}

impl ReplyText {
    /// Reads the reply.
    ///
    /// # Errors
    /// [`ReplyError`] when the server does not speak this wire.
    pub fn parse(&self) -> Result<Reply, ReplyError> {
        match self {
            Self::Framed(frame) => Reply::parse(frame.payload(), Some(frame.header().state())),
            Self::Bare(json) => Reply::parse(json, None),
        }
    }
}

impl Default for ReplyDecoder {
    fn default() -> Self {
        Self(Stage::Framed(FrameDecoder::new(MAX_REPLY_PAYLOAD)))
    }
}

impl ReplyDecoder {
    /// Whether any byte has come.
    pub fn has_begun(&self) -> bool {
        match &self.0 {
            Stage::Brace | Stage::Bare(_) => true,
            Stage::Framed(decoder) => decoder.has_begun(),
        }
    }

    /// Takes what it needs from the front of `input`.
    pub fn feed(self, input: &mut &[u8]) -> Progress<Self, ReplyText, ReplyError> {
        match self.0.told_apart(input) {
            Stage::Brace => Progress::Incomplete(Self(Stage::Brace)),
            Stage::Framed(decoder) => match decoder.feed(input) {
                Progress::Incomplete(same) => Progress::Incomplete(Self(Stage::Framed(same))),
                Progress::Invalid(error) => Progress::Invalid(ReplyError::Header(error.fault)),
                Progress::Done(frame) => Progress::Done(ReplyText::Framed(frame)),
            },
            Stage::Bare(decoder) => match decoder.feed(input) {
                Progress::Incomplete(same) => Progress::Incomplete(Self(Stage::Bare(same))),
                Progress::Invalid(error) => Progress::Invalid(error),
                Progress::Done(json) => Progress::Done(ReplyText::Bare(json)),
            },
        }
    }
}

impl Stage {
    /// Settles the form of the reply once `input` shows it.
    fn told_apart(self, input: &mut &[u8]) -> Self {
        let undecided = match &self {
            Self::Brace => true,
            Self::Framed(decoder) => !decoder.has_begun() && input.first() == Some(&b'{'),
            Self::Bare(_) => false,
        };
        if !undecided {
            return self;
        }
        if !matches!(self, Self::Brace) {
            *input = input.get(1..).unwrap_or_default();
        }
        match input.first() {
            None => Self::Brace,
            Some(&second) if Operation::from_byte(second).is_some() => Self::framed_after_brace(),
            Some(_) => Self::Bare(BareDecoder::after_brace()),
        }
    }

    /// The framed form, with a room name of 123 bytes announced.
    fn framed_after_brace() -> Self {
        match AwaitingHeader::new(MAX_REPLY_PAYLOAD).feed(&mut &b"{"[..]) {
            Progress::Incomplete(header) => Self::Framed(FrameDecoder::Header(header)),
            Progress::Done(body) => Self::Framed(FrameDecoder::Body(body)),
            Progress::Invalid(_) => Self::Brace,
        }
    }
}

/// Finds the end of a JSON object by its braces, so that a reply is whole as soon as it is, whether
/// or not the server closes the connection.
struct BareDecoder {
    json: Zeroizing<Vec<u8>>,
    depth: u32,
    place: Place,
}

impl fmt::Debug for BareDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BareDecoder({} bytes)", self.json.len())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    InString,
    AfterBackslash,
}

impl BareDecoder {
    fn after_brace() -> Self {
        // All the space that it may need, so that growing leaves no copy of a token behind.
        let mut json = Zeroizing::new(Vec::with_capacity(MAX_BARE_READ));
        json.push(b'{');
        Self { json, depth: 1, place: Place::Outside }
    }

    fn feed(mut self, input: &mut &[u8]) -> Progress<Self, Zeroizing<Vec<u8>>, ReplyError> {
        while let Some((&byte, rest)) = input.split_first() {
            if self.json.len() == MAX_BARE_READ {
                return Progress::Invalid(ReplyError::TooLong);
            }
            self.json.push(byte);
            *input = rest;
            self.step(byte);
            if self.depth == 0 {
                return Progress::Done(self.json);
            }
        }
        Progress::Incomplete(self)
    }

    fn step(&mut self, byte: u8) {
        self.place = match (self.place, byte) {
            (Place::Outside, b'"') => Place::InString,
            (Place::Outside, b'{') => {
                self.depth += 1;
                Place::Outside
            }
            (Place::Outside, b'}') => {
                self.depth -= 1;
                Place::Outside
            }
            (Place::InString, b'"') => Place::Outside,
            (Place::InString, b'\\') => Place::AfterBackslash,
            (Place::AfterBackslash, _) => Place::InString,
            (place, _) => place,
        };
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::header::{self, State};
    use super::*;

    /// Feeds `bytes` in chunks of `size`, and gives the answer with the number of bytes left over.
    fn feed(bytes: &[u8], size: usize) -> (Progress<ReplyDecoder, ReplyText, ReplyError>, usize) {
        let mut decoder = ReplyDecoder::default();
        let mut left = bytes.len();
        for mut chunk in bytes.chunks(size) {
            let before = chunk.len();
            let answer = decoder.feed(&mut chunk);
            left -= before - chunk.len();
            match answer {
                Progress::Incomplete(same) => decoder = same,
                answer => return (answer, left),
            }
        }
        (Progress::Incomplete(decoder), left)
    }

    fn bare(bytes: &[u8], size: usize) -> Option<Vec<u8>> {
        match feed(bytes, size).0 {
            Progress::Done(ReplyText::Bare(json)) => Some(json.to_vec()),
            _ => None,
        }
    }

    #[test]
    fn a_bare_reply_ends_with_its_object() {
        let json = r#"{"message":"a } \" \\","x":{"y":{}},"部":"屋"}"#.as_bytes();
        for size in 1..json.len() {
            assert_eq!(bare(json, size).as_deref(), Some(json), "{size}");
            assert!(bare(&json[..json.len() - 1], size).is_none());
        }
        assert_eq!(feed(&[json, b"rest"].concat(), 1000).1, 4);
        assert_eq!(bare(b"{}", 1).as_deref(), Some(&b"{}"[..]));
    }

    #[test]
    fn a_room_name_of_123_bytes_is_no_brace() {
        let room = "r".repeat(123);
        let payload = br#"{"state":1}"#;
        for operation in 1..=4 {
            let header = header::encode(123, operation, State::Refused, payload.len() as u32);
            let bytes = [&header[..], room.as_bytes(), payload].concat();
            for size in [1, 2, 3, 31, 32, 33, 1000] {
                let Progress::Done(ReplyText::Framed(frame)) = feed(&bytes, size).0 else {
                    panic!("operation {operation} in chunks of {size}")
                };
                assert_eq!((frame.room(), frame.payload()), (room.as_bytes(), &payload[..]));
            }
        }
    }

    #[test]
    fn tells_whether_any_byte_came() {
        for reply in [&b"{\"a\":1}"[..], b"{\x01", b"\x01\x01"] {
            for came in 0..reply.len() {
                let (Progress::Incomplete(decoder), _) = feed(&reply[..came], 1) else {
                    panic!("{came} bytes are not all")
                };
                assert_eq!(decoder.has_begun(), came > 0, "{came} of {reply:?}");
            }
        }
    }

    #[test]
    fn shows_how_much_came_and_not_what_may_be_a_token() {
        let reply = br#"{"token":"secret"}"#;
        let half = format!("{:?}", feed(&reply[..17], 17).0);
        assert!(half.contains("BareDecoder(17 bytes)") && !half.contains("secret"), "{half}");
        let whole = format!("{:?}", feed(reply, 18).0);
        assert!(whole.contains("Bare(18 bytes)") && !whole.contains("secret"), "{whole}");
    }

    #[test]
    fn a_bare_reply_may_be_16_kib_long() {
        for (size, is_read) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
            let reply = [&b"{\""[..], &b"a".repeat(size - 4), b"\"}"].concat();
            assert_eq!(bare(&reply, 1000).is_some(), is_read, "{size}");
        }
    }

    #[test]
    fn a_bare_reply_without_end_is_refused() {
        let endless = [&b"{\""[..], &[b'a'; MAX_BARE_READ]].concat();
        assert!(matches!(feed(&endless, 100).0, Progress::Invalid(ReplyError::TooLong)));
    }

    quickcheck::quickcheck! {
        fn any_bytes_are_answered(bytes: Vec<u8>, size: u8) -> bool {
            let (answer, left) = feed(&bytes, usize::from(size) + 1);
            !matches!(answer, Progress::Incomplete(_)) || left == 0
        }

        fn any_bytes_after_a_brace_are_answered(bytes: Vec<u8>, size: u8) -> bool {
            let (answer, left) = feed(&[b"{", &bytes[..]].concat(), usize::from(size) + 1);
            !matches!(answer, Progress::Incomplete(_)) || left == 0
        }
    }
}
