//! What the benchmarks share: a server that is full of members, at a simulated time; and, for those
//! that run servers as processes, how one is started and ends, and what the kernel says of it.
//!
//! Everyone in it came in through the wire, by a request over TCP and a datagram that registered the
//! address, so what is measured is what a driver would see. What cannot be built, or is not what
//! was meant to be measured, panics: a benchmark of nothing must not look fast.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark without its fixture is to fail"
)]

pub mod chat_server;
pub mod cores;
mod lines;
pub mod log_axis;
pub mod proc_fs;
pub mod server_process;
pub mod spread;
pub mod stop;

use std::net::SocketAddr;
use std::time::Duration;

use criterion::Criterion;
use engine::{
    Action, Actions, Caps, Config, ConnectionId, Event, Incoming, Instant, Machine, SeededEntropy,
    Server,
};
use protocol::limits::MAX_DATAGRAM;
use protocol::tcp::{
    Admission, Admitted, Departure, Features, Progress, Reply, ReplyDecoder, Request, Secret,
};
use protocol::udp::ClientDatagram;
use protocol::{Message, RoomName, Token, UserName};

/// A server with rooms of equal size, and what each of its members knows.
#[derive(Debug)]
pub struct Populated<M = Server> {
    /// The server, or what stands for it.
    pub server: M,
    /// The simulated time. It stands still unless a benchmark moves it.
    pub now: Instant,
    /// The actions of the last event, in a buffer that is used again as a driver would.
    pub actions: Actions,
    /// Everyone, room by room, each room's host first.
    pub members: Vec<Member>,
    connection: ConnectionId,
}

/// What a member's client holds.
#[derive(Debug)]
pub struct Member {
    /// Its room.
    pub room: RoomName,
    /// Its name there.
    pub user: UserName,
    /// What it proves itself with.
    pub token: Token,
    /// Where its datagrams come from.
    pub address: SocketAddr,
}

impl Populated {
    /// Fills a server with `rooms` rooms of `size` members each, all of whom asked for `features`
    /// and can be reached.
    pub fn new(rooms: usize, size: usize, features: Features) -> Self {
        let server = Server::new(roomy(), SeededEntropy::new(1), Instant::ZERO);
        let populated = Self::of(server.expect("settings that work"), rooms, size, features);
        let census = populated.server.census();
        assert_eq!((census.rooms, census.members, census.connections), (rooms, rooms * size, 0));
        populated
    }
}

impl<M: Machine> Populated<M> {
    /// Fills an empty server likewise. It is to have caps like [`roomy`]'s.
    pub fn of(server: M, rooms: usize, size: usize, features: Features) -> Self {
        let mut populated = Self {
            server,
            now: Instant::ZERO,
            actions: Actions::new(),
            members: Vec::with_capacity(rooms * size),
            connection: ConnectionId(0),
        };
        for index in 0..rooms * size {
            let room = room_name(index / size);
            let user = user_name(index);
            let host = index % size == 0;
            let request =
                if host { create(&room, &user, features) } else { join(&room, &user, features) };
            let member = populated.admit(room, user, address(index), &request);
            populated.datagram(member.address, &member.presence());
            populated.members.push(member);
        }
        assert_eq!(populated.server.counters().presences, (rooms * size) as u64);
        populated
    }

    /// What a driver does for a request: the connection and its bytes. The connection stays open
    /// until [`Populated::hang_up`].
    pub fn request(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.connection.0 += 1;
        let connection = self.connection;
        self.actions.clear();
        self.server.handle_into(Event::Opened { connection, from }, self.now, &mut self.actions);
        self.server.handle_into(Event::Received { connection, bytes }, self.now, &mut self.actions);
    }

    /// The reply to the last request, which must have been to let somebody in.
    pub fn admitted(&self) -> Admitted {
        let Some(Action::Write { bytes, .. }) = self.actions.iter().next() else {
            panic!("no reply came");
        };
        admitted(&bytes)
    }

    /// Closes the connection of the last request, so that their number stays what it was.
    pub fn hang_up(&mut self) {
        let connection = self.connection;
        self.server.handle_into(Event::Closed { connection }, self.now, &mut self.actions);
    }

    /// What a driver does for a datagram.
    pub fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.actions.clear();
        self.server.handle_into(Event::Datagram { from, bytes }, self.now, &mut self.actions);
    }

    /// What a driver does for datagrams that it found at one wake.
    pub fn datagrams(&mut self, batch: &[Incoming<'_>]) {
        self.actions.clear();
        self.server.handle_into(Event::Datagrams(batch), self.now, &mut self.actions);
    }

    /// Lets one more in by `request`, and gives what its client holds from then on.
    pub fn admit(
        &mut self,
        room: RoomName,
        user: UserName,
        address: SocketAddr,
        request: &[u8],
    ) -> Member {
        self.request(address, request);
        let token = self.admitted().token;
        self.hang_up();
        Member { room, user, token, address }
    }

    /// Takes a member out again, as it would itself.
    pub fn leave(&mut self, member: &Member) {
        let before = self.server.counters().departures;
        self.request(member.address, &member.departure());
        self.hang_up();
        assert!(self.server.counters().departures > before, "nobody left");
    }
}

impl Member {
    /// The datagram in which it says `text`.
    pub fn chat(&self, text: &str) -> Vec<u8> {
        self.encode(Some(Message::new(text).expect("a message")))
    }

    /// The datagram that registers its address and keeps it in.
    pub fn presence(&self) -> Vec<u8> {
        self.encode(None)
    }

    /// The request in which it leaves.
    pub fn departure(&self) -> Vec<u8> {
        let (room, user) = (self.room.clone(), self.user.clone());
        let token = Secret::new(self.token.as_str());
        Request::Leave(Departure { room, user, token }).encode().to_vec()
    }

    fn encode(&self, message: Option<Message<'_>>) -> Vec<u8> {
        let (room, user, token) = (&self.room, &self.user, &self.token);
        let mut bytes = vec![0; MAX_DATAGRAM];
        let datagram = ClientDatagram { room, user, token, message };
        let size = datagram.write(&mut bytes).expect("a datagram that fits");
        bytes.truncate(size);
        bytes
    }
}

/// The name of the room with that number.
pub fn room_name(number: usize) -> RoomName {
    RoomName::new(&format!("部屋 {number}")).expect("a name")
}

/// The name of the user with that number.
pub fn user_name(number: usize) -> UserName {
    UserName::new(&format!("ユーザー {number}")).expect("a name")
}

/// The address of the user with that number; no two share an IP address.
pub fn address(number: usize) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    SocketAddr::from(([10, a, b, c], 40_000))
}

/// A request to open a room.
pub fn create(room: &RoomName, user: &UserName, features: Features) -> Vec<u8> {
    Request::Create(admission(room, user, features)).encode().to_vec()
}

/// A request to enter a room.
pub fn join(room: &RoomName, user: &UserName, features: Features) -> Vec<u8> {
    Request::Join(admission(room, user, features)).encode().to_vec()
}

/// Who asks to be let in where, with a password.
pub fn admission(room: &RoomName, user: &UserName, features: Features) -> Admission<'static> {
    Admission {
        room: room.clone(),
        user: user.clone(),
        password: Secret::new("開けごま"),
        features,
    }
}

/// Reads a reply that let somebody in.
pub fn admitted(mut bytes: &[u8]) -> Admitted {
    let Progress::Done(reply) = ReplyDecoder::default().feed(&mut bytes) else {
        panic!("the reply is not whole");
    };
    match reply.parse().expect("a reply") {
        Reply::Done(done) => done.admitted().expect("a token"),
        Reply::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

/// Caps that no fixture reaches.
pub fn roomy() -> Config {
    let caps = Caps { rooms: 1_000_000, members: 1_000_000, ..Caps::default() };
    Config { caps, ..Config::default() }
}

/// How the short benchmarks are run: all of them together are to take a few minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .nresamples(10_000)
}
