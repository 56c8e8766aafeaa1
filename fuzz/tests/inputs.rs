//! Every target over its corpus, over the same inputs with bytes changed, and over noise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

use std::path::Path;

use fuzz::{Reached, client_session, datagrams, replies, requests, server_events};
use quickcheck::{Arbitrary, Gen};

/// What runs one input of a target.
type Run = fn(&[u8]) -> Reached;

/// A corpus stays so small that everybody can carry it: files, and their bytes in all.
const MOST_FILES: usize = 150;
const MOST_BYTES: usize = 100 * 1024;

/// Inputs made of each corpus, and as many of nothing.
const DRAWN: usize = 400;

/// Bytes changed in one input.
const MOST_CHANGES: usize = 8;

#[test]
fn requests() {
    #[rustfmt::skip]
    let everywhere = [
        "bad room name", "bad user name", "create", "incomplete", "join", "leave", "no payload",
        "no user name", "not a request", "payload too large", "rooms", "unknown operation",
        "unknown state",
    ];
    holds("requests", requests::run, &everywhere);
}

#[test]
fn replies() {
    #[rustfmt::skip]
    let everywhere = [
        "admitted", "bad header", "bare", "framed", "incomplete", "listing", "no payload",
        "no state", "no token", "refused", "too long",
    ];
    holds("replies", replies::run, &everywhere);
}

#[test]
fn datagrams() {
    #[rustfmt::skip]
    let everywhere = [
        "bad names", "bundle", "bundle cut short", "bundle in a bundle", "bundle packed",
        "bundle too long", "bundles packed", "chat heard", "chat written", "no bundle", "not text",
        "nothing heard", "nothing packed", "notice believed", "notice written", "presence written",
        "relay written", "the end", "too long", "truncated",
    ];
    holds("datagrams", datagrams::run, &everywhere);
}

#[test]
fn client_session() {
    #[rustfmt::skip]
    let everywhere = [
        "chat", "idle warning", "joined", "left", "left in peace", "left now", "let in",
        "let in bare", "no answer", "no reply", "not sent", "reachable", "refused", "room closed",
        "server gone", "server stopped", "timed out", "told of the time-out", "unreachable",
    ];
    holds("client_session", client_session::run, &everywhere);
}

#[test]
fn server_events() {
    #[rustfmt::skip]
    let everywhere = [
        "bundled", "copy", "created", "evicted", "foreign address", "joined", "left", "malformed",
        "message", "mismatched", "presence", "refused", "reserved", "shared out", "timed out",
        "told again", "unknown token",
    ];
    holds("server_events", server_events::run, &everywhere);
}

/// The corpus keeps every rule, leads everywhere it should, and is small; and so that a test finds
/// what a fuzzer would in its first second, the same with changes, and noise.
fn holds(target: &str, run: Run, everywhere: &[&'static str]) {
    let inputs = corpus(target);
    let bytes: usize = inputs.iter().map(Vec::len).sum();
    assert!(inputs.len() <= MOST_FILES && bytes <= MOST_BYTES, "minimize the corpus of {target}");
    let reached: Reached = inputs.iter().flat_map(|input| run(input)).collect();
    assert_eq!(reached, everywhere.iter().copied().collect(), "where the corpus leads");

    let mut g = Gen::new(400);
    for _ in 0..DRAWN {
        run(&changed(g.choose(&inputs).unwrap(), &Vec::arbitrary(&mut g)));
        run(&Vec::arbitrary(&mut g));
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = directory.read_dir().unwrap().map(|file| std::fs::read(file.unwrap().path()));
    files.map(Result::unwrap).collect()
}

/// `input` with each change, a place (modulo their number) and its new value, made to it.
fn changed(input: &[u8], changes: &[(u16, u8)]) -> Vec<u8> {
    let mut input = input.to_vec();
    for (place, value) in changes.iter().take(MOST_CHANGES) {
        let place = usize::from(*place) % (input.len() + 1);
        if place == input.len() {
            input.push(*value);
        } else {
            input[place] = *value;
        }
    }
    input
}
