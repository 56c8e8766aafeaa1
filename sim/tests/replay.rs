//! A world is determined by its number: the same bytes every time, on every machine and in every
//! build. `traces.txt` has the numbers that stand for the bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use std::fmt::Write as _;

use sim::{Depth, Plan, hash};

/// A line for each world: its seed, the lines of its trace, and their hash.
fn lines(seeds: impl Iterator<Item = u64>) -> String {
    let mut text = String::new();
    for seed in seeds {
        let trace = Plan::draw(seed).run(Depth::All).trace;
        writeln!(text, "{seed} {} {:016x}", trace.lines().count(), hash(&trace)).unwrap();
    }
    text
}

/// It fails when a rule of the server, a text on the wire or the simulator has changed on purpose:
/// then the file is to be written anew, with what this test shows.
#[test]
fn a_trace_is_the_same_in_every_build() {
    let expected = include_str!("traces.txt");
    let written =
        lines(expected.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()));
    assert_eq!(written, expected, "the file would be:\n{written}");
}

#[test]
fn a_trace_is_the_same_twice_and_another_for_another_seed() {
    let trace = |seed| Plan::draw(seed).run(Depth::All).trace;
    assert_eq!(trace(11), trace(11));
    assert_ne!(trace(11), trace(12));
}

#[test]
fn how_much_is_written_down_changes_nothing() {
    let plan = Plan::draw(11);
    let [all, end, nothing] = [Depth::All, Depth::End, Depth::Nothing].map(|depth| plan.run(depth));
    assert_eq!((all.stats, end.stats), (nothing.stats, nothing.stats));
    assert!(all.trace.ends_with(&end.trace) && !end.trace.is_empty());
    assert_eq!(nothing.trace, "");
}
