//! Those who run the client's session, as its driver does.

use std::time::Duration;

use engine::client::{Answered, Event, Habits, Happening, Joined, Joining, Lobby, Output, Session};
use engine::{ConnectionId, Instant};
use protocol::tcp::{ErrorCode, Feature};
use protocol::{RoomName, UserName};

use super::streams::Purpose;
use super::{Happens, Role, World};
use crate::cast;
use crate::plan::{Asks, What};
use crate::trace;
use crate::wire::{Fields, HEADER, Header, Object, frame};

/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often somebody asks before it gives up: to join, to create, and to join again.
const TRIES: u8 = 3;

/// A client: a person and the program.
#[derive(Debug)]
pub(super) struct Client {
    keepalive: Option<Duration>,
    asks: Asks,
    stage: Stage,
    /// When its timer is set to.
    tick_at: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    Out,
    Asking(Box<Asking>),
    In { joined: Box<Joined>, token: String },
}

#[derive(Debug)]
struct Asking {
    connection: ConnectionId,
    joining: Joining,
    wish: Wish,
    tries: u8,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy)]
struct Wish {
    room: usize,
    knows_password: bool,
    creates: bool,
}

impl Client {
    pub(super) fn new(keepalive: Option<Duration>, asks: Asks) -> Self {
        Self { keepalive, asks, stage: Stage::Out, tick_at: None }
    }

    /// Whether its presences are answered, if it is in.
    pub(super) fn gets_answers(&self) -> bool {
        match &self.stage {
            Stage::In { joined, .. } => joined.features().contains(Feature::Pong),
            Stage::Out | Stage::Asking(_) => false,
        }
    }

    /// The token of who believes to be in.
    pub(super) fn token(&self) -> Option<&str> {
        match &self.stage {
            Stage::In { token, .. } => Some(token),
            Stage::Out | Stage::Asking(_) => None,
        }
    }
}

impl World<'_> {
    pub(super) fn client_does(&mut self, party: usize, what: &What) {
        match what {
            What::Enter { room, knows_password } => {
                let wish = Wish { room: *room, knows_password: *knows_password, creates: false };
                if self.client(party).is_some_and(|client| matches!(client.stage, Stage::Out)) {
                    self.ask(party, wish, TRIES);
                }
            }
            What::Say(number) => {
                let takes = |client: &mut Client| match &client.stage {
                    Stage::In { joined, .. } => joined.takes_input(),
                    _ => false,
                };
                if self.client(party).is_some_and(takes) {
                    self.session(party, Event::Say(&cast::text(*number)));
                }
            }
            What::Chatter { first, count } => {
                for number in (*first..).take(usize::from(*count)) {
                    self.client_does(party, &What::Say(number));
                }
            }
            What::Leave => self.session(party, Event::Leave),
            What::LeaveNow => self.session(party, Event::LeaveNow),
            What::Crash { resets } => {
                self.stats.faults += 1;
                self.set_stage(party, Stage::Out);
                for id in self.held_by(party) {
                    self.drop_up(id, *resets);
                }
            }
            _ => {}
        }
    }

    fn client(&mut self, party: usize) -> Option<&mut Client> {
        match self.roles.get_mut(party) {
            Some(Role::Client(client)) => Some(client),
            _ => None,
        }
    }

    fn set_stage(&mut self, party: usize, stage: Stage) {
        if let Some(client) = self.client(party) {
            client.stage = stage;
        }
    }

    fn take_stage(&mut self, party: usize) -> Stage {
        let stage = self.client(party).map(|client| &mut client.stage);
        stage.map_or(Stage::Out, |stage| std::mem::replace(stage, Stage::Out))
    }

    fn ask(&mut self, party: usize, wish: Wish, tries: u8) {
        let Wish { room, knows_password, creates } = wish;
        let name = self.plan.parties.get(party).map(|party| UserName::new(&party.name));
        let (Some(Ok(user)), Ok(room_name)) = (name, RoomName::new(&cast::room(room))) else {
            return;
        };
        let Some(Client { keepalive, asks, .. }) = self.client(party) else { return };
        let (keepalive, asks) = (*keepalive, *asks);
        let password = if knows_password { cast::password(room) } else { "違う" };
        let lobby = Lobby::new(Habits { keepalive });
        let (joining, request) = match creates {
            true => lobby.create(room_name, user, password),
            false => lobby.join(room_name, user, password),
        };
        let request = asking_for(asks, &request);
        let connection = self.connect(party, Purpose::Admission, &request);
        self.patience(connection, PATIENCE);
        let asking = Asking { connection, joining, wish, tries };
        self.set_stage(party, Stage::Asking(Box::new(asking)));
    }

    /// Bytes of a reply came.
    pub(super) fn client_reads(&mut self, party: usize, id: ConnectionId, bytes: &[u8]) {
        let asking = match self.take_stage(party) {
            Stage::Asking(asking) if asking.connection == id => asking,
            other => return self.set_stage(party, other),
        };
        let Asking { connection, joining, wish, tries } = *asking;
        let mut outputs = Vec::new();
        match joining.receive(bytes, self.now, &mut outputs) {
            Answered::Waiting(joining) => {
                let asking = Asking { connection, joining, wish, tries };
                self.set_stage(party, Stage::Asking(Box::new(asking)));
            }
            Answered::Joined(joined) => {
                self.end_up(id);
                self.let_go(id);
                let first = outputs.iter().find_map(|output| match output {
                    Output::Send(bytes) => {
                        Fields::read(bytes).map(|fields| fields.token.to_owned())
                    }
                    Output::Show(_) => None,
                });
                let (now, name) = (self.now, self.name(party));
                self.trace.line(now, || format!("{name} is in"));
                self.set_stage(party, Stage::In { joined, token: first.unwrap_or_default() });
                self.carry_out(party, outputs);
                self.set_tick(party);
            }
            Answered::Refused(_, refusal) => {
                self.end_up(id);
                self.let_go(id);
                let (now, name) = (self.now, self.name(party));
                self.trace.line(now, || format!("{name} is refused: {}", refusal.error));
                let creates = match refusal.error {
                    ErrorCode::NoSuchRoom => true,
                    ErrorCode::RoomExists => false,
                    _ => return,
                };
                if tries > 1 {
                    self.ask(party, Wish { creates, ..wish }, tries - 1);
                }
            }
            Answered::Broken(..) => self.drop_up(id, true),
        }
    }

    /// The connection on which it asked is gone, or it waits no longer.
    pub(super) fn client_is_hung_up_on(&mut self, party: usize, id: ConnectionId) {
        match self.take_stage(party) {
            Stage::Asking(asking) if asking.connection == id => {
                let _ = asking.joining.ended();
            }
            other => self.set_stage(party, other),
        }
    }

    pub(super) fn tick(&mut self, party: usize) {
        if let Some(client) = self.client(party) {
            client.tick_at = None;
        }
        self.session(party, Event::Tick);
    }

    /// Something happens to a session, if there is one.
    pub(super) fn session(&mut self, party: usize, event: Event<'_>) {
        let (joined, token) = match self.take_stage(party) {
            Stage::In { joined, token } => (joined, token),
            other => return self.set_stage(party, other),
        };
        let mut outputs = Vec::new();
        match joined.handle(event, self.now, &mut outputs) {
            Session::Joined(joined) => {
                self.set_stage(party, Stage::In { joined, token });
                self.carry_out(party, outputs);
                self.set_tick(party);
            }
            Session::Gone(gone) => {
                let (now, name) = (self.now, self.name(party));
                self.trace.line(now, || format!("{name} is out: {:?}", gone.reason));
                self.carry_out(party, outputs);
                if let Some(farewell) = gone.farewell {
                    let id = self.connect(party, Purpose::Farewell, &farewell);
                    self.patience(id, FAREWELL);
                }
            }
        }
    }

    fn carry_out(&mut self, party: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    let from = self.address(party, 1);
                    self.send(party, from, bytes);
                }
                Output::Show(happening) => {
                    let is_chat = matches!(happening, Happening::Chat { .. });
                    self.stats.shown += u64::from(is_chat);
                    let (now, name) = (self.now, self.name(party));
                    self.trace.line(now, || {
                        format!("{name} sees {}", trace::short(&format!("{happening:?}")))
                    });
                }
            }
        }
    }

    fn set_tick(&mut self, party: usize) {
        let now = self.now;
        let Some(client) = self.client(party) else { return };
        let Stage::In { joined, .. } = &client.stage else { return };
        let at = joined.next_deadline().max(now);
        if client.tick_at.is_some_and(|set| set <= at) {
            return;
        }
        client.tick_at = Some(at);
        self.at(at, Happens::Tick(party));
    }
}

/// The request of a program that may be older than this one, and asks for what it knows.
fn asking_for(asks: Asks, request: &[u8]) -> Vec<u8> {
    let features: &[&str] = match asks {
        Asks::All => return request.to_vec(),
        Asks::Notices => &["notices"],
        Asks::Bundles => &["bundle"],
        Asks::Nothing => &[],
    };
    let read = || {
        let header = Header::read(request)?;
        let (room, payload) = request.get(HEADER..)?.split_at_checked(header.room_size)?;
        let mut keys: serde_json::Map<_, _> = Object::read(payload)?.0.into_iter().collect();
        match features {
            [] => keys.remove("features"),
            _ => keys.insert("features".to_owned(), features.into()),
        };
        let payload = serde_json::Value::from(keys).to_string();
        Some(frame(header.operation, header.state, room, payload.as_bytes()))
    };
    read().unwrap_or_else(|| request.to_vec())
}
