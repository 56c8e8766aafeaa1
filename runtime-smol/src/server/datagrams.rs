//! The UDP socket.

use std::io::{self, ErrorKind};
use std::time::Duration;

use async_io::Timer;
use engine::{Actions, Event};
use protocol::limits::MAX_DATAGRAM;
use smol::future;
use tracing::warn;

use super::Shared;

/// Datagrams taken at most before the connections have their turn.
const DATAGRAMS_A_TURN: usize = 64;

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Receives for ever.
pub(super) async fn run(shared: &Shared) {
    // One byte more than a datagram may have, so that one too long is seen to be.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    let mut actions = Actions::new();
    loop {
        for _ in 0..DATAGRAMS_A_TURN {
            match shared.outgoing.socket().recv_from(&mut buffer).await {
                Ok((size, from)) => {
                    let bytes = buffer.get(..size).unwrap_or_default();
                    shared.tell(Event::Datagram { from, bytes }, &mut actions);
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

/// Whether an error says nothing about the socket itself: no space now, a signal, or news that some
/// datagram sent earlier was refused.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}
