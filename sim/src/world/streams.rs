//! TCP: bytes in their order, in any pieces, until somebody ends, closes or resets.

use std::time::Duration;

use engine::{ConnectionId, Event, Instant};

use super::{Happens, Role, Violation, World};
use crate::link::Pipe;

/// A connection. Either side can lose its end before the other knows.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) party: usize,
    pub(super) purpose: Purpose,
    server: Side,
    /// Whether the party still has its end.
    is_held: bool,
    up: Pipe,
    down: Pipe,
}

/// What a party opened a connection for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be let in.
    Admission,
    /// To say farewell.
    Farewell,
    /// Whatever a hostile party has in mind.
    Other,
}

/// The server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Not accepted yet.
    Pending,
    Open,
    Gone,
}

impl World<'_> {
    /// A party connects and sends `bytes` in pieces.
    pub(super) fn connect(&mut self, party: usize, purpose: Purpose, bytes: &[u8]) -> ConnectionId {
        self.connections += 1;
        let id = ConnectionId(self.connections);
        let (up, down) = (Pipe::default(), Pipe::default());
        let stream = Stream { party, purpose, server: Side::Pending, is_held: true, up, down };
        self.streams.insert(id, stream);
        if let Some(at) = self.next_up(id) {
            self.at(at, Happens::Opened(id));
        }
        self.write_up(id, bytes);
        id
    }

    pub(super) fn write_up(&mut self, id: ConnectionId, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = self.split(id, bytes);
            if let Some(at) = self.next_up(id) {
                self.at(at, Happens::Up(id, piece.to_vec()));
            }
            bytes = rest;
        }
    }

    /// The party will send no more.
    pub(super) fn end_up(&mut self, id: ConnectionId) {
        if let Some(at) = self.next_up(id) {
            self.at(at, Happens::Up(id, Vec::new()));
        }
    }

    /// The party drops its end; the server learns of it, or never does.
    pub(super) fn drop_up(&mut self, id: ConnectionId, resets: bool) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_held = false;
        let at = if resets { self.next_up(id) } else { None };
        if let Some(at) = at {
            self.at(at, Happens::Lost(id));
        }
    }

    /// Every connection of a party is reset, at both ends.
    pub(super) fn reset_all_of(&mut self, party: usize) {
        let held = |(_, stream): &(&ConnectionId, &Stream)| stream.party == party && stream.is_held;
        let ids: Vec<ConnectionId> = self.streams.iter().filter(held).map(|(id, _)| *id).collect();
        for id in ids {
            self.drop_up(id, true);
            self.end_of_reply(id);
        }
    }

    /// The connections that a party holds.
    pub(super) fn held_by(&self, party: usize) -> Vec<ConnectionId> {
        let held = self.streams.iter().filter(|(_, s)| s.party == party && s.is_held);
        held.map(|(id, _)| *id).collect()
    }

    pub(super) fn open_at_server(&mut self, id: ConnectionId) -> Result<(), Violation> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if stream.server != Side::Pending {
            return Ok(());
        }
        stream.server = Side::Open;
        let party = stream.party;
        let from = self.address(party, 0);
        self.tell(Event::Opened { connection: id, from })
    }

    pub(super) fn up(&mut self, connection: ConnectionId, bytes: &[u8]) -> Result<(), Violation> {
        if self.streams.get(&connection).is_none_or(|stream| stream.server != Side::Open) {
            return Ok(());
        }
        if bytes.is_empty() {
            return self.tell(Event::Ended { connection });
        }
        self.tell(Event::Received { connection, bytes })
    }

    pub(super) fn lost(&mut self, connection: ConnectionId) -> Result<(), Violation> {
        let Some(stream) = self.streams.remove(&connection) else { return Ok(()) };
        if stream.server != Side::Open {
            return Ok(());
        }
        self.tell(Event::Closed { connection })
    }

    pub(super) fn write_down(&mut self, id: ConnectionId, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = self.split(id, bytes);
            if let Some(at) = self.next_down(id) {
                self.at(at, Happens::Down(id, piece.to_vec()));
            }
            bytes = rest;
        }
    }

    pub(super) fn end_down(&mut self, id: ConnectionId) {
        if let Some(at) = self.next_down(id) {
            self.at(at, Happens::Down(id, Vec::new()));
        }
    }

    pub(super) fn close_at_server(&mut self, id: ConnectionId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.server = Side::Gone;
        }
        self.end_down(id);
    }

    /// A piece of a reply comes to the party, or its end.
    pub(super) fn down(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.is_held) else { return };
        let (party, purpose) = (stream.party, stream.purpose);
        if bytes.is_empty() {
            self.end_of_reply(id);
            self.end_up(id);
            self.let_go(id);
            return;
        }
        match (self.roles.get(party), purpose) {
            (Some(Role::Client(_)), Purpose::Admission) => self.client_reads(party, id, bytes),
            (Some(Role::Hostile(_)), _) => self.hostile_reads(party, id, bytes),
            _ => {}
        }
    }

    /// The party closes its end in order.
    pub(super) fn let_go(&mut self, id: ConnectionId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.is_held = false;
        }
    }

    /// No more of a reply will come.
    fn end_of_reply(&mut self, id: ConnectionId) {
        let Some(stream) = self.streams.get(&id) else { return };
        let party = stream.party;
        if stream.purpose == Purpose::Admission {
            self.client_is_hung_up_on(party, id);
        }
    }

    /// Whoever asked has waited long enough.
    pub(super) fn lose_patience(&mut self, id: ConnectionId) {
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.is_held) else { return };
        let party = stream.party;
        self.client_is_hung_up_on(party, id);
        self.drop_up(id, true);
    }

    /// The connections of those who are long gone are found to be dead.
    pub(super) fn close_what_is_left(&mut self) -> Result<(), Violation> {
        let ids: Vec<ConnectionId> = self.streams.keys().copied().collect();
        for id in ids {
            self.lost(id)?;
        }
        Ok(())
    }

    pub(super) fn patience(&mut self, id: ConnectionId, patience: Duration) {
        self.at(self.now + patience, Happens::Patience(id));
    }

    fn split<'b>(&mut self, id: ConnectionId, bytes: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        let party = self.streams.get(&id).map_or(0, |stream| stream.party);
        let weather = self.weather;
        let size = self.links.get_mut(party).map_or(1, |link| link.cut_of(bytes.len(), &weather));
        bytes.split_at(size.clamp(1, bytes.len()))
    }

    fn next_up(&mut self, id: ConnectionId) -> Option<Instant> {
        let stream = self.streams.get_mut(&id)?;
        let link = self.links.get_mut(stream.party)?;
        let (at, faults) = link.piece(&mut stream.up, self.now, &self.weather);
        self.stats.faults += faults;
        Some(at)
    }

    fn next_down(&mut self, id: ConnectionId) -> Option<Instant> {
        let stream = self.streams.get_mut(&id)?;
        let link = self.links.get_mut(stream.party)?;
        let (at, faults) = link.piece(&mut stream.down, self.now, &self.weather);
        self.stats.faults += faults;
        Some(at)
    }
}
