//! Members of rooms: how they get in, what they say, and what they hear.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use protocol::udp::{Datagram, NoticeText};
use serde_json::json;

use super::{PATIENCE, Reply, request};

/// The largest payload that UDP carries, so that nothing is cut off unseen.
const ANY_DATAGRAM: usize = 65_536;

/// Who wants into which room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) room: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) features: &'a [&'a str],
}

impl<'a> Entry<'a> {
    /// Without a password and without additions.
    pub(crate) fn new(room: &'a str, user: &'a str) -> Self {
        Self { room, user, password: "", features: &[] }
    }

    pub(crate) fn password(self, password: &'a str) -> Self {
        Self { password, ..self }
    }

    pub(crate) fn notices(self) -> Self {
        Self { features: &["notices"], ..self }
    }

    pub(crate) fn bundles(self) -> Self {
        Self { features: &["bundle"], ..self }
    }

    /// The request by `operation`: 1 to create, 2 to join.
    pub(crate) fn request(&self, operation: u8) -> Vec<u8> {
        let Self { room, user, password, features } = self;
        let payload =
            json!({ "user_name": user, "token": "", "password": password, "features": features });
        request(operation, room, &payload)
    }

    /// Asks to be let in, whatever comes of it.
    pub(crate) fn ask(&self, operation: u8, at: SocketAddr) -> Reply {
        Reply::to(&self.request(operation), at)
    }

    pub(crate) fn create(&self, at: SocketAddr) -> Member {
        Member::admitted(self, at, &self.ask(1, at).done())
    }

    pub(crate) fn join(&self, at: SocketAddr) -> Member {
        Member::admitted(self, at, &self.ask(2, at).done())
    }
}

/// Somebody in a room, with a socket that takes what comes from the server's address alone.
pub(crate) struct Member {
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) socket: UdpSocket,
    server: SocketAddr,
}

impl Member {
    /// Whom `reply` let in. It says that it is there.
    pub(crate) fn admitted(entry: &Entry<'_>, server: SocketAddr, reply: &Reply) -> Self {
        let member = Self::unregistered(entry, server, reply);
        member.is_there();
        member
    }

    /// The same, but the server has no address of it yet.
    pub(crate) fn unregistered(entry: &Entry<'_>, server: SocketAddr, reply: &Reply) -> Self {
        let token = reply.json["token"].as_str().unwrap().to_owned();
        assert!((1..=255).contains(&token.len()));
        let socket = udp_socket(server);
        Self { room: entry.room.to_owned(), user: entry.user.to_owned(), token, socket, server }
    }

    pub(crate) fn create(at: SocketAddr, room: &str, user: &str) -> Self {
        Entry::new(room, user).create(at)
    }

    pub(crate) fn join(at: SocketAddr, room: &str, user: &str) -> Self {
        Entry::new(room, user).join(at)
    }

    /// The same member on another socket.
    pub(crate) fn on(self, socket: UdpSocket) -> Self {
        Self { socket, ..self }
    }

    /// Leaves by request.
    pub(crate) fn leave(&self) -> Reply {
        let payload = json!({ "user_name": self.user, "token": self.token });
        Reply::to(&request(3, &self.room, &payload), self.server)
    }

    /// Sends presence.
    pub(crate) fn is_there(&self) {
        self.say("");
    }

    pub(crate) fn say(&self, text: &str) {
        self.send(&datagram(&self.room, &self.user, &self.token, text.as_bytes()));
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        // A refusal is news of an earlier datagram, and is reported once.
        let sent = match self.socket.send(datagram) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                self.socket.send(datagram)
            }
            sent => sent,
        };
        assert_eq!(sent.unwrap(), datagram.len());
    }

    /// The next datagram, which has to come.
    pub(crate) fn next(&self) -> Vec<u8> {
        let next = self.next_within(PATIENCE);
        next.unwrap_or_else(|| panic!("{} heard nothing", self.user))
    }

    /// The next datagram, if one comes in time.
    pub(crate) fn next_within(&self, time: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; ANY_DATAGRAM];
        self.socket.set_read_timeout(Some(time)).unwrap();
        match self.socket.recv(&mut buffer) {
            Ok(size) => {
                buffer.truncate(size);
                Some(buffer)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{} cannot hear: {error}", self.user),
        }
    }

    /// The next that it hears is what `speaker` says.
    pub(crate) fn hears(&self, speaker: &Self, text: &str) {
        let expected = datagram(&self.room, &speaker.user, "", text.as_bytes());
        self.hears_bytes(&expected);
    }

    /// The next that it hears is a notice about `about`, meant for it alone.
    pub(crate) fn is_told(&self, notice: NoticeText, about: &Self) {
        let text = notice.as_str().as_bytes();
        self.hears_bytes(&datagram(&self.room, &about.user, &self.token, text));
    }

    fn hears_bytes(&self, expected: &[u8]) {
        let next = self.next();
        if next != expected {
            let user = &self.user;
            let [next, expected] = [&next, expected].map(|bytes| Datagram::parse(bytes).ok());
            panic!("{user} heard {next:?} and not {expected:?}, or another token");
        }
    }
}

/// Each of them hears each other one, so the server has the addresses of all. The one who came last
/// speaks first: the server had the time of a request to look at the others' presence.
pub(crate) fn meet(members: &[&Member]) {
    for (number, speaker) in members.iter().enumerate().rev() {
        let text = format!("{number}番です");
        speaker.say(&text);
        for other in members.iter().filter(|other| other.user != speaker.user) {
            other.hears(speaker, &text);
        }
    }
}

/// Waits until the server at `at` has looked at every datagram that was sent to it before.
pub(crate) fn settle(at: SocketAddr) {
    let host = Member::create(at, "柵", "前");
    let guest = Member::join(at, "柵", "後");
    meet(&[&host, &guest]);
    guest.leave().done();
    host.leave().done();
}

/// A datagram, laid out by hand.
pub(crate) fn datagram(room: &str, user: &str, token: &str, text: &[u8]) -> Vec<u8> {
    let sizes = [room, user, token].map(|field| u8::try_from(field.len()).unwrap());
    [&sizes, room.as_bytes(), user.as_bytes(), token.as_bytes(), text].concat()
}

/// A socket that talks to `server` and hears nobody else.
pub(crate) fn udp_socket(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(server).unwrap();
    socket
}
