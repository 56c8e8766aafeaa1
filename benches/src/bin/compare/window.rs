//! Which messages are under way, and which of their copies are missing.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A ring of messages: number `n` waits until number `n - width` is over. One thread opens them and gives
/// them up; copies may arrive on any.
#[derive(Debug)]
pub(crate) struct Window {
    slots: Vec<Slot>,
    /// What each message is to arrive as.
    copies: u64,
}

#[derive(Debug, Default)]
struct Slot {
    /// The message's number and, in the low bits, how many of its copies are missing: together, so that
    /// a copy is counted for the message that it is of or not at all.
    state: AtomicU64,
    size: AtomicUsize,
    sent: AtomicU64,
}

/// Bits for the missing copies: more than a room has members.
const MISSING_BITS: u32 = 20;
const MISSING: u64 = (1 << MISSING_BITS) - 1;

/// What a copy turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// One that was waited for, and others still are.
    Awaited,
    /// The last that was waited for.
    Last,
    /// One too many, one given up before, or one that is not as it was sent.
    Stray,
}

impl Window {
    pub(crate) fn new(width: usize, copies: usize) -> Self {
        let slots = (0..width.max(1)).map(|_| Slot::default()).collect();
        Self { slots, copies: (copies as u64).min(MISSING) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.state.load(Ordering::Acquire) & MISSING == 0)
    }

    /// Whether this message may be sent now.
    pub(crate) fn has_room(&self, sequence: u64) -> bool {
        self.slot(sequence).is_some_and(|slot| slot.state.load(Ordering::Acquire) & MISSING == 0)
    }

    /// A message of this size is sent now.
    pub(crate) fn open(&self, sequence: u64, size: usize, now: u64) {
        if let Some(slot) = self.slot(sequence) {
            slot.size.store(size, Ordering::Relaxed);
            slot.sent.store(now, Ordering::Relaxed);
            slot.state.store(sequence << MISSING_BITS | self.copies, Ordering::Release);
        }
    }

    /// A copy has come.
    pub(crate) fn arrived(&self, sequence: u64, size: usize) -> Arrival {
        let Some(slot) = self.slot(sequence) else { return Arrival::Stray };
        let one_less = |state: u64| {
            let is_awaited = state >> MISSING_BITS == sequence
                && state & MISSING > 0
                && slot.size.load(Ordering::Relaxed) == size;
            is_awaited.then(|| state - 1)
        };
        match slot.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less) {
            Ok(before) if before & MISSING == 1 => Arrival::Last,
            Ok(_) => Arrival::Awaited,
            Err(_) => Arrival::Stray,
        }
    }

    /// Gives up the copies of messages sent before `then`; gives their number.
    pub(crate) fn give_up(&self, then: u64) -> u64 {
        let late = self.slots.iter().filter(|slot| slot.sent.load(Ordering::Relaxed) < then);
        late.map(|slot| slot.state.fetch_and(!MISSING, Ordering::AcqRel) & MISSING).sum()
    }

    fn slot(&self, sequence: u64) -> Option<&Slot> {
        self.slots.get((sequence % self.slots.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_over_when_all_copies_came() {
        let window = Window::new(2, 3);
        assert!(window.is_empty());
        window.open(0, 64, 10);
        window.open(1, 64, 20);
        assert!(!window.has_room(2) && !window.has_room(3));
        for arrival in [Arrival::Awaited, Arrival::Awaited, Arrival::Last] {
            assert_eq!(window.arrived(1, 64), arrival);
        }
        assert!(!window.has_room(2) && window.has_room(3) && !window.is_empty());
        for arrival in [Arrival::Awaited, Arrival::Awaited, Arrival::Last] {
            assert_eq!(window.arrived(0, 64), arrival);
        }
        assert!(window.has_room(2) && window.is_empty());
    }

    #[test]
    fn copies_nobody_waits_for_are_strays() {
        let window = Window::new(2, 1);
        window.open(4, 64, 0);
        for (sequence, size) in [(4, 63), (2, 64), (6, 64), (5, 64)] {
            assert_eq!(window.arrived(sequence, size), Arrival::Stray, "{sequence} of {size}");
        }
        assert_eq!(window.arrived(4, 64), Arrival::Last);
        assert_eq!(window.arrived(4, 64), Arrival::Stray);
    }

    #[test]
    fn what_is_late_is_lost() {
        let window = Window::new(4, 5);
        window.open(0, 64, 10);
        window.open(1, 64, 20);
        window.arrived(0, 64);
        assert_eq!(window.give_up(10), 0);
        assert_eq!(window.give_up(20), 4);
        assert!(window.has_room(0) && !window.has_room(1) && !window.is_empty());
        assert_eq!(window.arrived(0, 64), Arrival::Stray);
        assert_eq!(window.give_up(21), 5);
        assert!(window.is_empty());
    }

    #[test]
    fn each_copy_is_counted_once_whichever_threads_they_come_to() {
        const MESSAGES: u64 = 1000;
        const THREADS: usize = 4;
        let window = Window::new(MESSAGES as usize, THREADS);
        (0..MESSAGES).for_each(|sequence| window.open(sequence, 64, 0));
        let lasts: usize = std::thread::scope(|scope| {
            let hear = || {
                let arrivals = (0..MESSAGES).map(|sequence| window.arrived(sequence, 64));
                arrivals.filter(|arrival| *arrival == Arrival::Last).count()
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(hear)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(lasts, MESSAGES as usize);
        assert!(window.is_empty());
    }
}
