//! A member's session on a simulated clock, so that scenarios read as stories.
//!
//! Every datagram that it sends is checked here byte by byte; scenarios see what was said.

use std::time::Duration;

use engine::Instant;
use engine::client::{
    Answered, Event, Gone, Habits, Happening, Joined, Joining, Lobby, Output, Reason, Session,
};
use protocol::udp::{Datagram, NoticeText};
use protocol::{RoomName, UserName};

pub(crate) const ROOM: &str = "部屋";
pub(crate) const USER: &str = "花子";
pub(crate) const TOKEN: &str = "合鍵-7";

/// When the member is let in, unless told otherwise: not the clock's first moment.
pub(crate) const START: Instant = Instant::from_micros(1_000_000_000);

pub(crate) const MICROSECOND: Duration = Duration::from_micros(1);

/// What a session did, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Did {
    /// It sent a datagram with this text; nothing is presence.
    Sent(String),
    Shown(Happening),
}

/// A member that was let in at [`START`], and its clock.
#[derive(Debug)]
pub(crate) struct Member {
    joined: Option<Box<Joined>>,
    gone: Option<Gone>,
    pub(crate) now: Instant,
    /// Its room, name and token, as every datagram has to bear them.
    pub(crate) bears: [String; 3],
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The moment so many seconds after the member was let in.
pub(crate) fn second(seconds: u64) -> Instant {
    START + secs(seconds)
}

/// The moment before `at`.
pub(crate) fn before(at: Instant) -> Instant {
    Instant::from_micros(at.as_micros() - 1)
}

pub(crate) fn presence() -> Did {
    said("")
}

pub(crate) fn said(text: &str) -> Did {
    Did::Sent(text.to_owned())
}

pub(crate) fn shown(happening: Happening) -> Did {
    Did::Shown(happening)
}

pub(crate) fn chat(from: &str, text: &str) -> Did {
    let (from, text) = (from.to_owned(), text.to_owned());
    shown(Happening::Chat { from, text })
}

/// A warning that only so many seconds are left.
pub(crate) fn warning(seconds: u64) -> Did {
    shown(Happening::IdleWarning(secs(seconds)))
}

pub(crate) fn nothing() -> Vec<Did> {
    Vec::new()
}

/// A datagram's bytes, valid or not.
pub(crate) fn datagram(room: &str, user: &str, token: &str, text: &str) -> Vec<u8> {
    let sizes = [room, user, token].map(|field| u8::try_from(field.len()).unwrap());
    [&sizes[..], [room, user, token, text].concat().as_bytes()].concat()
}

/// Chat in the member's room, as this project's server relays it.
pub(crate) fn relayed(from: &str, text: &str) -> Vec<u8> {
    datagram(ROOM, from, "", text)
}

/// A notice to the member, as this project's server sends it.
pub(crate) fn notice(about: &str, text: NoticeText) -> Vec<u8> {
    datagram(ROOM, about, TOKEN, text.as_str())
}

/// A framed reply, valid or not.
pub(crate) fn framed(operation: u8, state: u8, room: &str, json: &str) -> Vec<u8> {
    let mut header = [0; 32];
    header[0] = u8::try_from(room.len()).unwrap();
    (header[1], header[2]) = (operation, state);
    header[28..].copy_from_slice(&u32::try_from(json.len()).unwrap().to_be_bytes());
    [&header[..], room.as_bytes(), json.as_bytes()].concat()
}

/// The JSON by which somebody is let in; `more` is what it says besides the seed's keys.
pub(crate) fn admission(token: &str, more: &str) -> String {
    format!(
        r#"{{"message": "どうぞ", "operation": 2, "state": 2, "user_name": "{USER}", "token": "{token}"{more}}}"#
    )
}

pub(crate) fn limits(idle_s: f64, sweep_s: f64, max_datagram: usize) -> String {
    format!(
        r#", "limits": {{"idle_timeout_s": {idle_s}, "sweep_interval_s": {sweep_s}, "max_datagram": {max_datagram}}}"#
    )
}

pub(crate) fn room(text: &str) -> RoomName {
    RoomName::new(text).unwrap()
}

pub(crate) fn user(text: &str) -> UserName {
    UserName::new(text).unwrap()
}

/// Somebody who has asked to be let in.
pub(crate) fn joining(habits: Habits) -> Joining {
    Lobby::new(habits).join(room(ROOM), user(USER), "").0
}

/// Somebody who keeps to the defaults, on a server that does.
pub(crate) fn member() -> Member {
    limited("")
}

/// The same, told `more` by the server.
pub(crate) fn limited(more: &str) -> Member {
    let reply = framed(2, 2, ROOM, &admission(TOKEN, more));
    let_in(joining(Habits::default()), &reply)
}

/// Somebody who sends presence after so much silence.
pub(crate) fn keeping_alive(interval: Duration) -> Member {
    let keepalive = Some(interval);
    let reply = framed(2, 2, ROOM, &admission(TOKEN, ""));
    let_in(joining(Habits { keepalive }), &reply)
}

/// Somebody on a server that speaks as the seed's does.
pub(crate) fn on_a_seed() -> Member {
    let reply = admission(TOKEN, "");
    let_in(joining(Habits::default()), reply.as_bytes())
}

fn let_in(joining: Joining, reply: &[u8]) -> Member {
    let mut outputs = Vec::new();
    let Answered::Joined(joined) = joining.receive(reply, START, &mut outputs) else {
        panic!("let in")
    };
    let mut member = Member::of(joined, TOKEN, START);
    let did = member.did(&outputs);
    assert_eq!(did, [presence()], "presence comes first, and nothing else");
    member
}

impl Member {
    pub(crate) fn of(joined: Box<Joined>, token: &str, now: Instant) -> Self {
        let bears = [joined.room().as_str(), joined.user().as_str(), token].map(str::to_owned);
        Self { joined: Some(joined), gone: None, now, bears }
    }

    /// Those outputs, once each datagram among them is found to be right to the last byte.
    pub(crate) fn did(&mut self, outputs: &[Output]) -> Vec<Did> {
        let did = outputs.iter().map(|output| match output {
            Output::Show(happening) => Did::Shown(happening.clone()),
            Output::Send(bytes) => {
                let [room, user, token] = &self.bears;
                let parsed = Datagram::parse(bytes).expect("what is sent is valid");
                let text = parsed.raw_text();
                assert_eq!(*bytes, datagram(room, user, token, text));
                Did::Sent(text.to_owned())
            }
        });
        did.collect()
    }

    /// Something happens now.
    pub(crate) fn event(&mut self, event: Event<'_>) -> Vec<Did> {
        let outputs = self.outputs(event);
        self.did(&outputs)
    }

    pub(crate) fn outputs(&mut self, event: Event<'_>) -> Vec<Output> {
        let joined = self.joined.take().expect("a member still");
        let mut outputs = Vec::new();
        match joined.handle(event, self.now, &mut outputs) {
            Session::Joined(joined) => self.joined = Some(joined),
            Session::Gone(gone) => self.gone = Some(gone),
        }
        outputs
    }

    pub(crate) fn at(&mut self, now: Instant, event: Event<'_>) -> Vec<Did> {
        self.now = now;
        self.event(event)
    }

    pub(crate) fn tick_at(&mut self, now: Instant) -> Vec<Did> {
        self.at(now, Event::Tick)
    }

    pub(crate) fn say(&mut self, text: &str) -> Vec<Did> {
        self.event(Event::Say(text))
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Did> {
        self.event(Event::Datagram(bytes))
    }

    /// Nothing is due before `at`, and then this is.
    pub(crate) fn due_at(&mut self, at: Instant) -> Vec<Did> {
        assert_eq!(self.deadline(), at);
        assert_eq!(self.tick_at(before(at)), nothing());
        assert_eq!((self.is_gone(), self.deadline()), (false, at));
        self.tick_at(at)
    }

    /// The clock goes to `end`, and the member is told the time whenever it needs to be; what it did
    /// and when. The session is to need no more than `most` wakes.
    pub(crate) fn run_to(&mut self, end: Instant, most: usize) -> Vec<(Instant, Did)> {
        let mut all = Vec::new();
        let mut wakes = 0;
        while !self.is_gone() && self.deadline() <= end {
            let at = self.deadline();
            let did = self.tick_at(at);
            all.extend(did.into_iter().map(|did| (at, did)));
            wakes += 1;
            assert!(wakes <= most, "it wakes too often");
        }
        self.now = end;
        all
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.joined().next_deadline()
    }

    pub(crate) fn takes_input(&self) -> bool {
        self.joined().takes_input()
    }

    pub(crate) fn joined(&self) -> &Joined {
        self.joined.as_ref().expect("a member still")
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    pub(crate) fn gone(&self) -> &Gone {
        self.gone.as_ref().expect("no longer a member")
    }

    /// The request that says farewell, once it has left.
    pub(crate) fn farewell(&self) -> Option<Vec<u8>> {
        self.gone.as_ref()?.farewell.as_deref().cloned()
    }

    /// Why it is over, for an end that needs no farewell.
    pub(crate) fn end(&self) -> Reason {
        let Gone { reason, farewell } = self.gone();
        assert!(farewell.is_none(), "only who leaves says farewell");
        *reason
    }
}
