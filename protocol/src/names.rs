//! Room and user names: validated once, then cheap to share.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;
use core::marker::PhantomData;

use crate::limits::MAX_NAME;

/// The name of a room. See [`Name`] for what a name may be.
pub type RoomName = Name<Room>;

/// The name that a member bears in a room. See [`Name`] for what a name may be.
pub type UserName = Name<User>;

/// Marks a [`Name`] as a room's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {}

/// Marks a [`Name`] as a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {}

/// A name of 1 to 255 bytes that is safe to show and to compare byte by byte: not blank, no white
/// space at either end, no control characters, none of the characters that override the direction
/// of text. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<Kind> {
    text: Arc<str>,
    kind: PhantomData<Kind>,
}

impl<Kind> Name<Kind> {
    /// Checks `text` and keeps a copy of it.
    ///
    /// # Errors
    /// The first of [`NameError`]'s rules that `text` breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.trim().is_empty() {
            return Err(NameError::Blank);
        }
        if text.len() > MAX_NAME {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        if text.trim().len() != text.len() {
            return Err(NameError::SurroundingSpace);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        if text.chars().any(overrides_direction) {
            return Err(NameError::DirectionOverride);
        }
        Ok(Self { text: text.into(), kind: PhantomData })
    }

    /// As [`Name::new`], from bytes as they came.
    ///
    /// # Errors
    /// [`NameError::NotUtf8`] besides those of [`Name::new`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        Self::new(core::str::from_utf8(bytes).map_err(|_| NameError::NotUtf8)?)
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The size of the name in bytes, as a header carries it.
    pub(crate) fn size(&self) -> u8 {
        u8::try_from(self.text.len()).unwrap_or(u8::MAX)
    }
}

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space, or nothing at all.
    #[error("is empty")]
    Blank,
    /// More than 255 bytes; a character can take up to four.
    #[error("is {bytes} bytes long, of at most 255")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// White space at the start or the end.
    #[error("begins or ends with white space")]
    SurroundingSpace,
    /// A line break, an escape or another control character.
    #[error("has a control character in it")]
    ControlCharacter,
    /// A character that turns the direction of the text around it (U+202A–U+202E, U+2066–U+2069).
    #[error("has a character in it that overrides the direction of text")]
    DirectionOverride,
    /// Bytes that are not UTF-8.
    #[error("is not valid UTF-8")]
    NotUtf8,
}

/// The embeddings, overrides and isolates by which a name could make its neighbours read backwards.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl<Kind> fmt::Display for Name<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<Kind> fmt::Debug for Name<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// Lets an ordered or hashed collection be searched by the text as it came.
impl<Kind> Borrow<str> for Name<Kind> {
    fn borrow(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::string::{String, ToString};

    use quickcheck::{Arbitrary, Gen};

    use super::*;

    /// Any name: few texts are one by chance, so what cannot be in a name is left out.
    impl<Kind: Clone + 'static> Arbitrary for Name<Kind> {
        fn arbitrary(g: &mut Gen) -> Self {
            let text = String::arbitrary(g);
            let allowed = |c: &char| !c.is_control() && !overrides_direction(*c);
            let mut name: String = text.chars().filter(allowed).collect();
            name.truncate(name.floor_char_boundary(MAX_NAME));
            Self::new(name.trim()).unwrap_or_else(|_| Self::new("名").unwrap())
        }

        fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
            Box::new(self.text.to_string().shrink().filter_map(|text| Self::new(&text).ok()))
        }
    }

    #[test]
    fn accepts_names_that_people_use() {
        for text in ["a", "部屋", "ユーザー名 2", "O'Brien \"Bob\"", "🦀", "-", "\u{200F}שלום"]
        {
            assert_eq!(RoomName::new(text).unwrap().as_str(), text);
        }
        assert!(UserName::new(&"あ".repeat(85)).is_ok());
    }

    #[test]
    fn refuses_each_kind_of_bad_name() {
        for (text, error) in [
            ("", NameError::Blank),
            (" \u{3000}", NameError::Blank),
            (" a", NameError::SurroundingSpace),
            ("a\u{3000}", NameError::SurroundingSpace),
            ("a\u{1b}[2Jb", NameError::ControlCharacter),
            ("a\u{85}b", NameError::ControlCharacter),
            ("a\u{202E}b", NameError::DirectionOverride),
            ("a\u{2066}b", NameError::DirectionOverride),
        ] {
            assert_eq!(RoomName::new(text).unwrap_err(), error, "{text:?}");
        }
        assert_eq!(RoomName::from_bytes(b"\xff").unwrap_err(), NameError::NotUtf8);
    }

    #[test]
    fn counts_bytes_and_not_characters() {
        let text = "あ".repeat(86);
        assert_eq!(UserName::new(&text).unwrap_err(), NameError::TooLong { bytes: 258 });
        assert!(UserName::new(&"a".repeat(255)).is_ok());
        assert_eq!(UserName::new(&"a".repeat(256)), Err(NameError::TooLong { bytes: 256 }));
    }

    #[test]
    fn a_collection_of_names_is_searched_by_text() {
        let names: BTreeSet<_> =
            ["部屋", "廊下", "kai"].iter().map(|text| RoomName::new(text).unwrap()).collect();
        assert_eq!(names.get("廊下").map(RoomName::as_str), Some("廊下"));
        assert!(!names.contains("庭"));
    }

    quickcheck::quickcheck! {
        fn a_name_is_shown_as_its_text(name: UserName) -> bool {
            let text = name.as_str();
            format!("{name}") == text && format!("{name:?}") == format!("{text:?}")
        }

        fn any_text_is_a_name_or_refused(text: String) -> bool {
            match RoomName::new(&text) {
                Ok(name) => name.as_str() == text,
                Err(_) => true,
            }
        }
    }
}
