//! How long a slice is, and by which clock.

use std::time::{Duration, Instant};

use benches::cores::Cores;
use benches::stop::Stop;

/// The time that a slice is given, and the clock it is measured by.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    /// Not measured: the caches are filled, and the processor wakes up.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) cores: Cores,
    /// Connections that say nothing, beside the work.
    pub(crate) idle: usize,
}

/// Nanoseconds since the harness started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
