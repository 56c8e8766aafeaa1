//! The server's driver.

mod datagrams;
mod listening;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::rc::Rc;

use async_io::Async;
use engine::{Action, Actions, ConnectionId, Counters, Event, Instant, Server};
use smol::{LocalExecutor, Task, future};

use crate::clock::Clock;
use stream::Stream;

/// Runs `server`, whose time began at [`engine::Instant::ZERO`] and goes on from there, on bound
/// sockets until `stop` is ready. Gives what happened in numbers.
///
/// # Errors
/// When the sockets cannot be set up; what goes wrong with one connection or one datagram is none.
pub async fn serve(
    listener: TcpListener,
    socket: UdpSocket,
    server: Server,
    stop: impl Future<Output = ()>,
) -> io::Result<Counters> {
    let shared = Shared {
        server: RefCell::new(server),
        clock: Clock::start(),
        socket: Async::new(socket)?,
        streams: RefCell::default(),
        armed_for: Cell::new(None),
        rearm: smol::channel::bounded(1),
    };
    let listener = Async::new(listener)?;
    let executor = LocalExecutor::new();
    // At every turn the first that is ready goes first: datagrams before connections.
    let streams = future::or(shared.keep_time(), listening::run(&shared, &listener, &executor));
    let work = future::or(datagrams::run(&shared), executor.run(streams));
    future::or(stop, work).await;
    shared.tell(Event::Shutdown, &mut Actions::new()).await;
    drop(executor);
    Ok(*shared.server.borrow().counters())
}

/// What all the tasks share. They are on one thread, and nothing is borrowed over an `await`.
struct Shared {
    server: RefCell<Server>,
    clock: Clock,
    socket: Async<UdpSocket>,
    streams: RefCell<HashMap<ConnectionId, Connection>>,
    /// The deadline for which the timer is set.
    armed_for: Cell<Option<Instant>>,
    /// Says that there is an earlier one.
    rearm: (smol::channel::Sender<()>, smol::channel::Receiver<()>),
}

/// A connection, and the task that serves it. To drop it is to end both.
struct Connection {
    stream: Rc<Stream>,
    _task: Task<()>,
}

impl Shared {
    /// Tells the engine what happened, and does what it answers.
    async fn tell(&self, event: Event<'_>, actions: &mut Actions) {
        self.handle(event, actions);
        self.send(actions).await;
    }

    /// Tells the engine what happened, does what it answers about connections, and leaves the
    /// datagrams in `actions`.
    fn handle(&self, event: Event<'_>, actions: &mut Actions) {
        actions.clear();
        self.server.borrow_mut().handle_into(event, self.clock.now(), actions);
        for action in actions.iter() {
            self.perform_on_stream(&action);
        }
        self.rearm_if_earlier();
    }

    async fn send(&self, actions: &Actions) {
        for action in actions.iter() {
            datagrams::send(&self.socket, &action).await;
        }
    }

    fn perform_on_stream(&self, action: &Action<'_>) {
        match action {
            Action::Write { connection, bytes } => {
                if let Some(stream) = self.stream(*connection) {
                    stream.write(bytes);
                }
            }
            Action::HalfClose { connection } => {
                if let Some(stream) = self.stream(*connection) {
                    stream.half_close();
                }
            }
            Action::Close { connection } => self.close(*connection),
            Action::Relay { .. } | Action::Notify { .. } => {}
        }
    }

    fn has(&self, connection: ConnectionId) -> bool {
        self.streams.borrow().contains_key(&connection)
    }

    /// Drops a connection and its task; one that closes itself goes on until it next waits.
    fn close(&self, connection: ConnectionId) {
        // Taken out first, and dropped when nothing is borrowed.
        let closed = self.streams.borrow_mut().remove(&connection);
        drop(closed);
    }

    fn stream(&self, connection: ConnectionId) -> Option<Rc<Stream>> {
        self.streams.borrow().get(&connection).map(|connection| Rc::clone(&connection.stream))
    }

    /// Tells the engine the time when it wants to know.
    async fn keep_time(&self) {
        let mut actions = Actions::new();
        loop {
            let deadline = self.server.borrow().next_deadline();
            self.armed_for.set(deadline);
            let timer = async {
                self.clock.at(deadline).await;
                true
            };
            let rearmed = async {
                // Cannot fail: this very value holds the sender.
                let _ = self.rearm.1.recv().await;
                false
            };
            if future::or(timer, rearmed).await {
                self.tell(Event::Tick, &mut actions).await;
                // The next one may be due already, and others have their turn first.
                future::yield_now().await;
            }
        }
    }

    fn rearm_if_earlier(&self) {
        let next = self.server.borrow().next_deadline();
        let is_earlier = match (next, self.armed_for.get()) {
            (Some(next), Some(armed_for)) => next < armed_for,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        if is_earlier {
            // Full when it has been said already.
            let _ = self.rearm.0.try_send(());
        }
    }
}
