//! What goes into a session in a room, and what comes out of it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use protocol::MessageError;

/// Something that happened to a member.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The user says something. What is too long for one datagram goes in several.
    Say(&'a str),
    /// A datagram came from the server's address: one, or a bundle.
    Datagram(&'a [u8]),
    /// The system says that nobody listens at the server's address.
    Unreachable,
    /// Nothing but time. Before [`super::Joined::next_deadline`] it does nothing.
    Tick,
    /// The user leaves once all that was said is sent.
    Leave,
    /// The user leaves now.
    LeaveNow,
}

/// What a user does, as a driver queues it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Says something.
    Say(String),
    /// Leaves once all that was said is sent.
    Leave,
    /// Leaves now.
    LeaveNow,
}

impl Input {
    /// The event that it is.
    pub fn as_event(&self) -> Event<'_> {
        match self {
            Self::Say(text) => Event::Say(text),
            Self::Leave => Event::Leave,
            Self::LeaveNow => Event::LeaveNow,
        }
    }
}

/// Something for the driver to do, in this order.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a datagram to the server.
    Send(Vec<u8>),
    /// Show the user what happened.
    Show(Happening),
}

/// A datagram bears the token, so only its size is shown.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(datagram) => write!(f, "Send({} bytes)", datagram.len()),
            Self::Show(happening) => f.debug_tuple("Show").field(happening).finish(),
        }
    }
}

/// What a user is to know. The texts are as they came: whoever shows them strips control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Somebody said something.
    Chat {
        /// Who.
        from: String,
        /// What.
        text: String,
    },
    /// Somebody joined.
    MemberJoined(String),
    /// Somebody left.
    MemberLeft(String),
    /// Somebody else timed out (from servers without the additional notices: or left).
    MemberTimedOut(String),
    /// What the user said cannot be sent; nothing of it was.
    NotSent {
        /// What it was.
        text: String,
        /// Why not.
        error: MessageError,
    },
    /// After so much more silence the server drops the user.
    IdleWarning(Duration),
    /// The server does not answer at its address. It will be asked a few times more.
    ServerUnreachable,
    /// It does again.
    ServerReachable,
}
