//! `cli client`.

mod driver;
mod interrupt;
mod lines;
mod questions;
mod screen;
mod terminal;
mod typing;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use engine::client::{Answered, Gone, Habits, Joined, Joining, Lobby, Output, Reason};
use protocol::tcp::{Refusal, ReplyError};
use zeroize::Zeroizing;

use crate::args::{ClientArgs, Runtime};
use crate::exit::{Exit, Failure};
use crate::text::{printable, tell};
use driver::{Driver, Smol, Std};
use interrupt::Interrupts;
use questions::{Entry, Operation, Questions};
use screen::Screen;

/// Runs a client until its user leaves or its room is gone.
pub(crate) fn run(args: ClientArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::watch().map_err(|error| {
        Failure::new(Exit::Error, format!("signals cannot be watched: {error}"))
    })?;
    match args.runtime {
        Runtime::Smol => Client { driver: Smol::start(), args, interrupts }.run(),
        Runtime::Std => Client { driver: Std::start(), args, interrupts }.run(),
    }
}

struct Client<D> {
    driver: D,
    args: ClientArgs,
    interrupts: Interrupts,
}

/// In a room, of the server at an address, with what is to be sent first.
struct Admitted {
    joined: Box<Joined>,
    server: SocketAddr,
    outputs: Vec<Output>,
}

impl<D: Driver> Client<D> {
    fn run(self) -> Result<Exit, Failure> {
        let admitted = self.enter()?;
        let server = admitted.server;
        let gone = self.chat(admitted).map_err(|error| {
            Failure::new(Exit::Error, format!("the connection to {server} failed: {error}"))
        })?;
        if let Some(farewell) = &gone.farewell {
            // If this fails, the server finds out by itself that nothing more comes.
            let _ = self.driver.farewell(server, farewell);
        }
        self.end(&gone)
    }

    /// Asks for what it takes to be let in, as often as the server refuses.
    fn enter(&self) -> Result<Admitted, Failure> {
        let mut questions = Questions::new(&self.args);
        loop {
            let (user, operation) = questions.user_and_operation()?;
            // The seed's client connects here, and so a dead server is known before more is asked.
            let (stream, server) = self.reach()?;
            let entry = questions.entry(user, operation)?;
            let mut outputs = Vec::new();
            let (answered, server) = self.ask(stream, server, &entry, &mut outputs)?;
            match answered {
                Answered::Joined(joined) => return Ok(Admitted { joined, server, outputs }),
                Answered::Refused(_, refusal) => start_over(&mut questions, &refusal)?,
                Answered::Broken(_, error) => return Err(not_a_chat_server(server, error)),
                Answered::Waiting(_) => {
                    return Err(not_a_chat_server(server, ReplyError::Truncated));
                }
            }
        }
    }

    fn reach(&self) -> Result<(D::Stream, SocketAddr), Failure> {
        let server = &self.args.server;
        let addresses = server.to_socket_addrs().map_err(|error| {
            Failure::new(
                Exit::Unreachable,
                format!(
                    "the server's address {server} is not known: {error}. Give it as HOST:PORT"
                ),
            )
        })?;
        let mut last = None;
        for address in addresses {
            match self.driver.connect(address) {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
        let message = format!(
            "the server at {server} cannot be reached: {why}. Is it running, and is --server right?"
        );
        Err(Failure::new(Exit::Unreachable, message))
    }

    /// Sends the request, and gives the answer with the address it came from. A connection on which
    /// nothing was said for long may have had to make room for another: when it ends without a byte
    /// of a reply, a new one is tried, once.
    fn ask(
        &self,
        stream: D::Stream,
        server: SocketAddr,
        entry: &Entry,
        outputs: &mut Vec<Output>,
    ) -> Result<(Answered, SocketAddr), Failure> {
        let failed = |error: io::Error| {
            let message = format!("the server at {server} did not answer: {error}");
            Failure::new(Exit::Unreachable, message)
        };
        let (joining, request) = self.request(entry);
        match self.driver.request(&stream, &request, joining, outputs) {
            Ok(Answered::Broken(_, ReplyError::Nothing)) => {}
            Err(error) if is_of_a_closed_connection(&error) => {}
            Err(error) => return Err(failed(error)),
            Ok(answered) => return Ok((answered, server)),
        }
        drop(stream);
        let (stream, server) = self.reach()?;
        let (joining, request) = self.request(entry);
        let answered = self.driver.request(&stream, &request, joining, outputs).map_err(failed)?;
        Ok((answered, server))
    }

    fn request(&self, entry: &Entry) -> (Joining, Zeroizing<Vec<u8>>) {
        let lobby = Lobby::new(Habits { keepalive: self.args.keepalive });
        let Entry { operation, room, user, password } = entry;
        match operation {
            Operation::Create => lobby.create(room.clone(), user.clone(), password),
            Operation::Join => lobby.join(room.clone(), user.clone(), password),
        }
    }

    fn chat(&self, admitted: Admitted) -> io::Result<Gone> {
        let Admitted { joined, server, outputs } = admitted;
        // First of all, so that whoever reads that they are in can be reached.
        let link = self.driver.register(server, outputs)?;
        let (sender, inputs) = self.driver.inputs()?;
        let sender = Arc::new(sender);
        self.interrupts.leave_by(Arc::clone(&sender));
        let mut screen = Screen::open(Arc::clone(&sender));
        screen.welcome(&joined);
        typing::start(&mut screen, sender, self.interrupts.clone())?;
        let mut show = |happening| screen.show(happening);
        self.driver.chat(joined, link, &inputs, &mut show)
    }

    /// Says why it is over, and gives the code for it.
    fn end(&self, gone: &Gone) -> Result<Exit, Failure> {
        self.interrupts.restore_terminal();
        let (exit, message) = match gone.reason {
            Reason::Left if self.interrupts.happened() => return Ok(Exit::Interrupted),
            Reason::Left => return Ok(Exit::Clean),
            Reason::TimedOut => {
                (Exit::TimedOut, "you were silent for too long, and the server has dropped you")
            }
            Reason::RoomClosed => (Exit::RoomClosed, "the host has gone, and the room is closed"),
            Reason::ServerStopped => (Exit::RoomClosed, "the server is stopping"),
            Reason::ServerGone => (Exit::Unreachable, "the server does not answer any more"),
        };
        screen::last_note(message);
        Ok(exit)
    }
}

/// Whether the server had closed the connection before the request was written.
fn is_of_a_closed_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn start_over(questions: &mut Questions, refusal: &Refusal) -> Result<(), Failure> {
    let message = format!("refused: {} ({})", printable(&refusal.message), refusal.error);
    if questions.start_over() {
        tell(&message);
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, message))
}

fn not_a_chat_server(server: SocketAddr, error: ReplyError) -> Failure {
    let message =
        format!("{error}. Is it a chat server that listens at {server}, and of this version?");
    Failure::new(Exit::Error, message)
}
