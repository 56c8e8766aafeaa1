//! TCP connections: one request and one reply each.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::{ConnectionId, Instant};

use super::{Expected, Model, Reply, Seen};
use crate::wire::{HEADER, Header, is_name};

/// How long a connection stays after its reply.
pub(crate) const LINGER: Duration = Duration::from_secs(10);

/// A connection and what came on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ip: IpAddr,
    received: Vec<u8>,
    /// When it had its reply.
    pub(super) replied: Option<Instant>,
    idle_since: Instant,
}

/// What the bytes that came so far are.
enum Progress {
    Incomplete,
    /// Refused for its header alone.
    Refused {
        operation: u8,
        error: &'static str,
    },
    Whole {
        header: Header,
        room: Vec<u8>,
        payload: Vec<u8>,
    },
}

impl Model {
    pub(super) fn opened(
        &mut self,
        id: ConnectionId,
        from: SocketAddr,
        seen: &Seen<'_>,
        expected: &mut Expected,
    ) {
        self.counters.connections += 1;
        if self.is_stopping {
            expected.closes.insert(id);
            return;
        }
        let ip = from.ip().to_canonical();
        let caps = &self.rules.caps;
        if self.connections_from(ip) >= caps.connections_per_address {
            self.evict(Some(ip), seen, expected);
        } else if self.connections.len() >= caps.connections {
            self.evict(None, seen, expected);
        }
        let idle_since = self.now;
        let connection = Connection { ip, received: Vec::new(), replied: None, idle_since };
        self.connections.insert(id, connection);
    }

    pub(super) fn received(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        seen: &Seen<'_>,
        expected: &mut Expected,
    ) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.replied.is_some() {
            return;
        }
        connection.received.extend_from_slice(bytes);
        connection.idle_since = now;
        let reply = match progress(&connection.received, self.rules.caps.payload) {
            Progress::Incomplete => return,
            Progress::Refused { operation, error } => {
                let says = self.count_refusal(error);
                Reply { operation, room: String::new(), says }
            }
            Progress::Whole { header, room, payload } => {
                let ip = connection.ip;
                self.request(header, &room, &payload, ip, seen)
            }
        };
        self.reply(id, reply, expected);
    }

    pub(super) fn ended(&mut self, id: ConnectionId, expected: &mut Expected) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.replied.is_some() || connection.received.is_empty() {
            self.connections.remove(&id);
            expected.closes.insert(id);
            return;
        }
        let operation = Header::read(&connection.received).map_or(0, |header| header.operation);
        let says = self.count_refusal("invalid_request");
        self.reply(id, Reply { operation, room: String::new(), says }, expected);
    }

    pub(super) fn crowded(&mut self, seen: &Seen<'_>, expected: &mut Expected) {
        self.evict(None, seen, expected);
    }

    pub(super) fn close_lingerers(&mut self, closes: &mut BTreeSet<ConnectionId>) {
        let now = self.now;
        self.connections.retain(|id, connection| {
            let is_over = connection.replied.is_some_and(|replied| replied + LINGER <= now);
            if is_over {
                closes.insert(*id);
            }
            !is_over
        });
    }

    fn reply(&mut self, id: ConnectionId, reply: Reply, expected: &mut Expected) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.replied = Some(self.now);
            connection.idle_since = self.now;
            connection.received = Vec::new();
        }
        expected.reply = Some((id, reply));
    }

    /// The connection idle longest has to go, of all or of one address. Of several that are idle
    /// for equally long it may be any.
    fn evict(&mut self, ip: Option<IpAddr>, seen: &Seen<'_>, expected: &mut Expected) {
        let eligible = || {
            self.connections
                .iter()
                .filter(|(_, connection)| ip.is_none_or(|ip| connection.ip == ip))
        };
        let Some(longest) = eligible().map(|(_, connection)| connection.idle_since).min() else {
            return;
        };
        let mut idlest = eligible()
            .filter(|(_, connection)| connection.idle_since == longest)
            .map(|(id, _)| *id);
        let first = idlest.clone().next();
        let chosen = idlest.find(|id| seen.closes.contains(id)).or(first);
        if let Some(chosen) = chosen {
            self.counters.connections_evicted += 1;
            self.connections.remove(&chosen);
            expected.closes.insert(chosen);
        }
    }
}

/// Looks at what came so far, the header first.
fn progress(bytes: &[u8], cap: u32) -> Progress {
    let Some(header) = Header::read(bytes) else {
        return Progress::Incomplete;
    };
    let operation = header.operation;
    let refused = |error| Progress::Refused { operation, error };
    if !(1..=4).contains(&operation) || header.state > 2 {
        return refused("invalid_request");
    }
    let Some(payload_size) = header.payload_size.filter(|size| *size <= cap) else {
        return refused("payload_too_large");
    };
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let Some((room, rest)) = rest.split_at_checked(header.room_size) else {
        return Progress::Incomplete;
    };
    match rest.split_at_checked(payload_size as usize) {
        Some((payload, _)) => {
            Progress::Whole { header, room: room.to_vec(), payload: payload.to_vec() }
        }
        None => Progress::Incomplete,
    }
}

/// The room that a reply repeats: a valid name, or none.
pub(super) fn room_of(bytes: &[u8]) -> String {
    let name = std::str::from_utf8(bytes).ok().filter(|name| is_name(name));
    name.unwrap_or_default().to_owned()
}
