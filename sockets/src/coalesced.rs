//! Receiving what the kernel kept together.

use std::io;
use std::net::UdpSocket;

/// What the kernel gives at once at most, in bytes.
const MAX_RECEIVED: usize = 65_536;

/// Space for datagrams that came together.
#[derive(Debug)]
pub struct Coalesced {
    space: Box<[u8]>,
    received: usize,
    /// The bytes of each datagram but the last.
    size: usize,
}

impl Coalesced {
    /// Space for what comes to `socket`, which from now on takes several datagrams of one size in one
    /// call where the system can.
    pub fn on(socket: &UdpSocket) -> Self {
        // Without it each datagram comes by itself.
        let _ = offload::ask_for_it(socket);
        Self { space: vec![0; MAX_RECEIVED].into_boxed_slice(), received: 0, size: MAX_RECEIVED }
    }

    /// Receives from a connected socket, waiting as its settings say.
    ///
    /// # Errors
    /// The system's; what was received before is gone.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.received = 0;
        let (received, size) = offload::receive(socket, &mut self.space)?;
        self.received = received;
        self.size = size.max(1);
        Ok(())
    }

    /// The datagrams that came, in their order. An empty datagram, which says nothing, is none.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.space.get(..self.received).unwrap_or_default().chunks(self.size)
    }
}

#[cfg(target_os = "linux")]
mod offload {
    use std::io::{self, IoSliceMut};
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};

    pub(super) fn ask_for_it(socket: &UdpSocket) -> io::Result<()> {
        Ok(setsockopt(socket, sockopt::UdpGroSegment, &true)?)
    }

    /// Gives the bytes received and the bytes of each datagram among them.
    pub(super) fn receive(socket: &UdpSocket, space: &mut [u8]) -> io::Result<(usize, usize)> {
        let mut notes = nix::cmsg_space!(i32);
        let mut space = [IoSliceMut::new(space)];
        let flags = MsgFlags::empty();
        let received = recvmsg::<()>(socket.as_raw_fd(), &mut space, Some(&mut notes), flags)?;
        let size = received.cmsgs()?.find_map(|note| match note {
            ControlMessageOwned::UdpGroSegments(size) => usize::try_from(size).ok(),
            _ => None,
        });
        Ok((received.bytes, size.unwrap_or(received.bytes)))
    }
}

#[cfg(not(target_os = "linux"))]
mod offload {
    use std::io::{self, ErrorKind};
    use std::net::UdpSocket;

    pub(super) fn ask_for_it(_: &UdpSocket) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn receive(socket: &UdpSocket, space: &mut [u8]) -> io::Result<(usize, usize)> {
        socket.recv(space).map(|size| (size, size))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;
    use crate::{Sender, Wait};

    #[test]
    fn gives_the_datagrams_that_were_sent() {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = other.local_addr().unwrap();
        other.connect(one.local_addr().unwrap()).unwrap();
        other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut coalesced = Coalesced::on(&other);
        for sender in [Sender::on(&one), Sender::one_by_one()] {
            let size = NonZeroUsize::new(1200).unwrap();
            let run: Vec<u8> = (0..1200 * 9 + 5).map(|i| (i / 1200) as u8).collect();
            sender.burst(&one, &run, size, to, Wait::Patiently, |e| panic!("{e}"));
            one.send_to(b"alone", to).unwrap();
            let mut got = Vec::new();
            while got.last().is_none_or(|last: &Vec<u8>| last != b"alone") {
                coalesced.receive(&other).unwrap();
                got.extend(coalesced.datagrams().map(<[u8]>::to_vec));
            }
            let mut sent: Vec<Vec<u8>> = run.chunks(1200).map(<[u8]>::to_vec).collect();
            sent.push(b"alone".to_vec());
            assert_eq!(got, sent);
        }
    }

    #[test]
    fn a_failure_leaves_nothing_of_what_came_before() {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        other.connect(one.local_addr().unwrap()).unwrap();
        let mut coalesced = Coalesced::on(&other);
        one.send_to(b"one", other.local_addr().unwrap()).unwrap();
        coalesced.receive(&other).unwrap();
        assert_eq!(coalesced.datagrams().collect::<Vec<_>>(), [b"one"]);
        other.set_nonblocking(true).unwrap();
        assert!(coalesced.receive(&other).is_err());
        assert_eq!(coalesced.datagrams().count(), 0);
    }
}
