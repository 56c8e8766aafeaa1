//! The server's reading of a request: the same in any pieces, and what its header says.

use protocol::limits::{MAX_OPERATION_PAYLOAD, TCP_HEADER};
use protocol::tcp::{
    Features, Frame, FrameDecoder, HeaderError, HeaderFault, Operation, Progress, Request,
    RequestError,
};

use crate::Reached;
use crate::input::{Input, pieces};

/// What a server may take as a payload, in bytes.
const CAPS: [u32; 4] = [64 * 1024, 100, 0, u32::MAX];

/// `cap | layout | cuts | bytes`. By `layout` the bytes are the stream itself, or what follows a
/// header that fits them.
pub fn run(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let cap = input.one(&CAPS);
    let layout = input.byte();
    let cuts = input.chunk();
    let bytes = match layout {
        0 => input.rest().to_vec(),
        _ => framed(layout % 8, layout / 8 % 4, input),
    };

    let (whole, frame) = fed(&[&bytes], cap);
    let (in_pieces, _) = fed(&pieces(&bytes, cuts), cap);
    assert_eq!(whole, in_pieces, "it depends on how the stream is cut");
    assert_eq!(whole, read_plainly(&bytes, cap));

    let name = match (&whole, &frame) {
        (Fed::Incomplete { .. }, _) => "incomplete",
        (Fed::Invalid(error), _) => {
            assert_ne!(error.to_string(), "");
            match error.fault {
                HeaderFault::UnknownOperation => "unknown operation",
                HeaderFault::UnknownState(_) => "unknown state",
                HeaderFault::PayloadTooLarge { .. } => "payload too large",
            }
        }
        (Fed::Whole { .. }, Some(frame)) => understood(frame),
        (Fed::Whole { .. }, None) => panic!("a whole frame is there"),
    };
    Reached::from([name])
}

/// A header for a room name of the size in the first byte and a payload of the rest, and both.
fn framed(operation: u8, state: u8, mut input: Input<'_>) -> Vec<u8> {
    let room = input.byte();
    let body = input.rest();
    let payload = body.len().saturating_sub(usize::from(room));
    let mut bytes = vec![0; TCP_HEADER];
    (bytes[0], bytes[1], bytes[2]) = (room, operation, state);
    bytes[TCP_HEADER - 4..].copy_from_slice(&u32::try_from(payload).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// What a decoder made of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Fed {
    Incomplete { has_begun: bool, operation: Option<u8> },
    Invalid(HeaderError),
    Whole { operation: u8, state: u8, room: Vec<u8>, payload: Vec<u8>, taken: usize },
}

fn fed(pieces: &[&[u8]], cap: u32) -> (Fed, Option<Frame>) {
    let mut decoder = FrameDecoder::new(cap);
    let mut taken = 0;
    for mut piece in pieces.iter().copied() {
        let size = piece.len();
        let progress = decoder.feed(&mut piece);
        taken += size - piece.len();
        match progress {
            Progress::Incomplete(same) => {
                assert!(piece.is_empty(), "who needs more takes all there is");
                decoder = same;
            }
            Progress::Invalid(error) => return (Fed::Invalid(error), None),
            Progress::Done(frame) => {
                let header = frame.header();
                let (operation, state) = (header.operation() as u8, header.state() as u8);
                let (room, payload) = (frame.room().to_vec(), frame.payload().to_vec());
                return (Fed::Whole { operation, state, room, payload, taken }, Some(frame));
            }
        }
    }
    let (has_begun, operation) = (decoder.has_begun(), decoder.operation().map(|op| op as u8));
    (Fed::Incomplete { has_begun, operation }, None)
}

/// The same, by the table in PROTOCOL.md and without a state.
fn read_plainly(bytes: &[u8], cap: u32) -> Fed {
    let Some((header, body)) = bytes.split_first_chunk::<TCP_HEADER>() else {
        return Fed::Incomplete { has_begun: !bytes.is_empty(), operation: None };
    };
    let [room, operation, state, size @ ..] = *header;
    let invalid = |fault| Fed::Invalid(HeaderError { operation, fault });
    if Operation::from_byte(operation).is_none() {
        return invalid(HeaderFault::UnknownOperation);
    }
    if state > 2 {
        return invalid(HeaderFault::UnknownState(state));
    }
    let cap = cap.min(MAX_OPERATION_PAYLOAD);
    let add = |sum: u128, byte: &u8| sum.saturating_mul(256).saturating_add(u128::from(*byte));
    let size = size.iter().fold(0, add);
    if size > u128::from(cap) {
        return invalid(HeaderFault::PayloadTooLarge { cap });
    }
    let (room, size) = (usize::from(room), usize::try_from(size).unwrap());
    match (body.get(..room), body.get(room..room + size)) {
        (Some(room), Some(payload)) => {
            let taken = TCP_HEADER + room.len() + size;
            let (room, payload) = (room.to_vec(), payload.to_vec());
            Fed::Whole { operation, state, room, payload, taken }
        }
        _ => Fed::Incomplete { has_begun: true, operation: Some(operation) },
    }
}

/// A request that is understood is written as it was meant, and understood the same again.
fn understood(frame: &Frame) -> &'static str {
    let request = match Request::parse(frame) {
        Ok(request) => request,
        Err(error) => {
            assert_ne!(error.to_string(), "");
            return match error {
                RequestError::NotARequest => "not a request",
                RequestError::Payload => "no payload",
                RequestError::RoomName(_) => "bad room name",
                RequestError::NoUserName => "no user name",
                RequestError::UserName(_) => "bad user name",
            };
        }
    };
    let meant = parts(&request);
    if let Some(room) = meant.1 {
        assert_eq!(room.as_bytes(), frame.room());
    }
    let bytes = request.encode();
    let (_, again) = fed(&[&bytes], u32::MAX);
    let again = again.expect("what is written is whole");
    let again = Request::parse(&again).expect("what is written is a request");
    assert_eq!(parts(&again), meant);
    assert_eq!(again.encode(), bytes);
    match request {
        Request::Create(_) => "create",
        Request::Join(_) => "join",
        Request::Leave(_) => "leave",
        Request::Rooms => "rooms",
    }
}

/// All of a request: the operation, the names, the secret and the features.
type Parts<'a> = (Operation, Option<&'a str>, &'a str, &'a str, Features);

fn parts<'a>(request: &'a Request<'_>) -> Parts<'a> {
    let (operation, admission) = match request {
        Request::Create(admission) => (Operation::Create, admission),
        Request::Join(admission) => (Operation::Join, admission),
        Request::Leave(leaver) => {
            let (room, user) = (leaver.room.as_str(), leaver.user.as_str());
            return (Operation::Leave, Some(room), user, leaver.token.expose(), Features::NONE);
        }
        Request::Rooms => return (Operation::Rooms, None, "", "", Features::NONE),
    };
    let (room, user) = (admission.room.as_str(), admission.user.as_str());
    (operation, Some(room), user, admission.password.expose(), admission.features)
}
