//! One of the three: a client session of the engine, and what its user sees of it.

use std::fmt;
use std::mem;
use std::net::SocketAddr;

use engine::Instant;
use engine::client::{Answered, Event, Gone, Habits, Joined, Joining, Lobby, Output, Session};
use protocol::tcp::{Progress, Reply, ReplyDecoder};
use protocol::udp::{Datagram, Text};
use protocol::{NameError, RoomName, UserName};
use zeroize::Zeroizing;

use super::sight::Sight;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Alice,
    Bob,
    Carol,
}

impl Who {
    pub(super) const ALL: [Self; 3] = [Self::Alice, Self::Bob, Self::Carol];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "ボブ",
            Self::Carol => "carol",
        }
    }

    /// Where a client's datagrams come from: an address for documentation, one for each.
    pub(super) fn address(self) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, self as u8 + 1], 50_000))
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a lobby is asked to be let in: [`Lobby::create`] or [`Lobby::join`].
pub(super) type Ask = fn(Lobby, RoomName, UserName, &str) -> (Joining, Zeroizing<Vec<u8>>);

/// A client and its user.
#[derive(Debug)]
pub(super) struct Person {
    name: UserName,
    state: State,
}

#[derive(Debug)]
enum State {
    Lobby(Lobby),
    Joining(Joining),
    Joined(Box<Joined>),
    /// Said farewell, and waits for the server's word on it.
    Leaving(Gone),
    Gone,
}

/// What a client does about something: what it sends, and what its user sees.
#[derive(Debug, Default)]
pub(super) struct Doings {
    pub(super) request: Option<Zeroizing<Vec<u8>>>,
    pub(super) datagrams: Vec<Vec<u8>>,
    pub(super) sights: Vec<Sight>,
}

impl Person {
    pub(super) fn new(who: Who, habits: Habits) -> Result<Self, NameError> {
        Ok(Self { name: UserName::new(who.name())?, state: State::Lobby(Lobby::new(habits)) })
    }

    /// Asks to be let into a room.
    pub(super) fn ask(&mut self, ask: Ask, room: RoomName, password: &str) -> Doings {
        let mut doings = Doings::default();
        match mem::replace(&mut self.state, State::Gone) {
            State::Lobby(lobby) => {
                let (joining, request) = ask(lobby, room, self.name.clone(), password);
                self.state = State::Joining(joining);
                doings.asks(request);
            }
            state => self.state = state,
        }
        doings
    }

    /// Something happens in a room; nothing does to who is in none.
    pub(super) fn event(&mut self, event: Event<'_>, now: Instant) -> Doings {
        let mut doings = Doings::default();
        match mem::replace(&mut self.state, State::Gone) {
            State::Joined(joined) => {
                let mut outputs = Vec::new();
                let session = joined.handle(event, now, &mut outputs);
                doings.takes(outputs);
                self.state = match session {
                    Session::Joined(joined) => State::Joined(joined),
                    Session::Gone(gone) => doings.goes(gone),
                };
            }
            state => self.state = state,
        }
        doings
    }

    /// The reply to a request came.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) -> Doings {
        let mut doings = Doings::default();
        let mut outputs = Vec::new();
        self.state = match mem::replace(&mut self.state, State::Gone) {
            State::Joining(joining) => match joining.receive(bytes, now, &mut outputs) {
                Answered::Waiting(joining) => State::Joining(joining),
                Answered::Joined(joined) => {
                    doings.sights.push(Sight::of_welcome(&joined));
                    State::Joined(joined)
                }
                Answered::Refused(lobby, refusal) => {
                    doings.sights.push(Sight::Refused(refusal));
                    State::Lobby(lobby)
                }
                Answered::Broken(lobby, error) => {
                    doings.sights.push(Sight::Confused(error.to_string()));
                    State::Lobby(lobby)
                }
            },
            State::Leaving(gone) => {
                doings.sights.push(farewell_answer(bytes, &gone));
                State::Gone
            }
            state => state,
        };
        doings.takes(outputs);
        doings
    }

    /// When the session needs to be told the time; `None` outside of a room.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Joined(joined) => Some(joined.next_deadline()),
            State::Lobby(_) | State::Joining(_) | State::Leaving(_) | State::Gone => None,
        }
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.state, State::Joined(_))
    }
}

impl Doings {
    fn asks(&mut self, request: Zeroizing<Vec<u8>>) {
        self.sights.push(Sight::of_request(&request));
        self.request = Some(request);
    }

    fn takes(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(datagram) => {
                    self.sights.push(sight_of_sent(&datagram));
                    self.datagrams.push(datagram);
                }
                Output::Show(happening) => self.sights.push(Sight::Happened(happening)),
            }
        }
    }

    /// Who leaves says farewell first; for the others it is over.
    fn goes(&mut self, mut gone: Gone) -> State {
        if let Some(farewell) = gone.farewell.take() {
            self.asks(farewell);
            return State::Leaving(gone);
        }
        self.sights.push(Sight::Over(gone.reason));
        State::Gone
    }
}

fn sight_of_sent(datagram: &[u8]) -> Sight {
    match Datagram::parse(datagram).map(|datagram| datagram.text()) {
        Ok(Text::Presence) => Sight::Present,
        Ok(Text::Chat(message)) => Sight::Said(message.as_str().to_owned()),
        Ok(Text::Reserved(text)) => Sight::Confused(format!("sent {text}")),
        Err(error) => Sight::Confused(format!("sent a bad datagram: {error}")),
    }
}

fn farewell_answer(mut bytes: &[u8], gone: &Gone) -> Sight {
    let Progress::Done(text) = ReplyDecoder::default().feed(&mut bytes) else {
        return Sight::Confused("the reply is not whole".to_owned());
    };
    match text.parse() {
        Ok(Reply::Done(_)) => Sight::Over(gone.reason),
        Ok(Reply::Refused(refusal)) => Sight::Refused(refusal),
        Err(error) => Sight::Confused(error.to_string()),
    }
}
