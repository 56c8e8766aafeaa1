//! The listener, and a task for each TCP connection.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use async_io::{Async, Timer};
use engine::{Actions, ConnectionId, Event};
use smol::{LocalExecutor, future};
use tracing::{debug, warn};

use super::stream::Stream;
use super::{Connection, Shared};

/// Connections accepted at most before the others have their turn.
const ACCEPTS_A_TURN: usize = 64;

/// Bytes read at most from a connection before the others have their turn.
const READ_BYTES: usize = 16 * 1024;

/// The pause in accepting after it failed, for want of descriptors or of memory, and none could go.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Accepts for ever, and serves each connection by a task on `executor`.
pub(super) async fn run<'a>(
    shared: &'a Shared,
    listener: &Async<TcpListener>,
    executor: &LocalExecutor<'a>,
) {
    // One buffer for all: it is used between one `await` and the next.
    let buffer: Rc<RefCell<Box<[u8]>>> = Rc::new(RefCell::new(vec![0; READ_BYTES].into()));
    let mut actions = Actions::new();
    let mut last = 0;
    loop {
        // This is polled at every wake, and asks the system only when there is something to accept.
        if let Err(error) = listener.readable().await {
            warn!(%error, "the listener cannot be waited for; trying again");
            Timer::after(ACCEPT_PAUSE).await;
        }
        for _ in 0..ACCEPTS_A_TURN {
            let accepted = listener.get_ref().accept();
            match accepted.and_then(|(stream, from)| Ok((Async::new(stream)?, from))) {
                Ok((stream, from)) => {
                    last += 1;
                    let connection = ConnectionId(last);
                    open(shared, executor, connection, stream, &buffer);
                    shared.tell(Event::Opened { connection, from }, &mut actions);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    let open = shared.streams.borrow().len();
                    shared.tell(Event::Crowded, &mut actions);
                    if shared.streams.borrow().len() == open {
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

fn open<'a>(
    shared: &'a Shared,
    executor: &LocalExecutor<'a>,
    connection: ConnectionId,
    stream: Async<TcpStream>,
    buffer: &Rc<RefCell<Box<[u8]>>>,
) {
    let stream = Rc::new(Stream::new(stream));
    let serving = serve(shared, connection, Rc::clone(&stream), Rc::clone(buffer));
    let task = executor.spawn(shared.guarded(serving));
    shared.streams.borrow_mut().insert(connection, Connection { stream, _task: task });
}

/// Carries one connection's bytes until the engine has it closed, which drops this, or it fails.
async fn serve(
    shared: &Shared,
    connection: ConnectionId,
    stream: Rc<Stream>,
    buffer: Rc<RefCell<Box<[u8]>>>,
) {
    let mut actions = Actions::new();
    // Once closed it is not waited for again, and only a wait would end it.
    while shared.has(connection) {
        // All that waits is written before anything more is read.
        let turn = async {
            let read = |mut io: &TcpStream| {
                let mut buffer = buffer.borrow_mut();
                let size = io.read(&mut buffer)?;
                let bytes = buffer.get_mut(..size).unwrap_or_default();
                shared.tell(received(connection, bytes), &mut actions);
                // It may have held a password.
                bytes.fill(0);
                Ok(())
            };
            stream.read(read).await?;
            stream.flush().await
        };
        if let Err(error) = turn.await {
            debug!(%error, "a connection was lost");
            shared.tell(Event::Closed { connection }, &mut actions);
            shared.close(connection);
        }
        // However fast a peer sends, the others have their turn.
        future::yield_now().await;
    }
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
