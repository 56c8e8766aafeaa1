//! The UDP socket.

use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use async_io::{Async, Timer};
use engine::{Actions, Machine};
use smol::future;
use sockets::{Inbox, is_passing};
use tracing::warn;

use super::Shared;

/// The pause after an error that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Datagrams taken at most before the connections have their turn.
const DATAGRAMS_A_TURN: usize = 64;

/// How often what waits is taken before the server stops, at most.
const LAST_WAKES: usize = 16;

/// Receives for ever.
pub(super) async fn run(shared: &Shared<impl Machine>) {
    let (mut inbox, mut actions) = (Inbox::default(), Actions::new());
    let mut taken = 0;
    loop {
        if let Err(error) = receive(&mut inbox, shared.outgoing.socket()).await {
            warn!(%error, "the UDP socket failed to receive; trying again");
            Timer::after(ERROR_PAUSE).await;
        }
        inbox.tell(|event| shared.tell(event, &mut actions));
        taken += inbox.len();
        if taken >= DATAGRAMS_A_TURN {
            taken = 0;
            future::yield_now().await;
        }
    }
}

/// Takes what still waits when the server is to stop: who has only just said where it is wants to know.
pub(super) fn take_last(shared: &Shared<impl Machine>) {
    let (mut inbox, mut actions) = (Inbox::default(), Actions::new());
    for _ in 0..LAST_WAKES {
        if !inbox.take_waiting(shared.outgoing.socket().get_ref()).unwrap_or(false) {
            return;
        }
        inbox.tell(|event| shared.tell(event, &mut actions));
    }
}

/// Waits for a datagram, and takes along what else is there by then.
async fn receive(inbox: &mut Inbox, socket: &Async<UdpSocket>) -> io::Result<()> {
    match socket.read_with(|socket| inbox.take(|space| socket.recv_from(space))).await {
        Ok(()) => inbox.take_more(socket.get_ref()),
        Err(error) if is_passing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
