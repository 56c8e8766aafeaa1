//! The engine's time from the monotonic clock.

use std::time::Instant;

use async_io::Timer;

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

    /// A timer that fires at `deadline`; never, when there is none or it is beyond the system's clock.
    pub(crate) fn at(&self, deadline: Option<engine::Instant>) -> Timer {
        let since_start = deadline.map(|deadline| deadline.since(engine::Instant::ZERO));
        let at = since_start.and_then(|since_start| self.0.checked_add(since_start));
        at.map_or_else(Timer::never, Timer::at)
    }
}
