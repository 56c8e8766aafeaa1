//! The records of a recording: how each is written, and read.

mod told;

use engine::{Config, Instant};

use crate::config::{put_config, read_config};
use crate::draws::Draw;
use crate::limits::{MAX_DRAW, MAX_DRAWS, MAX_FILL, MAX_PROGRAM};
use crate::numbers::{Cursor, put};
use crate::outcome::Outcome;
pub(crate) use told::put_datagram;
pub use told::{Batch, Bytes, Told};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record<'a> {
    /// How the server began. The first record, and only that.
    Start(Start<'a>),
    /// What the server was told, so many microseconds after the last; less than none where the
    /// driver's time went back.
    Told(i64, Told<'a>),
    /// What the event before led to. An event without one is the last before a panic.
    Led(Vec<Draw>, Outcome),
    /// More bytes of a request that came in pieces.
    Fill {
        /// The number of the request.
        request: u64,
        /// The bytes after those of its fills before.
        bytes: &'a [u8],
    },
    /// Why the recording is over. The last record; without one the server was killed.
    End(Ending),
}

/// How a server began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start<'a> {
    /// The version of the program.
    pub program: &'a str,
    /// Whether the secrets are not those that were.
    pub is_replaced: bool,
    /// The server's settings.
    pub config: Config,
    /// Its time.
    pub now: Instant,
    /// The random bytes that it began with.
    pub draws: Vec<Draw>,
}

/// Why a recording is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server stopped, as it was told to.
    Stopped,
    /// The file's writer fell behind, and the server went on without it.
    Overrun,
    /// The file could not be written.
    WriteFailed,
    /// The driver told more at once than a record holds.
    EventTooLarge,
}

/// What begins each record, by its name in RECORDING.md.
mod tag {
    pub(super) const START: u8 = 0x01;
    pub(super) const END: u8 = 0x02;
    pub(super) const FILL: u8 = 0x03;
    pub(super) const LED: u8 = 0x04;
    pub(super) const LED_TO_NOTHING: u8 = 0x05;
    pub(super) const OPENED: u8 = 0x10;
    pub(super) const RECEIVED: u8 = 0x11;
    pub(super) const PIECE: u8 = 0x12;
    pub(super) const ENDED: u8 = 0x13;
    pub(super) const CLOSED: u8 = 0x14;
    pub(super) const CROWDED: u8 = 0x15;
    pub(super) const DATAGRAM: u8 = 0x16;
    pub(super) const TICK: u8 = 0x17;
    pub(super) const SHUTDOWN: u8 = 0x18;
    pub(super) const DATAGRAMS: u8 = 0x19;
}

impl<'a> Record<'a> {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Start(start) => start.put(out),
            Self::Told(later, told) => told.put(*later, out),
            Self::Led(draws, outcome) => put_led(draws, outcome, out),
            Self::Fill { request, bytes } => {
                out.push(tag::FILL);
                put(out, *request);
                put_sized(out, bytes);
            }
            Self::End(ending) => out.extend_from_slice(&[tag::END, *ending as u8]),
        }
    }

    /// Reads one record; `None` where it is malformed, or not all there.
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let tag = cursor.byte()?;
        Some(match tag {
            tag::START => Self::Start(Start::read(cursor)?),
            tag::END => Self::End(Ending::from_byte(cursor.byte()?)?),
            tag::FILL => Self::Fill { request: cursor.number()?, bytes: cursor.sized(MAX_FILL)? },
            tag::LED => Self::Led(read_draws(cursor)?, read_outcome(cursor)?),
            tag::LED_TO_NOTHING => Self::Led(Vec::new(), Outcome::default()),
            event => {
                let later = cursor.signed()?;
                Self::Told(later, Told::read(event, cursor)?)
            }
        })
    }

    /// Whether the bytes begin with what an event led to.
    pub(crate) fn is_led(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&(tag::LED | tag::LED_TO_NOTHING)))
    }
}

impl<'a> Start<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(tag::START);
        put_sized(out, self.program.as_bytes());
        out.push(u8::from(self.is_replaced));
        put_config(out, &self.config);
        put(out, self.now.as_micros());
        put_draws(out, &self.draws);
    }

    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            program: std::str::from_utf8(cursor.sized(MAX_PROGRAM)?).ok()?,
            is_replaced: match cursor.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            config: read_config(cursor)?,
            now: Instant::from_micros(cursor.number()?),
            draws: read_draws(cursor)?,
        })
    }
}

impl Ending {
    const ALL: [Self; 4] = [Self::Stopped, Self::Overrun, Self::WriteFailed, Self::EventTooLarge];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| *ending as u8 == byte)
    }
}

/// Appends what an event led to.
pub(crate) fn put_led(draws: &[Draw], outcome: &Outcome, out: &mut Vec<u8>) {
    if draws.is_empty() && outcome.actions == 0 {
        out.push(tag::LED_TO_NOTHING);
        return;
    }
    out.push(tag::LED);
    put_draws(out, draws);
    put(out, outcome.actions);
    put(out, outcome.copies);
    out.extend_from_slice(&outcome.digest.to_be_bytes());
}

fn read_outcome(cursor: &mut Cursor<'_>) -> Option<Outcome> {
    Some(Outcome {
        actions: cursor.number()?,
        copies: cursor.number()?,
        digest: u32::from_be_bytes(cursor.array()?),
    })
}

/// A draw's size is written as one more than it is, so that none stands for a source that failed.
fn put_draws(out: &mut Vec<u8>, draws: &[Draw]) {
    put(out, draws.len() as u64);
    for draw in draws {
        put(out, draw.as_ref().map_or(0, |bytes| bytes.len() as u64 + 1));
        out.extend_from_slice(draw.as_deref().unwrap_or_default());
    }
}

fn read_draws(cursor: &mut Cursor<'_>) -> Option<Vec<Draw>> {
    let count = cursor.size(MAX_DRAWS)?;
    (0..count)
        .map(|_| match cursor.size(MAX_DRAW + 1)? {
            0 => Some(None),
            more => cursor.bytes(more - 1).map(|bytes| Some(bytes.into())),
        })
        .collect()
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use engine::ConnectionId;

    use super::*;
    use crate::limits::MAX_EVENT_BYTES;

    fn each(batch: &[u8]) -> Vec<Record<'_>> {
        let connection = ConnectionId(300);
        let from = "192.0.2.7:50000".parse().unwrap();
        let outcome = Outcome { actions: 2, copies: 1000, digest: 0xdead_beef };
        let told = [
            Told::Opened(connection, from),
            Told::Received(connection, Bytes::whole(b"abc")),
            Told::Piece { connection, size: 7, request: 1 },
            Told::Ended(connection),
            Told::Closed(connection),
            Told::Crowded,
            Told::Datagram(from, Bytes { stem: b"abc", size: 4096 }),
            Told::Datagrams(Batch { count: 2, datagrams: batch }),
            Told::Tick,
            Told::Shutdown,
        ];
        let start = Start {
            program: "0.1.0",
            is_replaced: true,
            config: Config::default(),
            now: Instant::from_micros(5),
            draws: vec![Some([1; 8].into()), None, Some([].into())],
        };
        let mut records = vec![
            Record::Start(start),
            Record::Fill { request: 1, bytes: b"abc" },
            Record::Led(vec![None], outcome),
            Record::Led(Vec::new(), Outcome::default()),
        ];
        records.extend(Ending::ALL.map(Record::End));
        records.extend(told.map(|told| Record::Told(-3, told)));
        records
    }

    #[test]
    fn every_record_comes_back_and_none_is_read_before_it_is_whole() {
        let mut batch = Vec::new();
        let datagrams = [
            ("192.0.2.7:1".parse().unwrap(), Bytes { stem: b"ab", size: 9 }),
            ("[2001:db8::1]:2".parse().unwrap(), Bytes::whole(b"")),
        ];
        for (from, bytes) in &datagrams {
            put_datagram(*from, bytes, &mut batch);
        }
        assert!(Batch { count: 2, datagrams: &batch }.iter().eq(datagrams));
        for record in each(&batch) {
            let mut out = Vec::new();
            record.put(&mut out);
            let mut cursor = Cursor(&out);
            assert_eq!(Record::read(&mut cursor), Some(record));
            assert!(cursor.is_empty());
            for end in 0..out.len() {
                assert_eq!(Record::read(&mut Cursor(&out[..end])), None, "{out:?} to {end}");
            }
        }
    }

    #[test]
    fn sizes_are_checked_before_they_are_believed() {
        let mut huge = vec![tag::DATAGRAM, 0, 4, 127, 0, 0, 1, 0, 1];
        put(&mut huge, u64::MAX);
        huge.push(0);
        assert_eq!(Record::read(&mut Cursor(&huge)), None);
        let mut piece = vec![tag::PIECE, 0, 1];
        put(&mut piece, MAX_EVENT_BYTES as u64 + 1);
        piece.push(1);
        assert_eq!(Record::read(&mut Cursor(&piece)), None);
        assert_eq!(Record::read(&mut Cursor(&[tag::LED, 17])), None);
        assert_eq!(Record::read(&mut Cursor(&[0x19, 0])), None);
    }

    quickcheck::quickcheck! {
        fn any_bytes_are_a_record_or_not(bytes: Vec<u8>) -> bool {
            (0..=0xffu8).all(|tag| {
                let bytes = [&[tag][..], &bytes].concat();
                let mut cursor = Cursor(&bytes);
                let _ = Record::read(&mut cursor);
                cursor.0.len() < bytes.len()
            })
        }
    }
}
