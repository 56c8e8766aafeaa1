//! The bare loops: the system calls that a server cannot do without, and no logic. What a server
//! costs beyond them is its own.

mod bare_bursts;
mod bare_smol;
mod bare_std;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::args::Bare;
use crate::payload::Stamp;
use bare_bursts::Layout;

/// Bytes of the largest datagram, and of the largest request that is not in pieces.
const BUFFER: usize = 4097;

/// As large as this server's reply to a join into a room of ten, and done.
const REPLY: usize = 384;

/// What this server asks the system for, too.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Runs a bare loop until the process is killed.
pub(crate) fn run(bare: Bare) -> io::Result<()> {
    match bare {
        Bare::RelayStd | Bare::RelaySmol | Bare::RelayRuns | Bare::RelayBundles => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            // As much as the system allows is all that was asked for.
            let _ = set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
            announce(socket.local_addr()?)?;
            let rooms = Rooms::read()?;
            match bare {
                Bare::RelayStd => bare_std::relay(&socket, &rooms),
                Bare::RelayRuns => bare_bursts::relay(&socket, &rooms, Layout::Runs),
                Bare::RelayBundles => bare_bursts::relay(&socket, &rooms, Layout::Bundles),
                _ => bare_smol::relay(socket, &rooms),
            }
        }
        Bare::JoinsStd | Bare::JoinsSmol => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            announce(listener.local_addr()?)?;
            match bare {
                Bare::JoinsStd => bare_std::joins(&listener),
                _ => bare_smol::joins(listener),
            }
        }
    }
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// Where the members are: the fixed list.
struct Rooms(Vec<Vec<SocketAddr>>);

impl Rooms {
    /// Reads the list, a line for each room, and says so.
    fn read() -> io::Result<Self> {
        let mut input = String::new();
        io::stdin().lock().read_to_string(&mut input)?;
        let rooms = Self::parse(&input)?;
        let mut out = io::stdout().lock();
        writeln!(out, "ready")?;
        out.flush()?;
        Ok(rooms)
    }

    fn parse(input: &str) -> io::Result<Self> {
        let room = |line: &str| {
            let addresses = line.split_whitespace().map(str::parse);
            addresses.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)
        };
        Ok(Self(input.lines().map(room).collect::<io::Result<_>>()?))
    }

    /// The rooms that these datagrams are for, each once.
    fn among<'a>(&self, datagrams: impl Iterator<Item = &'a [u8]>) -> Vec<&[SocketAddr]> {
        let mut rooms: Vec<&[SocketAddr]> = Vec::new();
        for datagram in datagrams {
            let room = self.of(datagram);
            if !rooms.iter().any(|other| std::ptr::eq(*other, room)) {
                rooms.push(room);
            }
        }
        rooms
    }

    /// Who is to have this datagram. A sole room needs no look into it.
    fn of(&self, datagram: &[u8]) -> &[SocketAddr] {
        let room = match self.0.len() {
            1 => 0,
            _ => Stamp::parse(datagram).map_or(usize::MAX, |stamp| usize::from(stamp.room)),
        };
        self.0.get(room).map_or(&[], Vec::as_slice)
    }
}

/// The reply of a loop that lets everyone in: framed, state 2, and of the usual size.
fn reply() -> [u8; REPLY] {
    let mut reply = [b' '; REPLY];
    if let Some(state) = reply.get_mut(2) {
        *state = protocol::tcp::State::Done as u8;
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_line_for_each_room() {
        let rooms = Rooms::parse("127.0.0.1:1 127.0.0.1:2 \n127.0.0.1:3\n").unwrap();
        assert_eq!(rooms.0.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let mut text = crate::payload::blank(64);
        Stamp { sequence: 1, room: 1, sent: 0 }.write(&mut text);
        assert_eq!(rooms.of(&text), ["127.0.0.1:3".parse().unwrap()]);
        assert!(rooms.of(b"no stamp").is_empty());
        assert_eq!(Rooms::parse("127.0.0.1:1\n").unwrap().of(b"no stamp").len(), 1);
        assert!(Rooms::parse("nowhere\n").is_err());
    }
}
