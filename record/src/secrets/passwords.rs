//! Passwords to others: as long in bytes and in JSON, the same for the same one, and never the same
//! for two, since whether they are equal is all that a server asks.

use zeroize::Zeroize;

/// Up to so many bytes a password is permuted among those of its shape, since two short ones might
/// well meet in a hash. Longer ones are hashed: this many characters meet in none.
const SHORT: usize = 32;

/// Passes over a short password. Two forward and one backward, and every character depends on all.
const PASSES: u8 = 3;

pub(super) struct Passwords {
    key: [u8; blake3::KEY_LEN],
}

impl Passwords {
    pub(super) fn new(key: [u8; blake3::KEY_LEN]) -> Self {
        Self { key }
    }

    pub(super) fn replace(&self, password: &str) -> String {
        if password.len() > SHORT {
            return self.hashed(password);
        }
        let mut chars: Vec<char> = password.chars().collect();
        for pass in 0..PASSES {
            let mut state = blake3::keyed_hash(&self.key, &[pass]);
            let mut permute = |c: &mut char| {
                let shape = Shape::of(*c);
                let [a, b, c4, d, ..] = *state.as_bytes();
                let shift = u32::from_be_bytes([a, b, c4, d]) % shape.size();
                let before = u32::from(*c);
                *c = shape.char((shape.index(*c) + shift) % shape.size());
                // What comes after depends on what this was: so it can be undone from the front.
                let mut both = [0; 36];
                let (old, new) = both.split_at_mut(32);
                old.copy_from_slice(state.as_bytes());
                new.copy_from_slice(&before.to_be_bytes());
                state = blake3::keyed_hash(&self.key, &both);
            };
            if pass % 2 == 0 {
                chars.iter_mut().for_each(&mut permute);
            } else {
                chars.iter_mut().rev().for_each(&mut permute);
            }
        }
        chars.into_iter().collect()
    }

    fn hashed(&self, password: &str) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let mut stream = hasher.update(password.as_bytes()).finalize_xof();
        let mut bytes = vec![0; password.len()];
        stream.fill(&mut bytes);
        let letter =
            |byte: u8| ALPHABET.get(usize::from(byte % 64)).map_or('x', |b| char::from(*b));
        bytes.into_iter().map(letter).collect()
    }
}

impl Drop for Passwords {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Characters that are as long as each other, in UTF-8 and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One byte as it is.
    Plain,
    /// A backslash and a letter.
    Escaped,
    /// A control character that has only its number.
    Numbered,
    /// Two bytes.
    Two,
    /// Three bytes.
    Three,
    /// Four bytes.
    Four,
}

/// The one-byte characters by their shapes.
const ESCAPED: [char; 7] = ['\u{8}', '\t', '\n', '\u{c}', '\r', '"', '\\'];
const SURROGATES: std::ops::Range<u32> = 0xd800..0xe000;

impl Shape {
    fn of(c: char) -> Self {
        match c {
            c if ESCAPED.contains(&c) => Self::Escaped,
            '\0'..'\u{20}' => Self::Numbered,
            '\u{20}'..'\u{80}' => Self::Plain,
            '\u{80}'..'\u{800}' => Self::Two,
            '\u{800}'..'\u{10000}' => Self::Three,
            _ => Self::Four,
        }
    }

    /// How many characters have it.
    fn size(self) -> u32 {
        match self {
            Self::Plain => 0x80 - 0x20 - 2,
            Self::Escaped => 7,
            Self::Numbered => 0x20 - 5,
            Self::Two => 0x800 - 0x80,
            Self::Three => 0x10000 - 0x800 - (SURROGATES.end - SURROGATES.start),
            Self::Four => 0x0010_0000,
        }
    }

    /// The number of a character among those that have it.
    fn index(self, c: char) -> u32 {
        let code = u32::from(c);
        let before = |taken: &[char]| taken.iter().filter(|t| **t < c).count() as u32;
        match self {
            Self::Plain => code - 0x20 - before(&['"', '\\']),
            Self::Escaped => before(&ESCAPED),
            Self::Numbered => code - before(&ESCAPED),
            Self::Two => code - 0x80,
            Self::Three if code >= SURROGATES.end => {
                code - 0x800 - (SURROGATES.end - SURROGATES.start)
            }
            Self::Three => code - 0x800,
            Self::Four => code - 0x10000,
        }
    }

    /// The character with that number.
    fn char(self, index: u32) -> char {
        let code = match self {
            Self::Plain => (0x20..0x80u32).filter(|c| *c != 0x22 && *c != 0x5c).nth(index as usize),
            Self::Escaped => ESCAPED.get(index as usize).map(|c| u32::from(*c)),
            Self::Numbered => (0..0x20u32)
                .filter(|code| char::from_u32(*code).is_some_and(|c| !ESCAPED.contains(&c)))
                .nth(index as usize),
            Self::Two => Some(index + 0x80),
            Self::Three if index + 0x800 >= SURROGATES.start => {
                Some(index + 0x800 + (SURROGATES.end - SURROGATES.start))
            }
            Self::Three => Some(index + 0x800),
            Self::Four => Some(index + 0x10000),
        };
        // Every index below the size has its character.
        code.and_then(char::from_u32).unwrap_or('x')
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn passwords() -> Passwords {
        Passwords::new([9; 32])
    }

    #[test]
    fn every_character_is_one_of_its_shape() {
        let mut counts = std::collections::HashMap::new();
        for c in '\0'..=char::MAX {
            let shape = Shape::of(c);
            let index = shape.index(c);
            assert!(index < shape.size(), "{c:?}");
            assert_eq!(shape.char(index), c);
            *counts.entry(format!("{shape:?}")).or_insert(0) += 1;
        }
        for shape in
            [Shape::Plain, Shape::Escaped, Shape::Numbered, Shape::Two, Shape::Three, Shape::Four]
        {
            assert_eq!(counts[&format!("{shape:?}")], shape.size(), "{shape:?}");
        }
    }

    /// All of one character and all of two from some: no two meet.
    #[test]
    fn short_ones_never_meet() {
        let passwords = passwords();
        let mut short: Vec<String> = ('\0'..'\u{250}').map(String::from).collect();
        for a in ' '..'\u{7f}' {
            short.extend((' '..'\u{7f}').map(|b| format!("{a}{b}")));
        }
        let replaced: HashSet<String> = short.iter().map(|p| passwords.replace(p)).collect();
        assert_eq!(replaced.len(), short.len());
    }

    #[test]
    fn one_character_changes_all_of_them() {
        let passwords = passwords();
        for other in ["hunter3", "iunter2", "hunuer2"] {
            let pair = [passwords.replace("hunter2"), passwords.replace(other)];
            let same = pair[0].chars().zip(pair[1].chars()).filter(|(a, b)| a == b).count();
            assert!(same <= 2, "{pair:?}");
        }
    }

    quickcheck::quickcheck! {
        fn as_long_in_bytes_and_no_longer_in_json(password: String) -> bool {
            let other = passwords().replace(&password);
            let json = |text: &str| serde_json::to_vec(text).unwrap().len();
            other.len() == password.len()
                && json(&other) <= json(&password)
                && other == passwords().replace(&password)
                && (password.len() < 4 || other != password)
        }

        fn different_ones_stay_different(a: String, b: String) -> bool {
            let passwords = passwords();
            (a == b) == (passwords.replace(&a) == passwords.replace(&b))
        }
    }
}
