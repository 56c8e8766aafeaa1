//! Messages that wait to be sent: paced, so that a pasted page does not drown a socket's buffer.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use crate::time::Instant;

/// Messages that may go at once after a pause.
const BURST: u32 = 32;

/// The time between messages after a burst: 500 a second.
const INTERVAL: Duration = Duration::from_millis(2);

/// Messages that wait at most; more input is not taken until some have gone.
const MAX_WAITING: usize = 256;

/// A queue with a pace: a token bucket, kept as the time by which everything sent so far is paid for.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<String>,
    paid_at: Instant,
}

impl Outbox {
    pub(super) fn push(&mut self, message: String) {
        self.waiting.push_back(message);
    }

    /// Whether more input may be taken. What was taken is kept even beyond.
    pub(super) fn has_space(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next message, if its time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<String> {
        if self.ready_at()? > now {
            return None;
        }
        self.paid_at = self.paid_at.max(now) + INTERVAL;
        self.waiting.pop_front()
    }

    /// When the next message may go; `None` when there is none.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        let credit = INTERVAL * (BURST - 1);
        let ready = self.paid_at.as_micros().saturating_sub(credit.as_micros() as u64);
        (!self.waiting.is_empty()).then_some(Instant::from_micros(ready))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &mut Outbox, now: Instant) -> usize {
        core::iter::from_fn(|| outbox.pop(now)).count()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_a_pace() {
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push("x".into());
        }
        let start = Instant::ZERO + Duration::from_secs(1);
        assert_eq!(sent(&mut outbox, start), 32);
        assert_eq!(outbox.ready_at(), Some(start + INTERVAL));
        assert_eq!(sent(&mut outbox, start + Duration::from_millis(1)), 0);
        assert_eq!(sent(&mut outbox, start + Duration::from_millis(20)), 10);
        assert_eq!(sent(&mut outbox, start + Duration::from_secs(1)), 32);
        assert_eq!(sent(&mut outbox, start + Duration::from_secs(2)), 26);
        assert!(outbox.is_empty() && outbox.ready_at().is_none());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut outbox = Outbox::default();
        for _ in 0..MAX_WAITING {
            assert!(outbox.has_space());
            outbox.push("x".into());
        }
        assert!(!outbox.has_space());
        assert!(outbox.pop(Instant::ZERO).is_some() && outbox.has_space());
    }
}
