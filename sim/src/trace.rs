//! A world as text: the same bytes for the same seed, on every machine.

use std::collections::VecDeque;
use std::fmt::Write as _;

use engine::Instant;

use crate::invariants::Bystander;
use crate::wire::{Fields, is_bundle, opened};

/// How many lines are kept of a world that is not written down.
const KEPT: usize = 24;

/// Lines of text, all or the last.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    depth: Depth,
    lines: VecDeque<String>,
}

/// How much of a world is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Nothing: for speed.
    #[default]
    Nothing,
    /// The last lines.
    End,
    /// Everything.
    All,
}

impl Trace {
    pub(crate) fn new(depth: Depth) -> Self {
        Self { depth, lines: VecDeque::new() }
    }

    /// Writes a line, which is made only when it is wanted.
    pub(crate) fn line(&mut self, now: Instant, text: impl FnOnce() -> String) {
        if self.depth == Depth::Nothing {
            return;
        }
        if self.depth == Depth::End && self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{} {}", time(now), text()));
    }

    pub(crate) fn into_text(self) -> String {
        self.lines.into_iter().fold(String::new(), |mut text, line| {
            text.push_str(&line);
            text.push('\n');
            text
        })
    }
}

/// A moment as seconds since the start of the world.
pub(crate) fn time(at: Instant) -> String {
    let micros = at.as_micros();
    format!("{:>6}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A datagram in words, its token by number.
pub(crate) fn datagram(bytes: &[u8], bystander: Option<&Bystander>) -> String {
    if is_bundle(bytes)
        && let Some(datagrams) = opened(bytes)
    {
        let inside: Vec<String> =
            datagrams.into_iter().map(|bytes| datagram(bytes, bystander)).collect();
        return format!("{} bytes with {}: {}", bytes.len(), inside.len(), inside.join(" | "));
    }
    let Some(fields) = Fields::read(bytes) else {
        return format!("{} bytes that are no datagram", bytes.len());
    };
    let mut text = String::new();
    if !fields.token.is_empty() {
        let issued = bystander.and_then(|bystander| bystander.issued.get(fields.token));
        match issued {
            Some(issued) => {
                let _ = write!(text, "token {} ", issued.number);
            }
            None => text.push_str("token ? "),
        }
    }
    let _ = write!(text, "{}/{}: ", short(fields.room), short(fields.user));
    match fields.text {
        "" => text.push_str("presence"),
        said => {
            let _ = write!(text, "{:?}", short(said));
        }
    }
    text
}

/// The start of a text; long ones are for machines.
pub(crate) fn short(text: &str) -> String {
    let start: String = text.chars().take(24).collect();
    if start.len() < text.len() { format!("{start}… ({} bytes)", text.len()) } else { start }
}

/// A number that stands for a text: for comparing long traces by a line (FNV-1a).
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
