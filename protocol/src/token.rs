//! Tokens: what a member proves itself with.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::limits::MAX_TOKEN;

/// A token of 1 to `N` bytes, held in place, compared in constant time, never shown by `Debug`, and
/// wiped when it is dropped.
///
/// The wire allows 255 bytes. A server that knows the length of its own tokens names a smaller `N`.
#[derive(Clone)]
pub struct Token<const N: usize = MAX_TOKEN>(heapless::String<N, u8>);

impl<const N: usize> Token<N> {
    /// Keeps a copy of `text`, or gives `None` when it is empty or longer than `N` bytes.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        heapless::String::try_from(text).ok().map(Self)
    }

    /// The token's text, for sending it to its owner and to nobody else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this token, in a time that depends on their lengths alone.
    pub fn matches(&self, text: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), text.as_bytes());
        if own.len() != other.len() {
            return false;
        }
        // Eight bytes at a time: `subtle` has a barrier for each comparison, and would have one a byte.
        let all = Choice::from(1);
        words(own).zip(words(other)).fold(all, |same, (a, b)| same & a.ct_eq(&b)).into()
    }
}

/// The bytes as numbers, the last of them filled up with zeros.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = bytes.as_chunks();
    let mut last = [0; size_of::<u64>()];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    whole.iter().copied().chain([last]).map(u64::from_ne_bytes)
}

impl<const N: usize> fmt::Debug for Token<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl<const N: usize> Drop for Token<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn holds_from_one_byte_to_its_capacity() {
        assert!(<Token>::new("").is_none());
        assert!(<Token>::new(&"t".repeat(255)).is_some());
        assert!(<Token>::new(&"t".repeat(256)).is_none());
        assert!(Token::<4>::new("12345").is_none());
    }

    #[test]
    fn matches_itself_only() {
        let token: Token = Token::new("secret").unwrap();
        assert!(token.matches("secret"));
        for other in ["", "secre", "secret2", "Secret"] {
            assert!(!token.matches(other), "{other}");
        }
    }

    #[test]
    fn every_bit_of_every_length_counts() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for length in 1..=text.len() {
            let token = <Token>::new(&text[..length]).unwrap();
            assert!(token.matches(&text[..length]));
            for place in 0..length {
                for bit in 0..7 {
                    let mut other = text.as_bytes()[..length].to_vec();
                    other[place] ^= 1 << bit;
                    assert!(!token.matches(str::from_utf8(&other).unwrap()), "{place} of {length}");
                }
            }
        }
    }

    #[test]
    fn is_not_shown() {
        assert_eq!(format!("{:?}", <Token>::new("secret").unwrap()), "Token(…)");
    }
}
