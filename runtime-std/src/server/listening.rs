//! The thread that waits for the listener, all TCP connections and the engine's deadlines.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use engine::{Action, Actions, ConnectionId, Event, Instant, Machine};
use polling::{Events, Poller};
use tracing::{debug, warn};

use super::stream::Stream;
use super::{Shared, datagrams};
use crate::watched::{Interest, Watched};

/// The listener's key; connections have the numbers after it.
const LISTENER: usize = 0;

/// Connections accepted at most before the others have their turn.
const ACCEPTS_A_WAKE: usize = 64;

/// Bytes read at most from a connection before the others have their turn.
const READ_BYTES: usize = 16 * 1024;

/// The pause in accepting after it failed, for want of descriptors or of memory, and none could go.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Listening<'a, M> {
    shared: &'a Shared<M>,
    poller: Arc<Poller>,
    listener: Watched<TcpListener>,
    streams: HashMap<ConnectionId, Stream>,
    last: u64,
    /// When accepting goes on, if it is paused.
    paused_until: Option<Instant>,
    actions: Actions,
    buffer: Box<[u8]>,
}

impl<'a, M: Machine> Listening<'a, M> {
    pub(super) fn new(listener: TcpListener, shared: &'a Shared<M>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poller = Arc::clone(&shared.stop.poller);
        Ok(Self {
            shared,
            listener: Watched::new(&poller, listener, LISTENER),
            poller,
            streams: HashMap::new(),
            last: 0,
            paused_until: None,
            actions: Actions::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
        })
    }

    /// Runs until the stop is requested, and then tells the engine.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::new();
        self.listener.watch(Interest::Read)?;
        while !self.shared.stop.is_requested() {
            events.clear();
            match self.poller.wait(&mut events, self.patience()) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.tell(Event::Tick);
            for action in self.shared.take_passed_on() {
                self.perform_on_stream(action);
            }
            for event in events.iter() {
                match event.key {
                    LISTENER => self.accept()?,
                    key => self.ready(ConnectionId(key as u64)),
                }
            }
            self.resume_accepting()?;
        }
        datagrams::take_last(self.shared);
        self.tell(Event::Shutdown);
        Ok(())
    }

    /// How long to wait at most. What the other thread does meanwhile only puts deadlines off; what
    /// a sweep leaves behind is due after that sweep, which was a deadline of its own.
    fn patience(&self) -> Option<Duration> {
        let deadline = self.shared.lock().next_deadline();
        let next = deadline.into_iter().chain(self.paused_until).min();
        next.map(|next| self.shared.clock.until(next))
    }

    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS_A_WAKE {
            match self.listener.source().accept() {
                Ok((stream, from)) => self.open(stream, from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    let open = self.streams.len();
                    self.tell(Event::Crowded);
                    // Where one has gone, there is room for the next.
                    if self.streams.len() == open {
                        self.paused_until = Some(self.shared.clock.now() + ACCEPT_PAUSE);
                        return self.listener.watch(Interest::Nothing);
                    }
                }
            }
        }
        Ok(())
    }

    fn resume_accepting(&mut self) -> io::Result<()> {
        if self.paused_until.is_some_and(|until| until <= self.shared.clock.now()) {
            self.paused_until = None;
            self.listener.watch(Interest::Read)?;
        }
        Ok(())
    }

    fn open(&mut self, stream: TcpStream, from: SocketAddr) {
        self.last += 1;
        let connection = ConnectionId(self.last);
        let stream = Stream::new(&self.poller, stream, self.last as usize);
        self.streams.insert(connection, stream);
        self.tell(Event::Opened { connection, from });
        // Most requests are there already.
        self.ready(connection);
    }

    /// A connection can be written, or read once. Whether it can be again is found out by watching it.
    fn ready(&mut self, connection: ConnectionId) {
        self.move_bytes(connection);
        self.watch(connection);
    }

    /// Writes what waits to be written, or reads once.
    fn move_bytes(&mut self, connection: ConnectionId) {
        let Some(stream) = self.streams.get_mut(&connection) else {
            return;
        };
        if stream.has_unsent() {
            return self.flush(connection);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        match stream.read(&mut buffer) {
            Ok(None) => {}
            Ok(Some(0)) => self.tell(Event::Ended { connection }),
            Ok(Some(size)) => {
                let bytes = buffer.get_mut(..size).unwrap_or_default();
                self.tell(Event::Received { connection, bytes });
                // It may have held a password.
                bytes.fill(0);
            }
            Err(error) => self.lose(connection, &error),
        }
        self.buffer = buffer;
    }

    fn watch(&mut self, connection: ConnectionId) {
        if let Some(Err(error)) = self.streams.get_mut(&connection).map(Stream::watch) {
            self.lose(connection, &error);
        }
    }

    fn flush(&mut self, connection: ConnectionId) {
        let Some(stream) = self.streams.get_mut(&connection) else {
            return;
        };
        if let Err(error) = stream.flush() {
            self.lose(connection, &error);
        }
    }

    fn lose(&mut self, connection: ConnectionId, error: &io::Error) {
        debug!(%error, "a connection was lost");
        self.streams.remove(&connection);
        self.tell(Event::Closed { connection });
    }

    fn tell(&mut self, event: Event<'_>) {
        let mut actions = std::mem::take(&mut self.actions);
        let patience = match event {
            Event::Shutdown => datagrams::LAST_PATIENCE,
            _ => datagrams::SEND_PATIENCE,
        };
        self.shared.handle(event, &mut actions);
        datagrams::send(&self.shared.socket, &self.shared.sender, &actions, patience);
        for action in actions.iter() {
            self.perform_on_stream(action);
        }
        self.actions = actions;
    }

    fn perform_on_stream(&mut self, action: Action<'_>) {
        match action {
            Action::Write { connection, bytes } => {
                if let Some(stream) = self.streams.get_mut(&connection) {
                    stream.write(&bytes);
                }
            }
            Action::HalfClose { connection } => {
                if let Some(stream) = self.streams.get_mut(&connection) {
                    stream.half_close();
                }
                self.flush(connection);
            }
            Action::Close { connection } => {
                self.streams.remove(&connection);
            }
            Action::Relay { .. } | Action::Burst { .. } | Action::Notify { .. } => {}
        }
    }
}

/// Whether accepting failed for one peer, which went away, and not for want of anything.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
