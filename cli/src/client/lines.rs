//! Lines of standard input, of any bytes and a bounded length.

use std::io::{self, BufRead, Read};

/// The longest line that is read as one, in bytes; what goes on beyond is another line.
const MAX_LINE: u64 = 1024 * 1024;

/// The next line without its end; `None` at the end of input.
///
/// # Errors
/// The system's, and [`io::ErrorKind::InvalidData`] for a line that is not UTF-8, which is skipped.
pub(super) fn next() -> io::Result<Option<String>> {
    read(&mut io::stdin().lock())
}

fn read(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    // What is cut is cut between characters: the next one is at most three bytes away.
    for _ in 0..3 {
        if !ends_inside_a_character(&line) {
            break;
        }
        input.take(1).read_until(b'\n', &mut line)?;
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "the line is not UTF-8");
    String::from_utf8(line).map(Some).map_err(invalid)
}

fn ends_inside_a_character(line: &[u8]) -> bool {
    let tail = line.get(line.len().saturating_sub(4)..).unwrap_or_default();
    // Where the tail begins inside a character does not matter: its end is what is asked for.
    let start = tail.iter().position(|byte| byte & 0xC0 != 0x80).unwrap_or(tail.len());
    let tail = tail.get(start..).unwrap_or_default();
    std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_way() {
        let mut input = &b"one\ntwo\r\n\n\xff\nlast"[..];
        let mut lines = Vec::new();
        loop {
            match read(&mut input) {
                Ok(None) => break,
                line => lines.push(line.map_err(|error| error.kind())),
            }
        }
        let line = |text: &str| Ok(Some(text.to_owned()));
        let invalid = Err(io::ErrorKind::InvalidData);
        assert_eq!(lines, [line("one"), line("two"), line(""), invalid, line("last")]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'a'; MAX_LINE as usize + 3];
        let mut input = &long[..];
        let lengths: Vec<usize> =
            std::iter::from_fn(|| read(&mut input).unwrap()).map(|line| line.len()).collect();
        assert_eq!(lengths, [MAX_LINE as usize, 3]);
    }

    #[test]
    fn a_line_is_not_cut_inside_a_character() {
        for text in ["あ", "é", "🦀", "aあ"] {
            let long = text.repeat(MAX_LINE as usize / text.len() + 2);
            let mut input = long.as_bytes();
            let read: String = std::iter::from_fn(|| read(&mut input).unwrap()).collect();
            assert!(read == long, "{text}");
        }
    }
}
