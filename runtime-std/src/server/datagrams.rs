//! The thread that blocks on the UDP socket.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use engine::{Action, Actions, Machine};
use sockets::{Inbox, Sender, Wait, is_passing};
use tracing::{debug, warn};

use super::Shared;

/// How often a thread that hears nothing looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// How long the sends of one event may wait for the kernel's buffer before copies are given up.
const SEND_PATIENCE: Duration = Duration::from_millis(100);

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
        send(&shared.socket, &shared.sender, actions);
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
/// together wait for the kernel's buffer at most once.
pub(super) fn send(socket: &UdpSocket, sender: &Sender, actions: &Actions) {
    let mut sending = Sending { socket, sender, wait: Wait::Patiently };
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
    /// Whether the kernel's buffer may still be waited for.
    wait: Wait,
}

impl Sending<'_> {
    fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        if let Err(error) = self.sender.send(self.socket, datagram, to, self.wait) {
            debug!(%error, %to, "a datagram could not be sent");
            if error.kind() == io::ErrorKind::WouldBlock {
                self.wait = Wait::Never;
            }
        }
    }

    fn burst(&mut self, run: &[u8], size: NonZeroUsize, to: SocketAddr) {
        let failed = |error: &io::Error| debug!(%error, %to, "a datagram could not be sent");
        let left = self.sender.burst(self.socket, run, size, to, self.wait, failed);
        if !left.is_empty() {
            debug!(bytes = left.len(), %to, "datagrams were given up: the system's buffer is full");
            self.wait = Wait::Never;
        }
    }
}
