//! Worlds by the hundred: every rule holds in them, and they lead to every rule.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use std::collections::BTreeMap;

use engine::Counters;
use sim::{Depth, Plan};

/// In CI the command runs a thousand.
const WORLDS: u64 = 200;

#[test]
fn every_rule_holds_and_is_reached() {
    let mut refusals: BTreeMap<&str, u64> = BTreeMap::new();
    let mut total = Counters::default();
    let (mut batches, mut bundles, mut between_turns) = (0, 0, 0);
    for seed in 0..WORLDS {
        let outcome = Plan::draw(seed).run(Depth::Nothing);
        assert_eq!(outcome.violation, None, "replay it: cargo run -p sim -- --seed {seed} --trace");
        assert!(outcome.stats.steps > 0);
        for (error, count) in outcome.refusals {
            *refusals.entry(error).or_default() += count;
        }
        batches += outcome.stats.batches;
        bundles += outcome.stats.bundles;
        between_turns += outcome.stats.between_turns;
        let c = outcome.stats.counters;
        total.connections_evicted += c.connections_evicted;
        total.rooms_created += c.rooms_created;
        total.departures += c.departures;
        total.timeouts += c.timeouts;
        total.copies += c.copies;
        total.presences += c.presences;
        total.told_again += c.told_again;
        total.malformed += c.malformed;
        total.unknown_token += c.unknown_token;
        total.mismatched += c.mismatched;
        total.foreign_address += c.foreign_address;
        total.reserved += c.reserved;
    }
    let reached = [
        total.connections_evicted,
        total.rooms_created,
        total.departures,
        total.timeouts,
        total.copies,
        total.presences,
        total.told_again,
        total.malformed,
        total.unknown_token,
        total.mismatched,
        total.foreign_address,
        total.reserved,
        batches,
        bundles,
        between_turns,
    ];
    assert!(reached.iter().all(|count| *count >= 10), "{reached:?}");
    let reasons: Vec<&str> = refusals.keys().copied().collect();
    let all = [
        "invalid_request",
        "name_taken",
        "no_such_room",
        "payload_too_large",
        "room_exists",
        "room_full",
        "server_full",
        "try_later",
        "unknown_token",
        "wrong_password",
    ];
    assert_eq!(reasons, all, "{refusals:?}");
}

#[test]
fn in_an_hour_of_ordinary_chat_everyone_hears_everything_once() {
    let outcome = Plan::ordinary(1).run(Depth::Nothing);
    assert_eq!(outcome.violation, None);
    let c = outcome.stats.counters;
    assert!(c.messages > 1000 && c.copies > c.messages, "{c:?}");
    assert_eq!(outcome.stats.shown, c.copies);
    assert!(outcome.stats.batches > 0, "some were found at one wake");
    assert_eq!((c.datagrams, c.told_again), (c.messages + c.presences, 0));
}
