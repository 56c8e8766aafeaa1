//! The example in RECORDING.md is what a recorder writes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests assert"
)]

use std::fmt::Write;
use std::time::Duration;

use engine::{Actions, Config, ConnectionId, Event, Instant, Machine, SeededEntropy};
use protocol::tcp::{Admission, Features, Request, Secret};
use protocol::{RoomName, UserName};
use record::{Blocks, Recorder, Replay, Secrets};

const PAGE: &str = include_str!("../../RECORDING.md");

/// ボブ creates a room by a request that comes in two pieces, and the server stops.
fn example() -> Vec<u8> {
    let (mut now, mut actions) = (Instant::ZERO, Actions::new());
    let blocks = Blocks::new(Vec::new()).unwrap();
    let entropy = SeededEntropy::new(1);
    let mut server =
        Recorder::new(Config::default(), entropy, now, Secrets::Replaced, blocks).unwrap();
    let connection = ConnectionId(1);
    let from = "192.0.2.7:50000".parse().unwrap();
    let request = Request::Create(Admission {
        room: RoomName::new("部屋").unwrap(),
        user: UserName::new("ボブ").unwrap(),
        password: Secret::new("秘密"),
        features: Features::NONE,
    });
    let request = request.encode();
    let (head, tail) = request.split_at(32);
    let events = [
        Event::Opened { connection, from },
        Event::Received { connection, bytes: head },
        Event::Received { connection, bytes: tail },
        Event::Datagram { from, bytes: b"?" },
        Event::Shutdown,
    ];
    for event in events {
        now = now + Duration::from_millis(1);
        server.handle_into(event, now, &mut actions);
    }
    server.into_sink().finish().unwrap()
}

/// The bytes before the bars of the page's example.
fn on_the_page() -> Vec<u8> {
    let (_, rest) = PAGE.split_once("```hex\n").expect("an example");
    let (listing, _) = rest.split_once("```").expect("its end");
    let digits: String = listing.lines().filter_map(|line| line.split('|').next()).collect();
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_example_is_what_is_written() {
    let example = example();
    let mut listing = String::new();
    for (at, byte) in example.iter().enumerate() {
        write!(listing, "{byte:02x}{}", if at % 16 == 15 { '\n' } else { ' ' }).unwrap();
    }
    assert_eq!(on_the_page(), example, "it is\n{listing}");
    let mut replay = Replay::new(&example[..], &example[..]).unwrap();
    while let Some(step) = replay.step().unwrap() {
        assert!(step.agrees());
    }
}
