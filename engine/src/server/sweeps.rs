//! When the server sweeps: at moments that are an interval apart, wherever the driver's timer wakes.

use core::time::Duration;

use crate::time::Instant;

/// The moments of a sweep, an interval apart.
#[derive(Debug)]
pub(super) struct Sweeps {
    next: Instant,
    interval: u64,
}

impl Sweeps {
    /// The first is one `interval` after `start`. Less than a microsecond counts as one.
    pub(super) fn new(start: Instant, interval: Duration) -> Self {
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).max(1);
        Self { next: start + interval, interval: micros }
    }

    /// The latest moment that has come by `now`, if one has since the last call. Those before it
    /// that were missed are one with it: whoever was due then is due now.
    pub(super) fn latest(&mut self, now: Instant) -> Option<Instant> {
        if now < self.next {
            return None;
        }
        let moment = self.first_at_or_after(now);
        let moment = if moment == now { moment } else { self.before(moment) };
        self.next = Instant::from_micros(moment.as_micros().saturating_add(self.interval));
        Some(moment)
    }

    /// The first moment to come that is not before `at`.
    pub(super) fn first_at_or_after(&self, at: Instant) -> Instant {
        let distance = at.as_micros().saturating_sub(self.next.as_micros());
        let steps = distance.div_ceil(self.interval);
        Instant::from_micros(self.next.as_micros().saturating_add(steps * self.interval))
    }

    fn before(&self, moment: Instant) -> Instant {
        Instant::from_micros(moment.as_micros().saturating_sub(self.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn each_moment_comes_once_and_the_missed_ones_are_one() {
        let mut sweeps = Sweeps::new(at(100), Duration::from_micros(20));
        for (now, moment) in [
            (100, None),
            (119, None),
            (120, Some(120)),
            (120, None),
            (139, None),
            (145, Some(140)),
            (159, None),
            (225, Some(220)),
            (240, Some(240)),
        ] {
            assert_eq!(sweeps.latest(at(now)), moment.map(at), "at {now}");
        }
    }

    #[test]
    fn the_first_that_is_not_before() {
        let sweeps = Sweeps::new(at(100), Duration::from_micros(20));
        for (time, moment) in [(0, 120), (120, 120), (121, 140), (140, 140), (141, 160)] {
            assert_eq!(sweeps.first_at_or_after(at(time)), at(moment), "from {time}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        let mut sweeps = Sweeps::new(at(u64::MAX - 5), Duration::MAX);
        assert_eq!(sweeps.latest(at(u64::MAX)), Some(at(u64::MAX)));
        let mut sweeps = Sweeps::new(at(0), Duration::ZERO);
        assert_eq!(sweeps.latest(at(u64::MAX)), Some(at(u64::MAX)));
        assert_eq!(sweeps.first_at_or_after(at(u64::MAX)), at(u64::MAX));
    }
}
