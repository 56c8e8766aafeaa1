//! The client's driver: a request and its reply over TCP, then chat over UDP.
//!
//! [`connect`], then [`request`] with what a [`Lobby`](engine::client::Lobby) gave, then
//! [`register`] and [`chat`] until the session is [`Gone`], then [`farewell`] if it has one.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use async_io::{Async, Timer};
use engine::client::{Answered, Event, Gone, Happening, Input, Joined, Joining, Output, Session};
use smol::channel::{Receiver, Sender, TrySendError, bounded};
use smol::future;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use sockets::Coalesced;

use crate::clock::Clock;

/// Inputs that wait at most between the user and the session.
const MAX_INPUTS: usize = 16;

/// Connects to `server` over TCP.
///
/// # Errors
/// The system's, or [`ErrorKind::TimedOut`] after `patience`.
pub async fn connect(server: SocketAddr, patience: Duration) -> io::Result<Async<TcpStream>> {
    within(patience, Async::<TcpStream>::connect(server)).await
}

/// Sends a request and waits for the reply; `patience` bounds each wait for more of it.
///
/// # Errors
/// The system's, when the connection fails before there is a reply, and [`ErrorKind::TimedOut`].
pub async fn request(
    mut stream: &Async<TcpStream>,
    request: &[u8],
    mut joining: Joining,
    clock: &Clock,
    patience: Duration,
    outputs: &mut Vec<Output>,
) -> io::Result<Answered> {
    within(patience, stream.write_all(request)).await?;
    let mut buffer = [0; 4096];
    loop {
        let size = within(patience, stream.read(&mut buffer)).await?;
        if size == 0 {
            return Ok(joining.ended());
        }
        let bytes = buffer.get(..size).unwrap_or_default();
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
pub async fn farewell(server: SocketAddr, request: &[u8], patience: Duration) -> io::Result<()> {
    let mut stream = connect(server, patience).await?;
    within(patience, stream.write_all(request)).await?;
    // Any byte will do: the server answers after it has done what it was asked.
    within(patience, stream.read(&mut [0; 1])).await.map(|_| ())
}

/// Where input for a session is put: a bounded queue. When the last one is dropped, the user leaves.
#[derive(Debug, Clone)]
pub struct InputSender {
    inputs: Sender<Input>,
    leaves_now: Sender<()>,
}

impl InputSender {
    /// Puts one input in, blocking for space while the session takes none: for a thread that reads
    /// a terminal. To leave now waits for nothing. `false` when the session is over.
    pub fn send(&self, input: Input) -> bool {
        match input {
            Input::LeaveNow => {
                !matches!(self.leaves_now.try_send(()), Err(TrySendError::Closed(())))
            }
            input => self.inputs.send_blocking(input).is_ok(),
        }
    }
}

/// The other end of an [`InputSender`].
#[derive(Debug)]
pub struct Inputs {
    inputs: Receiver<Input>,
    leaves_now: Receiver<()>,
}

/// A queue for a session's input.
pub fn inputs() -> (InputSender, Inputs) {
    let (inputs, taken) = bounded(MAX_INPUTS);
    let (leaves_now, left_now) = bounded(1);
    (InputSender { inputs, leaves_now }, Inputs { inputs: taken, leaves_now: left_now })
}

/// A member's datagram socket, from which the server has been told where the member is.
#[derive(Debug)]
pub struct Link {
    socket: Async<UdpSocket>,
    /// What the system did not take at once, and what the user is to be shown.
    outputs: Vec<Output>,
}

/// Opens the socket and sends what [`request`] left in `outputs`: from then on the member is sent what
/// is said in its room.
///
/// # Errors
/// When the socket cannot be set up.
pub fn register(server: SocketAddr, mut outputs: Vec<Output>) -> io::Result<Link> {
    let socket = Async::<UdpSocket>::bind(unspecified(server))?;
    // Connected: only the server's datagrams come, and the system tells when nobody listens there.
    socket.get_ref().connect(server)?;
    outputs.retain(|output| match output {
        Output::Send(bytes) => socket.get_ref().send(bytes).is_err(),
        Output::Show(_) => true,
    });
    Ok(Link { socket, outputs })
}

/// Carries a session's datagrams and input until it is over. `show` is told what the user is to know.
/// When the last [`InputSender`] is gone, the user leaves.
///
/// # Errors
/// None at present: what fails on the way ends with the session's own deadlines.
pub async fn chat(
    joined: Box<Joined>,
    link: Link,
    inputs: &Inputs,
    clock: &Clock,
    show: &mut dyn FnMut(Happening),
) -> io::Result<Gone> {
    let Link { socket, outputs } = link;
    let mut chat = Chat { socket, clock, show, outputs };
    let mut refused = chat.flush().await;
    let mut session = Session::Joined(joined);
    let mut coalesced = Coalesced::on(chat.socket.get_ref());
    loop {
        let joined = match session {
            Session::Joined(joined) => joined,
            Session::Gone(gone) => return Ok(gone),
        };
        let wake = if refused {
            Wake::Unreachable
        } else {
            chat.wait(&joined, inputs, &mut coalesced).await
        };
        session = Session::Joined(joined);
        refused = false;
        let alone = match &wake {
            Wake::Datagrams => None,
            Wake::Unreachable => Some(Event::Unreachable),
            Wake::Time => Some(Event::Tick),
            Wake::Input(input) => Some(input.as_event()),
        };
        let came = coalesced.datagrams().filter(|_| alone.is_none()).map(Event::Datagram);
        for event in alone.into_iter().chain(came) {
            let Session::Joined(joined) = session else { break };
            session = joined.handle(event, clock.now(), &mut chat.outputs);
            refused |= chat.flush().await;
        }
    }
}

/// What a session waited for.
enum Wake {
    /// Some came.
    Datagrams,
    Unreachable,
    Time,
    Input(Input),
}

/// What a session needs of the outside.
struct Chat<'a> {
    socket: Async<UdpSocket>,
    clock: &'a Clock,
    show: &'a mut dyn FnMut(Happening),
    outputs: Vec<Output>,
}

impl Chat<'_> {
    async fn wait(&self, joined: &Joined, inputs: &Inputs, coalesced: &mut Coalesced) -> Wake {
        let time = async {
            self.clock.at(Some(joined.next_deadline())).await;
            Wake::Time
        };
        let input = async {
            if !joined.takes_input() {
                future::pending::<()>().await;
            }
            inputs.inputs.recv().await.map_or(Wake::Input(Input::Leave), Wake::Input)
        };
        let now = async {
            if inputs.leaves_now.recv().await.is_err() {
                // Nobody is left who could want to; the other queue says so in its turn.
                future::pending::<()>().await;
            }
            Wake::Input(Input::LeaveNow)
        };
        // Each is polled in its turn, so that a flood of datagrams keeps nobody from leaving.
        let rest = future::race(self.datagrams(coalesced), future::race(input, time));
        future::or(now, rest).await
    }

    async fn datagrams(&self, coalesced: &mut Coalesced) -> Wake {
        loop {
            match self.socket.read_with(|socket| coalesced.receive(socket)).await {
                Ok(()) => return Wake::Datagrams,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    return Wake::Unreachable;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whatever else it is, the session's own deadlines end it when nothing comes.
                Err(_) => {
                    Timer::after(ERROR_PAUSE).await;
                }
            }
        }
    }

    /// Does what the session asked for. Whether the system said that nobody listens.
    async fn flush(&mut self) -> bool {
        let mut refused = false;
        for output in self.outputs.drain(..) {
            match output {
                Output::Send(bytes) => {
                    let sent = self.socket.send(&bytes).await;
                    if sent.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
                        // The news is of an earlier datagram; this one has not been sent yet.
                        refused = true;
                        let _ = self.socket.send(&bytes).await;
                    }
                }
                Output::Show(happening) => (self.show)(happening),
            }
        }
        refused
    }
}

/// The pause after an error in receiving that is not about one datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Any port of the family that `server` is of.
fn unspecified(server: SocketAddr) -> SocketAddr {
    match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// What `work` gives, or [`ErrorKind::TimedOut`] after `patience`.
async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        Timer::after(patience).await;
        Err(ErrorKind::TimedOut.into())
    };
    future::or(work, late).await
}
