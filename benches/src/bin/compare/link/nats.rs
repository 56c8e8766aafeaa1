//! As much of the NATS client protocol as a chat room needs.

use std::io;

use super::Ears;
use super::frames::{Framing, Heard};

/// A room is a subject.
#[derive(Debug)]
pub(crate) struct Nats {
    subject: String,
}

/// A line longer than this is not of this protocol. The first, `INFO`, is the longest.
const MAX_LINE: usize = 8 * 1024;

impl Nats {
    pub(crate) fn new(room: usize) -> Self {
        Self { subject: format!("room.{room}") }
    }
}

impl Framing for Nats {
    fn greeting(&self, ears: Ears) -> Vec<u8> {
        // Without the echo a speaker does not hear itself, as here.
        let connect = r#"CONNECT {"verbose":false,"pedantic":false,"protocol":1,"echo":false}"#;
        let subscription = match ears {
            Ears::Open => format!("SUB {} 1\r\n", self.subject),
            Ears::Closed => String::new(),
        };
        format!("{connect}\r\n{subscription}PING\r\n").into_bytes()
    }

    fn publish(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(format!("PUB {} {}\r\n", self.subject, text.len()).as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }

    fn next<'a>(&self, input: &'a [u8]) -> io::Result<Option<(usize, Heard<'a>)>> {
        let Some(end) = input.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
            let endless = input.len() >= MAX_LINE;
            return if endless { Err(io::Error::other("a line without end")) } else { Ok(None) };
        };
        let line = input.get(..end).unwrap_or_default().trim_ascii_end();
        let body = end + 1;
        let heard = match line.split(|byte| *byte == b' ').next().unwrap_or_default() {
            b"MSG" => {
                let size = last_number(line)?;
                return Ok(input
                    .get(body..)
                    .filter(|rest| rest.len() >= size + 2)
                    .and_then(|rest| rest.get(..size))
                    .map(|text| (body + size + 2, Heard::Message(text))));
            }
            b"PING" => Heard::Question(b"PONG\r\n"),
            b"PONG" => Heard::Ready,
            b"-ERR" => return Err(io::Error::other(String::from_utf8_lossy(line).into_owned())),
            _ => Heard::Other,
        };
        Ok(Some((body, heard)))
    }
}

fn last_number(line: &[u8]) -> io::Result<usize> {
    let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let text = str::from_utf8(last).map_err(io::Error::other)?;
    let number: usize = text.parse().map_err(io::Error::other)?;
    if number > super::READ_BYTES {
        return Err(io::Error::other("a message that nobody sent"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(input: &str) -> Option<(usize, Heard<'_>)> {
        Nats::new(0).next(input.as_bytes()).unwrap()
    }

    #[test]
    fn frames_are_read_one_after_the_other() {
        assert_eq!(next("INFO {\"a\":1}\r\nPONG\r\n"), Some((14, Heard::Other)));
        assert_eq!(next("PONG\r\n"), Some((6, Heard::Ready)));
        assert_eq!(next("PING\r\nMSG"), Some((6, Heard::Question(b"PONG\r\n"))));
        let message = "MSG room.0 1 6\r\nやあ\r\n";
        assert_eq!(next(message), Some((24, Heard::Message("やあ".as_bytes()))));
        assert_eq!(
            next("MSG room.0 1 answer.to 2\r\n\r\n\r\n"),
            Some((30, Heard::Message(b"\r\n")))
        );
    }

    #[test]
    fn a_frame_that_is_not_whole_waits() {
        let message = "MSG room.0 1 6\r\nやあ\r\n".as_bytes();
        for size in 0..message.len() {
            assert_eq!(Nats::new(0).next(&message[..size]).unwrap(), None, "{size}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for nonsense in ["-ERR 'x'\r\n", "MSG a 1 x\r\n", "MSG a 1 99999999\r\n", "MSG\r\n"] {
            assert!(Nats::new(0).next(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
        assert!(Nats::new(0).next(&[b'x'; MAX_LINE]).is_err());
    }

    #[test]
    fn requests_are_as_the_protocol_has_them() {
        let mut out = Vec::new();
        Nats::new(7).publish("やあ".as_bytes(), &mut out);
        assert_eq!(out, "PUB room.7 6\r\nやあ\r\n".as_bytes());
        let greeting = String::from_utf8(Nats::new(7).greeting(Ears::Open)).unwrap();
        assert!(
            greeting.starts_with("CONNECT {") && greeting.ends_with("\r\nSUB room.7 1\r\nPING\r\n")
        );
        let silent = String::from_utf8(Nats::new(7).greeting(Ears::Closed)).unwrap();
        assert!(!silent.contains("SUB") && silent.ends_with("}\r\nPING\r\n"));
    }
}
