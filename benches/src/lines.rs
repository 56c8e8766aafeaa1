//! What another process says, line by line, each waited for no longer than is meant.

#![expect(clippy::disallowed_methods, reason = "a line is waited for until a time")]

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

/// Bytes of the longest line.
const LONGEST: usize = 4096;

/// The lines that come through a pipe.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    /// What came after the last line that was asked for.
    rest: Vec<u8>,
}

impl<R: Read + AsFd> Lines<R> {
    pub(crate) fn of(input: R) -> Self {
        Self { input, rest: Vec::new() }
    }

    /// The next one, without its end. A signal ends the wait, too.
    pub(crate) fn next(&mut self, patience: Duration) -> io::Result<String> {
        let end = Instant::now() + patience;
        loop {
            if let Some(length) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<_> = self.rest.drain(..=length).collect();
                line.truncate(length);
                return String::from_utf8(line).map_err(io::Error::other);
            }
            if self.rest.len() >= LONGEST {
                return Err(io::Error::other("it said a line without an end"));
            }
            self.read(end.saturating_duration_since(Instant::now()))?;
        }
    }

    /// Reads once, within so long.
    fn read(&mut self, patience: Duration) -> io::Result<()> {
        let patience = patience.try_into().map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&self.input, PollFlags::IN)], Some(&patience))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut buffer = [0; LONGEST];
        match self.input.read(&mut buffer)? {
            0 => Err(io::Error::other(format!(
                "it ended after saying {:?}",
                String::from_utf8_lossy(&self.rest)
            ))),
            size => {
                self.rest.extend_from_slice(buffer.get(..size).unwrap_or_default());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, Write, pipe};

    use super::*;

    /// Long enough for what is there already, on any machine.
    const LONG: Duration = Duration::from_secs(10);

    /// What has been written, and nothing after it: the pipe stays open as long as the second of them.
    fn lines(said: &[u8]) -> (Lines<PipeReader>, impl Sized) {
        let (input, mut output) = pipe().unwrap();
        output.write_all(said).unwrap();
        (Lines::of(input), output)
    }

    #[test]
    fn lines_that_came_together_are_told_apart() {
        let (mut lines, output) = lines("一\n\nthree\nfo".as_bytes());
        for line in ["一", "", "three"] {
            assert_eq!(lines.next(LONG).unwrap(), line);
        }
        drop(output);
        assert!(lines.next(LONG).unwrap_err().to_string().contains("\"fo\""));
    }

    #[test]
    fn half_a_line_is_not_waited_for_longer_than_is_meant() {
        let (mut lines, _open) = lines(b"listening on");
        let error = lines.next(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        let (mut lines, _open) = lines(&[b'x'; 2 * LONGEST]);
        assert!(lines.next(LONG).unwrap_err().to_string().contains("without an end"));
        assert!(lines.rest.len() < 2 * LONGEST);
    }
}
