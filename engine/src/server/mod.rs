//! The server as a state machine: events and the time in, actions out.

mod admission;
mod connections;
mod credentials;
mod directory;
mod expiry;
mod notices;
mod relay;
mod remembered;
mod sharing;
mod stopping;
mod streams;
mod sweeps;
mod telling;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::action::{Action, Actions, MemberId};
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::entropy::{Entropy, EntropyError};
use crate::event::Event;
use crate::time::Instant;
use connections::Connections;
use credentials::Credentials;
use directory::Directory;
use remembered::Memory;
use sweeps::Sweeps;
use telling::{NOTICES_A_TURN, Tellings};

/// A chat server without I/O: rooms, members, connections and every rule about them.
///
/// A driver tells it what happens ([`Event`]) and when, and does what it answers ([`Action`]). It
/// wakes the server with [`Event::Tick`] no later than at [`Server::next_deadline`]; a tick too
/// early does nothing, and one too late decides nothing differently.
pub struct Server {
    config: Config,
    /// The latest time that was told. It never goes back, whatever the caller says.
    now: Instant,
    sweeps: Sweeps,
    entropy: Box<dyn Entropy + Send>,
    credentials: Credentials,
    directory: Directory,
    memory: Memory,
    connections: Connections,
    tellings: Tellings,
    counters: Counters,
    is_stopping: bool,
    /// Kept between sweeps for its memory alone.
    due: Vec<MemberId>,
}

/// How much a server holds right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Rooms.
    pub rooms: usize,
    /// Members of all rooms.
    pub members: usize,
    /// TCP connections.
    pub connections: usize,
    /// Tokens of members of the past.
    pub remembered_tokens: usize,
}

impl Server {
    /// A server with no rooms. The sweeps are counted from `now`; `entropy` is asked now for the key
    /// of this process and later for tokens.
    ///
    /// # Errors
    /// [`StartError`] when the settings make no sense or there is no entropy.
    pub fn new(
        config: Config,
        mut entropy: impl Entropy + Send + 'static,
        now: Instant,
    ) -> Result<Self, StartError> {
        config.check()?;
        let mut seed = [0; size_of::<u64>()];
        entropy.fill(&mut seed)?;
        let seed = u64::from_ne_bytes(seed);
        Ok(Self {
            now,
            sweeps: Sweeps::new(now, config.sweep_interval),
            credentials: Credentials::new(&mut entropy)?,
            directory: Directory::new(seed),
            memory: Memory::new(config.caps.remembered_tokens, seed),
            connections: Connections::new(seed),
            tellings: Tellings::default(),
            counters: Counters::default(),
            is_stopping: false,
            due: Vec::new(),
            entropy: Box::new(entropy),
            config,
        })
    }

    /// Takes note of `event` at the time `now` and gives what is to be done about it.
    ///
    /// For tests and small programs. A driver that cares for its allocations calls
    /// [`Server::handle_into`], of which this is a wrapper.
    pub fn handle(&mut self, event: Event<'_>, now: Instant) -> Vec<Action<'static>> {
        let mut actions = Actions::new();
        self.handle_into(event, now, &mut actions);
        actions.iter().map(Action::into_owned).collect()
    }

    /// Takes note of `event` at the time `now` and appends to `actions` what is to be done about it.
    ///
    /// What the passing of time calls for is done first, so that it is the clock and not the
    /// driver's timer that decides who is late. A time before one that was told already counts as
    /// that one. A datagram costs O(members of its room), alone or among several, and allocates nothing
    /// once `actions` has grown; a join costs O(log rooms) besides telling the members, a sweep O(those who are due). At
    /// one event at most 1,024 members are told something; the rest is due at once.
    pub fn handle_into(&mut self, event: Event<'_>, now: Instant, actions: &mut Actions) {
        if let Event::Opened { connection, .. } | Event::Closed { connection } = event {
            // Whatever bore this number is gone, so time calls for nothing about it any more.
            self.connections.forget(connection);
        }
        // What was left over from before is told at the ticks that are due for it, and not at the
        // expense of those who talk meanwhile.
        let is_chat = matches!(event, Event::Datagram { .. } | Event::Datagrams(_));
        let mut budget = if is_chat && !self.tellings.is_empty() { 0 } else { NOTICES_A_TURN };
        self.advance(now, &mut budget, actions);
        match event {
            Event::Datagram { from, bytes } => self.datagram(from, bytes, actions),
            Event::Datagrams(batch) => self.datagrams(batch, actions),
            Event::Opened { connection, from } => self.opened(connection, from, actions),
            Event::Received { connection, bytes } => self.received(connection, bytes, actions),
            Event::Ended { connection } => self.ended(connection, actions),
            Event::Crowded => self.crowded(actions),
            Event::Closed { .. } | Event::Tick => {}
            Event::Shutdown => self.shut_down(actions),
        }
        self.tell(&mut budget, actions);
    }

    /// When the server next needs to be told the time, if nothing else happens; `None` when it need
    /// not be. It is the present while more is to be told than one event's turn allows. Costs O(1).
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.tellings.is_empty() {
            return Some(self.now);
        }
        let linger = self.connections.lingerer().map(|(_, until)| until);
        linger.into_iter().chain(self.next_needed_sweep()).min()
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the server holds right now.
    pub fn census(&self) -> Census {
        Census {
            rooms: self.directory.room_count(),
            members: self.directory.member_count(),
            connections: self.connections.len(),
            remembered_tokens: self.memory.len(),
        }
    }

    fn advance(&mut self, now: Instant, budget: &mut usize, actions: &mut Actions) {
        self.now = self.now.max(now);
        if let Some(moment) = self.sweeps.latest(self.now) {
            self.sweep(moment);
            self.tell(budget, actions);
        }
        self.close_lingerers(actions);
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server")
            .field("now", &self.now)
            .field("census", &self.census())
            .finish_non_exhaustive()
    }
}

/// Why a server cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There are no random bytes for the keys.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
