//! What members heard.

use crate::histogram::Histogram;

/// What came, to one member or to several.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) copies: u64,
    pub(super) strays: u64,
    /// When the last copy came.
    pub(super) last: u64,
    pub(super) latencies: Histogram,
}

impl Heard {
    pub(super) fn nothing() -> Self {
        Self { copies: 0, strays: 0, last: 0, latencies: Histogram::new() }
    }

    /// Takes note of a copy that came `now` and was sent at `sent`.
    pub(super) fn copy(&mut self, sent: u64, now: u64) {
        self.copies += 1;
        self.last = now;
        self.latencies.record(now.saturating_sub(sent));
    }

    /// Takes over all that `other` has.
    pub(super) fn add(&mut self, other: &Self) {
        self.copies += other.copies;
        self.strays += other.strays;
        self.last = self.last.max(other.last);
        self.latencies.add(&other.latencies);
    }
}
