//! What happens to a server, by op-codes.

use std::time::Duration;

use engine::{ConnectionId, Event, Incoming, Instant};

use super::Run;
use super::people::{self, Known, ROOMS, USERS};
use crate::input::{Input, pieces};

/// The bytes of a text are repeated up to a little more than a datagram holds.
const LONG: usize = 4_100;

/// Different datagrams in a batch, and all of them: more than the engine shares out together.
const MOST_KINDS: u8 = 6;
const MOST_TOGETHER: u8 = 80;

pub(super) fn step(run: &mut Run, input: &mut Input<'_>) {
    match input.byte() % 26 {
        0..3 => admitted(run, input),
        3 => {
            let from = people::address(input.byte(), 40_000);
            run.open(from, ROOMS[0]);
        }
        4 | 5 => {
            let bytes = asked(run, input);
            let cuts = input.chunk();
            if let Some(connection) = connection(run, input) {
                in_pieces(run, connection, &bytes, cuts);
            }
        }
        6 => {
            let bytes = input.chunk();
            if let Some(connection) = connection(run, input) {
                run.event(Event::Received { connection, bytes });
            }
        }
        7 => {
            if let Some(connection) = connection(run, input) {
                run.event(Event::Ended { connection });
            }
        }
        8 => {
            if let Some(connection) = connection(run, input) {
                run.event(Event::Closed { connection });
            }
        }
        9 => run.event(Event::Crowded),
        10..13 => said(run, input, false),
        13 => said(run, input, true),
        14 => {
            let Some(known) = known(run, input) else { return };
            run.datagram(own_address(&known, input), &known.datagram(""));
        }
        15 => all_present(run),
        16 => {
            let from = people::address(input.byte(), 5_000);
            run.datagram(from, input.chunk());
        }
        17 => {
            let Some(known) = known(run, input) else { return };
            let connection = run.open((known.home, 40_000).into(), ROOMS[0]);
            let bytes = known.leave();
            run.event(Event::Received { connection, bytes: &bytes });
        }
        18 => run.event(Event::Tick),
        19 => {
            if let Some(deadline) = run.server.next_deadline() {
                run.now = run.now.max(deadline);
                run.event(Event::Tick);
            }
        }
        20 => run.wait(Duration::from_millis(u64::from(input.number()))),
        21 => run.wait(Duration::from_secs(u64::from(input.byte()))),
        22 => {
            // Of two threads one may have read the clock before the other.
            let earlier = run.now.as_micros().saturating_sub(u64::from(input.number()));
            run.now = Instant::from_micros(earlier);
        }
        23 | 24 => batch(run, input),
        _ => match input.byte() {
            0..128 => run.wait(Duration::from_micros(1 << (input.byte() % 48))),
            255 => run.event(Event::Shutdown),
            _ => run.event(Event::Tick),
        },
    }
}

/// A whole conversation over TCP, up to who is let in and says that it is present.
fn admitted(run: &mut Run, input: &mut Input<'_>) {
    let (choice, home) = (input.byte(), input.byte());
    let room = ROOMS[usize::from(choice / 2) % ROOMS.len()];
    let connection = run.open(people::address(home, 40_000), room);
    let operation = if choice & 1 == 0 { 2 } else { 1 };
    let bytes = admission(run, operation, choice / 2, input.byte());
    let before = run.known.len();
    run.event(Event::Received { connection, bytes: &bytes });
    if home & 64 == 0 {
        run.event(Event::Ended { connection });
    }
    if home & 128 == 0
        && run.known.len() > before
        && let Some(known) = run.known.last().cloned()
    {
        run.datagram((known.home, 5_000).into(), &known.datagram(""));
    }
}

fn admission(run: &Run, operation: u8, room: u8, user: u8) -> Vec<u8> {
    let features: &[&str] = match user & 96 {
        0 if run.has_bundles => &["notices", "bundle"],
        32 if run.has_bundles => &["bundle"],
        0 | 32 => &["notices"],
        _ => &[],
    };
    let password = if user & 128 == 0 { "" } else { "秘密" };
    let room = ROOMS[usize::from(room) % ROOMS.len()];
    people::admission(operation, room, USERS[usize::from(user) % USERS.len()], password, features)
}

/// A request of any kind, some of them with a byte changed.
fn asked(run: &Run, input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = match input.byte() % 8 {
        operation @ 1..3 => admission(run, operation, input.byte(), input.byte()),
        3 => known(run, input).map_or_else(Vec::new, |known| known.leave()),
        4 => people::request(4, b"", b""),
        5 => people::admission(input.byte(), input.text(), input.text(), input.text(), &["x"]),
        6 => people::request(1 + input.byte() % 3, input.chunk(), input.chunk()),
        operation => people::request(operation, b"r", b"{}"),
    };
    spoil(&mut bytes, input);
    bytes
}

fn in_pieces(run: &mut Run, connection: ConnectionId, bytes: &[u8], cuts: &[u8]) {
    for bytes in pieces(bytes, cuts) {
        run.event(Event::Received { connection, bytes });
    }
}

/// Somebody says something; oddly: from elsewhere, as another, too long, or with a byte changed.
fn said(run: &mut Run, input: &mut Input<'_>, oddly: bool) {
    let Some(mut known) = known(run, input) else { return };
    let from = own_address(&known, input);
    if !oddly {
        return run.datagram(from, &known.datagram(input.text()));
    }
    match input.byte() % 8 {
        0 => {
            let from = people::address(input.byte(), 5_000);
            run.datagram(from, &known.datagram("x"));
        }
        1 => {
            known.user = input.one(&USERS).to_owned();
            run.datagram(from, &known.datagram("x"));
        }
        2 => {
            known.room = input.one(&ROOMS).to_owned();
            run.datagram(from, &known.datagram("x"));
        }
        3 => {
            known.token = input.text().to_owned();
            run.datagram(from, &known.datagram("x"));
        }
        4 => run.datagram(from, &known.datagram("SYSTEM_HOST_MESSAGE_TIME_OUT")),
        5 => {
            let text = "部".repeat(usize::from(input.number()) % (LONG / 3));
            run.datagram(from, &known.datagram(&text));
        }
        _ => {
            let mut bytes = known.datagram(input.text());
            spoil(&mut bytes, input);
            run.datagram(from, &bytes);
        }
    }
}

/// Datagrams of up to a few kinds, so many in turn, come at once.
fn batch(run: &mut Run, input: &mut Input<'_>) {
    let mut kinds = Vec::new();
    for _ in 0..=input.byte() % MOST_KINDS {
        let Some(known) = known(run, input) else { return };
        let from = own_address(&known, input);
        let copies = input.one(&[1, 1, 1, 1, 0, 20, 200]);
        let mut bytes = known.datagram(&input.text().repeat(copies));
        spoil(&mut bytes, input);
        kinds.push((from, bytes));
    }
    let kinds = kinds.iter().map(|(from, bytes)| Incoming { from: *from, bytes });
    let count = 1 + usize::from(input.byte() % MOST_TOGETHER);
    let batch: Vec<_> = kinds.cycle().take(count).collect();
    run.batch(&batch);
}

/// Everyone who was ever let in says that it is present.
fn all_present(run: &mut Run) {
    for known in run.known.clone().iter().rev().take(16) {
        run.datagram((known.home, 5_000).into(), &known.datagram(""));
    }
}

/// The address that it joined from, at some port.
fn own_address(known: &Known, input: &mut Input<'_>) -> std::net::SocketAddr {
    (known.home, 5_000 + u16::from(input.byte() % 3)).into()
}

/// One of the latest whom the server let in: the likeliest to be members still.
fn known(run: &Run, input: &mut Input<'_>) -> Option<Known> {
    let number = usize::from(input.byte() % 16);
    run.known.iter().rev().nth(number).cloned()
}

/// One of the latest connections.
fn connection(run: &Run, input: &mut Input<'_>) -> Option<ConnectionId> {
    let number = usize::from(input.byte() % 8);
    run.opened.iter().rev().nth(number).map(|(connection, ..)| *connection)
}

/// Changes a byte, seldom.
fn spoil(bytes: &mut [u8], input: &mut Input<'_>) {
    if !bytes.is_empty() && input.seldom() {
        let at = usize::from(input.byte()) % bytes.len();
        bytes[at] = input.byte();
    }
}
