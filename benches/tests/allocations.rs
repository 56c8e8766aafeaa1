//! In the steady state a datagram allocates nothing: counted, not believed.
//!
//! The counter is this binary's global allocator and counts the measuring thread alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests assert"
)]

use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::measure;
use benches::{Member, Populated, address, join, room_name, user_name};
use engine::Incoming;
use protocol::Token;
use protocol::tcp::{Feature, Features};

/// 60 bytes, as a line of chat is.
const LINE: &str = "今日の会議は午後三時からに変わりました。";

/// How often everything is sent while it is counted.
const ROUNDS: u64 = 4;

/// Between one round and the next: sweeps come in it, and find nobody.
const PAUSE: Duration = Duration::from_secs(50);

type Datagrams = Vec<(SocketAddr, Vec<u8>)>;

/// Sends all of it once, as the buffers grow then, and then counts.
fn assert_allocates_nothing(what: &str, populated: &mut Populated, datagrams: &Datagrams) {
    let send_all = |populated: &mut Populated| {
        populated.now = populated.now + PAUSE;
        for (from, bytes) in datagrams {
            populated.datagram(*from, bytes);
        }
    };
    send_all(populated);
    let before = populated.server.counters().datagrams;
    let counted = measure(|| (0..ROUNDS).for_each(|_| send_all(populated)));
    let sent = populated.server.counters().datagrams - before;
    assert_eq!(sent, ROUNDS * datagrams.len() as u64);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{what}, {sent} datagrams");
}

fn chat(populated: &Populated) -> Datagrams {
    populated.members.iter().map(|member| (member.address, member.chat(LINE))).collect()
}

#[test]
fn a_relay_allocates_nothing() {
    for size in [2, 10, 100, 1000] {
        for features in [Features::NONE, Features::NONE.with(Feature::Notices)] {
            let mut populated = Populated::new(1, size, features);
            let datagrams = chat(&populated);
            assert_allocates_nothing(&format!("a room of {size}"), &mut populated, &datagrams);
            let counters = populated.server.counters();
            let messages = (ROUNDS + 1) * size as u64;
            assert_eq!((counters.messages, counters.timeouts), (messages, 0));
            assert_eq!(counters.copies, messages * (size as u64 - 1));
        }
    }
}

#[test]
fn rooms_that_take_turns_allocate_nothing() {
    let mut populated = Populated::new(100, 10, Features::NONE);
    // A prime apart: each is of another room than the one before.
    let everyone = chat(&populated);
    let in_turn = (0..everyone.len()).map(|number| &everyone[number * 337 % everyone.len()]);
    let datagrams = in_turn.cloned().collect();
    assert_allocates_nothing("rooms in turn", &mut populated, &datagrams);
    assert_eq!(populated.server.counters().timeouts, 0);
}

#[test]
fn a_batch_allocates_nothing() {
    let bundles = Features::NONE.with(Feature::Bundle);
    for (rooms, size) in [(1, 2), (1, 10), (1, 100), (1, 1000), (10, 10)] {
        for features in [Features::NONE, bundles] {
            let mut populated = Populated::new(rooms, size, features);
            // Sizes differ, so that there are runs of one and of several.
            let texts = [LINE, LINE, "はい", LINE];
            let say = |(member, text): (&Member, &&str)| (member.address, member.chat(text));
            let datagrams: Datagrams = populated
                .members
                .iter()
                .cycle()
                .zip(texts.iter().cycle())
                .take(200)
                .map(say)
                .collect();
            let batch: Vec<_> =
                datagrams.iter().map(|(from, bytes)| Incoming { from: *from, bytes }).collect();
            let send_all = |populated: &mut Populated| {
                batch.chunks(64).for_each(|batch| populated.datagrams(batch));
            };
            send_all(&mut populated);
            let counted = measure(|| (0..ROUNDS).for_each(|_| send_all(&mut populated)));
            assert_eq!(counted.count_total, 0, "{rooms} rooms of {size}, {features:?}");
            let counters = populated.server.counters();
            let messages = (ROUNDS + 1) * 200;
            assert_eq!(counters.messages, messages);
            assert_eq!(counters.copies, messages * (size as u64 - 1));
        }
    }
}

#[test]
fn a_presence_allocates_nothing() {
    let mut populated = Populated::new(10, 10, Features::NONE);
    let members = populated.members.iter();
    let datagrams = members.map(|member| (member.address, member.presence())).collect();
    assert_allocates_nothing("presences", &mut populated, &datagrams);
    assert_eq!(populated.server.counters().presences, 100 * (ROUNDS + 2));
}

#[test]
fn what_is_dropped_allocates_nothing() {
    let mut populated = Populated::new(1, 10, Features::NONE);
    let everyone = chat(&populated);
    let member = &mut populated.members[3];
    let good = (member.address, member.chat(LINE));
    let truncated = (member.address, good.1[..20].to_vec());
    let too_long = (member.address, vec![0xff; 4097]);
    let from_elsewhere = (address(77), good.1.clone());
    let room = std::mem::replace(&mut member.room, room_name(9));
    let of_another_room = (member.address, member.chat(LINE));
    (member.room, member.user) = (room, user_name(9));
    let of_another_name = (member.address, member.chat(LINE));
    member.token = Token::new("0000000100000001abcdefghijklmnopqrstuv").unwrap();
    let of_a_stranger = (member.address, member.chat(LINE));
    let dropped =
        [truncated, too_long, from_elsewhere, of_another_room, of_another_name, of_a_stranger];
    let datagrams = everyone.into_iter().chain(dropped).collect();
    assert_allocates_nothing("what is dropped", &mut populated, &datagrams);
    let counters = populated.server.counters();
    let each = ROUNDS + 1;
    assert_eq!((counters.malformed, counters.mismatched), (2 * each, 2 * each));
    assert_eq!((counters.unknown_token, counters.foreign_address), (each, each));
}

/// A counter that counts nothing would let all of the above pass.
#[test]
fn the_counter_counts() {
    let mut populated = Populated::new(1, 2, Features::NONE);
    let request = join(&room_name(0), &user_name(5), Features::NONE);
    assert!(measure(|| populated.request(address(5), &request)).count_total > 0);
    populated.hang_up();
    let datagram = populated.members[0].chat(LINE);
    populated.actions = engine::Actions::new();
    let from = populated.members[0].address;
    assert!(measure(|| populated.datagram(from, &datagram)).count_total > 0, "a new buffer grows");
}
