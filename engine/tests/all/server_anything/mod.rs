//! A server that anything happens to, in any order and at any time: it never panics, keeps within
//! its caps, and acts only on connections that are open and addresses that proved themselves.

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use engine::{Action, Caps, ConnectionId, Event, Instant, Recipient};
use protocol::tcp::{self, Request, Secret};
use protocol::udp::Datagram;
use protocol::{RoomName, UserName};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use steps::{Asked, Step};

use crate::world::{World, address, datagram, person, raw_request};

const ROOMS: [&str; 4] = ["部屋", "廊下", "kai", "別の部屋"];
const USERS: [&str; 5] = ["太郎", "花子", "次郎", "三郎", "kai"];
const HOMES: [&str; 4] = ["192.0.2.1", "192.0.2.2", "[2001:db8::1]", "[::ffff:192.0.2.1]"];
const TEXTS: [&str; 4] = ["", "やあ", "SYSTEM_X", "SYSTEM_HOST_MESSAGE_TIME_OUT"];

const CAPS: Caps = Caps {
    payload: 300,
    rooms: 3,
    room_members: 3,
    members: 6,
    connections: 4,
    connections_per_address: 3,
    remembered_tokens: 3,
};

/// Somebody whom the server once let in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    room: String,
    user: String,
    token: String,
    home: SocketAddr,
}

/// A server, and what an observer of its wires knows.
struct Run {
    world: World,
    /// The connections that are open, where they are from, and whether they have had their reply.
    open: BTreeMap<ConnectionId, (SocketAddr, bool)>,
    known: Vec<Known>,
    /// The addresses from which each token was sent in a valid datagram.
    proved: BTreeSet<(String, SocketAddr)>,
    latest: Instant,
}

impl Run {
    fn new() -> Self {
        Self {
            world: World::capped(CAPS),
            open: BTreeMap::new(),
            known: Vec::new(),
            proved: BTreeSet::new(),
            latest: Instant::ZERO,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Open { connection, home } => {
                let (connection, from) = (ConnectionId(*connection), home_of(*home, 40_000));
                // Where the number is used again, what was due is done with the old one first.
                let replaces = self.open.contains_key(&connection);
                if !replaces {
                    self.open.insert(connection, (from, false));
                }
                self.act(Event::Opened { connection, from });
                if replaces {
                    self.open.insert(connection, (from, false));
                }
                self.check_state();
            }
            Step::Ask { connection, request, cut, spoil } => {
                let mut bytes = self.request(request);
                spoiled(&mut bytes, *spoil);
                let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
                for bytes in [head, tail] {
                    let connection = ConnectionId(*connection);
                    self.event(Event::Received { connection, bytes });
                }
            }
            Step::Rubbish { connection, bytes } => {
                let connection = ConnectionId(*connection);
                self.event(Event::Received { connection, bytes });
            }
            Step::Ended { connection } => {
                let connection = ConnectionId(*connection);
                self.event(Event::Ended { connection });
            }
            Step::Closed { connection } => {
                let connection = ConnectionId(*connection);
                // Its time may have been over before the server learns that it is gone.
                self.act(Event::Closed { connection });
                self.open.remove(&connection);
                self.check_state();
            }
            Step::Say { who, text, port, stranger, spoil } => {
                let Some(known) = chosen(&self.known, *who).cloned() else {
                    return;
                };
                let mut bytes = known.datagram(TEXTS[usize::from(*text) % TEXTS.len()]);
                spoiled(&mut bytes, *spoil);
                let port = 5000 + u16::from(*port);
                let home = SocketAddr::new(known.home.ip(), port);
                let from = if *stranger { home_of(*who, port) } else { home };
                self.datagram(from, &bytes);
            }
            Step::Noise { home, bytes } => self.datagram(home_of(*home, 5000), bytes),
            Step::Crowded => self.event(Event::Crowded),
            Step::Tick => self.event(Event::Tick),
            Step::Later { micros } => self.world.wait(micros_of(u64::from(*micros))),
            Step::MuchLater { micros } => self.world.wait(micros_of(*micros)),
            Step::Earlier { micros } => {
                let now = self.world.now.as_micros();
                self.world.now = Instant::from_micros(now.saturating_sub(u64::from(*micros)));
            }
            Step::Shutdown => self.event(Event::Shutdown),
        }
    }

    fn request(&self, asked: &Asked) -> Vec<u8> {
        let who = |room: u8, user: u8, secret: bool, notices: bool| {
            let room = ROOMS[usize::from(room) % ROOMS.len()];
            let user = USERS[usize::from(user) % USERS.len()];
            let person = person(room, user).password(if secret { "秘密" } else { "" });
            if notices { person.notices() } else { person }
        };
        match *asked {
            Asked::Create { room, user, secret, notices } => {
                who(room, user, secret, notices).create()
            }
            Asked::Join { room, user, secret, notices } => who(room, user, secret, notices).join(),
            Asked::Leave { who } => match chosen(&self.known, who) {
                Some(known) => known.leave(),
                None => raw_request(3, 0, b"r", b"{}"),
            },
            Asked::Rooms => Request::Rooms.encode().to_vec(),
            Asked::Unknown { operation } => raw_request(operation, 0, b"r", b"{}"),
        }
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Ok(datagram) = Datagram::parse(bytes) {
            let own = self.known.iter().find(|known| {
                known.token == datagram.token()
                    && known.room == datagram.room()
                    && known.user == datagram.user()
                    && known.home.ip().to_canonical() == from.ip().to_canonical()
            });
            self.proved.extend(own.map(|known| (known.token.clone(), from)));
        }
        self.event(Event::Datagram { from, bytes });
    }

    fn event(&mut self, event: Event<'_>) {
        self.act(event);
        self.check_state();
    }

    fn act(&mut self, event: Event<'_>) {
        for action in self.world.event(event) {
            self.check(&action);
        }
        self.latest = self.latest.max(self.world.now);
    }

    fn check_state(&self) {
        let census = self.world.census();
        assert_eq!(census.connections, self.open.len());
        assert!(census.connections <= CAPS.connections);
        assert!(census.rooms <= CAPS.rooms && census.members <= CAPS.members);
        assert!(census.rooms <= census.members);
        assert!(census.members <= census.rooms * CAPS.room_members);
        assert!(census.remembered_tokens <= CAPS.remembered_tokens);
        let deadline = self.world.server.next_deadline();
        let end = Instant::from_micros(u64::MAX);
        assert!(deadline.is_none_or(|deadline| deadline > self.latest || deadline == end));
        let idle = (census.rooms, census.remembered_tokens, census.connections) == (0, 0, 0);
        assert!(deadline.is_none() || !idle);
        let c = self.world.server.counters();
        let valid = c.messages + c.presences + c.reserved;
        let dropped = c.malformed + c.unknown_token + c.mismatched + c.foreign_address;
        assert_eq!(c.datagrams, valid + dropped);
    }

    fn check(&mut self, action: &Action<'_>) {
        match action {
            Action::Write { connection, bytes } => {
                let (from, replied) = self.open.get_mut(connection).expect("an open connection");
                assert!(!*replied, "one reply only");
                *replied = true;
                let known = Known::read(bytes, *from);
                self.known.extend(known);
            }
            Action::HalfClose { connection } => assert!(self.open[connection].1),
            Action::Close { connection } => {
                self.open.remove(connection).expect("an open connection");
            }
            Action::Relay { datagram, to } => {
                let datagram = Datagram::parse(datagram).unwrap();
                let (room, from) = (datagram.room(), datagram.user());
                assert_eq!(datagram.token(), "");
                for to in to.iter() {
                    let is_other = |known: &Known| known.room == room && known.user != from;
                    assert!(self.has_proved(to, is_other), "{to:?}");
                }
            }
            Action::Burst { .. } => unreachable!("datagrams are told one by one here"),
            Action::Notify { datagram, to } => {
                let datagram = Datagram::parse(datagram).unwrap();
                let (room, token) = (datagram.room(), datagram.token());
                let is_bearer = |known: &Known| known.room == room && known.token == token;
                assert!(self.has_proved(to, is_bearer), "{to:?}");
            }
        }
    }

    /// Whether one of those who `fit` sent a valid datagram from where `to` is.
    fn has_proved(&self, to: &Recipient, fit: impl Fn(&Known) -> bool) -> bool {
        self.known
            .iter()
            .filter(|known| fit(known))
            .any(|known| self.proved.contains(&(known.token.clone(), to.address)))
    }
}

impl Known {
    /// From the reply that lets somebody in, if it is one.
    fn read(reply: &[u8], home: SocketAddr) -> Option<Self> {
        let (header, rest) = reply.split_at(32);
        let (room, json) = rest.split_at(usize::from(header[0]));
        let json = std::str::from_utf8(json).unwrap();
        let field = |key: &str| {
            let (_, value) = json.split_once(&format!(r#""{key}":""#))?;
            value.split('"').next().map(str::to_owned)
        };
        Some(Self {
            room: std::str::from_utf8(room).unwrap().to_owned(),
            user: field("user_name")?,
            token: field("token")?,
            home,
        })
    }

    fn datagram(&self, text: &str) -> Vec<u8> {
        datagram(&self.room, &self.user, &self.token, text)
    }

    fn leave(&self) -> Vec<u8> {
        let departure = tcp::Departure {
            room: RoomName::new(&self.room).unwrap(),
            user: UserName::new(&self.user).unwrap(),
            token: Secret::new(&self.token),
        };
        Request::Leave(departure).encode().to_vec()
    }
}

fn chosen(known: &[Known], number: u8) -> Option<&Known> {
    // The latest are the likeliest to be members still.
    known.iter().rev().nth(usize::from(number % 8))
}

fn home_of(number: u8, port: u16) -> SocketAddr {
    address(&format!("{}:{port}", HOMES[usize::from(number) % HOMES.len()]))
}

fn micros_of(micros: u64) -> std::time::Duration {
    std::time::Duration::from_micros(micros)
}

fn spoiled(bytes: &mut [u8], spoil: Option<(u8, u8)>) {
    if let Some((at, byte)) = spoil {
        let at = usize::from(at) % bytes.len();
        bytes[at] = byte;
    }
}

#[test]
fn whatever_happens_the_server_keeps_its_rules() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck gives it away")]
    fn keeps_its_rules(steps: Vec<Step>) -> bool {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.step(step));
        true
    }
    QuickCheck::new().tests(1000).quickcheck(keeps_its_rules as fn(Vec<Step>) -> bool);
}

#[test]
fn after_a_while_nothing_is_left_of_it() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck gives it away")]
    fn leaves_nothing(steps: Vec<Step>) -> bool {
        let mut run = Run::new();
        let in_our_time = |step: &&Step| !matches!(step, Step::MuchLater { .. });
        steps.iter().filter(in_our_time).for_each(|step| run.step(step));
        run.world.now = run.latest;
        let mut wakes = 0;
        while let Some(deadline) = run.world.server.next_deadline() {
            run.world.now = deadline;
            run.event(Event::Tick);
            wakes += 1;
            assert!(wakes < 50);
        }
        let census = run.world.census();
        let typing = run.open.values().filter(|(_, replied)| !replied).count();
        (census.rooms, census.members, census.remembered_tokens) == (0, 0, 0)
            && census.connections == typing
    }
    QuickCheck::new().tests(1000).quickcheck(leaves_nothing as fn(Vec<Step>) -> bool);
}

/// The steps are of use only if they lead somewhere.
#[test]
fn what_happens_at_random_reaches_every_rule() {
    let mut total = engine::Counters::default();
    let mut g = Gen::new(2000);
    for _ in 0..20 {
        let mut run = Run::new();
        for _ in 0..2000 {
            let step = Step::arbitrary(&mut g);
            if !matches!(step, Step::MuchLater { .. } | Step::Shutdown) {
                run.step(&step);
            }
        }
        let c = run.world.server.counters();
        total.rooms_created += c.rooms_created;
        total.copies += c.copies;
        total.told_again += c.told_again;
        total.timeouts += c.timeouts;
        total.departures += c.departures;
        total.connections_evicted += c.connections_evicted;
        total.mismatched += c.mismatched;
        total.foreign_address += c.foreign_address;
        total.malformed += c.malformed;
    }
    let reached = [
        total.rooms_created,
        total.copies,
        total.told_again,
        total.timeouts,
        total.departures,
        total.connections_evicted,
        total.mismatched,
        total.foreign_address,
        total.malformed,
    ];
    assert!(reached.iter().all(|count| *count > 0), "{total:?}");
}
