//! The 32 bytes that open a request or a framed reply.

use crate::limits::{PAYLOAD_SIZE_BYTES, TCP_HEADER};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Open a room and be its host.
    Create = 1,
    /// Enter a room.
    Join = 2,
    /// Leave a room; from its host, close it. An addition to the seed's two.
    Leave = 3,
    /// List the rooms. An addition to the seed's two.
    Rooms = 4,
}

impl Operation {
    /// The operation that `byte` stands for.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Create),
            2 => Some(Self::Join),
            3 => Some(Self::Leave),
            4 => Some(Self::Rooms),
            _ => None,
        }
    }
}

/// Whether a frame asks or answers, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// A request.
    Request = 0,
    /// A reply: refused.
    Refused = 1,
    /// A reply: done.
    Done = 2,
}

impl State {
    /// The state that `byte` stands for.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Request),
            1 => Some(Self::Refused),
            2 => Some(Self::Done),
            _ => None,
        }
    }
}

/// A header whose fields are all known and whose payload's size is within the reader's cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub(super) room_size: u8,
    pub(super) operation: Operation,
    pub(super) state: State,
    pub(super) payload_size: u32,
}

impl Header {
    /// Reads a header, refusing a payload of more than `max_payload` bytes.
    ///
    /// # Errors
    /// [`HeaderError`], which carries what a reply needs.
    pub fn parse(bytes: &[u8; TCP_HEADER], max_payload: u32) -> Result<Self, HeaderError> {
        let [room_size, operation, state, size @ ..] = bytes;
        let refuse = |fault| HeaderError { operation: *operation, fault };
        let known = Operation::from_byte(*operation);
        let known = known.ok_or_else(|| refuse(HeaderFault::UnknownOperation))?;
        let state =
            State::from_byte(*state).ok_or_else(|| refuse(HeaderFault::UnknownState(*state)))?;
        let payload_size = payload_size(size)
            .filter(|size| *size <= max_payload)
            .ok_or_else(|| refuse(HeaderFault::PayloadTooLarge { cap: max_payload }))?;
        Ok(Self { room_size: *room_size, operation: known, state, payload_size })
    }

    /// What is asked, or was.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether this opens a request or a reply, and which reply.
    pub fn state(&self) -> State {
        self.state
    }

    /// Bytes that follow the header: the room name's and the payload's.
    pub(super) fn body_size(&self) -> usize {
        usize::from(self.room_size) + self.payload_size as usize
    }
}

/// Lays out a header. The operation is a byte, since a refusal echoes even an unknown one.
pub(super) fn encode(
    room_size: u8,
    operation: u8,
    state: State,
    payload_size: u32,
) -> [u8; TCP_HEADER] {
    let mut bytes = [0; TCP_HEADER];
    let (fields, size) = bytes.split_at_mut(TCP_HEADER - size_of::<u32>());
    if let [room, op, st, ..] = fields {
        (*room, *op, *st) = (room_size, operation, state as u8);
    }
    size.copy_from_slice(&payload_size.to_be_bytes());
    bytes
}

/// The 29-byte number, when it is small enough to be worth holding at all.
fn payload_size(field: &[u8; PAYLOAD_SIZE_BYTES]) -> Option<u32> {
    let (high, low) = field.split_last_chunk::<4>()?;
    high.iter().all(|byte| *byte == 0).then(|| u32::from_be_bytes(*low))
}

/// Why a header was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct HeaderError {
    /// The operation as it came, for the reply's header.
    pub operation: u8,
    /// What is wrong.
    pub fault: HeaderFault,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// An operation that the wire does not have.
    #[error("the operation is unknown: 1 creates a room, 2 joins one, 3 leaves, 4 lists the rooms")]
    UnknownOperation,
    /// A state that the wire does not have.
    #[error("the state {0} is unknown: a request has 0")]
    UnknownState(u8),
    /// A payload larger than the reader takes.
    #[error("the payload is larger than {cap} bytes")]
    PayloadTooLarge {
        /// The most that it takes, in bytes.
        cap: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let bytes = encode(6, Operation::Join as u8, State::Request, 0x0102_0304);
        assert_eq!(bytes[..3], [6, 2, 0]);
        assert_eq!(bytes[3..28], [0; 25]);
        assert_eq!(bytes[28..], [1, 2, 3, 4]);
        let header = Header::parse(&bytes, u32::MAX).unwrap();
        assert_eq!(header.operation(), Operation::Join);
        assert_eq!(header.state(), State::Request);
        assert_eq!(header.body_size(), 6 + 0x0102_0304);
    }

    #[test]
    fn refuses_a_size_by_any_of_its_29_bytes() {
        let fits = encode(0, 1, State::Request, 100);
        assert!(Header::parse(&fits, 100).is_ok());
        let fault = HeaderFault::PayloadTooLarge { cap: 99 };
        assert_eq!(Header::parse(&fits, 99), Err(HeaderError { operation: 1, fault }));
        for at in 3..28 {
            let mut bytes = encode(0, 1, State::Request, 0);
            bytes[at] = 0x80;
            assert!(Header::parse(&bytes, u32::MAX).is_err(), "byte {at}");
        }
    }

    #[test]
    fn echoes_the_operation_of_what_it_refuses() {
        for (operation, state, fault) in [
            (0, 0, HeaderFault::UnknownOperation),
            (5, 0, HeaderFault::UnknownOperation),
            (255, 9, HeaderFault::UnknownOperation),
            (1, 3, HeaderFault::UnknownState(3)),
        ] {
            let mut bytes = [0; TCP_HEADER];
            bytes[1] = operation;
            bytes[2] = state;
            assert_eq!(Header::parse(&bytes, 10), Err(HeaderError { operation, fault }));
        }
    }

    #[test]
    fn every_operation_and_state_is_its_byte() {
        for byte in 0..=u8::MAX {
            assert!(Operation::from_byte(byte).is_none_or(|known| known as u8 == byte));
            assert!(State::from_byte(byte).is_none_or(|known| known as u8 == byte));
        }
    }
}
