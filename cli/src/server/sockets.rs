//! One port for both TCP and UDP.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many free ports are tried when any will do: one that is free for TCP may not be for UDP.
const PORT_TRIES: usize = 64;

/// What is asked of the system for datagrams that wait, so that a burst is not lost; it may give less.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// What is asked of the system for datagrams on their way out. While a machine on the same network does
/// not answer, Linux keeps some 200 KiB for it, which is all that a socket has if it asks for nothing:
/// one that has vanished would hold up all the others.
const SEND_BUFFER: usize = 1024 * 1024;

pub(super) struct Sockets {
    pub(super) listener: TcpListener,
    pub(super) datagrams: UdpSocket,
}

/// Binds both to `address`; with port 0, to one that is free for both.
pub(super) fn bind(address: SocketAddr) -> io::Result<Sockets> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let listener = TcpListener::bind(address)?;
        match UdpSocket::bind(listener.local_addr()?) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
            outcome => {
                let datagrams = outcome?;
                // As much as the system allows is all that was asked for.
                let _ = set_socket_recv_buffer_size(&datagrams, RECEIVE_BUFFER);
                let _ = set_socket_send_buffer_size(&datagrams, SEND_BUFFER);
                return Ok(Sockets { listener, datagrams });
            }
        }
    }
}

/// Asks for as many descriptors as the process may have: each connection is one.
pub(super) fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it the server has room for fewer connections, and the idle ones go sooner.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::{socket_recv_buffer_size, socket_send_buffer_size};

    use super::*;

    #[test]
    fn both_have_one_port_and_more_space_than_a_socket_has_by_itself() {
        let Sockets { listener, datagrams } = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        assert_eq!(listener.local_addr().unwrap(), datagrams.local_addr().unwrap());
        let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sizes = |socket: &UdpSocket| {
            [socket_recv_buffer_size(socket), socket_send_buffer_size(socket)].map(Result::unwrap)
        };
        let (has, would_have) = (sizes(&datagrams), sizes(&plain));
        assert!(has[0] > would_have[0] && has[1] > would_have[1], "{has:?} {would_have:?}");
    }
}
