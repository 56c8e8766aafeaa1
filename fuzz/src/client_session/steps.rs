//! What happens to a session, by op-codes.

use std::time::Duration;

use engine::Instant;
use engine::client::Event;
use protocol::udp::NoticeText;

use super::watched::Watched;
use super::{ROOM, TOKEN};
use crate::Reached;
use crate::input::Input;

/// Steps of one session.
const MOST_STEPS: usize = 200;

/// Wakes in one step.
const MOST_WAKES: usize = 64;

/// The longest line that is said, in bytes.
const LONGEST_LINE: usize = 6_000;

/// The last moment to which a clock is set: far from where sums saturate.
const END_OF_TIME: u64 = 1 << 60;

/// Steps until the session or the input is over. Gives the time that it is then.
pub(super) fn run(mut session: Watched, input: &mut Input<'_>, reached: &mut Reached) -> Instant {
    for _ in 0..MOST_STEPS {
        if input.is_over() || session.is_gone() {
            break;
        }
        step(&mut session, input);
    }
    session.run_on(MOST_WAKES);
    reached.extend(session.reached());
    session.now()
}

fn step(session: &mut Watched, input: &mut Input<'_>) {
    match input.byte() % 17 {
        0..3 => say(session, input.text()),
        3 => {
            let text = input.text();
            let times = usize::from(input.number()).min(LONGEST_LINE / text.len().max(1));
            say(session, &text.repeat(times));
        }
        4 | 5 => {
            let from = input.one(&["太郎", "花子"]);
            let bytes = datagram([ROOM, from, "", input.text()]);
            session.happens(Event::Datagram(&bytes));
        }
        6 => {
            let notice = input.one(&NoticeText::ALL).as_str();
            let bytes = datagram([ROOM, input.one(&["太郎", "花子", "a"]), TOKEN, notice]);
            session.happens(Event::Datagram(&bytes));
        }
        7 => {
            // Right but for what the input chooses.
            let room = input.one(&[ROOM, ROOM, "廊下", ""]);
            let token = input.one(&[TOKEN, "", "another's token", "my own toke"]);
            let notice = input.one(&NoticeText::ALL).as_str();
            let text = if input.seldom() { input.text() } else { notice };
            let bytes = datagram([room, "花子", token, text]);
            session.happens(Event::Datagram(&bytes));
        }
        8 => session.happens(Event::Datagram(input.chunk())),
        9 => session.happens(Event::Unreachable),
        10 => session.happens(Event::Tick),
        11 => wait(session, Duration::from_millis(u64::from(input.number()))),
        12 => wait(session, Duration::from_secs(u64::from(input.number()))),
        13 => session.run_on(usize::from(input.byte()) % MOST_WAKES),
        14 => session.run_on(1),
        15 => session.happens(Event::Datagram(&bundle(input))),
        _ => match input.byte() {
            0..128 => session.happens(Event::Leave),
            128..160 => session.happens(Event::LeaveNow),
            _ => wait(session, Duration::from_micros(1 << (input.byte() % 48))),
        },
    }
}

/// The user says something, if the driver may take it.
fn say(session: &mut Watched, text: &str) {
    if session.takes_input() {
        session.happens(Event::Say(text));
    }
}

fn wait(session: &mut Watched, duration: Duration) {
    let later = session.now() + duration;
    session.set_clock(later.min(Instant::from_micros(END_OF_TIME)));
}

/// A bundle of chat, notices, rubbish and padding; seldom, what is none.
fn bundle(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 3];
    for _ in 0..input.byte() % 8 {
        let entry = match input.byte() % 4 {
            0 => datagram([ROOM, "太郎", "", input.text()]),
            1 => datagram([
                ROOM,
                input.one(&["太郎", "花子"]),
                TOKEN,
                input.one(&NoticeText::ALL).as_str(),
            ]),
            2 => input.chunk().to_vec(),
            _ => Vec::new(),
        };
        bytes.extend_from_slice(&u16::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&entry);
    }
    if input.seldom() {
        bytes.pop();
    }
    bytes
}

fn datagram(fields: [&str; 4]) -> Vec<u8> {
    let sizes = [0, 1, 2].map(|at| u8::try_from(fields[at].len()).unwrap());
    [&sizes[..], fields.concat().as_bytes()].concat()
}
