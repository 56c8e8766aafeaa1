//! What the server tells its driver to do.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::slice;

use protocol::udp::Bundle;

use crate::event::ConnectionId;

slotmap::new_key_type! {
    /// A member, for as long as it is one. A later member never has the same.
    pub struct MemberId;
}

/// A member, and where it is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Who. In a notice that its membership has ended, it is no longer one.
    pub member: MemberId,
    /// Where its last valid datagram came from, exactly as the driver told it.
    pub address: SocketAddr,
}

/// Something for the driver to do. Those on one connection are to be done in their order. Datagrams go
/// best before the rest: a newcomer that has its reply may speak, and the others should know it by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    /// Write bytes to a connection, after what it was given before. While some of them wait to be
    /// written, the connection is not to be read.
    Write {
        /// The connection.
        connection: ConnectionId,
        /// The bytes.
        bytes: Cow<'a, [u8]>,
    },
    /// End the sending half of a connection once all is written, and go on reading from it: closing
    /// a socket with unread bytes would reset it, and the peer might lose the reply.
    HalfClose {
        /// The connection.
        connection: ConnectionId,
    },
    /// Drop a connection now. The engine has forgotten it; no event about it is needed.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Send one datagram to many. That one copy fails is no reason not to send the others.
    Relay {
        /// The bytes.
        datagram: Cow<'a, [u8]>,
        /// To whom.
        to: Cow<'a, [Recipient]>,
    },
    /// Send several datagrams to many, to each of them all in this order. That some fail is no reason
    /// not to send the others.
    Burst {
        /// The datagrams.
        run: Run<'a>,
        /// To whom.
        to: Cow<'a, [Recipient]>,
    },
    /// Send a notice, which is its recipient's alone.
    Notify {
        /// The bytes.
        datagram: Cow<'a, [u8]>,
        /// To whom.
        to: Recipient,
    },
}

impl Action<'_> {
    /// Every copy of a datagram that it calls for, each recipient's in their order.
    pub fn copies(&self) -> impl Iterator<Item = (&[u8], Recipient)> {
        let (bytes, size, to): (&[u8], usize, &[Recipient]) = match self {
            Self::Relay { datagram, to } => (datagram, datagram.len(), to),
            Self::Burst { run, to } => (run.bytes(), run.size().get(), to),
            Self::Notify { datagram, to } => (datagram, datagram.len(), slice::from_ref(to)),
            Self::Write { .. } | Self::HalfClose { .. } | Self::Close { .. } => (&[], 1, &[]),
        };
        let datagrams = bytes.chunks(size.max(1));
        to.iter().flat_map(move |to| datagrams.clone().map(move |datagram| (datagram, *to)))
    }

    /// The same action, independent of the buffer that it came from.
    pub fn into_owned(self) -> Action<'static> {
        match self {
            Self::Write { connection, bytes } => {
                Action::Write { connection, bytes: Cow::Owned(bytes.into_owned()) }
            }
            Self::HalfClose { connection } => Action::HalfClose { connection },
            Self::Close { connection } => Action::Close { connection },
            Self::Relay { datagram, to } => Action::Relay {
                datagram: Cow::Owned(datagram.into_owned()),
                to: Cow::Owned(to.into_owned()),
            },
            Self::Burst { run: Run { bytes, size }, to } => Action::Burst {
                run: Run { bytes: Cow::Owned(bytes.into_owned()), size },
                to: Cow::Owned(to.into_owned()),
            },
            Self::Notify { datagram, to } => {
                Action::Notify { datagram: Cow::Owned(datagram.into_owned()), to }
            }
        }
    }
}

/// Datagrams of one size that lie side by side, the last of which may be shorter: what generic
/// segmentation offload (`UDP_SEGMENT` on Linux) takes in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    bytes: Cow<'a, [u8]>,
    size: NonZeroUsize,
}

impl Run<'_> {
    /// All the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of each datagram but the last.
    pub fn size(&self) -> NonZeroUsize {
        self.size
    }

    /// One datagram after the other.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.size.get())
    }
}

/// A buffer of actions that a driver keeps and clears: once it has grown, filling it allocates
/// nothing.
#[derive(Debug, Default)]
pub struct Actions {
    steps: Vec<Step>,
    bytes: Vec<u8>,
    bundles: Vec<u8>,
    recipients: Vec<Recipient>,
    /// How often it was cleared without having needed much.
    small_in_a_row: u8,
}

/// An action whose bytes and recipients lie in the buffer.
#[derive(Debug)]
enum Step {
    Write {
        connection: ConnectionId,
        bytes: Range<usize>,
    },
    HalfClose {
        connection: ConnectionId,
    },
    Close {
        connection: ConnectionId,
    },
    Relay {
        datagram: Range<usize>,
        to: Range<usize>,
    },
    Burst {
        run: Range<usize>,
        size: NonZeroUsize,
        to: Range<usize>,
    },
    /// A burst whose bytes are bundles.
    Bundles {
        run: Range<usize>,
        size: NonZeroUsize,
        to: Range<usize>,
    },
    Notify {
        datagram: Range<usize>,
        to: Recipient,
    },
}

/// What a cleared buffer keeps for good, in bytes of payload: what a burst of notices to a large room
/// needed more is given back.
const KEPT_BYTES: usize = 256 * 1024;

/// How often in a row no more than that is needed before the rest is given back. At once would be too
/// soon: a busy room in which many speak needs it at every wake.
const CLEARS_UNTIL_GIVEN_BACK: u8 = 64;

impl Actions {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the actions and keeps the memory, within reason.
    pub fn clear(&mut self) {
        let is_small = self.bytes.len().max(self.bundles.len()) <= KEPT_BYTES;
        self.small_in_a_row = if is_small { self.small_in_a_row.saturating_add(1) } else { 0 };
        self.steps.clear();
        self.bytes.clear();
        self.bundles.clear();
        self.recipients.clear();
        if self.small_in_a_row >= CLEARS_UNTIL_GIVEN_BACK {
            if self.bytes.capacity() > KEPT_BYTES {
                self.bytes.shrink_to(KEPT_BYTES);
                self.steps.shrink_to(KEPT_BYTES / size_of::<Step>());
            }
            self.bundles.shrink_to(KEPT_BYTES);
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The actions in their order, borrowed from the buffer.
    pub fn iter(&self) -> impl Iterator<Item = Action<'_>> {
        self.steps.iter().map(|step| match step {
            Step::Write { connection, bytes } => {
                Action::Write { connection: *connection, bytes: self.bytes(bytes) }
            }
            Step::HalfClose { connection } => Action::HalfClose { connection: *connection },
            Step::Close { connection } => Action::Close { connection: *connection },
            Step::Relay { datagram, to } => {
                Action::Relay { datagram: self.bytes(datagram), to: self.recipients(to) }
            }
            Step::Burst { run, size, to } => Action::Burst {
                run: Run { bytes: self.bytes(run), size: *size },
                to: self.recipients(to),
            },
            Step::Bundles { run, size, to } => {
                let bytes = Cow::from(part(&self.bundles, run));
                let to = self.recipients(to);
                if bytes.len() <= size.get() {
                    Action::Relay { datagram: bytes, to }
                } else {
                    Action::Burst { run: Run { bytes, size: *size }, to }
                }
            }
            Step::Notify { datagram, to } => {
                Action::Notify { datagram: self.bytes(datagram), to: *to }
            }
        })
    }

    pub(crate) fn write(&mut self, connection: ConnectionId, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        fill(&mut self.bytes);
        self.steps.push(Step::Write { connection, bytes: start..self.bytes.len() });
    }

    pub(crate) fn half_close(&mut self, connection: ConnectionId) {
        self.steps.push(Step::HalfClose { connection });
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.steps.push(Step::Close { connection });
    }

    /// One datagram, written by `fill` into `size` bytes, to all of `to`; nothing when there is none.
    pub(crate) fn relay<E>(
        &mut self,
        to: impl Iterator<Item = Recipient>,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> usize {
        let to = self.address(to);
        let copies = to.len();
        if copies == 0 {
            return 0;
        }
        match self.place(size, fill) {
            Some(datagram) => {
                self.steps.push(Step::Relay { datagram, to });
                copies
            }
            None => {
                self.recipients.truncate(to.start);
                0
            }
        }
    }

    /// One datagram, written by `fill` into `size` bytes, to one recipient.
    pub(crate) fn notify<E>(
        &mut self,
        to: Recipient,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) {
        if let Some(datagram) = self.place(size, fill) {
            self.steps.push(Step::Notify { datagram, to });
        }
    }

    /// Notes the recipients of what is to follow. Gives their places.
    pub(crate) fn address(&mut self, to: impl Iterator<Item = Recipient>) -> Range<usize> {
        let first = self.recipients.len();
        self.recipients.extend(to);
        first..self.recipients.len()
    }

    /// Datagrams that lie side by side at these places, of one size but the last, which may be
    /// shorter, to the recipients at `to`.
    pub(crate) fn burst(&mut self, datagrams: &[Range<usize>], to: Range<usize>) {
        match datagrams {
            [] => {}
            [datagram] => self.steps.push(Step::Relay { datagram: datagram.clone(), to }),
            [first, .., last] => {
                if let Some(size) = NonZeroUsize::new(first.len()) {
                    self.steps.push(Step::Burst { run: first.start..last.end, size, to });
                }
            }
        }
    }

    /// Datagrams that lie at these places, in bundles of one size, to the recipients at `to`.
    pub(crate) fn bundle(&mut self, datagrams: &[Range<usize>], to: Range<usize>) {
        let start = self.bundles.len();
        let datagrams = datagrams.iter().map(|at| part(&self.bytes, at));
        if let Some(size) = NonZeroUsize::new(Bundle::pack(datagrams, &mut self.bundles)) {
            self.steps.push(Step::Bundles { run: start..self.bundles.len(), size, to });
        }
    }

    /// Writes one datagram by `fill` into `size` bytes, and gives its place; `None` when it cannot.
    pub(crate) fn place<E>(
        &mut self,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Option<Range<usize>> {
        let start = self.bytes.len();
        self.bytes.resize(start + size, 0);
        let written = self.bytes.get_mut(start..).and_then(|buffer| fill(buffer).ok());
        if written.is_none() {
            self.bytes.truncate(start);
        }
        written.map(|size| start..start + size)
    }

    fn recipients(&self, range: &Range<usize>) -> Cow<'_, [Recipient]> {
        self.recipients.get(range.clone()).unwrap_or_default().into()
    }

    fn bytes(&self, range: &Range<usize>) -> Cow<'_, [u8]> {
        part(&self.bytes, range).into()
    }
}

fn part<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_relay_to_nobody_is_nothing() {
        let mut actions = Actions::new();
        assert_eq!(actions.relay(core::iter::empty(), 3, |_| Ok::<_, ()>(3)), 0);
        assert!(actions.is_empty());
    }

    #[test]
    fn a_datagram_that_cannot_be_written_is_nothing() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let to = Recipient { member: MemberId::default(), address };
        let mut actions = Actions::new();
        assert_eq!(actions.relay([to].into_iter(), 3, |_| Err(())), 0);
        actions.notify(to, 3, |_| Err(()));
        assert!(actions.is_empty() && actions.bytes.is_empty() && actions.recipients.is_empty());
    }

    #[test]
    fn actions_come_in_their_order_and_their_memory_is_bounded() {
        let connection = ConnectionId(1);
        let mut actions = Actions::new();
        actions.write(connection, |bytes| bytes.resize(KEPT_BYTES * 2, 7));
        actions.half_close(connection);
        actions.close(connection);
        assert!(!actions.is_empty());
        let steps: Vec<_> = actions.iter().map(Action::into_owned).collect();
        assert!(matches!(&steps[0], Action::Write { bytes, .. } if bytes.len() == KEPT_BYTES * 2));
        assert_eq!(steps[1..], [Action::HalfClose { connection }, Action::Close { connection }]);
        actions.clear();
        assert!(actions.is_empty() && actions.bytes.capacity() > KEPT_BYTES, "it may come again");
        (0..CLEARS_UNTIL_GIVEN_BACK).for_each(|_| actions.clear());
        assert!(actions.bytes.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn of_each_of_its_parts_it_keeps_256_kib_for_good() {
        let kept = 256 * 1024;
        let sizes = |actions: &Actions| {
            let steps = actions.steps.capacity() * size_of::<Step>();
            [actions.bytes.capacity(), actions.bundles.capacity(), steps]
        };
        let mut actions = Actions::new();
        for _ in 0..20_000 {
            actions.write(ConnectionId(1), |bytes| bytes.extend([7; 20]));
        }
        let datagram = actions.place(1000, |buffer| Ok::<_, ()>(buffer.len())).unwrap();
        actions.bundle(&vec![datagram; 400], 0..0);
        let grown = sizes(&actions);
        assert!(grown.iter().all(|bytes| *bytes > kept), "{grown:?}");
        (0..=CLEARS_UNTIL_GIVEN_BACK).for_each(|_| actions.clear());
        let left = sizes(&actions);
        assert!(left.iter().all(|bytes| (kept - 100..=kept).contains(bytes)), "{left:?}");
    }
}
