//! The thread that blocks on the UDP socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use engine::{Action, Actions, Event};
use protocol::limits::MAX_DATAGRAM;
use rustix::net::{SendFlags, sendto};
use tracing::{debug, warn};

use super::Shared;

/// How often a thread that hears nothing looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// How long the sends of one event may wait for the kernel's buffer before a copy is given up.
const SEND_PATIENCE: Duration = Duration::from_millis(100);

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_CHECK))?;
    socket.set_write_timeout(Some(SEND_PATIENCE))
}

/// Receives until the stop is requested.
pub(super) fn run(shared: &Shared) {
    // One byte more than a datagram may have, so that one too long is seen to be.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    let mut actions = Actions::new();
    while !shared.stop.is_requested() {
        match shared.socket.recv_from(&mut buffer) {
            Ok((size, from)) => {
                let bytes = buffer.get(..size).unwrap_or_default();
                shared.handle(Event::Datagram { from, bytes }, &mut actions);
                send(&shared.socket, &actions);
                for action in actions.iter() {
                    match action {
                        Action::Relay { .. } | Action::Notify { .. } => {}
                        Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {
                            shared.pass_on(action);
                        }
                    }
                }
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                warn!(%error, "the UDP socket failed to receive; trying again");
                thread::sleep(ERROR_PAUSE);
            }
        }
    }
}

/// Sends all datagrams among `actions`. A copy that fails costs nobody else theirs, and all of them
/// together wait for the kernel's buffer at most once.
pub(super) fn send(socket: &UdpSocket, actions: &Actions) {
    let mut sending = Sending { socket, is_patient: true };
    for action in actions.iter() {
        match action {
            Action::Relay { datagram, to } => {
                for recipient in to.iter() {
                    sending.send(&datagram, recipient.address);
                }
            }
            Action::Notify { datagram, to } => sending.send(&datagram, to.address),
            Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {}
        }
    }
}

struct Sending<'a> {
    socket: &'a UdpSocket,
    /// Whether the kernel's buffer may still be waited for.
    is_patient: bool,
}

impl Sending<'_> {
    /// Tries twice when the first try only reported the fate of an earlier datagram, or was
    /// interrupted.
    fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        let outcome = match self.try_to_send(datagram, to) {
            Err(error) if is_passing(&error) && error.kind() != ErrorKind::WouldBlock => {
                self.try_to_send(datagram, to)
            }
            outcome => outcome,
        };
        if let Err(error) = outcome {
            debug!(%error, %to, "a datagram could not be sent");
            self.is_patient &= error.kind() != ErrorKind::WouldBlock;
        }
    }

    fn try_to_send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        if self.is_patient {
            self.socket.send_to(datagram, to)?;
        } else {
            sendto(self.socket, datagram, SendFlags::DONTWAIT, &to)?;
        }
        Ok(())
    }
}

/// Whether an error says nothing about the socket itself: a time that is over, a signal, or news
/// that some datagram sent earlier was refused.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}
