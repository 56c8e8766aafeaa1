//! What an event led to, in short: enough to see whether a replay leads to the same.

use std::fmt;

use engine::{Action, Recipient};
use xxhash_rust::xxh3::xxh3_64;

use crate::numbers::put_address;
use crate::secrets::Replacer;

/// What an event led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many actions.
    pub actions: u64,
    /// How many datagrams they are, counting each recipient.
    pub copies: u64,
    /// The lower half of the XXH3 of all of them; 0 where there are none.
    pub digest: u32,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { actions, copies, digest } = self;
        write!(f, "{actions} actions, {copies} datagrams, digest {digest:08x}")
    }
}

impl Outcome {
    /// Of `actions`, laid out in `scratch`. With a `replacer` it is the outcome that the replaced
    /// events will have.
    pub(crate) fn of<'a>(
        actions: impl Iterator<Item = Action<'a>>,
        replacer: Option<&Replacer>,
        scratch: &mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        let mut outcome = Self::default();
        for action in actions {
            outcome.actions += 1;
            outcome.copies += put_action(&action, replacer, scratch);
        }
        if outcome.actions > 0 {
            outcome.digest = xxh3_64(scratch) as u32;
        }
        outcome
    }
}

/// Appends an action as the digest sees it, and gives how many datagrams it is.
fn put_action(action: &Action<'_>, replacer: Option<&Replacer>, out: &mut Vec<u8>) -> u64 {
    match action {
        Action::Write { connection, bytes } => {
            out.push(1);
            out.extend_from_slice(&connection.0.to_be_bytes());
            put_bytes(bytes, out, |out| {
                if let Some(replacer) = replacer {
                    replacer.reply(out);
                }
            });
            0
        }
        Action::HalfClose { connection } => {
            out.push(2);
            out.extend_from_slice(&connection.0.to_be_bytes());
            0
        }
        Action::Close { connection } => {
            out.push(3);
            out.extend_from_slice(&connection.0.to_be_bytes());
            0
        }
        Action::Relay { datagram, to } => {
            out.push(4);
            put_datagrams(datagram, datagram.len(), replacer, out);
            put_recipients(to, out);
            to.len() as u64
        }
        Action::Notify { datagram, to } => {
            out.push(5);
            put_datagrams(datagram, datagram.len(), replacer, out);
            put_recipients(std::slice::from_ref(to), out);
            1
        }
        Action::Burst { run, to } => {
            out.push(6);
            out.extend_from_slice(&(run.size().get() as u32).to_be_bytes());
            put_datagrams(run.bytes(), run.size().get(), replacer, out);
            put_recipients(to, out);
            (run.datagrams().count() * to.len()) as u64
        }
    }
}

/// Appends datagrams that lie side by side, each of so many bytes.
fn put_datagrams(bytes: &[u8], size: usize, replacer: Option<&Replacer>, out: &mut Vec<u8>) {
    put_bytes(bytes, out, |out| {
        if let Some(replacer) = replacer {
            out.chunks_mut(size.max(1)).for_each(|datagram| replacer.outgoing(datagram));
        }
    });
}

/// What an address takes, but for some of IPv6.
const ADDRESS_BYTES: usize = 19;

fn put_recipients(to: &[Recipient], out: &mut Vec<u8>) {
    out.extend_from_slice(&(to.len() as u32).to_be_bytes());
    out.reserve(to.len() * ADDRESS_BYTES);
    for recipient in to {
        put_address(out, &recipient.address);
    }
}

/// Appends the size of `bytes` and themselves, as `replace` leaves them.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>, replace: impl FnOnce(&mut [u8])) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(bytes);
    replace(out.get_mut(start..).unwrap_or_default());
}
