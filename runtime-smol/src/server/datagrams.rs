//! The UDP socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use async_io::{Async, Timer};
use engine::{Action, Actions, Event};
use protocol::limits::MAX_DATAGRAM;
use smol::future;
use tracing::{debug, warn};

use super::Shared;

/// Datagrams taken at most before the connections have their turn.
const DATAGRAMS_A_TURN: usize = 64;

/// How long a send may wait for the kernel's buffer before that copy is given up.
const SEND_PATIENCE: Duration = Duration::from_millis(100);

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Receives for ever.
pub(super) async fn run(shared: &Shared) {
    // One byte more than a datagram may have, so that one too long is seen to be.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    let mut actions = Actions::new();
    loop {
        for _ in 0..DATAGRAMS_A_TURN {
            match shared.socket.recv_from(&mut buffer).await {
                Ok((size, from)) => {
                    let bytes = buffer.get(..size).unwrap_or_default();
                    shared.tell(Event::Datagram { from, bytes }, &mut actions).await;
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    warn!(%error, "the UDP socket failed to receive; trying again");
                    Timer::after(ERROR_PAUSE).await;
                }
            }
        }
        future::yield_now().await;
    }
}

/// Sends what `action` has for recipients. A copy that fails costs nobody else theirs.
pub(super) async fn send(socket: &Async<UdpSocket>, action: &Action<'_>) {
    match action {
        Action::Relay { datagram, to } => {
            for recipient in to.iter() {
                send_one(socket, datagram, recipient.address).await;
            }
        }
        Action::Notify { datagram, to } => send_one(socket, datagram, to.address).await,
        Action::Write { .. } | Action::HalfClose { .. } | Action::Close { .. } => {}
    }
}

/// Tries twice when the first try only reported the fate of an earlier datagram, was interrupted, or
/// found no space in the kernel's buffer.
async fn send_one(socket: &Async<UdpSocket>, datagram: &[u8], to: SocketAddr) {
    let mut outcome = socket.get_ref().send_to(datagram, to);
    if let Err(error) = &outcome
        && is_passing(error)
    {
        if error.kind() == ErrorKind::WouldBlock {
            let space = async {
                let _ = socket.writable().await;
            };
            future::or(space, async {
                Timer::after(SEND_PATIENCE).await;
            })
            .await;
        }
        outcome = socket.get_ref().send_to(datagram, to);
    }
    if let Err(error) = outcome {
        debug!(%error, %to, "a datagram could not be sent");
    }
}

/// Whether an error says nothing about the socket itself: no space now, a signal, or news that some
/// datagram sent earlier was refused.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}
