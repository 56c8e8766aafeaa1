//! The random bytes that a server draws: written down as they are drawn, and drawn again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Entropy, EntropyError};
use zeroize::Zeroize;

/// What a source gave, or `None` where it failed.
pub type Draw = Option<Box<[u8]>>;

/// What was drawn and has not been written down yet.
#[derive(Debug, Default, Clone)]
pub(crate) struct Drawn(Arc<Mutex<Vec<Draw>>>);

/// A source that is looked at.
pub(crate) struct Watched<E> {
    pub(crate) source: E,
    pub(crate) drawn: Drawn,
}

impl<E: Entropy> Entropy for Watched<E> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let outcome = self.source.fill(bytes);
        // Taken away after each event, of which one draws only a few times.
        lock(&self.drawn.0).push(outcome.is_ok().then(|| (&*bytes).into()));
        outcome
    }
}

impl Drawn {
    /// Puts what was drawn since the last time into `into`, which is wiped and emptied first.
    pub(crate) fn take(&self, into: &mut Vec<Draw>) {
        wipe(into);
        std::mem::swap(into, &mut *lock(&self.0));
    }
}

/// Tokens and keys were in it.
pub(crate) fn wipe(draws: &mut Vec<Draw>) {
    for bytes in draws.iter_mut().flatten() {
        bytes.zeroize();
    }
    draws.clear();
}

/// Draws that are to be drawn again, in their order.
#[derive(Debug, Default, Clone)]
pub(crate) struct ToDraw(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    draws: VecDeque<Draw>,
    /// Whether more were asked for, or others.
    is_unlike: bool,
}

impl ToDraw {
    /// What the next event is to draw.
    pub(crate) fn prepare(&self, draws: Vec<Draw>) {
        *lock(&self.0) = Queue { draws: draws.into(), is_unlike: false };
    }

    /// Whether exactly what was prepared has been drawn.
    pub(crate) fn were_drawn(&self) -> bool {
        let queue = lock(&self.0);
        queue.draws.is_empty() && !queue.is_unlike
    }
}

impl Entropy for ToDraw {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let mut queue = lock(&self.0);
        match queue.draws.pop_front() {
            Some(Some(draw)) if draw.len() == bytes.len() => {
                bytes.copy_from_slice(&draw);
                Ok(())
            }
            Some(None) => Err(EntropyError),
            Some(Some(_)) | None => {
                queue.is_unlike = true;
                Err(EntropyError)
            }
        }
    }
}

/// Nothing is done under the lock that could leave it half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use engine::SeededEntropy;

    use super::*;

    #[test]
    fn what_was_drawn_is_drawn_again() {
        let drawn = Drawn::default();
        let mut calls = 0;
        let mut seeded = SeededEntropy::new(1);
        let failing_once = move |bytes: &mut [u8]| {
            calls += 1;
            if calls == 2 { Err(EntropyError) } else { seeded.fill(bytes) }
        };
        let mut watched = Watched { source: failing_once, drawn: drawn.clone() };
        let mut first = [[0; 16]; 3];
        let outcomes: Vec<_> = first.iter_mut().map(|bytes| watched.fill(bytes)).collect();
        let mut draws = Vec::new();
        drawn.take(&mut draws);
        assert_eq!(draws.len(), 3);

        let mut to_draw = ToDraw::default();
        to_draw.prepare(draws.clone());
        let mut again = [[0; 16]; 3];
        assert!(!to_draw.were_drawn());
        let outcomes_again: Vec<_> = again.iter_mut().map(|bytes| to_draw.fill(bytes)).collect();
        assert_eq!((first, outcomes), (again, outcomes_again));
        assert!(to_draw.were_drawn());

        assert_eq!(to_draw.fill(&mut [0; 16]), Err(EntropyError), "one more than there were");
        assert!(!to_draw.were_drawn());
        to_draw.prepare(draws);
        assert_eq!(to_draw.fill(&mut [0; 8]), Err(EntropyError), "of another size");
        assert!(!to_draw.were_drawn());
    }
}
