//! The server's driver.

mod datagrams;
mod listening;
mod outgoing;
mod signal;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::rc::Rc;

use async_io::Async;
use engine::{Action, Actions, ConnectionId, Counters, Event, Instant, Machine};
use smol::{LocalExecutor, Task, future};

use crate::clock::Clock;
use outgoing::Outgoing;
use signal::Signal;
use stream::Stream;

/// Runs `server` (an [`engine::Server`], or one that is recorded), whose time began at [`engine::Instant::ZERO`] and goes on from there, on bound
/// sockets until `stop` is ready. Gives what happened in numbers.
///
/// # Errors
/// When the sockets cannot be set up; what goes wrong with one connection or one datagram is none.
pub async fn serve(
    listener: TcpListener,
    socket: UdpSocket,
    server: impl Machine,
    stop: impl Future<Output = ()>,
) -> io::Result<Counters> {
    let shared = Shared {
        server: RefCell::new(server),
        clock: Clock::start(),
        outgoing: Outgoing::new(socket)?,
        streams: RefCell::default(),
        armed_for: Cell::new(None),
        rearm: Signal::default(),
        panicked: Signal::default(),
    };
    let listener = Async::new(listener)?;
    let executor = LocalExecutor::new();
    // Tasks of their own, so that each is polled when it is its turn and not at every wake.
    let _time = executor.spawn(shared.guarded(shared.keep_time()));
    let _late = executor.spawn(shared.guarded(shared.outgoing.send_late()));
    // At every turn the first that is ready goes first: datagrams before connections.
    let listening = listening::run(&shared, &listener, &executor);
    let streams = executor.run(future::or(shared.panicked.wait(), listening));
    let work = future::or(datagrams::run(&shared), streams);
    let stopped = async {
        stop.await;
        Ok(())
    };
    let failed = async {
        work.await;
        Err(io::Error::other("a task panicked, and half a server would look like a whole one"))
    };
    let outcome = future::or(stopped, failed).await;
    datagrams::take_last(&shared);
    shared.tell(Event::Shutdown, &mut Actions::new());
    shared.outgoing.send_last().await;
    outcome.map(|()| *shared.server.borrow().counters())
}

/// What all the tasks share. They are on one thread, and nothing is borrowed over an `await`.
struct Shared<M> {
    server: RefCell<M>,
    clock: Clock,
    outgoing: Outgoing,
    streams: RefCell<HashMap<ConnectionId, Connection>>,
    /// The deadline for which the timer is set.
    armed_for: Cell<Option<Instant>>,
    /// Says that there is an earlier one.
    rearm: Signal,
    /// Says that a task panicked.
    panicked: Signal,
}

/// A connection, and the task that serves it, once it has to be waited for. To drop it is to end both.
struct Connection {
    stream: Rc<Stream>,
    task: Option<Task<()>>,
}

/// Dropped by a panic, or when a task ends as it should.
struct Guard<'a, M>(&'a Shared<M>);

impl<M> Drop for Guard<'_, M> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panicked.give();
        }
    }
}

impl<M: Machine> Shared<M> {
    /// Tells the engine what happened, and does what it answers. Nothing of it is waited for, so a
    /// task that ends meanwhile takes nobody's notices along.
    fn tell(&self, event: Event<'_>, actions: &mut Actions) {
        actions.clear();
        self.server.borrow_mut().handle_into(event, self.clock.now(), actions);
        for action in actions.iter() {
            self.outgoing.send(&action);
        }
        for action in actions.iter() {
            self.perform_on_stream(&action);
        }
        self.rearm_if_earlier();
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
            Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. } => {}
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
                self.rearm.wait().await;
                false
            };
            if future::or(timer, rearmed).await {
                self.tell(Event::Tick, &mut actions);
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
            self.rearm.give();
        }
    }

    /// A task that says so if it panics: it would otherwise only be missing.
    async fn guarded(&self, task: impl Future<Output = ()>) {
        let _guard = Guard(self);
        task.await;
    }
}
