//! What one of the three has on the screen, as facts that can be compared and as words.

use std::fmt;

use engine::client::{Happening, Joined, Reason};
use protocol::limits::MAX_OPERATION_PAYLOAD;
use protocol::tcp::{Admission, FrameDecoder, Operation, Progress, Refusal, Request};

use crate::exit::Exit;

/// One thing that somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// One's own request to be let in, as its bytes have it.
    Asked {
        operation: Operation,
        room: String,
        password: String,
    },
    /// One's own request to leave.
    AskedToLeave {
        room: String,
    },
    LetIn {
        room: String,
        members: Vec<String>,
    },
    Refused(Refusal),
    /// What one said oneself, as it went to the server.
    Said(String),
    /// The client told the server that it is there.
    Present,
    Happened(Happening),
    /// The session is over.
    Over(Reason),
    /// What should not be: something came that the client cannot use.
    Confused(String),
}

impl Sight {
    /// What a request asks for, read back from its bytes.
    pub(super) fn of_request(mut bytes: &[u8]) -> Self {
        let Progress::Done(frame) = FrameDecoder::new(MAX_OPERATION_PAYLOAD).feed(&mut bytes)
        else {
            return Self::Confused("sent what is no whole request".to_owned());
        };
        let asked = |operation, admission: Admission<'_>| Self::Asked {
            operation,
            room: admission.room.to_string(),
            password: admission.password.expose().to_owned(),
        };
        match Request::parse(&frame) {
            Ok(Request::Create(admission)) => asked(Operation::Create, admission),
            Ok(Request::Join(admission)) => asked(Operation::Join, admission),
            Ok(Request::Leave(departure)) => {
                Self::AskedToLeave { room: departure.room.to_string() }
            }
            Ok(Request::Rooms) => Self::Confused("asked for the rooms".to_owned()),
            Err(error) => Self::Confused(format!("sent a bad request: {error}")),
        }
    }

    pub(super) fn of_welcome(joined: &Joined) -> Self {
        Self::LetIn { room: joined.room().to_string(), members: joined.members().to_vec() }
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { operation, room, password } => {
                let verb = if *operation == Operation::Create { "create" } else { "join" };
                write!(f, "[{verb} {room}, password {password}]")
            }
            Self::AskedToLeave { room } => write!(f, "[leave {room}]"),
            Self::LetIn { room, members } if members.is_empty() => {
                write!(f, "* you are in {room}, alone so far")
            }
            Self::LetIn { room, members } => {
                write!(f, "* you are in {room}, with {}", members.join(", "))
            }
            Self::Refused(refusal) => {
                write!(f, "* refused: {} ({})", refusal.message, refusal.error)
            }
            Self::Said(text) => write!(f, "> {text}"),
            Self::Present => f.write_str("[presence]"),
            Self::Happened(happening) => write_happening(happening, f),
            Self::Over(reason) => {
                let (words, exit) = end(*reason);
                write!(f, "* {words} (exit code {})", exit as u8)
            }
            Self::Confused(what) => write!(f, "! {what}"),
        }
    }
}

fn write_happening(happening: &Happening, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match happening {
        Happening::Chat { from, text } => write!(f, "{from}: {text}"),
        Happening::MemberJoined(who) => write!(f, "* {who} joined"),
        Happening::MemberLeft(who) => write!(f, "* {who} left"),
        Happening::MemberTimedOut(who) => write!(f, "* {who} timed out"),
        Happening::NotSent { error, .. } => write!(f, "* not sent: {error}"),
        Happening::IdleWarning(left) => {
            let seconds = left.as_secs();
            write!(f, "* {seconds} s more of silence, and you are dropped")
        }
        Happening::ServerUnreachable => f.write_str("* the server does not answer"),
        Happening::ServerReachable => f.write_str("* the server answers again"),
    }
}

/// Why it is over in words, and the code with which a real client exits.
fn end(reason: Reason) -> (&'static str, Exit) {
    match reason {
        Reason::Left => ("you left", Exit::Clean),
        Reason::TimedOut => ("the server dropped you for being silent", Exit::TimedOut),
        Reason::RoomClosed => ("the host is gone: the room is closed", Exit::RoomClosed),
        Reason::ServerStopped => ("the server stopped", Exit::RoomClosed),
        Reason::ServerGone => ("the server is gone", Exit::Unreachable),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_is_seen_as_its_bytes_have_it() {
        use engine::client::{Habits, Lobby};
        let (room, user) = ("部屋".to_owned(), protocol::UserName::new("ボブ").unwrap());
        let lobby = Lobby::new(Habits::default());
        let (_, request) = lobby.join(protocol::RoomName::new(&room).unwrap(), user, "合言葉");
        let (operation, password) = (Operation::Join, "合言葉".to_owned());
        assert_eq!(Sight::of_request(&request), Sight::Asked { operation, room, password });
        for cut in 0..request.len() {
            assert!(matches!(Sight::of_request(&request[..cut]), Sight::Confused(_)), "{cut}");
        }
    }

    #[test]
    fn words_have_the_numbers_of_what_happened() {
        let warning = Sight::Happened(Happening::IdleWarning(Duration::from_secs(17)));
        assert!(warning.to_string().contains("17 s more"));
        assert!(Sight::Over(Reason::RoomClosed).to_string().contains("exit code 5"));
        assert!(Sight::Over(Reason::TimedOut).to_string().contains("exit code 6"));
    }
}
