//! The engine's own time: it is told, never asked for.

use core::ops::Add;
use core::time::Duration;

/// A moment on a clock that never runs backwards, in microseconds since a moment of the caller's
/// choice (the start of the process, of a simulation, of a recording).
///
/// Sums saturate: the last moment is some 584,000 years after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment from which all are counted.
    pub const ZERO: Self = Self(0);

    /// The moment `micros` microseconds after [`Instant::ZERO`].
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since [`Instant::ZERO`].
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate() {
        let last = Instant::from_micros(u64::MAX);
        assert_eq!(Instant::from_micros(5) + Duration::MAX, last);
        assert_eq!(Instant::ZERO.since(last), Duration::ZERO);
    }
}
