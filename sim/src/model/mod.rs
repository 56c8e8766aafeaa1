//! What the server has to do, written as plainly as can be: the two dictionaries of the original
//! programs and linear scans. Nothing of the engine is used but the types of its interface.
//!
//! Tokens are random, so the model takes them from the replies. Where the rules leave a choice (which
//! of two connections that are idle for equally long has to go) it takes the engine's, if it is one
//! of those allowed.

mod connections;
mod datagrams;
mod departed;
mod rooms;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::{Census, Config, ConnectionId, Counters, Event, Incoming, Instant};
use protocol::tcp::ReplyForm;

use connections::Connection;
pub(crate) use connections::LINGER;
use departed::Departed;

/// The texts by which the server tells members what happened.
pub(crate) const TIMED_OUT: &str = "SYSTEM_MESSAGE_TIME_OUT";
pub(crate) const CLOSED: &str = "SYSTEM_HOST_MESSAGE_TIME_OUT";
pub(crate) const JOINED: &str = "SYSTEM_MEMBER_JOINED";
pub(crate) const LEFT: &str = "SYSTEM_MEMBER_LEFT";
pub(crate) const SHUTDOWN: &str = "SYSTEM_SERVER_SHUTDOWN";

/// A room, as the dictionary `rooms_list` has it.
#[derive(Debug)]
pub(crate) struct Room {
    /// By token, where each is to be reached.
    pub(crate) members: BTreeMap<String, Option<SocketAddr>>,
    pub(crate) password: String,
}

/// A member, as the dictionary `token_list` has it, and what this server adds.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) room_name: String,
    pub(crate) user_name: String,
    pub(crate) last_access: Instant,
    pub(crate) is_host: bool,
    pub(crate) ip: IpAddr,
    pub(crate) notices: bool,
    pub(crate) pong: bool,
}

/// The reference model.
#[derive(Debug)]
pub(crate) struct Model {
    rules: Config,
    start: Instant,
    now: Instant,
    swept: Instant,
    pub(crate) rooms_list: BTreeMap<String, Room>,
    pub(crate) token_list: BTreeMap<String, Record>,
    pub(crate) departed: Departed,
    connections: BTreeMap<ConnectionId, Connection>,
    is_stopping: bool,
    counters: Counters,
    /// How often something was refused, by the reason.
    pub(crate) refusals: BTreeMap<&'static str, u64>,
}

/// What of the engine's answer the model cannot know beforehand.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The token in the reply, if there is a reply with one.
    pub(crate) token: Option<String>,
    /// The connections that were closed.
    pub(crate) closes: BTreeSet<ConnectionId>,
    /// How many notices were sent to where the datagram came from, with its token. One may have been
    /// due anyway.
    pub(crate) notices: usize,
}

/// One datagram to some addresses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Copies {
    pub(crate) datagram: Vec<u8>,
    pub(crate) to: Vec<SocketAddr>,
}

/// What the server has to do about one event.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Datagrams that the passing of time calls for.
    pub(crate) by_time: Vec<Copies>,
    /// Datagrams that the event itself calls for.
    pub(crate) by_event: Vec<Copies>,
    pub(crate) closes: BTreeSet<ConnectionId>,
    pub(crate) reply: Option<(ConnectionId, Reply)>,
    /// Whether the event was a datagram with the token of a member, or a remembered one, and all
    /// that belongs to it.
    pub(crate) is_authentic: bool,
}

/// A reply, without its words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) operation: u8,
    /// The room name that it repeats; empty for none.
    pub(crate) room: String,
    pub(crate) says: Says,
}

/// What a reply says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Refused(&'static str),
    Admitted { user: String, members: BTreeSet<String>, features: Vec<&'static str> },
    Left { user: String },
    Rooms(Vec<(String, usize, bool)>),
}

impl Model {
    pub(crate) fn new(rules: Config, start: Instant) -> Self {
        Self {
            departed: Departed::new(rules.caps.remembered_tokens),
            rules,
            start,
            now: start,
            swept: start,
            rooms_list: BTreeMap::new(),
            token_list: BTreeMap::new(),
            connections: BTreeMap::new(),
            is_stopping: false,
            counters: Counters::default(),
            refusals: BTreeMap::new(),
        }
    }

    /// Takes note of an event, and says what the server has to do about it.
    pub(crate) fn step(&mut self, event: Event<'_>, now: Instant, seen: &Seen) -> Expected {
        let mut expected = Expected::default();
        if let Event::Closed { connection } = event {
            self.connections.remove(&connection);
        }
        self.now = self.now.max(now);
        self.sweep_if_due(&mut expected.by_time);
        self.close_lingerers(&mut expected.closes);
        match event {
            Event::Opened { connection, from } => {
                self.opened(connection, from, seen, &mut expected);
            }
            Event::Received { connection, bytes } => {
                self.received(connection, bytes, seen, &mut expected);
            }
            Event::Ended { connection } => self.ended(connection, &mut expected),
            Event::Crowded => self.crowded(seen, &mut expected),
            Event::Datagram { from, bytes } => self.datagram(from, bytes, seen, &mut expected),
            Event::Datagrams(batch) => {
                for Incoming { from, bytes } in batch {
                    self.datagram(*from, bytes, seen, &mut expected);
                }
            }
            Event::Shutdown => self.shut_down(&mut expected),
            Event::Closed { .. } | Event::Tick => {}
        }
        expected
    }

    pub(crate) fn rules(&self) -> &Config {
        &self.rules
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn is_connected(&self, connection: ConnectionId) -> bool {
        self.connections.contains_key(&connection)
    }

    pub(crate) fn connections_from(&self, ip: IpAddr) -> usize {
        self.connections.values().filter(|connection| connection.ip == ip).count()
    }

    pub(crate) fn connection_ip(&self, connection: ConnectionId) -> Option<IpAddr> {
        self.connections.get(&connection).map(|connection| connection.ip)
    }

    pub(crate) fn census(&self) -> Census {
        Census {
            rooms: self.rooms_list.len(),
            members: self.token_list.len(),
            connections: self.connections.len(),
            remembered_tokens: self.departed.len(),
        }
    }

    /// When the passing of time next calls for something.
    pub(crate) fn next_need(&self) -> Option<Instant> {
        let silent = self.token_list.values().map(|record| record.last_access).min();
        let silent = silent.map(|at| at + self.rules.idle_timeout + Duration::from_micros(1));
        let sweep = [silent, self.departed.next_end()].into_iter().flatten().min();
        let replied = self.connections.values().filter_map(|connection| connection.replied).min();
        let linger = replied.map(|at| at + LINGER);
        [sweep.map(|at| self.sweep_from(at)), linger].into_iter().flatten().min()
    }

    /// A notice about `about` to the holder of `token`, if it can be reached.
    fn notice(&self, token: &str, about: &str, text: &str) -> Option<Copies> {
        let record = self.token_list.get(token)?;
        let address = (*self.rooms_list.get(&record.room_name)?.members.get(token)?)?;
        let fields = crate::wire::Fields { room: &record.room_name, user: about, token, text };
        Some(Copies { datagram: fields.write(), to: vec![address] })
    }

    /// Everyone in a room is told, if they understand.
    fn tell_room(&self, room: &str, about: &str, text: &'static str, copies: &mut Vec<Copies>) {
        let Some(tokens) = self.rooms_list.get(room).map(|room| room.members.keys()) else {
            return;
        };
        for token in tokens {
            let understands = self.token_list.get(token).is_some_and(|record| record.notices);
            if let Some(text) = in_words_of(text, understands) {
                copies.extend(self.notice(token, about, text));
            }
        }
    }

    /// Takes a member out of both dictionaries.
    fn remove(&mut self, token: &str) -> Option<Record> {
        let record = self.token_list.remove(token)?;
        if let Some(room) = self.rooms_list.get_mut(&record.room_name) {
            room.members.remove(token);
        }
        Some(record)
    }

    fn count_refusal(&mut self, error: &'static str) -> Says {
        self.counters.refusals += 1;
        *self.refusals.entry(error).or_default() += 1;
        Says::Refused(error)
    }

    fn is_bare(&self) -> bool {
        self.rules.reply_form == ReplyForm::Bare
    }
}

/// What is said to a member that understands the additional notices, and to one that does not.
fn in_words_of(text: &'static str, understands: bool) -> Option<&'static str> {
    match text {
        _ if understands => Some(text),
        JOINED => None,
        LEFT => Some(TIMED_OUT),
        SHUTDOWN => Some(CLOSED),
        same => Some(same),
    }
}
