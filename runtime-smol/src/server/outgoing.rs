//! Datagrams on their way out: sent at once, or kept while the kernel's buffer is full.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use async_io::{Async, Timer};
use engine::{Action, Run};
use smol::future;
use sockets::{Sender, Wait};
use tracing::debug;

use super::signal::Signal;

/// Copies that wait for the kernel's buffer at most. Beyond it they are lost, as on any network.
const MAX_LATE: usize = 4096;

/// How long what still waits when the server stops may wait for the kernel's buffer.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Outgoing {
    socket: Async<UdpSocket>,
    sender: Sender,
    late: RefCell<VecDeque<(Box<[u8]>, SocketAddr)>>,
    is_late: Signal,
}

impl Outgoing {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let sender = Sender::on(&socket);
        let socket = Async::new(socket)?;
        Ok(Self { socket, sender, late: RefCell::default(), is_late: Signal::default() })
    }

    pub(super) fn socket(&self) -> &Async<UdpSocket> {
        &self.socket
    }

    /// Sends what `action` has for recipients. A copy that fails costs nobody else theirs.
    pub(super) fn send(&self, action: &Action<'_>) {
        match action {
            Action::Relay { datagram, to } => {
                for recipient in to.iter() {
                    self.send_one(datagram, recipient.address);
                }
            }
            Action::Burst { run, to } => {
                for recipient in to.iter() {
                    self.send_run(run, recipient.address);
                }
            }
            Action::Notify { datagram, to } => self.send_one(datagram, to.address),
            Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {}
        }
    }

    /// Sends for ever what had to wait.
    pub(super) async fn send_late(&self) {
        loop {
            self.is_late.wait().await;
            self.send_all_late().await;
        }
    }

    /// Sends what still waits when nothing more comes, the news that the server stops, unless that takes
    /// too long.
    pub(super) async fn send_last(&self) {
        let is_late = async {
            Timer::after(LAST_PATIENCE).await;
            debug!(copies = self.late.borrow().len(), "datagrams were given up: the server stops");
        };
        future::or(self.send_all_late(), is_late).await;
    }

    /// Sends what had to wait, however often the kernel has to be waited for.
    async fn send_all_late(&self) {
        while !self.late.borrow().is_empty() {
            let waited = self.socket.writable().await;
            self.send_first_late(waited.is_ok());
        }
    }

    /// Sends what has waited longest. Until the kernel has taken it, it stays where it is, so that
    /// nothing overtakes it; where the kernel cannot be waited for, this was its only try.
    fn send_first_late(&self, may_wait: bool) {
        let mut late = self.late.borrow_mut();
        let Some((datagram, to)) = late.front() else { return };
        match self.try_to_send(datagram, *to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && may_wait => return,
            Err(error) => debug!(%error, %to, "a datagram could not be sent"),
            Ok(()) => {}
        }
        late.pop_front();
    }

    fn send_one(&self, datagram: &[u8], to: SocketAddr) {
        // What waits goes first, so that each member gets its datagrams in their order.
        if !self.late.borrow().is_empty() {
            self.keep(datagram, to);
            return;
        }
        match self.try_to_send(datagram, to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.keep(datagram, to),
            Err(error) => debug!(%error, %to, "a datagram could not be sent"),
            Ok(()) => {}
        }
    }

    fn send_run(&self, run: &Run<'_>, to: SocketAddr) {
        let mut left = run.bytes();
        if self.late.borrow().is_empty() {
            let (socket, size) = (self.socket.get_ref(), run.size());
            let failed = |error: &io::Error| debug!(%error, %to, "a datagram could not be sent");
            left = self.sender.burst(socket, left, size, to, Wait::Patiently, failed);
        }
        for datagram in left.chunks(run.size().get()) {
            self.keep(datagram, to);
        }
    }

    fn try_to_send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.sender.send(self.socket.get_ref(), datagram, to, Wait::Patiently)
    }

    fn keep(&self, datagram: &[u8], to: SocketAddr) {
        let mut late = self.late.borrow_mut();
        if late.len() < MAX_LATE {
            late.push_back((datagram.into(), to));
            self.is_late.give();
        } else {
            debug!(%to, "a datagram was given up: too many wait to be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_waits_when_the_server_stops_is_still_sent() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = there.local_addr().unwrap();
        let outgoing = Outgoing::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        (0..3).for_each(|_| outgoing.keep(b"stop", to));
        smol::block_on(outgoing.send_last());
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        (0..3).for_each(|_| assert_eq!(there.recv(&mut [0; 9]).unwrap(), 4));
    }

    #[test]
    fn nothing_overtakes_what_waits() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = there.local_addr().unwrap();
        let outgoing = Outgoing::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        smol::block_on(async {
            outgoing.keep(b"first", to);
            let mut late = pin!(outgoing.send_late());
            // It waits for the kernel now, and what comes meanwhile could be sent at once.
            assert!(future::poll_once(&mut late).await.is_none());
            outgoing.send_one(b"second", to);
            let sent = async {
                while !outgoing.late.borrow().is_empty() {
                    future::yield_now().await;
                }
            };
            let timeout = async {
                Timer::after(PATIENCE).await;
            };
            future::or(future::or(sent, late), timeout).await;
        });
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        for expected in [&b"first"[..], b"second"] {
            let mut buffer = [0; 9];
            let size = there.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..size], expected);
        }
    }
}
