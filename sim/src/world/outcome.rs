//! How a world went.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Counters, Instant};

/// What a world amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Simulated time.
    pub time: Duration,
    /// Events that the server was told.
    pub steps: u64,
    /// What it counted.
    pub counters: Counters,
    /// Messages that clients showed to their users.
    pub shown: u64,
    /// What went wrong on purpose: losses, delays, cuts, crashes and hostile deeds.
    pub faults: u64,
    /// Times that the server found more than one datagram.
    pub batches: u64,
    /// Bundles that it sent.
    pub bundles: u64,
    /// Events that came while a crowd was being told something.
    pub between_turns: u64,
    /// Sessions that believed to be in when the server had forgotten their tokens: see `SIMULATOR.md`.
    pub in_the_dark: u64,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// The number of the event at which it was broken.
    pub step: u64,
    /// When.
    pub at: Instant,
    /// How.
    pub how: String,
}

/// How a world went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What it amounted to.
    pub stats: Stats,
    /// How often the server refused something, by the reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// What was wrong, if anything was.
    pub violation: Option<Violation>,
    /// As much of it as was asked for.
    pub trace: String,
}
