//! A world: client sessions, hostile parties, a network and a server, on one simulated clock. Time
//! jumps from one event to the next.

mod client;
mod hostile;
mod outcome;
mod server;
mod streams;
#[cfg(test)]
mod tampered;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{
    Action, Actions, ConnectionId, Entropy, EntropyError, Instant, SeededEntropy, Server,
};
use fastrand::Rng;

use crate::invariants;
use crate::judge::Judge;
use crate::link::{Link, Weather};
use crate::model::LINGER;
use crate::plan::{Kind, Plan, What};
use crate::trace::{self, Depth, Trace};
use client::Client;
use hostile::Hostile;
pub use outcome::{Outcome, Stats, Violation};
use streams::Stream;

/// Something that is going to happen.
#[derive(Debug)]
enum Happens {
    Deed(usize),
    /// The server's timer, by the number of times that it was set.
    Wake(u64),
    /// A client's timer.
    Tick(usize),
    ToServer {
        party: usize,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    ToParty {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// The server looks at the datagrams that wait for it.
    Take,
    /// There are random bytes again.
    Replenished,
    /// The system tells a client that nobody listens.
    Refused(usize),
    Opened(ConnectionId),
    /// A piece of a stream to the server; nothing is its end.
    Up(ConnectionId, Vec<u8>),
    /// A connection is reset.
    Lost(ConnectionId),
    /// A piece of a stream to a party; nothing is its end.
    Down(ConnectionId, Vec<u8>),
    /// A client waits for no reply any longer.
    Patience(ConnectionId),
    /// The faults are healed.
    Calm,
    /// Everyone has to know whether it is in.
    Asked,
    /// The last connections of those who crashed are gone.
    Swept,
}

/// An event in its place: by time, and by the order in which it was planned.
type Planned = Reverse<(Instant, u64)>;

/// The system and all that surrounds it.
struct World<'a> {
    plan: &'a Plan,
    weather: Weather,
    now: Instant,
    planned: u64,
    queue: BinaryHeap<Planned>,
    happens: BTreeMap<u64, Happens>,
    server: Server,
    actions: Actions,
    /// Whether the server has stopped: nobody listens at its address.
    is_down: bool,
    tamper: Tamper,
    /// When the server's timer is set to.
    wake_at: Option<Instant>,
    /// How often it was set: what it was set to before counts no longer.
    wakes: u64,
    timer: Rng,
    /// Datagrams that came while the server had other work.
    waiting: Vec<(SocketAddr, Vec<u8>)>,
    /// Whether its source of random bytes fails, and until when.
    drought: Arc<AtomicBool>,
    dry_until: Instant,
    judge: Judge,
    roles: Vec<Role>,
    links: Vec<Link>,
    ports: Vec<u16>,
    next_port: u16,
    streams: BTreeMap<ConnectionId, Stream>,
    connections: u64,
    /// Datagrams that whoever listens on the network has heard lately.
    heard: Vec<(SocketAddr, Vec<u8>)>,
    stats: Stats,
    trace: Trace,
}

/// What a party is while the world runs.
enum Role {
    Client(Box<Client>),
    Hostile(Hostile),
}

/// A change to what the server did.
type Tamper = for<'a> fn(&mut Vec<Action<'a>>);

/// More events than any sound world has: one that has more is caught in a loop.
const MOST_EVENTS: u64 = 5_000_000;

impl Plan {
    /// Runs the world to its end, or to the first rule that is broken. A panic breaks one.
    pub fn run(&self, depth: Depth) -> Outcome {
        self.run_tampered(depth, |_| {})
    }

    /// As [`Plan::run`], with a server whose actions are changed before anybody sees them: for seeing
    /// that the checks can fail.
    fn run_tampered(&self, depth: Depth, tamper: Tamper) -> Outcome {
        let mut seeded = SeededEntropy::new(self.seed ^ 0x5eed);
        let drought = Arc::new(AtomicBool::new(false));
        let is_dry = Arc::clone(&drought);
        let entropy = move |bytes: &mut [u8]| match is_dry.load(Ordering::Relaxed) {
            true => Err(EntropyError),
            false => seeded.fill(bytes),
        };
        let server = match Server::new(self.config.clone(), entropy, Instant::ZERO) {
            Ok(server) => server,
            Err(error) => {
                let (at, how) = (Instant::ZERO, error.to_string());
                let violation = Violation { rule: "the_server_starts", step: 0, at, how };
                return Outcome { violation: Some(violation), ..Outcome::default() };
            }
        };
        let mut world = World::new(self, server, drought, depth, tamper);
        let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
        let ran = ran.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let how = text.unwrap_or("a panic without words").to_owned();
            Err(world.violation("no_input_makes_it_panic", how))
        });
        let violation = ran.err();
        let World { mut stats, judge: Judge { model, .. }, now, trace, .. } = world;
        stats.time = now.since(Instant::ZERO);
        stats.counters = *model.counters();
        let refusals = model.refusals;
        Outcome { stats, refusals, violation, trace: trace.into_text() }
    }
}

impl<'a> World<'a> {
    fn new(
        plan: &'a Plan,
        server: Server,
        drought: Arc<AtomicBool>,
        depth: Depth,
        tamper: Tamper,
    ) -> Self {
        let roles = plan.parties.iter().map(|party| match party.kind {
            Kind::Client { keepalive, asks } => {
                Role::Client(Box::new(Client::new(keepalive, asks)))
            }
            Kind::Hostile => Role::Hostile(Hostile::default()),
        });
        let of_party = |number: usize| (plan.seed << 8) ^ number as u64;
        let count = plan.parties.len();
        Self {
            weather: plan.weather,
            now: Instant::ZERO,
            planned: 0,
            queue: BinaryHeap::new(),
            happens: BTreeMap::new(),
            server,
            actions: Actions::new(),
            is_down: false,
            tamper,
            wake_at: None,
            wakes: 0,
            timer: Rng::with_seed(plan.seed ^ 0x71e4),
            waiting: Vec::new(),
            drought,
            dry_until: Instant::ZERO,
            judge: Judge::new(plan.config.clone()),
            roles: roles.collect(),
            links: (0..count).map(|number| Link::new(of_party(number))).collect(),
            ports: (0..count).map(|number| 5000 + number as u16).collect(),
            next_port: 20_000,
            streams: BTreeMap::new(),
            connections: 0,
            heard: Vec::new(),
            stats: Stats::default(),
            trace: Trace::new(depth),
            plan,
        }
    }

    fn run(&mut self) -> Result<(), Violation> {
        for (number, deed) in self.plan.deeds.iter().enumerate() {
            self.at(deed.at, Happens::Deed(number));
        }
        let asked_at = self.plan.asked_at();
        self.at(self.plan.calm_at, Happens::Calm);
        self.at(asked_at, Happens::Asked);
        self.at(asked_at + LINGER, Happens::Swept);
        while let Some(Reverse((at, number))) = self.queue.pop() {
            let Some(happens) = self.happens.remove(&number) else { continue };
            self.now = at;
            self.happen(happens)?;
            if number > MOST_EVENTS {
                return Err(self.violation("the_world_ends", "it goes on and on".to_owned()));
            }
        }
        let left = invariants::nothing_is_left(self.server.census(), self.server.next_deadline());
        left.map_err(|how| self.violation("nothing_is_left", how))
    }

    fn happen(&mut self, happens: Happens) -> Result<(), Violation> {
        match happens {
            Happens::Deed(number) => self.do_deed(number),
            Happens::Wake(number) if number == self.wakes => self.wake(),
            Happens::Wake(_) => Ok(()),
            Happens::Tick(party) => {
                self.tick(party);
                Ok(())
            }
            Happens::ToServer { party, from, bytes } => self.arrive(party, from, bytes),
            Happens::Take => self.take(),
            Happens::Replenished => {
                if self.dry_until <= self.now {
                    self.set_drought(false);
                }
                Ok(())
            }
            Happens::ToParty { to, bytes } => {
                self.deliver(to, &bytes);
                Ok(())
            }
            Happens::Refused(party) => {
                self.session(party, engine::client::Event::Unreachable);
                Ok(())
            }
            Happens::Opened(id) => self.open_at_server(id),
            Happens::Up(id, bytes) => self.up(id, &bytes),
            Happens::Lost(id) => self.lost(id),
            Happens::Down(id, bytes) => {
                self.down(id, &bytes);
                Ok(())
            }
            Happens::Patience(id) => {
                self.lose_patience(id);
                Ok(())
            }
            Happens::Calm => {
                self.calm();
                Ok(())
            }
            Happens::Asked => self.ask_everyone(),
            Happens::Swept => self.close_what_is_left(),
        }
    }

    /// Plans something.
    fn at(&mut self, at: Instant, happens: Happens) {
        self.planned += 1;
        self.queue.push(Reverse((at, self.planned)));
        self.happens.insert(self.planned, happens);
    }

    fn do_deed(&mut self, number: usize) -> Result<(), Violation> {
        let plan = self.plan;
        let Some(deed) = plan.deeds.get(number) else { return Ok(()) };
        let party = deed.party;
        let (now, name) = (self.now, self.name(party));
        self.trace.line(now, || format!("{name} {:?}", deed.what));
        match deed.what {
            What::Cut(duration) => {
                self.stats.faults += 1;
                if let Some(link) = self.links.get_mut(party) {
                    link.cut(now + duration);
                }
            }
            What::Rebind => {
                self.stats.faults += 1;
                self.next_port += 1;
                if let Some(port) = self.ports.get_mut(party) {
                    *port = self.next_port;
                }
            }
            What::Reset => {
                self.stats.faults += 1;
                self.reset_all_of(party);
            }
            What::Crowd => {
                self.stats.faults += 1;
                self.tell(engine::Event::Crowded)?;
            }
            What::Starve(duration) => {
                self.stats.faults += 1;
                self.dry_until = self.dry_until.max(now + duration);
                self.set_drought(true);
                self.at(self.dry_until, Happens::Replenished);
            }
            _ if matches!(self.roles.get(party), Some(Role::Client(_))) => {
                self.client_does(party, &deed.what);
            }
            _ => self.hostile_does(party, deed),
        }
        Ok(())
    }

    /// All faults are healed, and the hostile parties are gone.
    fn calm(&mut self) {
        self.weather = Weather { busy: self.weather.busy, ..Weather::FINE };
        for party in 0..self.roles.len() {
            if matches!(self.roles.get(party), Some(Role::Hostile(_))) {
                self.reset_all_of(party);
            }
        }
        self.trace.line(self.now, || "calm".to_owned());
    }

    /// Everyone has to know whether it is in; and then everyone goes, or the server stops.
    fn ask_everyone(&mut self) -> Result<(), Violation> {
        for party in 0..self.roles.len() {
            let Some(Role::Client(client)) = self.roles.get(party) else { continue };
            let Some(token) = client.token() else { continue };
            let rule = "who_still_sends_knows_whether_it_is_in";
            let gets_answers = client.gets_answers();
            let knows = invariants::who_still_sends_knows_whether_it_is_in(
                &self.judge.model,
                token,
                gets_answers,
            );
            let is_in = self.judge.model.token_list.contains_key(token);
            knows.map_err(|how| self.violation(rule, format!("{}: {how}", self.name(party))))?;
            self.stats.in_the_dark += u64::from(!is_in);
        }
        if self.plan.shuts_down {
            let told = self.tell(engine::Event::Shutdown);
            self.is_down = true;
            return told;
        }
        for party in 0..self.roles.len() {
            let what = if party % 2 == 0 { What::Leave } else { What::Crash { resets: true } };
            if matches!(self.roles.get(party), Some(Role::Client(_))) {
                self.client_does(party, &what);
            }
        }
        Ok(())
    }

    /// Whether the server's source of random bytes fails from now on.
    fn set_drought(&mut self, is_dry: bool) {
        self.drought.store(is_dry, Ordering::Relaxed);
        self.judge.model.has_entropy = !is_dry;
        self.trace.line(self.now, || format!("random bytes: {}", !is_dry));
    }

    fn violation(&self, rule: &'static str, how: String) -> Violation {
        Violation { rule, step: self.stats.steps, at: self.now, how }
    }

    /// What a party is called, and its number: two may want one name.
    fn name(&self, party: usize) -> String {
        let name = self.plan.parties.get(party).map_or("", |party| &party.name);
        format!("{party}:{}", trace::short(name))
    }

    fn ip(&self, party: usize) -> IpAddr {
        self.plan.parties.get(party).map_or(IpAddr::from([0, 0, 0, 0]), |party| party.ip)
    }

    /// From where a party's packets come: over TCP (0) or UDP (1), as the server's socket tells it.
    fn address(&self, party: usize, protocol: usize) -> SocketAddr {
        let port = self.ports.get(party).copied().unwrap_or(0);
        let is_mapped =
            self.plan.parties.get(party).and_then(|party| party.is_mapped.get(protocol));
        let ip = match (self.ip(party), is_mapped) {
            (IpAddr::V4(ip), Some(true)) => IpAddr::V6(ip.to_ipv6_mapped()),
            (ip, _) => ip,
        };
        SocketAddr::new(ip, port)
    }

    /// The party that gets what is sent to `address`.
    fn party_at(&self, address: SocketAddr) -> Option<usize> {
        let ip = address.ip().to_canonical();
        let mut ports = self.ports.iter().enumerate();
        ports
            .find(|(party, port)| **port == address.port() && self.ip(*party) == ip)
            .map(|(p, _)| p)
    }
}
