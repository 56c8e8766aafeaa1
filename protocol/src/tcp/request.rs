//! What a client asks for over TCP.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::decoder::Frame;
use super::features::Features;
use super::header::{self, Operation, State};
use super::json;
use super::secret::Secret;
use crate::names::{NameError, RoomName, UserName};

/// A request in which every name is valid.
#[derive(Debug, Clone)]
pub enum Request<'a> {
    /// Open a room.
    Create(Admission<'a>),
    /// Enter a room.
    Join(Admission<'a>),
    /// Leave a room.
    Leave(Departure<'a>),
    /// List the rooms.
    Rooms,
}

/// Whom to let into which room.
#[derive(Debug, Clone)]
pub struct Admission<'a> {
    /// The room to create or join.
    pub room: RoomName,
    /// The name to bear there.
    pub user: UserName,
    /// The room's password; empty where there is none.
    pub password: Secret<'a>,
    /// What the client understands beyond the seed.
    pub features: Features,
}

/// Who leaves which room.
#[derive(Debug, Clone)]
pub struct Departure<'a> {
    /// The room to leave.
    pub room: RoomName,
    /// The member's name there.
    pub user: UserName,
    /// The member's token, not yet compared with the record.
    pub token: Secret<'a>,
}

impl<'a> Request<'a> {
    /// Reads the request that `frame` carries.
    ///
    /// # Errors
    /// [`RequestError`], in words for the person who made the request.
    pub fn parse(frame: &'a Frame) -> Result<Self, RequestError> {
        if frame.header().state() != State::Request {
            return Err(RequestError::NotARequest);
        }
        let operation = frame.header().operation();
        if operation == Operation::Rooms {
            return Ok(Self::Rooms);
        }
        let payload: Payload<'a> = json::object(frame.payload()).ok_or(RequestError::Payload)?;
        let room = RoomName::from_bytes(frame.room()).map_err(RequestError::RoomName)?;
        let user = payload.user_name.ok_or(RequestError::NoUserName)?;
        let user = UserName::new(&user.0).map_err(RequestError::UserName)?;
        let admission = |password: Option<Secret<'a>>| Admission {
            room: room.clone(),
            user: user.clone(),
            password: password.unwrap_or_default(),
            features: payload.features.unwrap_or_default(),
        };
        Ok(match operation {
            Operation::Create => Self::Create(admission(payload.password)),
            Operation::Join => Self::Join(admission(payload.password)),
            Operation::Leave => {
                Self::Leave(Departure { room, user, token: payload.token.unwrap_or_default() })
            }
            Operation::Rooms => Self::Rooms,
        })
    }

    /// The request as it goes on the wire: header, room name, payload. It may hold a password, so
    /// it is wiped when it is dropped.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (operation, room, payload) = match self {
            Self::Create(admission) => (Operation::Create, Some(&admission.room), admission.into()),
            Self::Join(admission) => (Operation::Join, Some(&admission.room), admission.into()),
            Self::Leave(departure) => (Operation::Leave, Some(&departure.room), departure.into()),
            Self::Rooms => (Operation::Rooms, None, Payload::default()),
        };
        let payload = Zeroizing::new(json::text(&payload));
        let room_size = room.map_or(0, RoomName::size);
        let payload_size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let header = header::encode(room_size, operation as u8, State::Request, payload_size);
        let room = room.map_or("", RoomName::as_str);
        Zeroizing::new([&header[..], room.as_bytes(), &payload].concat())
    }
}

/// Why a frame is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The state says that it is a reply.
    #[error("the state of a request is 0")]
    NotARequest,
    /// Not JSON, not an object, or a known key of the wrong type.
    #[error("the payload is not a JSON object with user_name, token and password as text")]
    Payload,
    /// The room name breaks a rule.
    #[error("the room name {0}")]
    RoomName(NameError),
    /// There is no user name.
    #[error("the payload has no user_name")]
    NoUserName,
    /// The user name breaks a rule.
    #[error("the user name {0}")]
    UserName(NameError),
}

/// The JSON object of a request. Unknown keys are ignored; `null` is as good as absent.
#[derive(Default, Serialize, Deserialize)]
struct Payload<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    user_name: Option<PlainText<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    token: Option<Secret<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    password: Option<Secret<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Features>,
}

/// Text that is borrowed where its JSON has no escapes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct PlainText<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a Admission<'_>> for Payload<'a> {
    fn from(admission: &'a Admission<'_>) -> Self {
        Self {
            user_name: Some(PlainText(admission.user.as_str().into())),
            // The seed's server looks for the key, so it is there and empty.
            token: Some(Secret::default()),
            password: Some(Secret::new(admission.password.expose())),
            features: (admission.features != Features::NONE).then_some(admission.features),
        }
    }
}

impl<'a> From<&'a Departure<'_>> for Payload<'a> {
    fn from(departure: &'a Departure<'_>) -> Self {
        Self {
            user_name: Some(PlainText(departure.user.as_str().into())),
            token: Some(Secret::new(departure.token.expose())),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::super::decoder::{FrameDecoder, Progress};
    use super::super::features::Feature;
    use super::*;

    fn frame(operation: u8, state: State, room: &[u8], payload: &[u8]) -> Frame {
        let header = header::encode(
            room.len() as u8,
            operation,
            state,
            u32::try_from(payload.len()).unwrap(),
        );
        let bytes = [&header[..], room, payload].concat();
        let Progress::Done(frame) = FrameDecoder::new(1 << 20).feed(&mut &bytes[..]) else {
            panic!("a whole frame")
        };
        frame
    }

    fn error(operation: u8, room: &[u8], payload: &[u8]) -> RequestError {
        Request::parse(&frame(operation, State::Request, room, payload)).unwrap_err()
    }

    #[test]
    fn reads_the_seeds_own_request() {
        let payload =
            r#"{"user_name": "\u30e6\u30fc\u30b6\u30fc", "token": "", "password": "秘密"}"#;
        let frame = frame(2, State::Request, "部屋".as_bytes(), payload.as_bytes());
        let Request::Join(admission) = Request::parse(&frame).unwrap() else { panic!("a join") };
        assert_eq!(admission.room.as_str(), "部屋");
        assert_eq!(admission.user.as_str(), "ユーザー");
        assert_eq!(admission.password.expose(), "秘密");
        assert_eq!(admission.features, Features::NONE);
    }

    #[test]
    fn an_absent_password_is_the_empty_one_and_unknown_keys_are_ignored() {
        for payload in [
            &br#"{"user_name":"a","extra":[{"x":1}]}"#[..],
            br#"{"user_name":"a","password":null,"token":null,"features":null}"#,
        ] {
            let frame = frame(1, State::Request, b"r", payload);
            let Request::Create(admission) = Request::parse(&frame).unwrap() else { panic!() };
            assert!(admission.password.is_empty());
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(error(1, b"r", b""), RequestError::Payload);
        assert_eq!(error(1, b"r", b"{}x"), RequestError::Payload);
        assert_eq!(error(1, b"r", b"[]"), RequestError::Payload);
        assert_eq!(error(1, b"r", br#"{"user_name":7}"#), RequestError::Payload);
        assert_eq!(error(1, b"r", b"{\"user_name\":\"\xff\"}"), RequestError::Payload);
        assert_eq!(error(2, b"r", b"{}"), RequestError::NoUserName);
        assert_eq!(
            error(2, b"r", br#"{"user_name":" "}"#),
            RequestError::UserName(NameError::Blank)
        );
        let named = br#"{"user_name":"a"}"#;
        assert_eq!(error(2, b"", named), RequestError::RoomName(NameError::Blank));
        assert_eq!(error(2, b"\xff", named), RequestError::RoomName(NameError::NotUtf8));
        let reply = frame(1, State::Done, b"r", named);
        assert_eq!(Request::parse(&reply).unwrap_err(), RequestError::NotARequest);
    }

    #[test]
    fn a_deeply_nested_payload_is_refused() {
        let payload = "[".repeat(100_000);
        assert_eq!(error(1, b"r", payload.as_bytes()), RequestError::Payload);
        let payload = alloc::format!(r#"{{"x":{}"#, "[".repeat(100_000));
        assert_eq!(error(1, b"r", payload.as_bytes()), RequestError::Payload);
    }

    quickcheck::quickcheck! {
        fn what_is_asked_is_understood(
            room: RoomName, user: UserName, password: String, notices: bool, create: bool
        ) -> bool {
            let features = notices.then_some(Feature::Notices).into_iter().collect();
            let password = Secret::new(&password);
            let admission = Admission { room, user, password, features };
            let expected = admission.clone();
            let asked = if create { Request::Create(admission) } else { Request::Join(admission) };
            let Progress::Done(frame) =
                FrameDecoder::new(1 << 20).feed(&mut asked.encode().as_slice()) else { return false };
            let read = match Request::parse(&frame) {
                Ok(Request::Create(read)) if create => read,
                Ok(Request::Join(read)) if !create => read,
                _ => return false,
            };
            read.room == expected.room
                && read.user == expected.user
                && read.password.expose() == expected.password.expose()
                && read.features == expected.features
        }

        fn who_leaves_is_understood(room: RoomName, user: UserName, token: String) -> bool {
            let leave = Departure { room, user, token: Secret::new(&token) };
            let asked = Request::Leave(leave.clone()).encode();
            let Progress::Done(frame) =
                FrameDecoder::new(1 << 20).feed(&mut asked.as_slice()) else { return false };
            let Ok(Request::Leave(read)) = Request::parse(&frame) else { return false };
            read.room == leave.room && read.user == leave.user && read.token.expose() == token
        }

        fn any_payload_is_read_or_refused(
            operation: u8, room: Vec<u8>, payload: Vec<u8>
        ) -> bool {
            let room = &room[..room.len().min(255)];
            let frame = frame(operation % 4 + 1, State::Request, room, &payload);
            Request::parse(&frame).is_ok() || Request::parse(&frame).is_err()
        }
    }
}
