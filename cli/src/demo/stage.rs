//! The server, the three clients, the network between them and the clock, all in memory.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use engine::client::{Event as ClientEvent, Habits};
use engine::{Action, Census, Config, ConnectionId, Event, Instant, SeededEntropy, Server};
use protocol::RoomName;

use super::person::{Ask, Doings, Person, Who};
use super::sight::Sight;

/// Any number does: it is the same one in every run, so that the output is.
const SEED: u64 = 1;

/// Packets in one step at most; more would mean that they never end.
const MAX_PACKETS: usize = 1000;

/// Deadlines in one stretch of time at most.
const MAX_WAKES: usize = 1000;

/// All that takes part. One step at a time: somebody does something, or time passes.
#[derive(Debug)]
pub(super) struct Stage {
    server: Server,
    people: [Person; 3],
    now: Instant,
    under_way: VecDeque<Packet>,
    /// Whose each connection is; the first has the number 0.
    connections: Vec<Who>,
    step: Step,
}

/// What came of one step.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) at: Instant,
    pub(super) sights: Vec<(Who, Sight)>,
    pub(super) packets: Vec<Packet>,
    /// What the server holds after it.
    pub(super) census: Census,
}

/// What goes over the network: a datagram, or all that one side says on a connection.
#[derive(Debug)]
pub(super) struct Packet {
    /// The client's end of it.
    pub(super) client: Who,
    pub(super) way: Way,
    pub(super) carrier: Carrier,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToServer,
    ToClient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp(ConnectionId),
    Udp,
}

impl Stage {
    /// A server without rooms, and three people who have not asked for anything. ボブ's client is told
    /// to keep alive.
    pub(super) fn new(config: Config, keepalive: Duration) -> io::Result<Self> {
        let keeping_alive = Habits { keepalive: Some(keepalive) };
        let person = |who, habits| Person::new(who, habits).map_err(io::Error::other);
        Ok(Self {
            server: Server::new(config, SeededEntropy::new(SEED), Instant::ZERO)
                .map_err(io::Error::other)?,
            people: [
                person(Who::Alice, Habits::default())?,
                person(Who::Bob, keeping_alive)?,
                person(Who::Carol, Habits::default())?,
            ],
            now: Instant::ZERO,
            under_way: VecDeque::new(),
            connections: Vec::new(),
            step: Step::default(),
        })
    }

    /// Nothing happens; what there is.
    pub(super) fn look(&mut self) -> io::Result<Step> {
        self.settle()
    }

    pub(super) fn ask(
        &mut self,
        who: Who,
        ask: Ask,
        room: RoomName,
        password: &str,
    ) -> io::Result<Step> {
        let doings = self.person(who).ask(ask, room, password);
        self.take(who, doings);
        self.settle()
    }

    pub(super) fn say(&mut self, who: Who, text: &str) -> io::Result<Step> {
        self.tell(who, ClientEvent::Say(text));
        self.settle()
    }

    pub(super) fn leave(&mut self, who: Who) -> io::Result<Step> {
        self.tell(who, ClientEvent::Leave);
        self.settle()
    }

    /// The clock goes to `until`, and on the way to every moment at which the engine asked to be
    /// told the time. The steps are those at which something came of it.
    pub(super) fn pass(&mut self, until: Instant) -> io::Result<Vec<Step>> {
        let mut steps = Vec::new();
        let mut wakes = 0;
        while let Some(due) = self.next_deadline().filter(|due| *due <= until) {
            wakes += 1;
            if wakes > MAX_WAKES {
                return Err(io::Error::other("there is no end of deadlines"));
            }
            self.now = self.now.max(due);
            let actions = self.server.handle(Event::Tick, self.now);
            self.perform(actions);
            for who in Who::ALL {
                self.tell(who, ClientEvent::Tick);
            }
            let step = self.settle()?;
            if !step.sights.is_empty() || !step.packets.is_empty() {
                steps.push(step);
            }
        }
        self.now = self.now.max(until);
        Ok(steps)
    }

    pub(super) fn is_in(&self, who: Who) -> bool {
        let [alice, bob, carol] = &self.people;
        match who {
            Who::Alice => alice.is_in(),
            Who::Bob => bob.is_in(),
            Who::Carol => carol.is_in(),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let people = self.people.iter().filter_map(Person::next_deadline);
        people.chain(self.server.next_deadline()).min()
    }

    fn person(&mut self, who: Who) -> &mut Person {
        let [alice, bob, carol] = &mut self.people;
        match who {
            Who::Alice => alice,
            Who::Bob => bob,
            Who::Carol => carol,
        }
    }

    fn tell(&mut self, who: Who, event: ClientEvent<'_>) {
        let now = self.now;
        let doings = self.person(who).event(event, now);
        self.take(who, doings);
    }

    /// Notes what somebody sees, and gives the network what the client sends.
    fn take(&mut self, who: Who, doings: Doings) {
        let Doings { request, datagrams, sights } = doings;
        self.step.sights.extend(sights.into_iter().map(|sight| (who, sight)));
        let mut send = |carrier, bytes| {
            let way = Way::ToServer;
            self.under_way.push_back(Packet { client: who, way, carrier, bytes });
        };
        if let Some(request) = request {
            let connection = ConnectionId(self.connections.len() as u64);
            self.connections.push(who);
            send(Carrier::Tcp(connection), request.to_vec());
        }
        for datagram in datagrams {
            send(Carrier::Udp, datagram);
        }
    }

    /// Carries what is under way until nothing is, which takes no time, and gives what came of it.
    fn settle(&mut self) -> io::Result<Step> {
        while let Some(packet) = self.under_way.pop_front() {
            if self.step.packets.len() == MAX_PACKETS {
                return Err(io::Error::other("there is no end of packets"));
            }
            match packet.way {
                Way::ToServer => self.arrive(&packet),
                Way::ToClient => self.come_back(&packet),
            }
            self.step.packets.push(packet);
        }
        let (at, census) = (self.now, self.server.census());
        Ok(Step { at, census, ..std::mem::take(&mut self.step) })
    }

    /// A packet arrives at the server.
    fn arrive(&mut self, packet: &Packet) {
        let (from, bytes) = (packet.client.address(), &packet.bytes[..]);
        match packet.carrier {
            Carrier::Udp => self.happen(Event::Datagram { from, bytes }),
            Carrier::Tcp(connection) => {
                self.happen(Event::Opened { connection, from });
                self.happen(Event::Received { connection, bytes });
            }
        }
    }

    /// A packet arrives at a client, which closes the connection once it has its reply.
    fn come_back(&mut self, packet: &Packet) {
        match packet.carrier {
            Carrier::Udp => self.tell(packet.client, ClientEvent::Datagram(&packet.bytes)),
            Carrier::Tcp(connection) => {
                let now = self.now;
                let doings = self.person(packet.client).receive(&packet.bytes, now);
                self.take(packet.client, doings);
                self.happen(Event::Ended { connection });
            }
        }
    }

    fn happen(&mut self, event: Event<'_>) {
        let actions = self.server.handle(event, self.now);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action<'static>>) {
        for action in actions {
            match action {
                Action::Write { connection, bytes } => {
                    let number = usize::try_from(connection.0).ok();
                    let client = number.and_then(|number| self.connections.get(number)).copied();
                    self.send_back(client, Carrier::Tcp(connection), bytes.into_owned());
                }
                Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. } => {
                    for (datagram, to) in action.copies() {
                        self.send_back(at(to.address), Carrier::Udp, datagram.to_vec());
                    }
                }
                // A client takes a reply as whole by its size, so there is nothing to tell it.
                Action::HalfClose { .. } | Action::Close { .. } => {}
            }
        }
    }

    fn send_back(&mut self, client: Option<Who>, carrier: Carrier, bytes: Vec<u8>) {
        let Some(client) = client else {
            return;
        };
        self.under_way.push_back(Packet { client, way: Way::ToClient, carrier, bytes });
    }
}

fn at(address: std::net::SocketAddr) -> Option<Who> {
    Who::ALL.into_iter().find(|who| who.address() == address)
}
