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
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::{Census, Config, ConnectionId, Counters, Event, Incoming, Instant};
use protocol::tcp::ReplyForm;

use connections::Connection;
pub(crate) use connections::LINGER;
use departed::Departed;
pub(crate) use telling::NOTICES_A_TURN;
use telling::Telling;

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
    pub(crate) features: Features,
}

/// What a member asked for and was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Features {
    pub(crate) notices: bool,
    pub(crate) bundle: bool,
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
    telling: Telling,
    connections: BTreeMap<ConnectionId, Connection>,
    is_stopping: bool,
    /// Whether there are random bytes for a token.
    pub(crate) has_entropy: bool,
    counters: Counters,
    /// How often something was refused, by the reason.
    pub(crate) refusals: BTreeMap<&'static str, u64>,
}

/// What of the engine's answer the model cannot know beforehand.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    /// The token in the reply, if there is a reply with one.
    pub(crate) token: Option<String>,
    /// The connections that were closed.
    pub(crate) closes: BTreeSet<ConnectionId>,
    /// The notices that were sent, and to where.
    pub(crate) notices: Vec<(SocketAddr, &'a [u8])>,
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
    /// Notices that may have had their turn, or have it later.
    pub(crate) perhaps: Vec<Copies>,
    pub(crate) closes: BTreeSet<ConnectionId>,
    pub(crate) reply: Option<(ConnectionId, Reply)>,
    /// For each datagram of the event whether it has the token of a member, or a remembered one, and
    /// all that belongs to it.
    pub(crate) authentic: Vec<bool>,
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
    Admitted { user: String, members: BTreeSet<String>, features: Features },
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
            telling: Telling::default(),
            connections: BTreeMap::new(),
            is_stopping: false,
            has_entropy: true,
            counters: Counters::default(),
            refusals: BTreeMap::new(),
        }
    }

    /// Takes note of an event, and says what the server has to do about it.
    pub(crate) fn step(&mut self, event: Event<'_>, now: Instant, seen: &Seen<'_>) -> Expected {
        let mut expected = Expected::default();
        let is_chat = matches!(event, Event::Datagram { .. } | Event::Datagrams(_));
        // Who talks does not wait for what is still to be told.
        let mut budget = if is_chat && self.is_behind() { 0 } else { NOTICES_A_TURN };
        if let Event::Closed { connection } = event {
            self.connections.remove(&connection);
        }
        self.now = self.now.max(now);
        if self.sweep_if_due() {
            self.tell(&mut budget, &mut expected.by_time, &mut expected.perhaps);
        }
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
            Event::Datagram { from, bytes } => {
                self.datagrams(&[Incoming { from, bytes }], seen, &mut expected);
            }
            Event::Datagrams(batch) => self.datagrams(batch, seen, &mut expected),
            Event::Shutdown => self.shut_down(&mut expected),
            Event::Closed { .. } | Event::Tick => {}
        }
        self.tell(&mut budget, &mut expected.by_event, &mut expected.perhaps);
        self.note_what_was_told(seen, &expected);
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
        if self.is_behind() {
            return Some(self.now);
        }
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

    /// Takes a member out of both dictionaries.
    fn remove(&mut self, token: &str) -> Option<Record> {
        let record = self.token_list.remove(token)?;
        if let Some(room) = self.rooms_list.get_mut(&record.room_name) {
            room.members.remove(token);
        }
        self.telling.somebody_went(&record.room_name);
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
