//! Any sequence of events, each looked at by the simulator's model and rules: who gets a copy or a
//! notice, what is written and closed, the census, every counter, every bound, the next deadline.

mod batches;
mod people;
mod steps;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use engine::{
    Action, Caps, Census, Config, ConnectionId, Event, Instant, MemberId, SeededEntropy, Server,
};
use protocol::tcp::ReplyForm;
use sim::Judge;

use crate::Reached;
use crate::input::Input;
use people::Known;

/// Steps of one input.
const MOST_STEPS: usize = 400;

/// Wakes by which a server is rid of everyone, at most.
const MOST_WAKES: usize = 200;

/// The last moment to which the clock is set: far from where sums saturate.
const END_OF_TIME: u64 = 1 << 60;

/// Small, so that they are met.
const TINY: Caps = Caps {
    payload: 300,
    rooms: 3,
    room_members: 3,
    members: 6,
    connections: 4,
    connections_per_address: 3,
    remembered_tokens: 3,
};

/// Not so small, but so that one turn tells everybody.
const SMALL: Caps = Caps {
    payload: 1_000,
    rooms: 8,
    room_members: 12,
    members: 24,
    connections: 16,
    connections_per_address: 12,
    remembered_tokens: 64,
};

/// `settings | steps`.
pub fn run(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let choice = input.byte();
    let mut run = Run::new(settings(choice), choice & 16 == 0);
    for _ in 0..MOST_STEPS {
        if input.is_over() {
            break;
        }
        steps::step(&mut run, &mut input);
    }
    run.all_go();
    run.reached()
}

fn settings(choice: u8) -> Config {
    let mut config = Config {
        caps: if choice & 1 == 0 { SMALL } else { TINY },
        reply_form: if choice & 2 == 0 { ReplyForm::Framed } else { ReplyForm::Bare },
        ..Config::default()
    };
    if choice & 4 != 0 {
        config.idle_timeout = Duration::from_millis(1500);
        config.sweep_interval = Duration::from_millis(7);
    }
    if choice & 8 != 0 {
        config.caps.remembered_tokens = 0;
    }
    config
}

/// A server, its judge, and what an observer of its wires knows.
struct Run {
    /// Is told of datagrams one by one.
    server: Server,
    /// Is told of those in a batch at once, and is to do the same.
    twin: Server,
    judge: Judge,
    /// Whether anybody may ask for bundles.
    has_bundles: bool,
    has_shared: bool,
    has_bundled: bool,
    form: ReplyForm,
    now: Instant,
    /// The connections that were opened, from where, and for what room, the latest last.
    opened: Vec<(ConnectionId, SocketAddr, &'static str)>,
    /// Those who were ever sent something, and so can be reached.
    reachable: BTreeSet<MemberId>,
    /// Those who were let in, the latest last.
    known: Vec<Known>,
}

impl Run {
    fn new(config: Config, has_bundles: bool) -> Self {
        let form = config.reply_form;
        let judge = Judge::new(config.clone());
        let [server, twin] = [config.clone(), config]
            .map(|config| Server::new(config, SeededEntropy::new(7), Instant::ZERO).unwrap());
        Self {
            server,
            twin,
            judge,
            has_bundles,
            has_shared: false,
            has_bundled: false,
            form,
            now: Instant::ZERO,
            opened: Vec::new(),
            reachable: BTreeSet::new(),
            known: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        let actions = self.judge.tell(&mut self.server, event, self.now);
        let actions = actions.unwrap_or_else(|broken| panic!("{broken}, by {event:?}"));
        assert_eq!(self.twin.handle(event, self.now), actions, "the twins differ");
        for action in actions {
            self.reachable.extend(action.copies().map(|(_, to)| to.member));
            let Action::Write { connection, bytes } = action else { continue };
            let opened = self.opened.iter().find(|(id, ..)| *id == connection);
            let (_, home, room) = opened.expect("a connection that was opened");
            self.known.extend(Known::read(&bytes, self.form, room, home.ip()));
        }
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.event(Event::Datagram { from, bytes });
    }

    /// Numbers are not used again: a driver must not while a connection is open.
    fn open(&mut self, from: SocketAddr, room: &'static str) -> ConnectionId {
        let connection = ConnectionId(self.opened.len() as u64);
        self.opened.push((connection, from, room));
        self.event(Event::Opened { connection, from });
        connection
    }

    fn wait(&mut self, duration: Duration) {
        self.now = (self.now + duration).min(Instant::from_micros(END_OF_TIME));
    }

    /// Left alone, the server gets rid of everyone, and does not wake when nobody is there.
    fn all_go(&mut self) {
        let mut wakes = 0;
        for at in 0..self.opened.len() {
            let (connection, ..) = self.opened[at];
            self.event(Event::Closed { connection });
        }
        while let Some(deadline) = self.server.next_deadline() {
            self.now = self.now.max(deadline);
            self.event(Event::Tick);
            wakes += 1;
            assert!(wakes <= MOST_WAKES, "it is woken again and again");
        }
        assert_eq!(self.server.census(), Census::default());
    }

    fn reached(&self) -> Reached {
        let c = self.server.counters();
        let counts = [
            ("evicted", c.connections_evicted),
            ("created", c.rooms_created),
            ("joined", c.joins - c.rooms_created),
            ("refused", c.refusals),
            ("left", c.departures),
            ("timed out", c.timeouts),
            ("message", c.messages),
            ("copy", c.copies),
            ("presence", c.presences),
            ("told again", c.told_again),
            ("malformed", c.malformed),
            ("unknown token", c.unknown_token),
            ("mismatched", c.mismatched),
            ("foreign address", c.foreign_address),
            ("reserved", c.reserved),
        ];
        let reached = counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name);
        let shared = self.has_shared.then_some("shared out");
        reached.chain(shared).chain(self.has_bundled.then_some("bundled")).collect()
    }
}
