//! A whole server and its members: they come, speak and hear.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant as Clock};

use benches::chat_server::{self, check};
use benches::cores::{Cores, Placement};
use benches::server_process::ServerProcess;
use benches::stop::Stop;
use benches::{Member, admitted, create, join, room_name, user_name};
use protocol::tcp::{Departure, Features, Request, Secret};
use protocol::udp::NoticeText;

use crate::ask::ask;
use crate::exchange::{COPIES, Line, exchange, hear};
use crate::paces::Pace;
use crate::turns::Turns;
use crate::{NEWCOMER, ROOM};

/// Messages that are measured together, and before them those that only warm up.
const MESSAGES: usize = 4000;
const WARM_UP: usize = 200;

/// Newcomers that are measured together.
const JOINS: usize = 500;

/// A copy that has not come after this long is lost.
const LOST_AFTER: Duration = Duration::from_secs(3);

pub(super) struct Crowd {
    pub(super) server: ServerProcess,
    /// One socket for all: the server tells them apart by their tokens.
    socket: UdpSocket,
    address: SocketAddr,
    members: Vec<Member>,
    turns: Turns,
}

impl Crowd {
    /// Starts a server that nobody has come to yet, on the core that this process has from then on: no
    /// wake-up crosses cores, so what the server does itself shows the most.
    pub(super) fn start(runtime: &str, cores: Cores) -> io::Result<Self> {
        // The newcomer is one more than the default admits.
        let options = ["--max-members", "100001"];
        let server = cores.start(Placement::One, || chat_server::start(runtime, &options))?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(server.address)?;
        socket.set_read_timeout(Some(LOST_AFTER))?;
        let address = socket.local_addr()?;
        Ok(Self { server, socket, address, members: Vec::new(), turns: Turns::default() })
    }

    /// Lets more in until there are so many; the first of each room opens it.
    pub(super) fn grow(&mut self, size: usize, stop: &Stop) -> io::Result<()> {
        for number in self.members.len()..size {
            stop.check()?;
            let (room, user) = (room_name(number / ROOM), user_name(number));
            let request = if number.is_multiple_of(ROOM) { create } else { join };
            let reply = ask(self.server.address, &request(&room, &user, Features::NONE))?;
            let token = admitted(&reply).token;
            let member = Member { room, user, token, address: self.address };
            self.socket.send(&member.presence())?;
            self.members.push(member);
        }
        Ok(())
    }

    /// A member of each room in turn says a line, and everyone waits for all its copies before the
    /// next. The CPU time is for a copy, the rate that of messages.
    pub(super) fn relays(&mut self) -> io::Result<Pace> {
        // Made beforehand and side by side, so that what is cold is the server's.
        let lines: Vec<_> = (0..WARM_UP + MESSAGES).map(|number| self.line(number)).collect();
        let (warm_up, measured) = lines.split_at(WARM_UP);
        self.say(warm_up)?;
        let before = self.server.cpu_time_at_rest()?;
        let start = Clock::now();
        self.say(measured)?;
        let wall = start.elapsed();
        let cpu = self.server.cpu_time_at_rest()?.saturating_sub(before);
        Ok(Pace::of(MESSAGES, COPIES, cpu, wall))
    }

    fn line(&mut self, number: usize) -> Line {
        let place = self.turns.next(self.members.len());
        Line::of(self.members.get(place).expect("a member"), number)
    }

    fn say(&self, lines: &[Line]) -> io::Result<()> {
        lines.iter().try_for_each(|line| exchange(&self.socket, line))
    }

    /// A newcomer joins each room in turn, and leaves it again, of which all the others are told, before
    /// it joins the next.
    pub(super) fn joins(&mut self) -> io::Result<Pace> {
        let user = user_name(NEWCOMER);
        let rooms: Vec<_> = (0..JOINS)
            .map(|_| room_name(self.turns.next(self.members.len() / ROOM)))
            .map(|room| (join(&room, &user, Features::NONE), room))
            .collect();
        let before = self.server.cpu_time_at_rest()?;
        let start = Clock::now();
        for (request, room) in rooms {
            let admitted = admitted(&ask(self.server.address, &request)?);
            assert_eq!(admitted.members.len(), ROOM, "the others of the room");
            let (user, token) = (user.clone(), Secret::new(admitted.token.as_str()));
            let departure = Request::Leave(Departure { room, user, token }).encode();
            check(&ask(self.server.address, &departure)?)?;
            // In the words of those who did not ask for others.
            hear(&self.socket, ROOM, NoticeText::TimedOut.as_str())?;
        }
        let wall = start.elapsed();
        let cpu = self.server.cpu_time_at_rest()?.saturating_sub(before);
        Ok(Pace::of(JOINS, 1, cpu, wall))
    }
}
