//! A server and its members on one simulated clock, over a network in memory that is perfect unless
//! told otherwise.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use engine::client::{Answered, Event, Habits, Happening, Joining, Lobby, Output, Reason};
use engine::{Action, Config, ConnectionId, Instant, SeededEntropy, Server};
use protocol::tcp::{ErrorCode, Progress, Reply, ReplyDecoder};
use protocol::udp::Datagram;

use crate::client_world::{Member, ROOM, room, user};

/// The password of every room.
pub(crate) const PASSWORD: &str = "開けゴマ";

/// One of [`Network::peers`].
pub(crate) type Who = usize;

pub(crate) struct Network {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    pub(crate) peers: Vec<Peer>,
    pub(crate) connections: u64,
    pub(crate) packets: VecDeque<Packet>,
    /// Those to whom nothing gets through.
    pub(crate) cut_off: BTreeSet<Who>,
    /// Those from whom nothing gets through.
    pub(crate) unheard: BTreeSet<Who>,
}

pub(crate) struct Peer {
    pub(crate) member: Member,
    pub(crate) address: SocketAddr,
    /// What it was shown, and when, since it was last asked.
    pub(crate) saw: Vec<(Instant, Happening)>,
}

pub(crate) enum Packet {
    ToServer { from: SocketAddr, bytes: Vec<u8> },
    ToMember { to: SocketAddr, bytes: Vec<u8> },
}

impl Network {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            server: Server::new(config, SeededEntropy::new(3), Instant::ZERO).unwrap(),
            now: Instant::ZERO,
            peers: Vec::new(),
            connections: 0,
            packets: VecDeque::new(),
            cut_off: BTreeSet::new(),
            unheard: BTreeSet::new(),
        }
    }

    pub(crate) fn create(&mut self, name: &str, habits: Habits) -> Who {
        let (joining, request) = Lobby::new(habits).create(room(ROOM), user(name), PASSWORD);
        self.admit(joining, &request).expect("created")
    }

    pub(crate) fn join(&mut self, name: &str, habits: Habits) -> Who {
        let (joining, request) = Lobby::new(habits).join(room(ROOM), user(name), PASSWORD);
        self.admit(joining, &request).expect("let in")
    }

    /// A request that the lobby made, and what the server thinks of it.
    pub(crate) fn admit(
        &mut self,
        joining: Joining,
        request: &[u8],
    ) -> Result<Who, (Lobby, ErrorCode)> {
        let who = self.peers.len();
        let last = u8::try_from(who + 1).unwrap();
        let address = SocketAddr::from(([192, 0, 2, last], 5000));
        let reply = self.ask(address, request);
        let (mut state, mut outputs) = (joining, Vec::new());
        for byte in reply {
            state = match state.receive(&[byte], self.now, &mut outputs) {
                Answered::Waiting(same) => same,
                Answered::Refused(lobby, refusal) => return Err((lobby, refusal.error)),
                Answered::Broken(_, error) => panic!("{error}"),
                Answered::Joined(joined) => {
                    let [Output::Send(first)] = &outputs[..] else {
                        panic!("presence: {outputs:?}")
                    };
                    let token = Datagram::parse(first).unwrap().token().to_owned();
                    self.peers.push(Peer {
                        member: Member::of(joined, &token, self.now),
                        address,
                        saw: Vec::new(),
                    });
                    self.carry_out(who, outputs);
                    self.settle();
                    return Ok(who);
                }
            };
        }
        panic!("a whole reply")
    }

    /// A whole conversation over TCP, which gives the reply.
    pub(crate) fn ask(&mut self, from: SocketAddr, request: &[u8]) -> Vec<u8> {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let mut actions = Vec::new();
        let mut happen = |event| actions.extend(self.server.handle(event, self.now));
        happen(engine::Event::Opened { connection, from });
        for bytes in request.chunks(7) {
            happen(engine::Event::Received { connection, bytes });
        }
        happen(engine::Event::Ended { connection });
        self.carry(actions)
    }

    /// Puts datagrams on their way, and gives what was written to a connection.
    pub(crate) fn carry(&mut self, actions: Vec<Action<'_>>) -> Vec<u8> {
        let mut written = Vec::new();
        for action in actions {
            if let Action::Write { bytes, .. } = &action {
                written.extend_from_slice(bytes);
            }
            let packet = |(datagram, to): (&[u8], engine::Recipient)| Packet::ToMember {
                to: to.address,
                bytes: datagram.to_vec(),
            };
            self.packets.extend(action.copies().map(packet));
        }
        written
    }

    /// Something happens to a member now, and all that follows from it.
    pub(crate) fn happen(&mut self, who: Who, event: Event<'_>) {
        self.tell(who, event);
        self.settle();
    }

    pub(crate) fn say(&mut self, who: Who, text: &str) {
        self.happen(who, Event::Say(text));
    }

    pub(crate) fn tell(&mut self, who: Who, event: Event<'_>) {
        let peer = &mut self.peers[who];
        if peer.member.is_gone() {
            return;
        }
        peer.member.now = self.now;
        let outputs = peer.member.outputs(event);
        let from = peer.address;
        let farewell = peer.member.farewell();
        self.carry_out(who, outputs);
        if let Some(request) = farewell {
            // What was sent before arrives before.
            self.settle();
            let reply = self.ask(from, &request);
            let Progress::Done(text) = ReplyDecoder::default().feed(&mut &reply[..]) else {
                panic!("a whole reply")
            };
            assert!(matches!(text.parse(), Ok(Reply::Done(_))), "a farewell");
        }
    }

    pub(crate) fn carry_out(&mut self, who: Who, outputs: Vec<Output>) {
        let peer = &mut self.peers[who];
        // Every datagram is looked at on its way.
        let did = peer.member.did(&outputs);
        assert_eq!(did.len(), outputs.len());
        for output in outputs {
            match output {
                Output::Show(happening) => peer.saw.push((self.now, happening)),
                Output::Send(_) if self.unheard.contains(&who) => {}
                Output::Send(bytes) => {
                    let from = peer.address;
                    self.packets.push_back(Packet::ToServer { from, bytes });
                }
            }
        }
    }

    /// Until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        while let Some(packet) = self.packets.pop_front() {
            match packet {
                Packet::ToServer { from, bytes } => {
                    let bytes = &bytes[..];
                    let event = engine::Event::Datagram { from, bytes };
                    let actions = self.server.handle(event, self.now);
                    self.carry(actions);
                }
                Packet::ToMember { to, bytes } => {
                    let who = self.peers.iter().position(|peer| peer.address == to);
                    let who = who.expect("an address that a member has sent from");
                    if !self.cut_off.contains(&who) {
                        self.tell(who, Event::Datagram(&bytes));
                    }
                }
            }
        }
    }

    /// The clock goes to `end`; everyone is told the time when it asked to be.
    pub(crate) fn run_to(&mut self, end: Instant) {
        for _ in 0..10_000 {
            let members = self.peers.iter().map(|peer| &peer.member);
            let members = members.filter(|member| !member.is_gone());
            let due = members.map(Member::deadline).chain(self.server.next_deadline()).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            let actions = self.server.handle(engine::Event::Tick, self.now);
            self.carry(actions);
            self.settle();
            for who in 0..self.peers.len() {
                let member = &self.peers[who].member;
                if !member.is_gone() && member.deadline() <= self.now {
                    self.happen(who, Event::Tick);
                }
            }
        }
        panic!("somebody is woken for nothing")
    }

    /// What a member was shown since this was last asked.
    pub(crate) fn saw(&mut self, who: Who) -> Vec<Happening> {
        let saw = std::mem::take(&mut self.peers[who].saw);
        saw.into_iter().map(|(_, happening)| happening).collect()
    }

    pub(crate) fn saw_when(&mut self, who: Who) -> Vec<(Instant, Happening)> {
        std::mem::take(&mut self.peers[who].saw)
    }

    /// Why a member is out, if it is.
    pub(crate) fn reason(&self, who: Who) -> Option<Reason> {
        let member = &self.peers[who].member;
        member.is_gone().then(|| member.gone().reason)
    }

    /// Rooms and members.
    pub(crate) fn held(&self) -> (usize, usize) {
        let census = self.server.census();
        (census.rooms, census.members)
    }
}
