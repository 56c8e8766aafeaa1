//! The server's driver.

mod datagrams;
mod listening;
mod stream;

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use engine::{Action, Actions, Counters, Event, Machine};
use polling::Poller;

use crate::clock::Clock;
use listening::Listening;
use sockets::Sender;

/// Asks a server to stop, from any thread.
#[derive(Debug, Clone)]
pub struct Stop {
    requested: Arc<AtomicBool>,
    poller: Arc<Poller>,
}

impl Stop {
    /// One server's stop, not yet requested.
    ///
    /// # Errors
    /// When the system has no descriptor left for it.
    pub fn new() -> io::Result<Self> {
        Ok(Self { requested: Arc::default(), poller: Arc::new(Poller::new()?) })
    }

    /// Asks: the members are told, and [`serve`] returns within a second.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        // If this fails the server still stops, when it next wakes.
        let _ = self.poller.notify();
    }

    fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }
}

/// Runs `server` (an [`engine::Server`], or one that is recorded), whose time began at [`engine::Instant::ZERO`] and goes on from there, on bound
/// sockets until `stop` is requested. Gives what happened in numbers.
///
/// # Errors
/// When the sockets cannot be set up or the system cannot wait for them; what goes wrong with one
/// connection or one datagram is none.
pub fn serve(
    listener: TcpListener,
    socket: UdpSocket,
    server: impl Machine + Send,
    stop: &Stop,
) -> io::Result<Counters> {
    let shared = Shared {
        server: Mutex::new(server),
        clock: Clock::start(),
        sender: Sender::on(&socket),
        socket,
        for_streams: Mutex::default(),
        stop: stop.clone(),
    };
    datagrams::prepare(&shared.socket)?;
    let listening = Listening::new(listener, &shared)?;
    thread::scope(|scope| {
        let _ends_the_other = StopAtEnd(stop);
        let datagrams = thread::Builder::new().name("datagrams".to_owned());
        datagrams.spawn_scoped(scope, || {
            let _ends_the_other = StopAtEnd(stop);
            datagrams::run(&shared);
        })?;
        listening.run()
    })?;
    Ok(*shared.lock().counters())
}

/// Whatever ends one thread, be it a panic, ends the other: half a server would look like a whole one.
struct StopAtEnd<'a>(&'a Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// What both threads share.
struct Shared<M> {
    /// Locked for the engine's own work, and never over I/O.
    server: Mutex<M>,
    clock: Clock,
    socket: UdpSocket,
    sender: Sender,
    /// What the datagrams' thread was told to do with connections, which are the other thread's. At
    /// most one closing for each connection, so it is bounded as they are.
    for_streams: Mutex<Vec<Action<'static>>>,
    stop: Stop,
}

impl<M: Machine> Shared<M> {
    /// Tells the engine what happened, and leaves in `actions` what is to be done about it.
    fn handle(&self, event: Event<'_>, actions: &mut Actions) {
        actions.clear();
        let mut server = self.lock();
        // The clock is read under the lock, so that the engine sees times in their order.
        server.handle_into(event, self.clock.now(), actions);
    }

    fn lock(&self) -> MutexGuard<'_, M> {
        unpoisoned(self.server.lock())
    }

    /// Hands actions on connections to the thread that has them.
    fn pass_on(&self, action: Action<'_>) {
        unpoisoned(self.for_streams.lock()).push(action.into_owned());
        // If this fails, they are found when that thread next wakes.
        let _ = self.stop.poller.notify();
    }

    fn take_passed_on(&self) -> Vec<Action<'static>> {
        std::mem::take(&mut *unpoisoned(self.for_streams.lock()))
    }
}

/// After a panic in one thread the other one is on its way to stop, and tells the members so.
fn unpoisoned<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
