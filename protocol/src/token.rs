//! Tokens: what a member proves itself with.

use core::fmt;

use subtle::ConstantTimeEq;
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
        // One barrier for all of it: `subtle` would have one a byte.
        differences(own, other).ct_eq(&0).into()
    }
}

/// The bits in which two texts of one length differ, all laid over each other.
fn differences(own: &[u8], other: &[u8]) -> u64 {
    let ((own, own_rest), (other, other_rest)) = (own.as_chunks(), other.as_chunks());
    let words = own.iter().zip(other);
    let bytes = own_rest.iter().zip(other_rest);
    words.fold(0, |all, (a, b)| all | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)))
        | bytes.fold(0, |all, (a, b)| all | u64::from(a ^ b))
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
    fn two_differences_do_not_cancel_each_other() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        let token = <Token>::new(text).unwrap();
        // Within the words, within the rest, and one in each.
        for (one, another) in [(0, 8), (1, 17), (24, 25), (7, 25), (0, 24)] {
            let mut other = text.as_bytes().to_vec();
            other[one] ^= 1;
            other[another] ^= 1;
            assert!(!token.matches(str::from_utf8(&other).unwrap()), "{one} and {another}");
        }
    }

    #[test]
    fn is_not_shown() {
        assert_eq!(format!("{:?}", <Token>::new("secret").unwrap()), "Token(…)");
    }
}
