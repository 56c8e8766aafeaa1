//! The engine's time from the monotonic clock.

use std::time::{Duration, Instant};

/// A clock that began at [`engine::Instant::ZERO`] when it was made, and never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time.
    pub fn now(&self) -> engine::Instant {
        engine::Instant::ZERO + self.0.elapsed()
    }

    /// How long it is until `deadline`, rounded up to a millisecond: a timer that wakes a moment
    /// too early would only have to wait again.
    pub(crate) fn until(&self, deadline: engine::Instant) -> Duration {
        let left = deadline.since(self.now());
        if left.is_zero() { left } else { left + Duration::from_millis(1) }
    }
}
