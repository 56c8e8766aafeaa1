//! Sending: one datagram, or a run of them in as few calls as that takes.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;

use rustix::net::{SendFlags, sendto};

use crate::inbox::is_passing;

/// Datagrams that one call takes at most: Linux's own limit was this until it was raised to 128.
const MAX_SEGMENTS: usize = 64;

/// Bytes that one call takes at most, a little less than a datagram of either IP may have.
const MAX_CALL: usize = 64_000;

/// Whether the kernel's buffer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As long as the socket's own settings say: not at all if it is non-blocking.
    Patiently,
    /// Not at all.
    Never,
}

/// Sends datagrams: runs of them in one call where the system takes that.
#[derive(Debug)]
pub struct Sender {
    segments: bool,
}

impl Sender {
    /// For `socket`, which is asked whether the system takes runs: a kernel that does not, Linux before
    /// 4.18, would overlook that it is one and send it as one datagram.
    pub fn on(socket: &UdpSocket) -> Self {
        Self { segments: segmented::is_known(socket) }
    }

    /// Sends each datagram in a call of its own, as every system can.
    pub fn one_by_one() -> Self {
        Self { segments: false }
    }

    /// Sends one datagram. Tries twice when the first try only reported the fate of an earlier
    /// datagram, or was interrupted.
    ///
    /// # Errors
    /// The system's.
    pub fn send(
        &self,
        socket: &UdpSocket,
        datagram: &[u8],
        to: SocketAddr,
        wait: Wait,
    ) -> io::Result<()> {
        twice(|| match wait {
            Wait::Patiently => socket.send_to(datagram, to).map(|_| ()),
            Wait::Never => Ok(sendto(socket, datagram, SendFlags::DONTWAIT, &to).map(|_| ())?),
        })
    }

    /// Sends datagrams of `size` bytes each that lie side by side in `run`, the last of which may be
    /// shorter. Gives what is left of them when the kernel's buffer is full, and nothing otherwise:
    /// `failed` is told of each that could not be sent for another reason, which costs the others
    /// nothing.
    pub fn burst<'a>(
        &self,
        socket: &UdpSocket,
        run: &'a [u8],
        size: NonZeroUsize,
        to: SocketAddr,
        wait: Wait,
        mut failed: impl FnMut(&io::Error),
    ) -> &'a [u8] {
        let size = size.get();
        let a_call = (MAX_CALL / size).clamp(1, MAX_SEGMENTS) * size;
        let mut left = run;
        while !left.is_empty() {
            let (mut now, later) = left.split_at(a_call.min(left.len()));
            if now.len() > size && self.segments {
                match twice(|| segmented::send(socket, now, size, to, wait)) {
                    Ok(()) => now = &[],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return left,
                    // This route does not take them together, for their size or for its device.
                    Err(_) => {}
                }
            }
            let mut sent = left.len() - later.len() - now.len();
            for datagram in now.chunks(size) {
                match self.send(socket, datagram, to, wait) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return left.get(sent..).unwrap_or_default();
                    }
                    Err(error) => failed(&error),
                    Ok(()) => {}
                }
                sent += datagram.len();
            }
            left = later;
        }
        left
    }
}

fn twice(mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    match send() {
        Err(error) if is_passing(&error) && error.kind() != ErrorKind::WouldBlock => send(),
        outcome => outcome,
    }
}

#[cfg(target_os = "linux")]
mod segmented {
    use std::io::{self, ErrorKind, IoSlice};
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        ControlMessage, MsgFlags, SockaddrStorage, getsockopt, sendmsg, sockopt,
    };

    use super::Wait;

    /// Whether the kernel knows of runs.
    pub(super) fn is_known(socket: &UdpSocket) -> bool {
        getsockopt(socket, sockopt::UdpGsoSegment).is_ok()
    }

    /// Sends several datagrams of `size` bytes in one call: see udp(7), `UDP_SEGMENT`.
    pub(super) fn send(
        socket: &UdpSocket,
        datagrams: &[u8],
        size: usize,
        to: SocketAddr,
        wait: Wait,
    ) -> io::Result<()> {
        let size = u16::try_from(size).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        let flags = match wait {
            Wait::Patiently => MsgFlags::empty(),
            Wait::Never => MsgFlags::MSG_DONTWAIT,
        };
        let (bytes, how) = ([IoSlice::new(datagrams)], [ControlMessage::UdpGsoSegments(&size)]);
        let to = SockaddrStorage::from(to);
        sendmsg(socket.as_raw_fd(), &bytes, &how, flags, Some(&to))?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod segmented {
    use std::io::{self, ErrorKind};
    use std::net::{SocketAddr, UdpSocket};

    use super::Wait;

    pub(super) fn is_known(_: &UdpSocket) -> bool {
        false
    }

    pub(super) fn send(
        _: &UdpSocket,
        _: &[u8],
        _: usize,
        _: SocketAddr,
        _: Wait,
    ) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pair(ip: &str) -> (UdpSocket, UdpSocket) {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind((ip, 0)).unwrap());
        other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (one, other)
    }

    /// Whatever the means, the other end gets the same datagrams.
    fn check(sender: fn(&UdpSocket) -> Sender, ip: &str, sizes: &[usize]) {
        let (here, there) = pair(ip);
        let sender = sender(&here);
        let to = there.local_addr().unwrap();
        let mut buffer = [0; 5000];
        for &length in sizes {
            for count in [1, 2, 3, 63, 64] {
                // The last one is shorter.
                let run: Vec<u8> = (0..length * count - length / 2).map(|i| i as u8).collect();
                let size = NonZeroUsize::new(length).unwrap();
                // In pieces, so that the receiver's buffer holds them.
                for piece in run.chunks(16 * length) {
                    let wait = Wait::Patiently;
                    let left = sender.burst(&here, piece, size, to, wait, |e| panic!("{e}"));
                    assert!(left.is_empty());
                    for datagram in piece.chunks(length) {
                        let size = there.recv(&mut buffer).unwrap();
                        assert_eq!(&buffer[..size], datagram, "{length} bytes, {count} of them");
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_arrives_as_its_datagrams_by_either_means() {
        for sender in [Sender::on, |_: &UdpSocket| Sender::one_by_one()] {
            check(sender, "127.0.0.1", &[2, 64, 1200, 4096]);
            check(sender, "::1", &[64, 1200]);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_is_asked_whether_it_takes_runs() {
        let (here, _) = pair("127.0.0.1");
        // These tests are not run on a kernel of before 2018.
        assert!(Sender::on(&here).segments);
        let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let no_datagrams = UdpSocket::from(std::os::fd::OwnedFd::from(stream));
        assert!(!Sender::on(&no_datagrams).segments);
    }

    #[test]
    fn a_call_takes_no_more_than_the_kernel_does() {
        let (here, there) = pair("127.0.0.1");
        let to = there.local_addr().unwrap();
        let run = vec![7; 4096 * 20];
        let size = NonZeroUsize::new(4096).unwrap();
        let sender = Sender::on(&here);
        let left = sender.burst(&here, &run, size, to, Wait::Patiently, |e| panic!("{e}"));
        assert!(left.is_empty());
        assert_eq!(there.recv(&mut [0; 5000]).unwrap(), 4096);
    }

    #[test]
    fn what_cannot_be_sent_is_told_and_the_rest_goes_on() {
        let (here, there) = pair("127.0.0.1");
        // A broadcast needs a right that this socket has not.
        let nowhere = SocketAddr::from(([255, 255, 255, 255], 9));
        let size = NonZeroUsize::new(3).unwrap();
        for sender in [Sender::on(&here), Sender::one_by_one()] {
            let mut lost = 0;
            let left = sender.burst(&here, b"onetwo3", size, nowhere, Wait::Never, |_| lost += 1);
            assert_eq!((lost, left.len()), (3, 0));
        }
        let to = there.local_addr().unwrap();
        Sender::on(&here).send(&here, b"on", to, Wait::Never).unwrap();
        assert_eq!(there.recv(&mut [0; 9]).unwrap(), 2);
    }
}
