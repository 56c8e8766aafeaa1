//! Text for people: where it goes, and how text from other people is made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// Tells the user something that is no part of the chat. That nobody reads it is no reason to end:
/// who leaves properly does not leave a ghost in a room.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// `text` in one line that cannot move the cursor, change colours or turn the direction of what
/// stands around it: line breaks and tabs become spaces, and other control characters go.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let safe = text.chars().filter_map(|c| match c {
        '\n' | '\r' | '\t' => Some(' '),
        c if is_unsafe(c) => None,
        c => Some(c),
    });
    Cow::Owned(safe.collect())
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_what_a_terminal_would_act_on() {
        for (text, safe) in [
            ("こんにちは 🦀", "こんにちは 🦀"),
            ("\u{1b}[2Jgone", "[2Jgone"),
            ("a\u{9b}31mb", "a31mb"),
            ("two\nlines\tand more\r", "two lines and more "),
            ("bell\u{7}", "bell"),
            ("a\u{202E}b\u{2069}c", "abc"),
        ] {
            assert_eq!(printable(text), safe, "{text:?}");
        }
    }
}
