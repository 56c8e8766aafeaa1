//! The client's reading of a reply: the same in any pieces, within its bounds, in either form.

use std::time::Duration;

use protocol::limits::{MAX_BARE_REPLY, MAX_DATAGRAM, MAX_LISTED, MAX_TOKEN, TCP_HEADER};
use protocol::tcp::{
    Answer, ErrorCode, Feature, Features, Limits, Listed, Operation, Progress, Reply, ReplyDecoder,
    ReplyError, ReplyForm, ReplyText, Roster,
};
use protocol::{RoomName, UserName};

use crate::Reached;
use crate::input::{Input, pieces, text_of};

/// The most that is believed to be a time limit.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// `layout | cuts | bytes`. By `layout` the bytes are the stream itself, what follows a header that
/// fits them, or what a server's writer is to write.
pub fn run(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let layout = input.byte();
    let cuts = input.chunk();
    match layout % 4 {
        0 => read(input.rest(), cuts),
        1 => read(&framed(layout, input), cuts),
        2 => written(ReplyForm::Framed, cuts, input),
        _ => written(ReplyForm::Bare, cuts, input),
    }
}

/// A header for a room name of the size in the first byte and a payload of the rest, and both.
fn framed(layout: u8, mut input: Input<'_>) -> Vec<u8> {
    let room = input.byte();
    let body = input.rest();
    let payload = body.len().saturating_sub(usize::from(room));
    let mut bytes = vec![0; TCP_HEADER];
    (bytes[0], bytes[1], bytes[2]) = (room, layout / 4 % 8, layout / 32 % 4);
    bytes[TCP_HEADER - 4..].copy_from_slice(&u32::try_from(payload).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// What a decoder made of a stream, and of how many of its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Fed {
    Incomplete { has_begun: bool },
    Invalid(ReplyError),
    Framed { operation: u8, state: u8, room: Vec<u8>, payload: Vec<u8>, taken: usize },
    Bare { json: Vec<u8>, taken: usize },
}

fn fed(pieces: &[&[u8]]) -> (Fed, Option<ReplyText>) {
    let mut decoder = ReplyDecoder::default();
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
            Progress::Done(text) => {
                let fed = match &text {
                    ReplyText::Framed(frame) => Fed::Framed {
                        operation: frame.header().operation() as u8,
                        state: frame.header().state() as u8,
                        room: frame.room().to_vec(),
                        payload: frame.payload().to_vec(),
                        taken,
                    },
                    ReplyText::Bare(json) => Fed::Bare { json: json.to_vec(), taken },
                };
                return (fed, Some(text));
            }
        }
    }
    (Fed::Incomplete { has_begun: decoder.has_begun() }, None)
}

/// Whatever a server sends.
fn read(bytes: &[u8], cuts: &[u8]) -> Reached {
    let (whole, text) = fed(&[bytes]);
    let (in_pieces, _) = fed(&pieces(bytes, cuts));
    assert_eq!(whole, in_pieces, "it depends on how the stream is cut");
    if let Fed::Incomplete { has_begun } = whole {
        assert_eq!(has_begun, !bytes.is_empty());
    }
    let mut reached = Reached::from([match &whole {
        Fed::Incomplete { .. } => "incomplete",
        Fed::Invalid(error) => {
            assert_ne!(error.to_string(), "");
            if *error == ReplyError::TooLong { "too long" } else { "bad header" }
        }
        Fed::Framed { room, payload, taken, .. } => {
            assert_eq!(*taken, TCP_HEADER + room.len() + payload.len());
            assert_eq!(bytes[TCP_HEADER..*taken], [&room[..], payload].concat());
            "framed"
        }
        Fed::Bare { json, taken } => {
            assert_eq!(json, &bytes[..*taken]);
            "bare"
        }
    }]);
    a_bare_one_ends_with_its_object(bytes, &whole);
    reached.extend(text.map(|text| understood(&text)));
    reached
}

/// Where a JSON parser finds the end of the object, the decoder does.
fn a_bare_one_ends_with_its_object(bytes: &[u8], fed: &Fed) {
    let is_framed = bytes.get(1).is_some_and(|second| Operation::from_byte(*second).is_some());
    if bytes.first() != Some(&b'{') || is_framed {
        return assert!(!matches!(fed, Fed::Bare { .. }), "bare begins with a brace");
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>();
    if let Some(Ok(_)) = values.next() {
        match fed {
            Fed::Bare { taken, .. } => assert_eq!(*taken, values.byte_offset()),
            Fed::Invalid(ReplyError::TooLong) => assert!(values.byte_offset() > 16 * 1024),
            other => panic!("{other:?}, and it is a whole object"),
        }
    }
}

/// What is believed is within its bounds.
fn understood(text: &ReplyText) -> &'static str {
    let done = match text.parse() {
        Ok(Reply::Done(done)) => *done,
        Ok(Reply::Refused(_)) => return "refused",
        Err(error) => {
            assert_ne!(error.to_string(), "");
            return if error == ReplyError::NoState { "no state" } else { "no payload" };
        }
    };
    let Ok(admitted) = done.admitted() else {
        let Ok(Reply::Done(again)) = text.parse() else { panic!("the same again") };
        return if again.listing().is_ok() { "listing" } else { "no token" };
    };
    assert!((1..=MAX_TOKEN).contains(&admitted.token.as_str().len()));
    let Limits { idle_timeout, sweep_interval, max_datagram } = admitted.limits;
    for limit in [idle_timeout, sweep_interval] {
        assert!(limit > Duration::ZERO && limit <= TEN_YEARS, "{limit:?}");
    }
    assert!((1..=MAX_DATAGRAM).contains(&max_datagram));
    "admitted"
}

/// What a server writes is what its client reads.
fn written(form: ReplyForm, cuts: &[u8], mut input: Input<'_>) -> Reached {
    let (kind, flags) = (input.byte(), input.byte());
    let room = RoomName::new(input.text()).unwrap_or_else(|_| RoomName::new("部屋").unwrap());
    let user = UserName::new(input.text()).unwrap_or_else(|_| UserName::new("花子").unwrap());
    let message = input.text();
    let limits = Limits {
        idle_timeout: Duration::from_millis(u64::from(input.number()) + 1),
        sweep_interval: Duration::from_secs(u64::from(input.number()) + 1),
        max_datagram: usize::from(input.number()) % MAX_DATAGRAM + 1,
    };
    let names = input.rest().chunks(7).map(text_of);
    let members: Vec<UserName> = names.filter_map(|name| UserName::new(name).ok()).collect();
    let roster: Roster = members.iter().collect();
    let names: Vec<&str> = members.iter().map(UserName::as_str).collect();
    let rooms = names.iter().enumerate();
    let rooms: Vec<Listed<'_>> =
        rooms.map(|(members, name)| Listed { name, members, password: members % 2 == 1 }).collect();
    let asked = [Feature::Notices, Feature::Bundle, Feature::Pong].into_iter().enumerate();
    let features: Features =
        asked.filter(|(at, _)| flags >> at & 1 == 1).map(|(_, feature)| feature).collect();
    let operation = [Operation::Create, Operation::Join][usize::from(flags / 8 % 2)];
    let (more, token) = (flags & 4 != 0, "twenty-two characters!");
    let (members, error) = (roster.names(), ErrorCode::NameTaken);
    let answer = match kind % 4 {
        0 => Answer::Admitted {
            operation,
            room: &room,
            user: &user,
            token,
            members,
            features,
            limits,
        },
        1 => Answer::Departed { room: &room, user: &user },
        2 => Answer::Rooms { rooms: &rooms, more },
        _ => Answer::Refused { operation: kind, room: (!more).then_some(&room), error, message },
    };

    let mut bytes = b"before".to_vec();
    answer.encode(form, &mut bytes);
    let bytes = bytes.strip_prefix(b"before").unwrap();
    let reached = read(bytes, cuts);
    let is_framed = form == ReplyForm::Framed;
    let is_known = kind % 4 != 3 || Operation::from_byte(kind).is_some();
    if is_framed && !is_known {
        // The refusal of an unknown operation repeats it, and no client of this wire sent one. With a
        // room name of 123 bytes it begins like an object.
        assert!(reached.contains("bad header") || bytes.first() == Some(&b'{'));
        return reached;
    }
    assert!(is_framed || bytes.len() <= MAX_BARE_REPLY);
    let (fed, text) = fed(&[bytes]);
    match fed {
        Fed::Framed { taken, .. } => assert!(is_framed && taken == bytes.len()),
        Fed::Bare { taken, .. } => assert!(!is_framed && taken == bytes.len()),
        other => panic!("a whole reply is {other:?}"),
    }
    let reply = text.expect("a whole reply").parse().expect("it is understood");
    match (kind % 4, reply) {
        (0, Reply::Done(done)) => {
            let admitted = done.admitted().unwrap();
            assert!(admitted.token.matches(token));
            let told = (&admitted.members[..], admitted.features, admitted.limits);
            if is_framed {
                assert!(
                    told.0 == &names[..names.len().min(MAX_LISTED)]
                        && told.1 == features
                        && told.2 == limits
                );
            } else {
                assert!(told.0.is_empty() && (told.1, told.2) == Default::default());
            }
        }
        (1, Reply::Done(_)) => {}
        (2, Reply::Done(done)) => {
            let listing = done.listing().unwrap();
            let is_whole = listing.rooms.len() == rooms.len();
            assert_eq!(listing.more, more || !is_whole);
            assert!(is_whole || !is_framed || listing.rooms.len() == MAX_LISTED);
            for (read, room) in listing.rooms.iter().zip(&rooms) {
                let read = (&*read.name, read.members, read.password);
                assert_eq!(read, (room.name, room.members, room.password));
            }
        }
        (3, Reply::Refused(refusal)) => {
            assert_eq!(refusal.error, error);
            assert!(refusal.message == message || !is_framed && refusal.message.is_empty());
        }
        (_, other) => panic!("{other:?}"),
    }
    reached
}
