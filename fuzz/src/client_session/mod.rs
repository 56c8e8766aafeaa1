//! A client's session to which anything happens: it keeps its pace and its bounds, says what it was
//! told to say, believes only its own server, and is not woken for nothing.

mod steps;
mod watched;

use engine::Instant;
use engine::client::{Answered, Habits, Lobby};
use protocol::tcp::{Answer, Feature, Limits, Operation, ReplyForm, Roster};
use protocol::{RoomName, UserName};
use std::time::Duration;

use crate::Reached;
use crate::input::{Input, pieces};
use watched::Watched;

/// Sessions in one input.
const MOST_SESSIONS: usize = 8;

/// Names and a token that a server gives.
const ROOM: &str = "部屋";
const USERS: [&str; 3] = ["花子", "a", "\"}\\{"];
const TOKEN: &str = "my own token";

/// One session after the other: `start | keepalive | reply | steps`.
pub fn run(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let mut now = Instant::from_micros(u64::from(input.number()) << (input.byte() % 32));
    let mut reached = Reached::new();
    for _ in 0..MOST_SESSIONS {
        if input.is_over() {
            break;
        }
        if let Some(session) = let_in(&mut input, now, &mut reached) {
            now = steps::run(session, &mut input, &mut reached);
        }
    }
    reached
}

/// Asks to be let in, and reads what comes for a reply.
fn let_in(input: &mut Input<'_>, now: Instant, reached: &mut Reached) -> Option<Watched> {
    let habits = input.byte();
    let keepalive = (habits & 1 == 1).then(|| Duration::from_millis(u64::from(input.number())));
    let user = USERS[usize::from(habits / 2) % USERS.len()];
    let (reply, token) = reply(user, input);
    let cuts = input.chunk();
    let asked = || {
        let (room, user) = (RoomName::new(ROOM).unwrap(), UserName::new(user).unwrap());
        Lobby::new(Habits { keepalive }).join(room, user, "").0
    };
    // Two sessions to which the same happens, except for what is not their server's.
    let mut lives = [asked(), asked()].map(|joining| {
        let mut outputs = Vec::new();
        let mut state = Answered::Waiting(joining);
        for piece in pieces(&reply, cuts) {
            let Answered::Waiting(joining) = state else { break };
            state = joining.receive(piece, now, &mut outputs);
        }
        if let Answered::Waiting(joining) = state {
            state = joining.ended();
        }
        (state, outputs)
    });
    let [(first, outputs), (second, _)] = &mut lives;
    if !matches!(first, Answered::Joined(_)) {
        assert!(outputs.is_empty(), "who is not in has nothing to send");
    }
    let is_bare = reply.first() == Some(&b'{');
    match (std::mem::replace(first, ended()), std::mem::replace(second, ended())) {
        (Answered::Joined(session), Answered::Joined(twin)) => {
            reached.insert(if is_bare { "let in bare" } else { "let in" });
            let [(_, outputs), _] = lives;
            Some(Watched::new([session, twin], &token, is_bare, now, &outputs))
        }
        (Answered::Refused(..), Answered::Refused(..)) => {
            reached.insert("refused");
            None
        }
        (Answered::Broken(..), Answered::Broken(..)) => {
            reached.insert("no reply");
            None
        }
        (first, second) => panic!("{first:?} and {second:?}"),
    }
}

fn ended() -> Answered {
    let (room, user) = (RoomName::new(ROOM).unwrap(), UserName::new("x").unwrap());
    Lobby::new(Habits::default()).join(room, user, "").0.ended()
}

/// A reply that lets somebody in, with any limits, or any bytes at all; and the token in it.
fn reply(user: &str, input: &mut Input<'_>) -> (Vec<u8>, String) {
    let form = match input.byte() {
        0..160 => ReplyForm::Framed,
        160..224 => ReplyForm::Bare,
        224.. => return (input.chunk().to_vec(), String::new()),
    };
    let [idle, sweep, most] = [input.number(), input.number(), input.number()];
    let scale = |number: u16, unit: u64| Duration::from_micros(u64::from(number) * unit + 1);
    let unit = input.one(&[1_000_000, 10_000, 1, 1_000_000_000]);
    let limits = Limits {
        idle_timeout: scale(idle, unit),
        sweep_interval: scale(sweep, unit),
        max_datagram: usize::from(most),
    };
    let token = if input.seldom() { "t".repeat(255) } else { TOKEN.to_owned() };
    let members = Roster::from_iter([&UserName::new("太郎").unwrap()]);
    let answer = Answer::Admitted {
        operation: Operation::Join,
        room: &RoomName::new(ROOM).unwrap(),
        user: &UserName::new(user).unwrap(),
        token: &token,
        members: members.names(),
        features: [(1, Feature::Bundle), (2, Feature::Pong)]
            .into_iter()
            .filter_map(|(bit, feature)| (most & bit != 0).then_some(feature))
            .collect(),
        limits,
    };
    let mut bytes = Vec::new();
    answer.encode(form, &mut bytes);
    (bytes, token)
}
