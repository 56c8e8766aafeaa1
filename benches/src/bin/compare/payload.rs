//! The text of a message under test: a stamp that says which it is, and filler.
//!
//! It is valid text on every wire here, so six bits go into each byte, from `0` on.

/// Bytes of a stamp, the least that a message can have.
pub(crate) const STAMP: usize = SEQUENCE + ROOM + SENT;

const SEQUENCE: usize = 6;
const ROOM: usize = 2;
const SENT: usize = 8;

/// Three bytes, as most characters of the chats this server was made for.
const FILLER: &str = "あ";

const MAX_ROOM: u64 = (1 << (6 * ROOM)) - 1;

/// Which message it is, in which room, and when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Below 2^36, so that no message begins with what the wire reserves.
    pub(crate) sequence: u64,
    pub(crate) room: u16,
    /// Nanoseconds since the harness started, below 2^48.
    pub(crate) sent: u64,
}

impl Stamp {
    /// Overwrites the first bytes of `text`, which must be as long as a stamp.
    pub(crate) fn write(self, text: &mut [u8]) {
        let fields = [(self.sequence, SEQUENCE), (u64::from(self.room), ROOM), (self.sent, SENT)];
        let sixes =
            fields.into_iter().flat_map(|(value, size)| (0..size).rev().map(move |at| (value, at)));
        for (byte, (value, at)) in text.iter_mut().zip(sixes) {
            *byte = b'0' + ((value >> (6 * at)) & 63) as u8;
        }
    }

    /// Reads the stamp of a message; `None` when it has none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (sequence, rest) = text.split_at_checked(SEQUENCE)?;
        let (room, rest) = rest.split_at_checked(ROOM)?;
        let (sequence, room) = (number(sequence)?, number(room)?);
        Some(Self { sequence, room: room.min(MAX_ROOM) as u16, sent: number(rest.get(..SENT)?)? })
    }
}

fn number(sixes: &[u8]) -> Option<u64> {
    sixes.iter().try_fold(0, |value, byte| {
        let six = byte.checked_sub(b'0').filter(|six| *six < 64)?;
        Some(value << 6 | u64::from(six))
    })
}

/// A message of `size` bytes, whose stamp is yet to be written.
pub(crate) fn blank(size: usize) -> Vec<u8> {
    let filler = size.saturating_sub(STAMP);
    let text = "0".repeat(STAMP + filler % FILLER.len()) + &FILLER.repeat(filler / FILLER.len());
    text.into_bytes()
}

/// How large messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// All alike.
    Fixed(usize),
    /// As people chat: mostly a line, now and then a paragraph.
    Mixed,
}

/// In an order without runs of like sizes. The mean is 160.
const MIX: [usize; 16] = [60, 24, 120, 45, 1000, 36, 90, 60, 30, 210, 64, 24, 150, 75, 512, 60];

impl Sizes {
    /// The size of a message, which is the same whoever asks.
    pub(crate) fn of(self, sequence: u64) -> usize {
        match self {
            Self::Fixed(size) => size,
            Self::Mixed => {
                MIX.get((sequence % MIX.len() as u64) as usize).copied().unwrap_or(STAMP)
            }
        }
    }

    /// The largest of them.
    pub(crate) fn largest(self) -> usize {
        match self {
            Self::Fixed(size) => size,
            Self::Mixed => MIX.iter().copied().max().unwrap_or(STAMP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written_and_is_text() {
        for stamp in [
            Stamp { sequence: 0, room: 0, sent: 0 },
            Stamp { sequence: 1, room: 2, sent: 3 },
            Stamp { sequence: (1 << 36) - 1, room: 4095, sent: (1 << 48) - 1 },
            Stamp { sequence: 0x1_2345_6789, room: 0x0abc, sent: 0x1234_5678_9abc },
        ] {
            let mut text = blank(64);
            stamp.write(&mut text);
            assert_eq!(Stamp::parse(&text), Some(stamp));
            assert!(str::from_utf8(&text).is_ok());
        }
    }

    #[test]
    fn what_has_no_stamp_is_known() {
        for text in ["", "0", "000000000000000", "0000000000000 00", "こんにちは、皆さん"]
        {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn messages_have_the_size_they_are_to_have() {
        for size in [16, 17, 18, 19, 64, 3900] {
            let text = blank(size);
            assert_eq!(text.len(), size);
            assert!(str::from_utf8(&text).is_ok());
        }
    }

    #[test]
    fn the_mix_is_as_described() {
        let all: Vec<_> = (0..MIX.len() as u64).map(|sequence| Sizes::Mixed.of(sequence)).collect();
        assert_eq!(all.iter().sum::<usize>() / all.len(), 160);
        assert!(all.iter().all(|size| (STAMP..=Sizes::Mixed.largest()).contains(size)));
        assert_eq!(Sizes::Mixed.largest(), 1000);
    }
}
