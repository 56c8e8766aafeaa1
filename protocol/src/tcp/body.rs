//! A body while it arrives: it may hold a password, so it grows without leaving copies behind.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

/// The first bytes that are reserved once anything has come.
const FIRST_RESERVE: usize = 256;

/// Up to `expected` bytes. No more is reserved than twice what has arrived, whatever was announced;
/// what it held is wiped when it grows and when it goes.
pub(super) struct Body {
    bytes: Zeroizing<Vec<u8>>,
    expected: usize,
}

impl Body {
    pub(super) fn new(expected: usize) -> Self {
        Self { bytes: Zeroizing::default(), expected }
    }

    /// Takes what it still lacks from the front of `input`.
    pub(super) fn fill(&mut self, input: &mut &[u8]) {
        let lacking = self.expected - self.bytes.len();
        let (taken, rest) = input.split_at(lacking.min(input.len()));
        self.reserve(taken.len());
        self.bytes.extend_from_slice(taken);
        *input = rest;
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == self.expected
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn reserve(&mut self, additional: usize) {
        let needed = self.bytes.len() + additional;
        if needed <= self.bytes.capacity() {
            return;
        }
        let roomy = needed.max(2 * self.bytes.capacity()).max(FIRST_RESERVE);
        let mut larger = Vec::with_capacity(roomy.min(self.expected));
        larger.extend_from_slice(&self.bytes);
        self.bytes.zeroize();
        *self.bytes = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserves_for_what_came_and_not_for_what_was_announced() {
        let mut body = Body::new(1 << 29);
        assert_eq!(body.bytes.capacity(), 0);
        body.fill(&mut &[7; 10][..]);
        assert!(body.bytes.capacity() <= FIRST_RESERVE);
        body.fill(&mut &[7; 1000][..]);
        assert!(body.bytes.capacity() <= 2 * 1010);
        assert_eq!(body.bytes(), [7; 1010]);
    }

    #[test]
    fn what_comes_byte_by_byte_is_moved_a_few_times_and_never_has_twice_the_room() {
        let mut body = Body::new(1 << 29);
        let (mut moves, mut before) = (0, 0);
        for came in 1..=10_000 {
            body.fill(&mut &[7][..]);
            let capacity = body.bytes.capacity();
            assert!(capacity <= FIRST_RESERVE.max(2 * came), "{capacity} for {came}");
            moves += u32::from(capacity != before);
            before = capacity;
        }
        // 256 bytes, doubled until they hold 10,000.
        assert_eq!(moves, 7);
    }

    #[test]
    fn takes_no_more_than_it_lacks() {
        let mut body = Body::new(3);
        let mut input = &b"abcdef"[..];
        body.fill(&mut input);
        assert!(body.is_full());
        assert_eq!((body.bytes(), input), (&b"abc"[..], &b"def"[..]));
        body.fill(&mut input);
        assert_eq!(input, b"def");
    }
}
