//! Text in columns of a terminal, where a full-width character takes two.

use unicode_width::UnicodeWidthChar;

/// How many columns `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// `text` and as many spaces as fill `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{:spaces$}", "")
}

/// `text` in lines of at most `columns` (one character, if that is wider), broken between words or
/// beside a full-width character where that is possible. All lines but the first begin with `hang`
/// spaces.
pub(super) fn wrapped(text: &str, columns: usize, hang: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut rest, mut indent) = (text, 0);
    while width(rest) > columns.saturating_sub(indent) {
        let (line, more) = rest.split_at(break_at(rest, columns.saturating_sub(indent)));
        lines.push(format!("{:indent$}{}", "", line.trim_end_matches(' ')));
        (rest, indent) = (more.trim_start_matches(' '), hang);
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(format!("{:indent$}{rest}", ""));
    }
    lines
}

/// Where to break a text that is wider than `columns`; never at its start.
fn break_at(text: &str, columns: usize) -> usize {
    let (mut used, mut best) = (0, None);
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before| may_part(before, c)) {
            best = Some(at);
        }
        used += width_of(c);
        if used > columns {
            let hard = if at == 0 { c.len_utf8() } else { at };
            return best.unwrap_or(hard);
        }
        before = Some(c);
    }
    text.len()
}

fn may_part(before: char, after: char) -> bool {
    let is_wide = width_of(before) == 2 || width_of(after) == 2;
    before == ' ' || is_wide && width_of(after) > 0 && !"。、！？」』）ー…,.!?".contains(after)
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_where_a_reader_would() {
        for (text, lines) in [
            ("", &[""][..]),
            ("four", &["four"]),
            ("one two three", &["one two", "  three"]),
            ("abcdefghijk", &["abcdefgh", "  ijk"]),
            ("こんにちは", &["こんにち", "  は"]),
            ("こんにち。は", &["こんに", "  ち。は"]),
            ("a こんにちは", &["a こんに", "  ちは"]),
        ] {
            assert_eq!(wrapped(text, 8, 2), lines, "{text}");
        }
    }

    quickcheck::quickcheck! {
        fn no_line_is_too_wide_and_nothing_is_lost(text: String, columns: u8, hang: u8) -> bool {
            let (columns, hang) = (usize::from(columns % 40) + 4, usize::from(hang % 3));
            let lines = wrapped(&text, columns, hang);
            let bare = |text: &str| text.replace(' ', "");
            lines.iter().all(|line| width(line) <= columns)
                && bare(&lines.concat()) == bare(&text)
        }

        fn padding_fills(text: String) -> bool {
            width(&padded(&text, 30)) == width(&text).max(30)
        }
    }
}
