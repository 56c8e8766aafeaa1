//! Whatever a stranger sends, in whatever pieces, is answered the same and answered at once; and
//! whatever one side writes, the other side reads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use protocol::limits;
use protocol::tcp::{
    Admission, Admitted, Answer, Departure, ErrorCode, Feature, Features, FrameDecoder, Limits,
    Listed, Operation, Progress, Reply, ReplyDecoder, ReplyForm, ReplyText, Request, Roster,
    Secret,
};
use protocol::udp::{Datagram, Dialect, Incoming, Notice, NoticeText, RelayedChat};
use protocol::{Message, RoomName, Token, UserName};
use quickcheck::quickcheck;

quickcheck! {
    /// A request with some of its bytes changed is answered the same in any pieces.
    fn a_spoilt_request_is_answered_the_same_in_any_pieces(
        kind: u8, changes: Vec<(u16, u8)>, tail: Vec<u8>, cuts: Vec<u8>
    ) -> bool {
        let bytes = [spoilt(&a_request(kind), &changes), tail].concat();
        answer_to_request(std::iter::once(&bytes[..])) == answer_to_request(pieces(&bytes, &cuts))
    }

    fn any_bytes_as_a_request_are_answered_the_same_in_any_pieces(
        bytes: Vec<u8>, cuts: Vec<u8>
    ) -> bool {
        answer_to_request(std::iter::once(&bytes[..])) == answer_to_request(pieces(&bytes, &cuts))
    }

    /// A reply with some of its bytes changed is understood the same in any pieces.
    fn a_spoilt_reply_is_understood_the_same_in_any_pieces(
        bare: bool, changes: Vec<(u16, u8)>, tail: Vec<u8>, cuts: Vec<u8>
    ) -> bool {
        let form = if bare { ReplyForm::Bare } else { ReplyForm::Framed };
        let bytes = [spoilt(&a_reply(form), &changes), tail].concat();
        understood(std::iter::once(&bytes[..])) == understood(pieces(&bytes, &cuts))
    }

    fn any_bytes_as_a_reply_are_understood_the_same_in_any_pieces(
        bytes: Vec<u8>, cuts: Vec<u8>
    ) -> bool {
        understood(std::iter::once(&bytes[..])) == understood(pieces(&bytes, &cuts))
    }

    /// Every part of an admission comes through, in both forms; the additions only in the framed one.
    fn an_admission_comes_through(
        names: (String, String, String), members: Vec<String>, limits: (u32, u32), cuts: Vec<u8>
    ) -> bool {
        let (room, user) = (RoomName::new(&a_name(&names.0)).unwrap(), a_user(&names.1));
        let token = <Token>::new(&a_name(&names.2)).unwrap();
        let members: Vec<UserName> = members.iter().map(|name| a_user(name)).collect();
        let roster: Roster = members.iter().collect();
        let limits = Limits {
            idle_timeout: std::time::Duration::from_millis(u64::from(limits.0) + 1),
            sweep_interval: std::time::Duration::from_secs(u64::from(limits.1 % 1_000_000) + 1),
            max_datagram: 4000,
        };
        let features = Features::NONE.with(Feature::Notices);
        let answer = Answer::Admitted {
            operation: Operation::Join, room: &room, user: &user, token: token.as_str(),
            members: roster.names(), features, limits,
        };
        let framed = admitted(&answer, ReplyForm::Framed, &cuts);
        let bare = admitted(&answer, ReplyForm::Bare, &cuts);
        framed.token.matches(token.as_str())
            && framed.members.iter().eq(members.iter().map(UserName::as_str))
            && framed.features == features
            && framed.limits == limits
            && bare.token.matches(token.as_str())
            && bare.members.is_empty()
            && bare.features == Features::NONE
            && bare.limits == Limits::default()
    }

    fn a_listing_comes_through(rooms: Vec<(String, usize, bool)>, more: bool, cuts: Vec<u8>) -> bool {
        let names: Vec<String> = rooms.iter().map(|(name, ..)| a_name(name)).collect();
        let listed: Vec<_> = rooms
            .iter()
            .zip(&names)
            .map(|((_, members, password), name)| Listed { name, members: *members, password: *password })
            .collect();
        let answer = Answer::Rooms { rooms: &listed, more };
        [ReplyForm::Framed, ReplyForm::Bare].into_iter().all(|form| {
            let Ok(Reply::Done(done)) = reply(&answer, form, &cuts).parse() else { return false };
            let read = done.listing().unwrap();
            let is_head = read.rooms.iter().zip(&listed).all(|(read, room)| {
                (&*read.name, read.members, read.password)
                    == (room.name, room.members, room.password)
            });
            let is_whole = read.rooms.len() == listed.len();
            is_head && read.more == (more || !is_whole) && (is_whole || form == ReplyForm::Bare)
        })
    }

    fn a_refusal_comes_through(room: String, message: String, bare: bool, cuts: Vec<u8>) -> bool {
        let form = if bare { ReplyForm::Bare } else { ReplyForm::Framed };
        let room = RoomName::new(&room).ok();
        let error = ErrorCode::NameTaken;
        let answer = Answer::Refused { operation: 2, room: room.as_ref(), error, message: &message };
        let text = reply(&answer, form, &cuts);
        let is_echoed = match &text {
            ReplyText::Framed(frame) => {
                frame.room() == room.as_ref().map_or("", RoomName::as_str).as_bytes()
            }
            ReplyText::Bare(json) => json.len() <= limits::MAX_BARE_REPLY,
        };
        let Ok(Reply::Refused(read)) = text.parse() else { return false };
        is_echoed && read.error == error && (read.message == message || (bare && read.message.is_empty()))
    }

    /// Nothing that lacks the recipient's own token is a notice to it, and nothing with a token is chat.
    fn no_bytes_forge_a_notice(room: String, about: String, token: String, text: String) -> bool {
        let texts = NoticeText::ALL.map(NoticeText::as_str);
        texts.into_iter().chain([&*text]).all(|text| {
            let fields = [HERE, &*room].map(|room| [room, &*about, &*token, text]);
            fields.iter().all(|fields| {
                let Some(bytes) = datagram(*fields) else { return true };
                let mine = <Token>::new(MINE).unwrap();
                let here = RoomName::new(HERE).unwrap();
                let Ok(datagram) = Datagram::parse(&bytes) else { return true };
                match Incoming::of(datagram, &here, &mine, Dialect::Tokened) {
                    Some(Incoming::Notice { .. }) => fields[0] == HERE && fields[2] == MINE,
                    Some(Incoming::Chat { .. }) => fields[0] == HERE && fields[2].is_empty(),
                    None => true,
                }
            })
        })
    }

    /// What the server writes to a member is what that member understands.
    fn relayed_chat_and_notices_come_through(from: String, text: String) -> bool {
        let (from, text) = (a_user(&from), format!("{text}。"));
        let message = Message::new(&text).unwrap();
        let (here, mine) = (RoomName::new(HERE).unwrap(), <Token>::new(MINE).unwrap());
        let mut buffer = [0; limits::MAX_DATAGRAM];
        let size = RelayedChat { room: &here, from: &from, message }.write(&mut buffer).unwrap();
        let chat = Datagram::parse(&buffer[..size]).unwrap();
        let chat = Incoming::of(chat, &here, &mine, Dialect::Tokened);
        let is_chat = chat == Some(Incoming::Chat { from: from.as_str(), message });
        let are_notices = NoticeText::ALL.into_iter().all(|text| {
            let notice = Notice { room: &here, about: &from, token: &mine, text };
            let mut buffer = [0; limits::MAX_DATAGRAM];
            let size = notice.write(&mut buffer).unwrap();
            let read = Datagram::parse(&buffer[..size]).unwrap();
            Incoming::of(read, &here, &mine, Dialect::Tokened)
                == Some(Incoming::Notice { about: from.as_str(), notice: text })
        });
        is_chat && are_notices
    }
}

#[test]
fn a_payload_that_is_a_list_is_no_request_and_no_reply() {
    let payload = br#"["alice","","open sesame",["notices"]]"#;
    let mut request = vec![0; limits::TCP_HEADER];
    (request[0], request[1], request[31]) = (1, 1, payload.len() as u8);
    request.push(b'r');
    request.extend_from_slice(payload);
    assert!(answer_to_request(std::iter::once(&request[..])).starts_with("Err"));
    let reply = br#"["done",2,"t",null,null,null,null,null,null]"#;
    assert!(Reply::parse(reply, None).is_err());
}

const HERE: &str = "部屋";
const MINE: &str = "my own token";

/// What a server makes of the bytes, in words that can be compared.
fn answer_to_request<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    let mut decoder = FrameDecoder::new(64 * 1024);
    for mut piece in pieces {
        match decoder.feed(&mut piece) {
            Progress::Incomplete(same) => {
                assert!(piece.is_empty(), "an unfinished request takes all there is");
                decoder = same;
            }
            Progress::Invalid(error) => return format!("{error:?}"),
            Progress::Done(frame) => {
                return match Request::parse(&frame) {
                    Ok(request) => format!("{request:?}, {:?}", secrets(&request)),
                    Err(error) => format!("Err({error:?})"),
                };
            }
        }
    }
    format!("incomplete, operation {:?}", decoder.operation())
}

fn secrets(request: &Request<'_>) -> String {
    match request {
        Request::Create(admission) | Request::Join(admission) => admission.password.expose().into(),
        Request::Leave(departure) => departure.token.expose().into(),
        Request::Rooms => String::new(),
    }
}

/// What a client makes of the bytes, in words that can be compared.
fn understood<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    match decode(pieces) {
        Ok(Some(text)) => {
            let form = matches!(text, ReplyText::Framed(_));
            match text.parse() {
                Ok(reply) => format!("framed {form}: {reply:?}"),
                Err(error) => format!("framed {form}: {error:?}"),
            }
        }
        Ok(None) => "incomplete".into(),
        Err(error) => error,
    }
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Option<ReplyText>, String> {
    let mut decoder = ReplyDecoder::default();
    for mut piece in pieces {
        match decoder.feed(&mut piece) {
            Progress::Incomplete(same) => {
                assert!(piece.is_empty(), "an unfinished reply takes all there is");
                decoder = same;
            }
            Progress::Invalid(error) => return Err(format!("{error:?}")),
            Progress::Done(text) => return Ok(Some(text)),
        }
    }
    Ok(None)
}

fn reply(answer: &Answer<'_>, form: ReplyForm, cuts: &[u8]) -> ReplyText {
    let mut bytes = Vec::new();
    answer.encode(form, &mut bytes);
    decode(pieces(&bytes, cuts)).unwrap().unwrap()
}

fn admitted(answer: &Answer<'_>, form: ReplyForm, cuts: &[u8]) -> Admitted {
    match reply(answer, form, cuts).parse() {
        Ok(Reply::Done(done)) => done.admitted().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn a_request(kind: u8) -> Vec<u8> {
    let (room, user) = (RoomName::new(HERE).unwrap(), UserName::new("ユーザー").unwrap());
    let admission = Admission {
        room: room.clone(),
        user: user.clone(),
        password: Secret::new("秘密\n\"quoted\""),
        features: Features::NONE.with(Feature::Notices),
    };
    let token = Secret::new(MINE);
    let request = match kind % 4 {
        0 => Request::Create(admission),
        1 => Request::Join(admission),
        2 => Request::Leave(Departure { room, user, token }),
        _ => Request::Rooms,
    };
    request.encode().to_vec()
}

fn a_reply(form: ReplyForm) -> Vec<u8> {
    let members = ["alice", "ボブ"].map(|name| UserName::new(name).unwrap());
    let members = Roster::from_iter(&members);
    let answer = Answer::Admitted {
        operation: Operation::Join,
        room: &RoomName::new(HERE).unwrap(),
        user: &UserName::new("\"}\\{").unwrap(),
        token: MINE,
        members: members.names(),
        features: Features::NONE.with(Feature::Notices),
        limits: Limits::default(),
    };
    let mut bytes = Vec::new();
    answer.encode(form, &mut bytes);
    bytes
}

/// The nearest to `text` that can be a name.
fn a_name(text: &str) -> String {
    let mut name = String::from("部");
    let valid = |c: &char| UserName::new(&format!("部{c}屋")).is_ok();
    for c in text.chars().filter(valid) {
        if name.len() + c.len_utf8() + "屋".len() <= limits::MAX_NAME {
            name.push(c);
        }
    }
    name + "屋"
}

fn a_user(text: &str) -> UserName {
    UserName::new(&a_name(text)).unwrap()
}

/// `bytes` with each change, a place (modulo their number) and its new value, made to them.
fn spoilt(bytes: &[u8], changes: &[(u16, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, value) in changes.iter().take(4) {
        let place = usize::from(*place) % bytes.len();
        bytes[place] = *value;
    }
    bytes
}

/// `bytes` in pieces of the sizes in `cuts` (some of them empty), and one for the rest.
fn pieces<'a>(bytes: &'a [u8], cuts: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut left = bytes;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = left.split_at(usize::from(cut % 40).min(left.len()));
        pieces.push(piece);
        left = rest;
    }
    pieces.push(left);
    pieces.into_iter()
}

/// A datagram of these fields, where their sizes can be told in a byte.
fn datagram(fields: [&str; 4]) -> Option<Vec<u8>> {
    let size = |at: usize| u8::try_from(fields[at].len()).ok();
    let sizes = [size(0)?, size(1)?, size(2)?];
    Some([&sizes[..], fields.concat().as_bytes()].concat())
}
