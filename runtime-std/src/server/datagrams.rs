//! The thread that blocks on the UDP socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use engine::{Action, Actions, Machine};
use sockets::{Inbox, Sender, Wait, is_passing};
use tracing::{debug, warn};

use super::Shared;

/// How often a thread that hears nothing looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// How long the sends of one event may wait for the kernel's buffer, all together, before copies are
/// given up.
pub(super) const SEND_PATIENCE: Duration = Duration::from_millis(100);

/// The same for the last of them, the news that the server stops.
pub(super) const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// How often what waits is taken before the server stops, at most.
const LAST_WAKES: usize = 16;

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_CHECK))?;
    socket.set_write_timeout(Some(SEND_PATIENCE))
}

/// Receives until the stop is requested.
pub(super) fn run(shared: &Shared<impl Machine>) {
    let (mut inbox, mut actions) = (Inbox::default(), Actions::new());
    while !shared.stop.is_requested() {
        if let Err(error) = receive(&mut inbox, &shared.socket) {
            warn!(%error, "the UDP socket failed to receive; trying again");
            thread::sleep(ERROR_PAUSE);
        }
        hand_on(&inbox, shared, &mut actions);
    }
}

/// Takes what still waits when the server is to stop: who has only just said where it is wants to know.
pub(super) fn take_last(shared: &Shared<impl Machine>) {
    let (mut inbox, mut actions) = (Inbox::default(), Actions::new());
    for _ in 0..LAST_WAKES {
        if !inbox.take_waiting(&shared.socket).unwrap_or(false) {
            return;
        }
        hand_on(&inbox, shared, &mut actions);
    }
}

fn hand_on(inbox: &Inbox, shared: &Shared<impl Machine>, actions: &mut Actions) {
    inbox.tell(|event| {
        shared.handle(event, actions);
        send(&shared.socket, &shared.sender, actions, SEND_PATIENCE);
        for action in actions.iter() {
            match action {
                Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. } => {}
                Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {
                    shared.pass_on(action);
                }
            }
        }
    });
}

/// Waits for a datagram, and takes along what else is there by then.
fn receive(inbox: &mut Inbox, socket: &UdpSocket) -> io::Result<()> {
    match inbox.take(|space| socket.recv_from(space)) {
        Ok(()) => inbox.take_more(socket),
        Err(error) if is_passing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sends all datagrams among `actions`. A copy that fails costs nobody else theirs, and all of them
/// together wait for the kernel's buffer no longer than `patience`.
pub(super) fn send(socket: &UdpSocket, sender: &Sender, actions: &Actions, patience: Duration) {
    let mut sending = Sending { socket, sender, patience: Patience(patience) };
    for action in actions.iter() {
        match action {
            Action::Relay { datagram, to } => {
                for recipient in to.iter() {
                    sending.send(&datagram, recipient.address);
                }
            }
            Action::Burst { run, to } => {
                for recipient in to.iter() {
                    sending.burst(run.bytes(), run.size(), recipient.address);
                }
            }
            Action::Notify { datagram, to } => sending.send(&datagram, to.address),
            Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {}
        }
    }
}

struct Sending<'a> {
    socket: &'a UdpSocket,
    sender: &'a Sender,
    patience: Patience,
}

impl Sending<'_> {
    fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        let mut outcome = self.sender.send(self.socket, datagram, to, Wait::Never);
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            outcome = self.send_patiently(datagram, to);
        }
        if let Err(error) = outcome {
            debug!(%error, %to, "a datagram could not be sent");
        }
    }

    fn burst(&mut self, run: &[u8], size: NonZeroUsize, to: SocketAddr) {
        let failed = |error: &io::Error| debug!(%error, %to, "a datagram could not be sent");
        let mut left = self.sender.burst(self.socket, run, size, to, Wait::Never, failed);
        while !left.is_empty() {
            let (first, others) = left.split_at(size.get().min(left.len()));
            match self.send_patiently(first, to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let bytes = left.len();
                    debug!(bytes, %to, "datagrams were given up: the system's buffer is full");
                    return;
                }
                Err(error) => failed(&error),
                Ok(()) => {}
            }
            left = self.sender.burst(self.socket, others, size, to, Wait::Never, failed);
        }
    }

    fn send_patiently(&mut self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let Self { socket, sender, patience } = self;
        patience.wait(Instant::now, || sender.send(socket, datagram, to, Wait::Patiently))
    }
}

/// For how long the kernel's buffer may still be waited for. The clock is only read around a wait.
struct Patience(Duration);

impl Patience {
    /// Sends by `send`, which may wait, if there is patience left.
    fn wait(
        &mut self,
        now: impl Fn() -> Instant,
        send: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        if self.0.is_zero() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let began = now();
        let outcome = send();
        let waited = now().duration_since(began);
        self.0 = match &outcome {
            // Nothing at all has moved, and nothing will for the next one.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Duration::ZERO,
            _ => self.0.saturating_sub(waited),
        };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A kernel whose buffer is always full, and has space again after so long.
    fn waits_of(millis: u64, patience: &mut Patience) -> usize {
        let now = Cell::new(Instant::now());
        let send = || {
            now.set(now.get() + Duration::from_millis(millis));
            Ok(())
        };
        (0..1000).take_while(|_| patience.wait(|| now.get(), send).is_ok()).count()
    }

    #[test]
    fn all_the_waits_of_an_event_are_bounded_together() {
        assert_eq!(waits_of(30, &mut Patience(SEND_PATIENCE)), 4);
        assert_eq!(waits_of(99, &mut Patience(SEND_PATIENCE)), 2);
    }

    #[test]
    fn where_nothing_moves_is_waited_for_once() {
        let mut patience = Patience(SEND_PATIENCE);
        let full = || Err(ErrorKind::WouldBlock.into());
        assert!(patience.wait(Instant::now, full).is_err());
        assert!(patience.wait(Instant::now, || panic!("it was waited for again")).is_err());
    }
}
