//! One member's connection to the server under test, on whichever wire that has.

mod datagrams;
mod frames;
mod mqtt;
mod nats;

use std::io;
use std::os::fd::AsFd;

pub(crate) use datagrams::{bare, room};
pub(crate) use frames::enter;
pub(crate) use mqtt::Mqtt;
pub(crate) use nats::Nats;

/// Bytes read from a connection before the others have their turn.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// A member that speaks and hears without ever blocking.
pub(crate) trait Link: AsFd + Send {
    /// Says again where this member is, in case that was lost.
    fn register(&mut self) -> io::Result<()>;

    /// Sends one message.
    fn say(&mut self, text: &[u8]) -> io::Result<()>;

    /// Reads once, and hands on the text of each message that has come.
    fn hear(&mut self, buffer: &mut [u8], each: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

/// How a member on a UDP wire receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reception {
    /// One datagram after the other, as the seed's client does.
    Plain,
    /// What the kernel kept together, at once.
    Coalesced,
    /// The same, and bundles, as this project's client does.
    Bundled,
}

/// Whether a member is to hear what is said in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ears {
    Open,
    /// It only speaks: where the wire would bring a speaker its own words.
    Closed,
}

/// Whether an error on a socket only says that there is nothing to read now, or is the fate of an
/// earlier datagram.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused
    )
}
