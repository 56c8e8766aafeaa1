//! Datagrams, at the engine.

use std::net::SocketAddr;

use benches::{Member, Populated};
use engine::{Counters, Incoming};
use protocol::Token;
use protocol::tcp::Features;

use super::{LINE, counted};

/// A member's token is as long, and no member bears it.
const UNKNOWN: &str = "0000000100000001abcdefghijklmnopqrstuv";

/// Datagrams found at one wake.
const WAKE: usize = 64;

pub(super) fn chat(size: usize, rounds: u32) {
    let mut populated = Populated::new(1, size, Features::NONE);
    let Counters { messages, copies, .. } = each(&mut populated, rounds, |who| who.chat(LINE));
    assert_eq!((messages, copies), (all(rounds), all(rounds) * (size as u64 - 1)));
}

/// A prime apart, so that each is of another room than the one before.
pub(super) fn among_many(rounds: u32) {
    let mut populated = Populated::new(1000, 10, Features::NONE);
    let everyone = std::mem::take(&mut populated.members);
    let count = everyone.len();
    let in_turn = (0..count).filter_map(|number| everyone.get(number * 7919 % count));
    let datagrams: Vec<_> = in_turn.map(|who| (who.address, who.chat(LINE))).collect();
    let Counters { messages, copies, .. } = send(&mut populated, rounds, &datagrams);
    assert_eq!((messages, copies), (all(rounds), all(rounds) * 9));
}

/// A room of ten in which one speaks, and all that it said is found at few wakes.
pub(super) fn batch(features: Features, rounds: u32) {
    let mut populated = Populated::new(1, 10, features);
    let Some(speaker) = populated.members.first() else { return };
    let (from, chat) = (speaker.address, speaker.chat(LINE));
    let batch = vec![Incoming { from, bytes: &chat }; WAKE];
    let mut some = || {
        for _ in 0..rounds as usize / WAKE {
            populated.datagrams(&batch);
        }
    };
    some();
    counted(&mut some);
    let Counters { messages, copies, .. } = *populated.server.counters();
    assert_eq!((messages, copies), (all(rounds), all(rounds) * 9));
}

pub(super) fn presence(rounds: u32) {
    let mut populated = Populated::new(1, 10, Features::NONE);
    let counters = each(&mut populated, rounds, Member::presence);
    assert_eq!(counters.presences, all(rounds) + 10);
}

pub(super) fn malformed(rounds: u32) {
    let mut populated = Populated::new(1, 10, Features::NONE);
    // One byte short of the token's end.
    let cut =
        |who: &Member| who.presence().split_last().map_or(Vec::new(), |(_, cut)| cut.to_vec());
    assert_eq!(each(&mut populated, rounds, cut).malformed, all(rounds));
}

pub(super) fn unknown_token(rounds: u32) {
    let mut populated = Populated::new(1, 10, Features::NONE);
    for who in &mut populated.members {
        if let Some(token) = Token::new(UNKNOWN) {
            who.token = token;
        }
    }
    assert_eq!(each(&mut populated, rounds, |who| who.chat(LINE)).unknown_token, all(rounds));
}

pub(super) fn mismatched(rounds: u32) {
    let mut populated = Populated::new(1, 10, Features::NONE);
    for who in &mut populated.members {
        who.user = benches::user_name(12);
    }
    assert_eq!(each(&mut populated, rounds, |who| who.chat(LINE)).mismatched, all(rounds));
}

/// All that are sent: once to warm up, and once counted.
fn all(rounds: u32) -> u64 {
    u64::from(rounds) * 2
}

/// The members send in turn what `datagram` makes for them.
fn each(populated: &mut Populated, rounds: u32, datagram: impl Fn(&Member) -> Vec<u8>) -> Counters {
    let of_one = |who: &Member| (who.address, datagram(who));
    let datagrams: Vec<_> = populated.members.iter().map(of_one).collect();
    send(populated, rounds, &datagrams)
}

fn send(populated: &mut Populated, rounds: u32, datagrams: &[(SocketAddr, Vec<u8>)]) -> Counters {
    let mut in_turn = datagrams.iter().cycle();
    let mut some = || {
        for (from, bytes) in in_turn.by_ref().take(rounds as usize) {
            populated.datagram(*from, bytes);
        }
    };
    some();
    counted(&mut some);
    *populated.server.counters()
}
