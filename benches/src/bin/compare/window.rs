//! Which messages are under way, and which of their copies are missing.

/// A ring of messages: number `n` waits until number `n - width` is over.
#[derive(Debug)]
pub(crate) struct Window {
    slots: Vec<Slot>,
    /// What each message is to arrive as.
    copies: usize,
    under_way: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    sequence: u64,
    size: usize,
    missing: usize,
    sent: u64,
}

/// What a copy turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// One that was waited for.
    Awaited,
    /// One too many, one given up before, or one that is not as it was sent.
    Stray,
}

impl Window {
    pub(crate) fn new(width: usize, copies: usize) -> Self {
        Self { slots: vec![Slot::default(); width.max(1)], copies, under_way: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.under_way == 0
    }

    /// Whether this message may be sent now.
    pub(crate) fn has_room(&self, sequence: u64) -> bool {
        self.slots.get(self.place(sequence)).is_some_and(|slot| slot.missing == 0)
    }

    /// A message of this size is sent now.
    pub(crate) fn open(&mut self, sequence: u64, size: usize, now: u64) {
        let (place, missing) = (self.place(sequence), self.copies);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot { sequence, size, missing, sent: now };
            self.under_way += 1;
        }
    }

    /// A copy has come.
    pub(crate) fn arrived(&mut self, sequence: u64, size: usize) -> Arrival {
        let place = self.place(sequence);
        match self.slots.get_mut(place) {
            Some(slot) if slot.sequence == sequence && slot.size == size && slot.missing > 0 => {
                slot.missing -= 1;
                self.under_way -= usize::from(slot.missing == 0);
                Arrival::Awaited
            }
            _ => Arrival::Stray,
        }
    }

    /// Gives up the copies of messages sent before `then`; gives their number.
    pub(crate) fn give_up(&mut self, then: u64) -> u64 {
        let late = self.slots.iter_mut().filter(|slot| slot.missing > 0 && slot.sent < then);
        let mut lost = 0;
        for slot in late {
            lost += std::mem::take(&mut slot.missing) as u64;
            self.under_way -= 1;
        }
        lost
    }

    fn place(&self, sequence: u64) -> usize {
        (sequence % self.slots.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_over_when_all_copies_came() {
        let mut window = Window::new(2, 3);
        window.open(0, 64, 10);
        window.open(1, 64, 20);
        assert!(!window.has_room(2) && !window.has_room(3));
        for _ in 0..3 {
            assert_eq!(window.arrived(1, 64), Arrival::Awaited);
        }
        assert!(!window.has_room(2) && window.has_room(3) && !window.is_empty());
        for _ in 0..3 {
            assert_eq!(window.arrived(0, 64), Arrival::Awaited);
        }
        assert!(window.has_room(2) && window.is_empty());
    }

    #[test]
    fn copies_nobody_waits_for_are_strays() {
        let mut window = Window::new(2, 1);
        window.open(4, 64, 0);
        for (sequence, size) in [(4, 63), (2, 64), (6, 64), (5, 64)] {
            assert_eq!(window.arrived(sequence, size), Arrival::Stray, "{sequence} of {size}");
        }
        assert_eq!(window.arrived(4, 64), Arrival::Awaited);
        assert_eq!(window.arrived(4, 64), Arrival::Stray);
    }

    #[test]
    fn what_is_late_is_lost() {
        let mut window = Window::new(4, 5);
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
}
