//! Writing a server's reply, framed or bare.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Serialize, Serializer};

use super::features::Features;
use super::header::{self, Operation, State};
use super::json;
use super::reply::{ErrorCode, Limits};
use super::roster::Names;
use crate::limits::{MAX_BARE_REPLY, MAX_LIST_BYTES, MAX_LISTED, TCP_HEADER};
use crate::names::{RoomName, UserName};

/// How a server lays out its replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ReplyForm {
    /// Header, room name, JSON.
    #[default]
    Framed,
    /// The JSON alone, in at most 1,024 bytes and without the additions: what the seed's client reads.
    Bare,
}

/// A reply to be written.
#[derive(Debug)]
pub enum Answer<'a> {
    /// Done: a room was created or joined.
    Admitted {
        /// Which of the two.
        operation: Operation,
        /// The room.
        room: &'a RoomName,
        /// The new member.
        user: &'a UserName,
        /// The new member's token.
        token: &'a str,
        /// Who was there already.
        members: Names<'a>,
        /// What the server will use.
        features: Features,
        /// What the server will hold the member to.
        limits: Limits,
    },
    /// Done: a member left.
    Departed {
        /// The room that was left.
        room: &'a RoomName,
        /// Who left.
        user: &'a UserName,
    },
    /// Done: these are the rooms.
    Rooms {
        /// In the order of their names; at most 1,000 of them are told.
        rooms: &'a [Listed<'a>],
        /// Whether there are more than these.
        more: bool,
    },
    /// Refused.
    Refused {
        /// The operation as it came.
        operation: u8,
        /// The room, where a valid name was read.
        room: Option<&'a RoomName>,
        /// For programs.
        error: ErrorCode,
        /// For people. In the bare form it is left out when the reply would be too long.
        message: &'a str,
    },
}

/// One room of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many members it has.
    pub members: usize,
    /// Whether it has a password.
    pub password: bool,
}

impl Answer<'_> {
    /// Appends the reply to `out`.
    pub fn encode(&self, form: ReplyForm, out: &mut Vec<u8>) {
        let start = out.len();
        match form {
            ReplyForm::Framed => self.encode_framed(out),
            ReplyForm::Bare => {
                out.extend(json::text(&self.payload(form)));
                if out.len() - start > MAX_BARE_REPLY {
                    out.truncate(start);
                    out.extend(json::text(&Payload { message: "", ..self.payload(form) }));
                }
            }
        }
    }

    fn encode_framed(&self, out: &mut Vec<u8>) {
        let (operation, room) = self.echo();
        let start = out.len();
        out.resize(start + TCP_HEADER, 0);
        out.extend_from_slice(room.map_or("", RoomName::as_str).as_bytes());
        let payload_start = out.len();
        out.extend(json::text(&self.payload(ReplyForm::Framed)));
        if let Self::Admitted { members, features, limits, .. } = *self {
            Additions { members, features, limits }.append(out);
        }
        let payload_size = u32::try_from(out.len() - payload_start).unwrap_or(u32::MAX);
        let header =
            header::encode(room.map_or(0, RoomName::size), operation, self.state(), payload_size);
        if let Some(place) = out.get_mut(start..start + TCP_HEADER) {
            place.copy_from_slice(&header);
        }
    }

    fn state(&self) -> State {
        match self {
            Self::Refused { .. } => State::Refused,
            Self::Admitted { .. } | Self::Departed { .. } | Self::Rooms { .. } => State::Done,
        }
    }

    /// What the header repeats of the request.
    fn echo(&self) -> (u8, Option<&RoomName>) {
        match self {
            Self::Admitted { operation, room, .. } => (*operation as u8, Some(room)),
            Self::Departed { room, .. } => (Operation::Leave as u8, Some(room)),
            Self::Rooms { .. } => (Operation::Rooms as u8, None),
            Self::Refused { operation, room, .. } => (*operation, *room),
        }
    }

    fn payload(&self, form: ReplyForm) -> Payload<'_> {
        let payload =
            Payload { operation: self.echo().0, state: self.state() as u8, ..Payload::default() };
        match *self {
            Self::Admitted { operation, user, token, .. } => {
                let message = match operation {
                    Operation::Create => "the room is open and you are its host",
                    _ => "you are in the room",
                };
                Payload { message, user_name: Some(user.as_str()), token: Some(token), ..payload }
            }
            Self::Departed { user, .. } => {
                Payload { message: "you have left", user_name: Some(user.as_str()), ..payload }
            }
            Self::Rooms { rooms, more } => {
                let budget = match form {
                    ReplyForm::Framed => MAX_LIST_BYTES,
                    ReplyForm::Bare => BARE_LIST_BYTES,
                };
                let listed = fitting(rooms, budget);
                Payload {
                    message: "the rooms",
                    more: Some(more || listed.len() < rooms.len()),
                    rooms: Some(listed),
                    ..payload
                }
            }
            Self::Refused { error, message, .. } => {
                Payload { message, error: Some(error), ..payload }
            }
        }
    }
}

/// What a listing may fill of a bare reply: the rest of the object needs less than 128 bytes.
const BARE_LIST_BYTES: usize = MAX_BARE_REPLY - 128;

/// The most bytes that a listed room needs besides its name:
/// `{"name":,"members":18446744073709551615,"password":false},`.
const ROOM_BYTES: usize = 64;

/// The longest head of `rooms` that is within [`MAX_LISTED`] and `budget` bytes.
fn fitting<'a>(rooms: &'a [Listed<'a>], budget: usize) -> &'a [Listed<'a>] {
    let mut left = budget;
    let fits = rooms.iter().take(MAX_LISTED).take_while(|room| {
        let rest = left.checked_sub(escaped_size(room.name) + ROOM_BYTES);
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    let count = fits.count();
    rooms.get(..count).unwrap_or_default()
}

/// The most bytes that a name needs as a JSON string, with its quotes and a comma: names have no
/// control characters, so only quotes and backslashes are escaped.
fn escaped_size(name: &str) -> usize {
    let escapes = name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    name.len() + escapes + 3
}

/// The JSON object of a reply, its keys in the order in which the seed has them.
#[derive(Default, Serialize)]
struct Payload<'a> {
    message: &'a str,
    operation: u8,
    state: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [Listed<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// What a framed reply adds to the object for who was let in.
struct Additions<'a> {
    members: Names<'a>,
    features: Features,
    limits: Limits,
}

impl Additions<'_> {
    /// Goes on with the object that `out` ends with. The names are copied as they are, which the
    /// serializer could not.
    fn append(&self, out: &mut Vec<u8>) {
        let terms =
            json::text(&Terms { features: self.features, limits: LimitsPayload(self.limits) });
        // The brace that ends the object is now the terms' own, whose first is left out.
        out.pop();
        out.extend_from_slice(b",\"members\":[");
        out.extend_from_slice(self.members.as_json());
        out.extend_from_slice(b"],");
        out.extend_from_slice(terms.get(1..).unwrap_or_default());
    }
}

/// The additions after the members.
#[derive(Serialize)]
struct Terms {
    features: Features,
    limits: LimitsPayload,
}

/// `limits` as JSON has it.
struct LimitsPayload(Limits);

impl Serialize for LimitsPayload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("limits", 3)?;
        object.serialize_field("idle_timeout_s", &Seconds(self.0.idle_timeout))?;
        object.serialize_field("sweep_interval_s", &Seconds(self.0.sweep_interval))?;
        object.serialize_field("max_datagram", &self.0.max_datagram)?;
        object.end()
    }
}

/// A duration as a number of seconds: whole where it is, so that a simple reader gets an integer.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::super::decoder::Progress;
    use super::super::features::Feature;
    use super::super::reply::{Admitted, Listing, Reply};
    use super::super::reply_decoder::{ReplyDecoder, ReplyText};
    use super::super::roster::Roster;
    use super::*;

    fn encoded(answer: &Answer<'_>, form: ReplyForm) -> Vec<u8> {
        let mut out = Vec::from(*b"before");
        answer.encode(form, &mut out);
        out.split_off(6)
    }

    fn text(answer: &Answer<'_>, form: ReplyForm) -> ReplyText {
        match ReplyDecoder::default().feed(&mut &encoded(answer, form)[..]) {
            Progress::Done(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn admitted(answer: &Answer<'_>, form: ReplyForm) -> Admitted {
        match text(answer, form).parse() {
            Ok(Reply::Done(done)) => done.admitted().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn listing(answer: &Answer<'_>, form: ReplyForm) -> Listing {
        match text(answer, form).parse() {
            Ok(Reply::Done(done)) => done.listing().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn roster<'a>(names: impl IntoIterator<Item = &'a str>) -> Roster {
        let names: Vec<UserName> =
            names.into_iter().map(|name| UserName::new(name).unwrap()).collect();
        names.iter().collect()
    }

    fn admission<'a>(room: &'a RoomName, user: &'a UserName, members: &'a Roster) -> Answer<'a> {
        Answer::Admitted {
            operation: Operation::Join,
            room,
            user,
            token: "token",
            members: members.names(),
            features: Features::NONE.with(Feature::Notices),
            limits: Limits { idle_timeout: Duration::from_millis(1500), ..Limits::default() },
        }
    }

    #[test]
    fn a_framed_reply_repeats_the_request_and_has_the_additions() {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("u").unwrap());
        let members = roster(["alice", "ボブ"]);
        let admission = admission(&room, &user, &members);
        let ReplyText::Framed(frame) = text(&admission, ReplyForm::Framed) else {
            panic!("framed")
        };
        assert_eq!(frame.room(), "部屋".as_bytes());
        assert_eq!(frame.header().operation(), Operation::Join);
        assert_eq!(frame.header().state(), State::Done);
        let json = core::str::from_utf8(frame.payload()).unwrap();
        assert_eq!(
            json,
            "{\"message\":\"you are in the room\",\"operation\":2,\"state\":2,\"user_name\":\"u\",\
             \"token\":\"token\",\"members\":[\"alice\",\"ボブ\"],\"features\":[\"notices\"],\
             \"limits\":{\"idle_timeout_s\":1.5,\"sweep_interval_s\":20,\"max_datagram\":4096}}"
        );
        let admitted = admitted(&admission, ReplyForm::Framed);
        assert_eq!(admitted.members, ["alice", "ボブ"]);
        assert_eq!(admitted.limits.idle_timeout, Duration::from_millis(1500));
        assert!(admitted.features.contains(Feature::Notices));
    }

    #[test]
    fn who_is_alone_is_told_of_nobody() {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("u").unwrap());
        let framed = encoded(&admission(&room, &user, &Roster::default()), ReplyForm::Framed);
        let json = core::str::from_utf8(&framed[TCP_HEADER + "部屋".len()..]).unwrap();
        assert!(json.contains(r#","token":"token","members":[],"features":["#), "{json}");
        assert_eq!(framed[28..32], u32::try_from(json.len()).unwrap().to_be_bytes());
    }

    quickcheck::quickcheck! {
        /// The names are not written by the serializer, and it cannot be told.
        fn a_framed_reply_is_what_one_object_would_be(user: UserName, names: Vec<UserName>) -> bool {
            #[derive(Serialize)]
            struct Whole<'a> {
                message: &'a str,
                operation: u8,
                state: u8,
                user_name: &'a str,
                token: &'a str,
                members: Vec<&'a str>,
                features: Features,
                limits: LimitsPayload,
            }
            let (room, roster) = (RoomName::new("部屋").unwrap(), names.iter().collect());
            let answer = admission(&room, &user, &roster);
            let Answer::Admitted { token, features, limits, .. } = answer else { return false };
            let whole = Whole {
                message: "you are in the room",
                operation: 2,
                state: 2,
                user_name: user.as_str(),
                token,
                members: names.iter().map(UserName::as_str).collect(),
                features,
                limits: LimitsPayload(limits),
            };
            let framed = encoded(&answer, ReplyForm::Framed);
            framed[TCP_HEADER + "部屋".len()..] == serde_json::to_vec(&whole).unwrap()
        }
    }

    #[test]
    fn a_bare_reply_is_the_seeds_and_always_fits() {
        let room = RoomName::new("r").unwrap();
        let user = UserName::new("ユ").unwrap();
        let members = roster(["alice"]);
        let bare = encoded(&admission(&room, &user, &members), ReplyForm::Bare);
        assert_eq!(
            String::from_utf8(bare).unwrap(),
            "{\"message\":\"you are in the room\",\"operation\":2,\"state\":2,\"user_name\":\"ユ\",\
             \"token\":\"token\"}"
        );
        let user = UserName::new(&"\\".repeat(255)).unwrap();
        let token = "t".repeat(255);
        let Answer::Admitted { operation, room, user, members, features, limits, .. } =
            admission(&room, &user, &members)
        else {
            panic!("admitted")
        };
        let token = &*token;
        let longest = Answer::Admitted { operation, room, user, token, members, features, limits };
        assert!(encoded(&longest, ReplyForm::Bare).len() <= MAX_BARE_REPLY);
        assert!(admitted(&longest, ReplyForm::Bare).token.matches(token));
    }

    #[test]
    fn a_refusal_has_no_token_and_echoes_an_unknown_operation() {
        let error = ErrorCode::InvalidRequest;
        let refusal = Answer::Refused { operation: 77, room: None, error, message: "no" };
        let framed = encoded(&refusal, ReplyForm::Framed);
        assert_eq!(framed[..3], [0, 77, 1]);
        assert_eq!(
            &framed[32..],
            br#"{"message":"no","operation":77,"state":1,"error":"invalid_request"}"#
        );
        let long = "\u{1}".repeat(500);
        let refusal = Answer::Refused { operation: 1, room: None, error, message: &long };
        assert!(encoded(&refusal, ReplyForm::Bare).len() <= MAX_BARE_REPLY);
        let Ok(Reply::Refused(read)) = text(&refusal, ReplyForm::Bare).parse() else { panic!() };
        assert_eq!(read.error, error);
    }

    #[test]
    fn a_bare_refusal_of_up_to_1024_bytes_keeps_its_words() {
        let size_with = |message: &str| {
            let error = ErrorCode::InvalidRequest;
            let refusal = Answer::Refused { operation: 1, room: None, error, message };
            encoded(&refusal, ReplyForm::Bare).len()
        };
        let rest = size_with("");
        for (size, kept) in [(1018, true), (1023, true), (1024, true), (1025, false)] {
            let expected = if kept { size } else { rest };
            assert_eq!(size_with(&"n".repeat(size - rest)), expected, "{size}");
        }
    }

    #[test]
    fn who_left_is_told_so_by_name() {
        let (room, user) = (RoomName::new("部屋").unwrap(), UserName::new("太郎").unwrap());
        let departed = Answer::Departed { room: &room, user: &user };
        let json = r#"{"message":"you have left","operation":3,"state":2,"user_name":"太郎"}"#;
        assert_eq!(encoded(&departed, ReplyForm::Bare), json.as_bytes());
        let framed = encoded(&departed, ReplyForm::Framed);
        assert_eq!(framed[..3], [6, 3, 2]);
        assert_eq!(framed[TCP_HEADER..], ["部屋", json].concat().into_bytes());
    }

    #[test]
    fn a_bare_listing_is_within_1024_bytes_whatever_the_names() {
        for size in 1..=255 {
            let name = "n".repeat(size);
            let listed = Listed { name: &name, members: usize::MAX, password: false };
            let rooms: Vec<_> = (0..100).map(|_| listed).collect();
            let answer = Answer::Rooms { rooms: &rooms, more: false };
            assert!(encoded(&answer, ReplyForm::Bare).len() <= MAX_BARE_REPLY, "{size}");
        }
    }

    #[test]
    fn lists_end_at_their_caps_and_say_so() {
        let names: Vec<String> = (0..1500).map(|n| format!("room {n:04}")).collect();
        let room = |name| Listed { name, members: 2, password: true };
        let rooms: Vec<_> = names.iter().map(|name| room(name)).collect();
        let few = Answer::Rooms { rooms: &rooms[..3], more: false };
        let read = listing(&few, ReplyForm::Framed);
        assert_eq!((read.rooms.len(), read.more), (3, false));
        assert_eq!((&*read.rooms[2].name, read.rooms[2].members), ("room 0002", 2));
        assert!(read.rooms[2].password);
        assert!(listing(&Answer::Rooms { rooms: &[], more: true }, ReplyForm::Framed).more);
        let all = Answer::Rooms { rooms: &rooms, more: false };
        let read = listing(&all, ReplyForm::Framed);
        assert_eq!((read.rooms.len(), read.more), (1000, true));
        assert!(encoded(&all, ReplyForm::Bare).len() <= MAX_BARE_REPLY);
        let read = listing(&all, ReplyForm::Bare);
        assert!(!read.rooms.is_empty() && read.more);
    }

    #[test]
    fn a_list_of_the_longest_names_is_bounded() {
        let name = "\"".repeat(255);
        let members = roster((0..1000).map(|_| &*name));
        let (room, user) = (RoomName::new("r").unwrap(), UserName::new("u").unwrap());
        let answer = admission(&room, &user, &members);
        assert!(encoded(&answer, ReplyForm::Framed).len() < MAX_LIST_BYTES + 1000);
        assert!(admitted(&answer, ReplyForm::Framed).members.len() > 400);
        let listed = Listed { name: &name, members: usize::MAX, password: false };
        let rooms: Vec<_> = (0..1000).map(|_| listed).collect();
        let answer = Answer::Rooms { rooms: &rooms, more: false };
        for (form, cap) in
            [(ReplyForm::Framed, MAX_LIST_BYTES + 1000), (ReplyForm::Bare, MAX_BARE_REPLY)]
        {
            assert!(encoded(&answer, form).len() <= cap, "{form:?}");
            assert!(listing(&answer, form).more);
        }
    }
}
