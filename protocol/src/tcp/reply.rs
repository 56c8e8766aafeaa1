//! What a client reads from a server's reply.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::features::Features;
use super::header::State;
use super::json;
use super::secret::Secret;
use crate::limits::MAX_DATAGRAM;
use crate::token::Token;

/// Why a server refuses, for programs. The text on the wire is [`ErrorCode::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A room of that name is there already.
    RoomExists,
    /// There is no room of that name.
    NoSuchRoom,
    /// The room has another password.
    WrongPassword,
    /// A member of the room bears that name.
    NameTaken,
    /// The request is malformed; the message says where.
    InvalidRequest,
    /// The payload is larger than the server takes.
    PayloadTooLarge,
    /// The room has as many members as it may.
    RoomFull,
    /// The server has as many rooms, or members, as it may.
    ServerFull,
    /// Not now; the same request may do later.
    TryLater,
    /// No member of that room bears that name and token.
    UnknownToken,
    /// None was given, as by the seed's server, or one that this version does not know.
    Unspecified,
}

impl ErrorCode {
    const ALL: [Self; 10] = [
        Self::RoomExists,
        Self::NoSuchRoom,
        Self::WrongPassword,
        Self::NameTaken,
        Self::InvalidRequest,
        Self::PayloadTooLarge,
        Self::RoomFull,
        Self::ServerFull,
        Self::TryLater,
        Self::UnknownToken,
    ];

    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoomExists => "room_exists",
            Self::NoSuchRoom => "no_such_room",
            Self::WrongPassword => "wrong_password",
            Self::NameTaken => "name_taken",
            Self::InvalidRequest => "invalid_request",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RoomFull => "room_full",
            Self::ServerFull => "server_full",
            Self::TryLater => "try_later",
            Self::UnknownToken => "unknown_token",
            Self::Unspecified => "unspecified",
        }
    }

    fn parse(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|code| code.as_str() == text);
        known.unwrap_or(Self::Unspecified)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the server will hold a member to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Who is silent for longer than this is dropped.
    pub idle_timeout: Duration,
    /// How often the server looks for them.
    pub sweep_interval: Duration,
    /// The largest datagram that it takes, in bytes.
    pub max_datagram: usize,
}

impl Default for Limits {
    /// The seed's: 120 s, 20 s, 4,096 bytes.
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(120),
            sweep_interval: Duration::from_secs(20),
            max_datagram: MAX_DATAGRAM,
        }
    }
}

/// A reply, understood.
#[derive(Debug)]
pub enum Reply {
    /// State 2.
    Done(Box<Done>),
    /// State 1.
    Refused(Refusal),
}

/// What a reply that something was done may carry; [`Done::admitted`] and [`Done::listing`] take
/// what the request calls for.
#[derive(Debug)]
pub struct Done {
    token: Option<Token>,
    members: Vec<String>,
    features: Features,
    limits: Limits,
    message: String,
    rooms: Option<Vec<RoomEntry>>,
    more: bool,
}

/// The reply to a create or a join.
#[derive(Debug)]
pub struct Admitted {
    /// What the member proves itself with from now on.
    pub token: Token,
    /// Who is in the room already, at most 1,000 of them.
    pub members: Vec<String>,
    /// The features that the server will use.
    pub features: Features,
    /// What the server will hold the member to; the seed's where the reply does not say.
    pub limits: Limits,
    /// For people.
    pub message: String,
}

/// The reply to a request for the rooms.
#[derive(Debug)]
pub struct Listing {
    /// In the order of their names, at most 1,000.
    pub rooms: Vec<RoomEntry>,
    /// Whether there are more than are listed.
    pub more: bool,
}

/// One room of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomEntry {
    /// Its name, as the server tells it.
    pub name: String,
    /// How many members it has.
    pub members: usize,
    /// Whether it has a password.
    pub password: bool,
}

/// A request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub error: ErrorCode,
    /// For people.
    pub message: String,
}

impl Reply {
    /// Reads a reply's JSON. `state` is the header's, where there was one.
    ///
    /// # Errors
    /// [`ReplyError`] when the server does not speak this wire.
    pub fn parse(json: &[u8], state: Option<State>) -> Result<Self, ReplyError> {
        let payload: Payload<'_> = json::object(json).ok_or(ReplyError::Payload)?;
        let state = state.or_else(|| payload.state.and_then(State::from_byte));
        match state {
            Some(State::Done) => Ok(Self::Done(Box::new(payload.into()))),
            Some(State::Refused) => Ok(Self::Refused(Refusal {
                error: payload.error.as_deref().map_or(ErrorCode::Unspecified, ErrorCode::parse),
                message: payload.message.unwrap_or_else(|| "the server refused".to_owned()),
            })),
            Some(State::Request) | None => Err(ReplyError::NoState),
        }
    }
}

impl Done {
    /// The reply as one to a create or a join.
    ///
    /// # Errors
    /// [`ReplyError::NoToken`] when there is no token, or one that the wire cannot carry.
    pub fn admitted(self) -> Result<Admitted, ReplyError> {
        Ok(Admitted {
            token: self.token.ok_or(ReplyError::NoToken)?,
            members: self.members,
            features: self.features,
            limits: self.limits,
            message: self.message,
        })
    }

    /// The reply as one to a request for the rooms.
    ///
    /// # Errors
    /// [`ReplyError::Payload`] when there is no list.
    pub fn listing(self) -> Result<Listing, ReplyError> {
        Ok(Listing { rooms: self.rooms.ok_or(ReplyError::Payload)?, more: self.more })
    }
}

/// Why bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The header is malformed.
    #[error("the reply's header is malformed: {0}")]
    Header(super::header::HeaderFault),
    /// It ended before it began: the server may not have heard the request.
    #[error("the server closed the connection without a reply")]
    Nothing,
    /// It ended before it was whole.
    #[error("the server closed the connection before its reply was whole")]
    Truncated,
    /// It goes on for longer than a reply may.
    #[error("the reply is too long")]
    TooLong,
    /// The payload is not the JSON that the wire has.
    #[error("the reply's payload is not what this protocol has")]
    Payload,
    /// It says neither done nor refused.
    #[error("the reply says neither that it was done nor that it was refused")]
    NoState,
    /// Done, but without a token.
    #[error("the reply has no token")]
    NoToken,
}

/// The JSON object of a reply, as lenient as reading it allows.
#[derive(Deserialize)]
struct Payload<'a> {
    message: Option<String>,
    state: Option<u8>,
    #[serde(borrow)]
    token: Option<Secret<'a>>,
    error: Option<String>,
    members: Option<Vec<String>>,
    features: Option<Features>,
    limits: Option<LimitsPayload>,
    rooms: Option<Vec<RoomEntry>>,
    more: Option<bool>,
}

/// `limits` as JSON has it.
#[derive(Debug, Deserialize)]
struct LimitsPayload {
    idle_timeout_s: Option<f64>,
    sweep_interval_s: Option<f64>,
    max_datagram: Option<f64>,
}

impl From<Payload<'_>> for Done {
    fn from(payload: Payload<'_>) -> Self {
        Self {
            token: payload.token.and_then(|token| Token::new(token.expose())),
            members: payload.members.unwrap_or_default(),
            features: payload.features.unwrap_or_default(),
            limits: payload.limits.map(Limits::from).unwrap_or_default(),
            message: payload.message.unwrap_or_default(),
            rooms: payload.rooms,
            more: payload.more.unwrap_or(false),
        }
    }
}

impl From<LimitsPayload> for Limits {
    /// A number that makes no sense is as good as absent.
    fn from(payload: LimitsPayload) -> Self {
        let default = Self::default();
        let seconds = |value: Option<f64>| {
            let duration = Duration::try_from_secs_f64(value?).ok()?;
            (duration > Duration::ZERO && duration <= LONGEST_LIMIT).then_some(duration)
        };
        Self {
            idle_timeout: seconds(payload.idle_timeout_s).unwrap_or(default.idle_timeout),
            sweep_interval: seconds(payload.sweep_interval_s).unwrap_or(default.sweep_interval),
            // What is no number of bytes becomes 0, and what is too large the most there is.
            max_datagram: match payload.max_datagram.map(|bytes| bytes as usize) {
                Some(bytes @ 1..MAX_DATAGRAM) => bytes,
                _ => MAX_DATAGRAM,
            },
        }
    }
}

/// Longer than anyone waits, and far from overflowing any clock: ten years.
const LONGEST_LIMIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn admitted(json: &str) -> Result<Admitted, ReplyError> {
        match Reply::parse(json.as_bytes(), None)? {
            Reply::Done(done) => done.admitted(),
            Reply::Refused(refusal) => panic!("{refusal}"),
        }
    }

    #[test]
    fn reads_the_seeds_own_reply() {
        let json =
            r#"{"message": "ok", "operation": 1, "state": 2, "user_name": "a", "token": "t"}"#;
        let admitted = admitted(json).unwrap();
        assert!(admitted.token.matches("t"));
        assert_eq!(admitted.limits, Limits::default());
        assert_eq!(admitted.features, Features::NONE);
    }

    #[test]
    fn does_not_show_the_token() {
        let reply = Reply::parse(br#"{"state":2,"token":"secret"}"#, None);
        assert!(!format!("{reply:?}").contains("secret"));
    }

    #[test]
    fn a_refusal_need_not_have_a_code() {
        let refused = |json: &str| match Reply::parse(json.as_bytes(), None) {
            Ok(Reply::Refused(refusal)) => (refusal.error, refusal.message),
            other => panic!("{other:?}"),
        };
        let (error, message) = refused(r#"{"state":1,"message":"no","token":""}"#);
        assert_eq!((error, &*message), (ErrorCode::Unspecified, "no"));
        let (error, message) = refused(r#"{"state":1,"error":"room_full"}"#);
        assert_eq!((error, &*message), (ErrorCode::RoomFull, "the server refused"));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        assert_eq!(admitted("{}").unwrap_err(), ReplyError::NoState);
        assert_eq!(admitted(r#"{"state":0}"#).unwrap_err(), ReplyError::NoState);
        assert_eq!(admitted(r#"{"state":2}"#).unwrap_err(), ReplyError::NoToken);
        assert_eq!(admitted(r#"{"state":2,"token":""}"#).unwrap_err(), ReplyError::NoToken);
        let long = format!(r#"{{"state":2,"token":"{}"}}"#, "t".repeat(256));
        assert_eq!(admitted(&long).unwrap_err(), ReplyError::NoToken);
        assert_eq!(admitted("[1]").unwrap_err(), ReplyError::Payload);
    }

    #[test]
    fn limits_that_make_no_sense_are_as_good_as_absent() {
        for value in ["-1", "0", "1e300", "null"] {
            let json = format!(
                r#"{{"state":2,"token":"t","limits":{{"idle_timeout_s":{value},"max_datagram":9}}}}"#
            );
            let limits = admitted(&json).unwrap().limits;
            assert_eq!(limits.idle_timeout, Duration::from_secs(120), "{value}");
            assert_eq!(limits.max_datagram, 9);
        }
        for (value, bytes) in [("0", 4096), ("-1", 4096), ("512.0", 512), ("1e300", 4096)] {
            let json = format!(r#"{{"state":2,"token":"t","limits":{{"max_datagram":{value}}}}}"#);
            assert_eq!(admitted(&json).unwrap().limits.max_datagram, bytes, "{value}");
        }
        let json = r#"{"state":2,"token":"t","limits":{"idle_timeout_s":0.5}}"#;
        assert_eq!(admitted(json).unwrap().limits.idle_timeout, Duration::from_millis(500));
    }

    #[test]
    fn a_limit_of_ten_years_is_believed_and_no_longer_one() {
        let years = 10 * 365 * 24 * 60 * 60;
        for (seconds, believed) in [(years, years), (years + 1, 20)] {
            let json =
                format!(r#"{{"state":2,"token":"t","limits":{{"sweep_interval_s":{seconds}}}}}"#);
            let limits = admitted(&json).unwrap().limits;
            assert_eq!(limits.sweep_interval, Duration::from_secs(believed));
        }
    }

    #[test]
    fn every_code_is_read_back() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(&code.to_string()), code);
        }
        assert_eq!(ErrorCode::parse("rate_limited"), ErrorCode::Unspecified);
    }

    quickcheck::quickcheck! {
        fn any_bytes_are_read_or_refused(json: Vec<u8>, state: u8) -> bool {
            let reply = Reply::parse(&json, State::from_byte(state % 4));
            reply.is_ok() || reply.is_err()
        }
    }
}
