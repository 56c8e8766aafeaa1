//! The listener, and the TCP connections. A connection that has to be waited for has a task.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use async_io::{Async, Timer};
use engine::{Actions, ConnectionId, Event, Instant, Machine};
use smol::{LocalExecutor, future};
use tracing::{debug, warn};

use super::signal::Signal;
use super::stream::Stream;
use super::{Connection, Shared};

/// Connections accepted at most before the others have their turn.
const ACCEPTS_A_TURN: usize = 16;

/// Bytes read at most from a connection before the others have their turn.
const READ_BYTES: usize = 16 * 1024;

/// The pause in accepting after it failed, for want of descriptors or of memory, and none could go.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long a connection that has had its reply is left alone before it is looked at: most peers have
/// closed by then, and it need never be registered.
const CLOSES_WITHIN: Duration = Duration::from_millis(1);

/// How often those are looked at while nobody else is accepted.
const CLOSING_LOOK: Duration = Duration::from_millis(10);

/// Connections left alone at most; more are registered at once.
const MAX_CLOSING: usize = 1024;

/// Accepts for ever, and serves the connections, those that have to be waited for by tasks on
/// `executor`.
pub(super) async fn run<'a, M: Machine>(
    shared: &'a Shared<M>,
    listener: &Async<TcpListener>,
    executor: &LocalExecutor<'a>,
) {
    let listening = Listening {
        shared,
        executor,
        buffer: Rc::new(RefCell::new(vec![0; READ_BYTES].into())),
        closing: RefCell::default(),
        is_closing: Signal::default(),
    };
    future::or(listening.accept(listener), listening.look_now_and_then()).await;
}

struct Listening<'a, 'e, M> {
    shared: &'a Shared<M>,
    executor: &'e LocalExecutor<'a>,
    /// One buffer for all: it is used between one `await` and the next.
    buffer: Rc<RefCell<Box<[u8]>>>,
    /// Those that are left alone, and until when. Some may be gone by then.
    closing: RefCell<VecDeque<(ConnectionId, Instant)>>,
    /// Says that there are some.
    is_closing: Signal,
}

impl<M: Machine> Listening<'_, '_, M> {
    async fn accept(&self, listener: &Async<TcpListener>) {
        let mut actions = Actions::new();
        let mut last = 0;
        loop {
            // This is polled at every wake, and asks the system only when there is something to accept.
            if let Err(error) = listener.readable().await {
                warn!(%error, "the listener cannot be waited for; trying again");
                Timer::after(ACCEPT_PAUSE).await;
            }
            self.look_at_closing(&mut actions);
            for _ in 0..ACCEPTS_A_TURN {
                match listener.get_ref().accept() {
                    Ok((stream, from)) => {
                        last += 1;
                        self.open(ConnectionId(last), stream, from, &mut actions);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        warn!(%error, "a connection could not be accepted");
                        let open = self.shared.streams.borrow().len();
                        self.shared.tell(Event::Crowded, &mut actions);
                        if self.shared.streams.borrow().len() == open {
                            Timer::after(ACCEPT_PAUSE).await;
                        } else {
                            // Its task ends, and its descriptor is free, when it has had its turn.
                            future::yield_now().await;
                        }
                    }
                }
            }
            future::yield_now().await;
        }
    }

    fn open(
        &self,
        connection: ConnectionId,
        stream: TcpStream,
        from: SocketAddr,
        actions: &mut Actions,
    ) {
        let stream = Rc::new(Stream::new(stream));
        let entry = Connection { stream: Rc::clone(&stream), task: None };
        self.shared.streams.borrow_mut().insert(connection, entry);
        self.shared.tell(Event::Opened { connection, from }, actions);
        // Most requests are there already.
        self.take_turn(connection, &stream, actions);
        let may_be_left_alone = self.closing.borrow().len() < MAX_CLOSING;
        if stream.is_about_to_close() && may_be_left_alone {
            let until = self.shared.clock.now() + CLOSES_WITHIN;
            self.closing.borrow_mut().push_back((connection, until));
            self.is_closing.give();
        } else {
            self.wait_for(connection, stream);
        }
    }

    /// Looks at those that were left alone while nobody else is accepted: a timer for each would cost
    /// more than it saves.
    async fn look_now_and_then(&self) {
        let mut actions = Actions::new();
        loop {
            self.is_closing.wait().await;
            while !self.closing.borrow().is_empty() {
                Timer::after(CLOSING_LOOK).await;
                self.look_at_closing(&mut actions);
            }
        }
    }

    /// Reads from those that were left alone for long enough, and waits for those that are still there.
    fn look_at_closing(&self, actions: &mut Actions) {
        let now = self.shared.clock.now();
        while let Some(connection) = self.next_closing(now) {
            if let Some(stream) = self.shared.stream(connection) {
                self.take_turn(connection, &stream, actions);
                self.wait_for(connection, stream);
            }
        }
    }

    fn next_closing(&self, now: Instant) -> Option<ConnectionId> {
        let mut closing = self.closing.borrow_mut();
        closing.front().filter(|(_, until)| *until <= now)?;
        closing.pop_front().map(|(connection, _)| connection)
    }

    /// Reads and writes what can be read and written at once.
    fn take_turn(&self, connection: ConnectionId, stream: &Stream, actions: &mut Actions) {
        let taken = take(self.shared, connection, stream, &self.buffer, actions);
        if let Err(error) = taken.and_then(|_| stream.flush_now()) {
            lose(self.shared, connection, &error, actions);
        }
    }

    /// Serves a connection by a task, if it is still there.
    fn wait_for(&self, connection: ConnectionId, stream: Rc<Stream>) {
        if let Some(entry) = self.shared.streams.borrow_mut().get_mut(&connection) {
            let serving = serve(self.shared, connection, stream, Rc::clone(&self.buffer));
            entry.task = Some(self.executor.spawn(self.shared.guarded(serving)));
        }
    }
}

/// Carries one connection's bytes until the engine has it closed, which drops this, or it fails.
async fn serve(
    shared: &Shared<impl Machine>,
    connection: ConnectionId,
    stream: Rc<Stream>,
    buffer: Rc<RefCell<Box<[u8]>>>,
) {
    let mut actions = Actions::new();
    // Once closed it is not waited for again, and only a wait would end it.
    while shared.has(connection) {
        let turn = async {
            // All that waits is written before anything more is read.
            stream.flush().await?;
            while !take(shared, connection, &stream, &buffer, &mut actions)? {
                stream.readable().await?;
            }
            stream.flush().await
        };
        if let Err(error) = turn.await {
            lose(shared, connection, &error, &mut actions);
        }
        // However fast a peer sends, the others have their turn.
        future::yield_now().await;
    }
}

/// Reads once, and tells the engine what came. Whether anything did, be it the end.
fn take(
    shared: &Shared<impl Machine>,
    connection: ConnectionId,
    stream: &Stream,
    buffer: &RefCell<Box<[u8]>>,
    actions: &mut Actions,
) -> io::Result<bool> {
    let mut buffer = buffer.borrow_mut();
    let Some(size) = stream.read_now(&mut buffer)? else { return Ok(false) };
    let bytes = buffer.get_mut(..size).unwrap_or_default();
    shared.tell(received(connection, bytes), actions);
    // It may have held a password.
    bytes.fill(0);
    Ok(true)
}

fn lose(
    shared: &Shared<impl Machine>,
    connection: ConnectionId,
    error: &io::Error,
    actions: &mut Actions,
) {
    debug!(%error, "a connection was lost");
    shared.tell(Event::Closed { connection }, actions);
    shared.close(connection);
}

/// What was read; nothing at all is the end of it.
fn received(connection: ConnectionId, bytes: &[u8]) -> Event<'_> {
    if bytes.is_empty() {
        Event::Ended { connection }
    } else {
        Event::Received { connection, bytes }
    }
}

/// Whether accepting failed for one peer, which went away, and not for want of anything.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
