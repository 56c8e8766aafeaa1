//! Whose turn it is.

/// How far apart two that follow each other are: a prime, so that all have their turn.
const STRIDE: usize = 7919;

/// Counts on, so that each time is another's turn, in another room where there is one.
#[derive(Debug, Default)]
pub(super) struct Turns(usize);

impl Turns {
    /// The next turn's place among so many.
    pub(super) fn next(&mut self, count: usize) -> usize {
        self.0 += 1;
        self.0.wrapping_mul(STRIDE) % count
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::SIZES;

    #[test]
    fn everyone_has_a_turn_before_anyone_has_two() {
        for size in SIZES {
            let mut turns = Turns::default();
            let places: BTreeSet<_> = (0..size).map(|_| turns.next(size)).collect();
            assert_eq!((places.len(), places.last()), (size, Some(&(size - 1))));
        }
    }
}
