//! TCP connections: what has come of each one's request, and which has to go when there are too many.
//!
//! Being idle is honest, since a person may be typing, so there is no deadline for a request. What
//! is limited is how many there are, in all and from one address; at the cap the one idle longest
//! goes. Only a connection that has had its reply is given a time to go.

use core::net::IpAddr;
use core::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use protocol::tcp::{Frame, FrameDecoder, HeaderError, Progress};
use slotmap::SlotMap;

use crate::config::Caps;
use crate::event::ConnectionId;
use crate::recency::Recency;
use crate::time::Instant;

/// How long a connection stays that has had its reply and does not close.
pub(super) const REPLY_LINGER: Duration = Duration::from_secs(10);

/// Bytes that are read and thrown away after a reply, so that closing does not reset the connection
/// before the reply is read. A client that sends more has a payload far over any cap.
const MAX_SURPLUS: usize = 16 * 1024 * 1024;

slotmap::new_key_type! {
    struct Slot;
}

/// The connections that are open.
pub(super) struct Connections {
    slots: SlotMap<Slot, Connection>,
    by_id: HashMap<ConnectionId, Slot, FixedState>,
    /// How many there are from each address.
    counts: HashMap<IpAddr, usize, FixedState>,
    /// Those that are reading a request, by their last byte.
    reading: Recency<Slot>,
    /// Those that have had their reply, by when.
    replied: Recency<Slot>,
}

struct Connection {
    id: ConnectionId,
    ip: IpAddr,
    state: State,
}

enum State {
    Reading(FrameDecoder),
    /// What still comes, so many bytes so far, is of no interest.
    Replied {
        surplus: usize,
    },
}

/// What bytes on a connection led to.
pub(super) enum Fed {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// More after the reply than anyone sends who is going to read it.
    Surplus,
    /// A whole request, from this address.
    Request(Frame, IpAddr),
    /// What can never become one.
    Invalid(HeaderError),
}

/// What the end of a peer's bytes means.
pub(super) enum End {
    /// Nothing is lost: it had its reply, or never asked.
    Clean,
    /// It ended in the middle of a request for this operation (0 where that had not come yet).
    Truncated { operation: u8 },
    /// There is no such connection.
    Unknown,
}

impl Connections {
    pub(super) fn new(hash_seed: u64) -> Self {
        let hasher = FixedState::with_seed(hash_seed);
        Self {
            slots: SlotMap::with_key(),
            by_id: HashMap::with_hasher(hasher.clone()),
            counts: HashMap::with_hasher(hasher),
            reading: Recency::default(),
            replied: Recency::default(),
        }
    }

    /// Which connection has to go before one from `ip` can be taken. At most O(connections), when
    /// that address is at its own cap.
    pub(super) fn to_evict(&self, ip: IpAddr, caps: &Caps) -> Option<ConnectionId> {
        let from_there = self.counts.get(&ip).copied().unwrap_or(0);
        if from_there >= caps.connections_per_address {
            self.idlest(|connection| connection.ip == ip)
        } else if self.slots.len() >= caps.connections {
            self.idlest(|_| true)
        } else {
            None
        }
    }

    /// The connection idle longest of those that are `eligible`.
    fn idlest(&self, eligible: impl Fn(&Connection) -> bool) -> Option<ConnectionId> {
        let first = |list: &Recency<Slot>| {
            list.iter().find_map(|(slot, at)| {
                let connection = self.slots.get(slot)?;
                eligible(connection).then_some((at, connection.id))
            })
        };
        [first(&self.replied), first(&self.reading)].into_iter().flatten().min().map(|(_, id)| id)
    }

    /// The connection idle longest of all.
    pub(super) fn idlest_of_all(&self) -> Option<ConnectionId> {
        self.idlest(|_| true)
    }

    /// Takes a new connection, which may send up to `max_payload` bytes of payload.
    pub(super) fn open(&mut self, id: ConnectionId, ip: IpAddr, max_payload: u32, now: Instant) {
        let state = State::Reading(FrameDecoder::new(max_payload));
        let slot = self.slots.insert(Connection { id, ip, state });
        self.by_id.insert(id, slot);
        *self.counts.entry(ip).or_default() += 1;
        self.reading.touch(slot, now);
    }

    /// Bytes came on a connection.
    pub(super) fn feed(&mut self, id: ConnectionId, mut bytes: &[u8], now: Instant) -> Fed {
        let Some(&slot) = self.by_id.get(&id) else {
            return Fed::Nothing;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return Fed::Nothing;
        };
        let replied = State::Replied { surplus: 0 };
        let decoder = match core::mem::replace(&mut connection.state, replied) {
            State::Reading(decoder) => decoder,
            State::Replied { surplus } => {
                let surplus = surplus + bytes.len();
                connection.state = State::Replied { surplus };
                return if surplus > MAX_SURPLUS { Fed::Surplus } else { Fed::Nothing };
            }
        };
        match decoder.feed(&mut bytes) {
            Progress::Incomplete(decoder) => {
                connection.state = State::Reading(decoder);
                self.reading.touch(slot, now);
                Fed::Nothing
            }
            Progress::Invalid(error) => {
                self.reply(slot, now);
                Fed::Invalid(error)
            }
            Progress::Done(frame) => {
                let ip = connection.ip;
                self.reply(slot, now);
                Fed::Request(frame, ip)
            }
        }
    }

    /// The peer will send no more.
    pub(super) fn end(&mut self, id: ConnectionId, now: Instant) -> End {
        let Some(&slot) = self.by_id.get(&id) else {
            return End::Unknown;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return End::Unknown;
        };
        match &connection.state {
            State::Reading(decoder) if decoder.has_begun() => {
                let operation = decoder.operation().map_or(0, |operation| operation as u8);
                connection.state = State::Replied { surplus: 0 };
                self.reply(slot, now);
                End::Truncated { operation }
            }
            State::Reading(_) | State::Replied { .. } => End::Clean,
        }
    }

    fn reply(&mut self, slot: Slot, now: Instant) {
        self.reading.remove(slot);
        self.replied.touch(slot, now);
    }

    /// Forgets a connection; whether there was one.
    pub(super) fn forget(&mut self, id: ConnectionId) -> bool {
        let Some(slot) = self.by_id.remove(&id) else {
            return false;
        };
        self.reading.remove(slot);
        self.replied.remove(slot);
        let Some(connection) = self.slots.remove(slot) else {
            return false;
        };
        if let Some(count) = self.counts.get_mut(&connection.ip) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&connection.ip);
            }
        }
        true
    }

    /// The connection that has lingered longest after its reply, and until when it may.
    pub(super) fn lingerer(&self) -> Option<(ConnectionId, Instant)> {
        let (slot, since) = self.replied.oldest()?;
        self.slots.get(slot).map(|connection| (connection.id, since + REPLY_LINGER))
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn an_address_at_its_cap_loses_its_own_idlest() {
        let caps = Caps { connections: 10, connections_per_address: 2, ..Caps::default() };
        let mut connections = Connections::new(7);
        for (id, last) in [(0, 1), (1, 2), (2, 2)] {
            assert_eq!(connections.to_evict(ip(last), &caps), None);
            connections.open(ConnectionId(id), ip(last), 10, at(id));
        }
        assert_eq!(connections.to_evict(ip(2), &caps), Some(ConnectionId(1)));
        assert!(matches!(connections.feed(ConnectionId(1), b"x", at(9)), Fed::Nothing));
        assert_eq!(connections.to_evict(ip(2), &caps), Some(ConnectionId(2)));
        assert_eq!(connections.to_evict(ip(3), &caps), None);
        assert_eq!(connections.idlest_of_all(), Some(ConnectionId(0)));
        assert!(connections.forget(ConnectionId(2)) && !connections.forget(ConnectionId(2)));
        assert_eq!(connections.to_evict(ip(2), &caps), None);
    }

    #[test]
    fn those_that_had_their_reply_are_idle_since_then() {
        let caps = Caps { connections: 2, ..Caps::default() };
        let mut connections = Connections::new(7);
        connections.open(ConnectionId(0), ip(1), 10, at(0));
        connections.open(ConnectionId(1), ip(1), 10, at(1));
        assert!(matches!(connections.feed(ConnectionId(0), &[0; 32], at(2)), Fed::Invalid(_)));
        assert_eq!(connections.to_evict(ip(1), &caps), Some(ConnectionId(1)));
        assert_eq!(connections.lingerer(), Some((ConnectionId(0), at(2) + REPLY_LINGER)));
        assert!(matches!(connections.feed(ConnectionId(0), b"more", at(3)), Fed::Nothing));
        assert_eq!(connections.lingerer(), Some((ConnectionId(0), at(2) + REPLY_LINGER)));
    }

    #[test]
    fn an_end_is_clean_or_in_the_middle() {
        let mut connections = Connections::new(7);
        for id in 0..3 {
            connections.open(ConnectionId(id), ip(1), 10, at(0));
        }
        assert!(matches!(connections.end(ConnectionId(0), at(1)), End::Clean));
        let mut header = [0; 32];
        (header[1], header[31]) = (2, 5);
        connections.feed(ConnectionId(1), &header[..31], at(1));
        assert!(matches!(connections.end(ConnectionId(1), at(1)), End::Truncated { operation: 0 }));
        assert!(matches!(connections.end(ConnectionId(1), at(1)), End::Clean));
        connections.feed(ConnectionId(2), &header, at(1));
        assert!(matches!(connections.end(ConnectionId(2), at(1)), End::Truncated { operation: 2 }));
        assert!(matches!(connections.end(ConnectionId(9), at(1)), End::Unknown));
    }

    #[test]
    fn what_comes_after_the_reply_is_at_most_16_mib() {
        let mut connections = Connections::new(7);
        connections.open(ConnectionId(0), ip(1), 10, at(0));
        assert!(matches!(connections.feed(ConnectionId(0), &[0; 32], at(1)), Fed::Invalid(_)));
        let half = vec![0; 8 << 20];
        assert!(matches!(connections.feed(ConnectionId(0), &half, at(2)), Fed::Nothing));
        assert!(matches!(connections.feed(ConnectionId(0), &half, at(2)), Fed::Nothing));
        assert!(matches!(connections.feed(ConnectionId(0), b"x", at(2)), Fed::Surplus));
    }

    quickcheck::quickcheck! {
        fn nothing_is_left_of_those_that_went(opened: Vec<u8>) -> bool {
            let mut connections = Connections::new(7);
            for (id, last) in (0..).zip(&opened) {
                connections.open(ConnectionId(id), ip(*last), 10, at(id));
            }
            let all = connections.len() == opened.len();
            for id in 0..opened.len() as u64 {
                connections.forget(ConnectionId(id));
            }
            all && connections.counts.is_empty()
                && connections.by_id.is_empty()
                && connections.idlest_of_all().is_none()
        }
    }
}
