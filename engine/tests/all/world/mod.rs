//! A server on a simulated clock and the people who use it, so that scenarios read as stories.
//!
//! What people are sent comes back parsed and sorted: the order of a fan-out means nothing.

mod deliveries;
mod people;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use engine::{
    Action, Caps, Census, Config, ConnectionId, Event, Incoming, Instant, SeededEntropy, Server,
};
use protocol::Token;
use protocol::tcp::{
    Admitted, ErrorCode, Listing, Operation, Progress, Reply, ReplyDecoder, ReplyText, Request,
};

pub(crate) use deliveries::{Delivery, all, chat, deliveries, nothing, notice, unbundled};
pub(crate) use people::{Client, Person, datagram, person, raw_request};

use deliveries::only_datagrams;

/// A server, its clock, and how many have come so far.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    people: u32,
    connections: u64,
}

/// How somebody was let in.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) client: Client,
    pub(crate) reply: Admitted,
    /// What others were sent about it.
    pub(crate) told: Vec<Delivery>,
}

/// A request's reply as it went on the wire, and what members were sent on its account.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) reply: Vec<u8>,
    pub(crate) told: Vec<Delivery>,
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const MICROSECOND: Duration = Duration::from_micros(1);

/// The moment so many seconds after the server began.
pub(crate) fn second(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The connections that `actions` close; there is to be nothing else among them.
pub(crate) fn closes(actions: &[Action<'_>]) -> Vec<ConnectionId> {
    let closed = actions.iter().map(|action| match action {
        Action::Close { connection } => *connection,
        other => panic!("{other:?}"),
    });
    closed.collect()
}

impl Exchange {
    pub(crate) fn text(&self) -> ReplyText {
        let mut bytes = &self.reply[..];
        let Progress::Done(text) = ReplyDecoder::default().feed(&mut bytes) else {
            panic!("a whole reply")
        };
        assert!(bytes.is_empty(), "one reply and no more");
        text
    }

    pub(crate) fn done(&self) -> Reply {
        self.text().parse().unwrap()
    }

    pub(crate) fn admitted(&self) -> Result<Admitted, ErrorCode> {
        match self.done() {
            Reply::Done(done) => Ok(done.admitted().unwrap()),
            Reply::Refused(refusal) => Err(refusal.error),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::of(Server::new(config, SeededEntropy::new(7), Instant::ZERO).unwrap())
    }

    pub(crate) fn capped(caps: Caps) -> Self {
        Self::with(Config { caps, ..Config::default() })
    }

    /// A server that somebody else made, at the start of its time.
    pub(crate) fn of(server: Server) -> Self {
        Self { server, now: Instant::ZERO, people: 0, connections: 0 }
    }

    /// Time passes. The server is not told.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    pub(crate) fn event(&mut self, event: Event<'_>) -> Vec<Action<'static>> {
        self.server.handle(event, self.now)
    }

    /// The server is told the time, at which it touches no connection.
    pub(crate) fn tick(&mut self) -> Vec<Delivery> {
        let actions = self.event(Event::Tick);
        only_datagrams(&actions)
    }

    /// The server is told the time, and that it is this.
    pub(crate) fn tick_at(&mut self, now: Instant) -> Vec<Delivery> {
        self.now = now;
        self.tick()
    }

    /// A datagram arrives, at which no connection is touched.
    pub(crate) fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Delivery> {
        let actions = self.event(Event::Datagram { from, bytes });
        only_datagrams(&actions)
    }

    /// Datagrams arrive that are found at one wake.
    pub(crate) fn datagrams(&mut self, sent: &[(SocketAddr, Vec<u8>)]) -> Vec<Action<'static>> {
        let batch: Vec<Incoming<'_>> =
            sent.iter().map(|(from, bytes)| Incoming { from: *from, bytes }).collect();
        self.event(Event::Datagrams(&batch))
    }

    pub(crate) fn say(&mut self, client: &Client, text: &str) -> Vec<Delivery> {
        self.datagram(client.address, &client.datagram(text))
    }

    /// They say one after the other that they are present, which nobody is told.
    pub(crate) fn present<'a>(&mut self, clients: impl IntoIterator<Item = &'a Client>) {
        for client in clients {
            assert_eq!(self.say(client, ""), nothing());
        }
    }

    /// A connection from `ip`, and the connections that had to go for it.
    pub(crate) fn open(&mut self, ip: IpAddr) -> (ConnectionId, Vec<ConnectionId>) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let from = SocketAddr::new(ip, 40_000);
        let actions = self.event(Event::Opened { connection, from });
        (connection, closes(&actions))
    }

    pub(crate) fn receive(&mut self, connection: ConnectionId, bytes: &[u8]) -> Vec<Action<'_>> {
        self.event(Event::Received { connection, bytes })
    }

    /// A whole conversation over TCP: the reply, the server's end, and then the client's.
    pub(crate) fn ask(&mut self, ip: IpAddr, bytes: &[u8]) -> Exchange {
        let (id, _) = self.open(ip);
        let actions = self.event(Event::Received { connection: id, bytes });
        let exchange = answered(id, &actions);
        let actions = self.event(Event::Ended { connection: id });
        assert_eq!(closes(&actions), [id]);
        exchange
    }

    /// Makes sure that a request is refused and changes nothing, and gives the reason.
    pub(crate) fn refusal(&mut self, bytes: &[u8]) -> ErrorCode {
        let (before, refusals) = (self.census(), self.server.counters().refusals);
        let exchange = self.ask(ip("192.0.2.200"), bytes);
        let Reply::Refused(refusal) = exchange.done() else { panic!("refused") };
        assert_ne!(refusal.message, "");
        assert_eq!(exchange.told, nothing());
        assert_eq!(self.census(), before, "a refusal leaves nothing behind");
        assert_eq!(self.server.counters().refusals, refusals + 1);
        refusal.error
    }

    pub(crate) fn create(&mut self, room: &str, user: &str) -> Client {
        self.admit(Operation::Create, &person(room, user)).client
    }

    pub(crate) fn join(&mut self, room: &str, user: &str) -> Client {
        self.admit(Operation::Join, &person(room, user)).client
    }

    pub(crate) fn admit(&mut self, operation: Operation, person: &Person) -> Welcome {
        self.people += 1;
        let unused = Ipv4Addr::from(0x0a00_0000 + self.people).into();
        let ip = person.ip.unwrap_or(unused);
        let request = match operation {
            Operation::Create => person.create(),
            _ => person.join(),
        };
        let exchange = self.ask(ip, &request);
        let reply = exchange.admitted().expect("let in");
        let client = Client {
            room: person.room.clone(),
            user: person.user.clone(),
            token: reply.token.as_str().to_owned(),
            address: SocketAddr::new(ip, 5000),
        };
        Welcome { client, reply, told: exchange.told }
    }

    /// A member leaves over TCP, and the others are told this.
    pub(crate) fn leave(&mut self, client: &Client) -> Vec<Delivery> {
        let exchange = self.ask(client.address.ip(), &client.leave());
        assert!(matches!(exchange.done(), Reply::Done(_)));
        exchange.told
    }

    pub(crate) fn rooms(&mut self) -> Listing {
        match self.ask(ip("192.0.2.200"), &Request::Rooms.encode()).done() {
            Reply::Done(done) => done.listing().unwrap(),
            Reply::Refused(refusal) => panic!("{refusal}"),
        }
    }

    pub(crate) fn census(&self) -> Census {
        self.server.census()
    }

    /// Rooms and members.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.census().rooms, self.census().members)
    }
}

/// The reply that `actions` begin with, written to `connection` and ended; the rest are notices.
pub(crate) fn answered(connection: ConnectionId, actions: &[Action<'_>]) -> Exchange {
    let [
        Action::Write { connection: written, bytes },
        Action::HalfClose { connection: ended },
        rest @ ..,
    ] = actions
    else {
        panic!("a reply and its end: {actions:?}")
    };
    assert_eq!((*written, *ended), (connection, connection));
    Exchange { reply: bytes.to_vec(), told: only_datagrams(rest) }
}

/// Makes sure that the text is a token as this wire has them.
pub(crate) fn assert_token(text: &str) {
    assert_eq!(text.len(), 38);
    assert!(<Token>::new(text).is_some());
}
