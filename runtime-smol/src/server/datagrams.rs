//! The UDP socket.

use std::io;
use std::time::Duration;

use async_io::Timer;
use engine::Actions;
use smol::future;
use sockets::{Inbox, is_passing};
use tracing::warn;

use super::Shared;

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Receives for ever.
pub(super) async fn run(shared: &Shared) {
    let (mut inbox, mut actions) = (Inbox::default(), Actions::new());
    loop {
        if let Err(error) = receive(&mut inbox, shared).await {
            warn!(%error, "the UDP socket failed to receive; trying again");
            Timer::after(ERROR_PAUSE).await;
        }
        inbox.tell(|event| shared.tell(event, &mut actions));
        if inbox.is_full() {
            // More may be there: the connections have their turn first.
            future::yield_now().await;
        }
    }
}

/// Waits for a datagram, and takes along what else is there by then.
async fn receive(inbox: &mut Inbox, shared: &Shared) -> io::Result<()> {
    let socket = shared.outgoing.socket();
    let may_have_more = inbox.is_full();
    inbox.clear();
    if may_have_more {
        inbox.drain(socket.get_ref())?;
    }
    while inbox.is_empty() {
        match socket.readable().await {
            Err(error) if !is_passing(&error) => return Err(error),
            _ => inbox.drain(socket.get_ref())?,
        }
    }
    Ok(())
}
