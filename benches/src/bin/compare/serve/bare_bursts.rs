//! Blocking calls, one thread: what is there at one wake goes to each member in one call, as datagrams of
//! one size.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;

use protocol::udp::Bundle;
use rustix::net::{RecvFlags, recvfrom};
use sockets::{Sender, Wait};

use super::{BUFFER, Rooms};

/// Datagrams at one wake at most, as this server takes.
const MOST: usize = 64;

/// How what one member gets is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// The datagrams as they came, side by side: all of one size.
    Runs,
    /// In bundles, which are of one size whatever is in them.
    Bundles,
}

impl Layout {
    /// Lays out `datagrams`, and says how many bytes each datagram of `out` has.
    fn lay_out<'a>(
        self,
        datagrams: impl Iterator<Item = &'a [u8]> + Clone,
        out: &mut Vec<u8>,
    ) -> usize {
        match self {
            Self::Runs => datagrams.fold(0, |_, datagram| {
                out.extend_from_slice(datagram);
                datagram.len()
            }),
            Self::Bundles => Bundle::pack(datagrams, out),
        }
    }
}

pub(super) fn relay(socket: &UdpSocket, rooms: &Rooms, layout: Layout) -> io::Result<()> {
    let (sender, mut buffers) = (Sender::on(socket), vec![[0; BUFFER]; MOST]);
    let mut out = Vec::new();
    loop {
        let mut came = Vec::with_capacity(MOST);
        for (number, buffer) in buffers.iter_mut().enumerate() {
            let received = if number == 0 { socket.recv_from(buffer) } else { now(socket, buffer) };
            match received {
                Ok((size, from)) => came.push((buffer.get(..size).unwrap_or_default(), from)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // An error is news that a member is gone.
                Err(_) => {}
            }
        }
        for room in rooms.among(came.iter().map(|(datagram, _)| *datagram)) {
            let its = || came.iter().filter(|(datagram, _)| std::ptr::eq(rooms.of(datagram), room));
            let mut shared = None;
            for to in room {
                let speaks = its().any(|(_, from)| from == to);
                if speaks || shared.is_none() {
                    out.clear();
                    let others =
                        its().filter(|(_, from)| from != to).map(|(datagram, _)| *datagram);
                    shared = NonZeroUsize::new(layout.lay_out(others, &mut out));
                }
                if let Some(size) = shared {
                    sender.burst(socket, &out, size, *to, Wait::Patiently, |_| {});
                }
                if speaks {
                    shared = None;
                }
            }
        }
    }
}

fn now(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (size, _, from) = recvfrom(socket, buffer, RecvFlags::DONTWAIT)?;
    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
    Ok((size, from.ok_or(ErrorKind::AddrNotAvailable)?))
}
