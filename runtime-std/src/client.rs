//! The client's driver: a request and its reply over TCP, then chat over UDP.
//!
//! [`connect`], then [`request`] with what a [`Lobby`](engine::client::Lobby) gave, then
//! [`register`] and [`chat`] until the session is [`Gone`], then [`farewell`] if it has one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use engine::client::{Answered, Event, Gone, Happening, Input, Joined, Joining, Output, Session};
use polling::{Events, Poller};
use sockets::Coalesced;

use crate::clock::Clock;
use crate::watched::{Interest, Watched};

/// Inputs that wait at most between the user and the session.
const MAX_INPUTS: usize = 16;

/// Receives at most before the input has its turn.
const RECEIVES_A_WAKE: usize = 64;

/// The UDP socket's key.
const SOCKET: usize = 0;

/// Connects to `server` over TCP.
///
/// # Errors
/// The system's, or [`ErrorKind::TimedOut`] after `patience`.
pub fn connect(server: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&server, patience)
}

/// Sends a request and waits for the reply; `patience` bounds each wait for more of it.
///
/// # Errors
/// The system's, when the connection fails before there is a reply, and [`ErrorKind::TimedOut`].
pub fn request(
    mut stream: &TcpStream,
    request: &[u8],
    mut joining: Joining,
    clock: &Clock,
    patience: Duration,
    outputs: &mut Vec<Output>,
) -> io::Result<Answered> {
    set_patience(stream, patience)?;
    stream.write_all(request)?;
    let mut buffer = [0; 4096];
    loop {
        let bytes = match stream.read(&mut buffer) {
            Ok(0) => return Ok(joining.ended()),
            Ok(size) => buffer.get(..size).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        };
        match joining.receive(bytes, clock.now(), outputs) {
            Answered::Waiting(same) => joining = same,
            answer => return Ok(answer),
        }
    }
}

/// Tells the server that the user leaves, and waits for its reply so that it is known to have come.
///
/// # Errors
/// The system's; the user is gone either way, and times out if the server did not hear of it.
pub fn farewell(server: SocketAddr, request: &[u8], patience: Duration) -> io::Result<()> {
    let mut stream = connect(server, patience)?;
    set_patience(&stream, patience)?;
    stream.write_all(request)?;
    // Any byte will do: the server answers after it has done what it was asked.
    stream.read(&mut [0; 1]).map(|_| ())
}

/// Where input for a session is put: a bounded queue that wakes the session. When the last one is
/// dropped, the user leaves.
#[derive(Debug, Clone)]
pub struct InputSender {
    /// Taken only when this is dropped.
    inputs: Option<SyncSender<Input>>,
    shared: Arc<Shared>,
}

/// What both ends of the queue have.
#[derive(Debug)]
struct Shared {
    poller: Arc<Poller>,
    leaves_now: AtomicBool,
}

impl InputSender {
    /// Puts one input in, waiting for space while the session takes none; to leave now waits for
    /// nothing. `false` when the session is over.
    pub fn send(&self, input: Input) -> bool {
        let sent = match input {
            Input::LeaveNow => {
                self.shared.leaves_now.store(true, Ordering::Release);
                true
            }
            input => self.inputs.as_ref().is_some_and(|inputs| inputs.send(input).is_ok()),
        };
        sent && self.shared.poller.notify().is_ok()
    }
}

impl Drop for InputSender {
    fn drop(&mut self) {
        drop(self.inputs.take());
        // The session finds out that nothing more comes; if this fails, at its next deadline.
        let _ = self.shared.poller.notify();
    }
}

/// The other end of an [`InputSender`].
#[derive(Debug)]
pub struct Inputs {
    inputs: Receiver<Input>,
    shared: Arc<Shared>,
}

/// A queue for a session's input.
///
/// # Errors
/// When the system has no descriptor left for it.
pub fn inputs() -> io::Result<(InputSender, Inputs)> {
    let (sender, receiver) = sync_channel(MAX_INPUTS);
    let poller = Arc::new(Poller::new()?);
    let shared = Arc::new(Shared { poller, leaves_now: AtomicBool::new(false) });
    let sender = InputSender { inputs: Some(sender), shared: Arc::clone(&shared) };
    Ok((sender, Inputs { inputs: receiver, shared }))
}

/// A member's datagram socket, from which the server has been told where the member is.
#[derive(Debug)]
pub struct Link {
    socket: UdpSocket,
    /// What the system did not take at once, and what the user is to be shown.
    outputs: Vec<Output>,
}

/// Opens the socket and sends what [`request`] left in `outputs`: from then on the member is sent what
/// is said in its room.
///
/// # Errors
/// When the socket cannot be set up.
pub fn register(server: SocketAddr, mut outputs: Vec<Output>) -> io::Result<Link> {
    let socket = UdpSocket::bind(unspecified(server))?;
    // Connected: only the server's datagrams come, and the system tells when nobody listens there.
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    outputs.retain(|output| match output {
        Output::Send(bytes) => socket.send(bytes).is_err(),
        Output::Show(_) => true,
    });
    Ok(Link { socket, outputs })
}

/// Carries a session's datagrams and input until it is over. `show` is told what the user is to know.
/// When the last [`InputSender`] is gone, the user leaves.
///
/// # Errors
/// When the socket cannot be waited for.
pub fn chat(
    joined: Box<Joined>,
    link: Link,
    inputs: &Inputs,
    clock: &Clock,
    show: &mut dyn FnMut(Happening),
) -> io::Result<Gone> {
    let Link { socket, outputs } = link;
    let mut socket = Watched::new(&inputs.shared.poller, socket, SOCKET);
    socket.watch(Interest::Read)?;
    let mut chat = Chat { socket, clock, show, outputs };
    let refused = chat.flush();
    let mut session = chat.after(Session::Joined(joined), refused);
    let mut events = Events::new();
    let mut coalesced = Coalesced::on(chat.socket.source());
    loop {
        let joined = match session {
            Session::Joined(joined) => joined,
            Session::Gone(gone) => return Ok(gone),
        };
        let deadline = joined.next_deadline();
        events.clear();
        match inputs.shared.poller.wait(&mut events, Some(clock.until(deadline))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        session = chat.handle(Session::Joined(joined), Event::Tick);
        session = chat.take_datagrams(session, &mut coalesced);
        session = chat.take_inputs(session, inputs);
    }
}

/// What a session needs of the outside.
struct Chat<'a> {
    socket: Watched<UdpSocket>,
    clock: &'a Clock,
    show: &'a mut dyn FnMut(Happening),
    outputs: Vec<Output>,
}

impl Chat<'_> {
    fn take_datagrams(&mut self, mut session: Session, coalesced: &mut Coalesced) -> Session {
        for _ in 0..RECEIVES_A_WAKE {
            match coalesced.receive(self.socket.source()) {
                Ok(()) => {
                    for datagram in coalesced.datagrams() {
                        session = self.handle(session, Event::Datagram(datagram));
                    }
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    session = self.handle(session, Event::Unreachable);
                }
                Err(_) => break,
            }
        }
        session
    }

    fn take_inputs(&mut self, mut session: Session, inputs: &Inputs) -> Session {
        if inputs.shared.leaves_now.swap(false, Ordering::AcqRel) {
            session = self.handle(session, Event::LeaveNow);
        }
        while matches!(&session, Session::Joined(joined) if joined.takes_input()) {
            let input = match inputs.inputs.try_recv() {
                Ok(input) => input,
                Err(TryRecvError::Disconnected) => Input::Leave,
                Err(TryRecvError::Empty) => break,
            };
            session = self.handle(session, input.as_event());
        }
        session
    }

    fn handle(&mut self, session: Session, event: Event<'_>) -> Session {
        let Session::Joined(joined) = session else {
            return session;
        };
        let session = joined.handle(event, self.clock.now(), &mut self.outputs);
        let refused = self.flush();
        self.after(session, refused)
    }

    /// Does what the session asked for. Whether the system said that nobody listens.
    fn flush(&mut self) -> bool {
        let mut refused = false;
        for output in self.outputs.drain(..) {
            match output {
                Output::Send(bytes) => {
                    let sent = self.socket.source().send(&bytes);
                    if sent.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
                        // The news is of an earlier datagram; this one has not been sent yet.
                        refused = true;
                        let _ = self.socket.source().send(&bytes);
                    }
                }
                Output::Show(happening) => (self.show)(happening),
            }
        }
        refused
    }

    fn after(&mut self, session: Session, refused: bool) -> Session {
        if refused { self.handle(session, Event::Unreachable) } else { session }
    }
}

/// Any port of the family that `server` is of.
fn unspecified(server: SocketAddr) -> SocketAddr {
    match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

fn set_patience(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))
}
