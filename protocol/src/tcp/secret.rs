//! Text from a payload that must not be shown or left in memory.

use alloc::borrow::Cow;
use core::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// A password or a token as it came: not shown by `Debug`, and wiped when it is dropped if it had
/// to be copied (a borrowed one is wiped with the frame that it lies in).
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Secret<'a> {
    /// Wraps borrowed text.
    pub fn new(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text, for hashing or comparing it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn is_empty_without_text_alone() {
        assert!(Secret::default().is_empty());
        assert!(!Secret::new(" ").is_empty());
    }

    #[test]
    fn borrows_where_the_json_has_no_escapes() {
        let plain: Secret<'_> = serde_json::from_str(r#""pass""#).unwrap();
        assert!(matches!(&plain.0, Cow::Borrowed("pass")));
        let escaped: Secret<'_> = serde_json::from_str(r#""p\u0061ss""#).unwrap();
        assert_eq!(escaped.expose(), "pass");
    }
}
