//! Reading a file block by block and record by record. Nothing in it is believed before it is checked.

use std::io::{self, ErrorKind, Read};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::ReadError;
use crate::limits::{BLOCK_HEADER, MAGIC, MAX_BLOCK, VERSION};
use crate::numbers::Cursor;
use crate::record::{Record, Start};

/// Reads a recording's records.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    /// The payload of the present block.
    block: Vec<u8>,
    /// How much of it has been read.
    at: usize,
    /// Where in the file the present block begins, and where the next one would.
    block_offset: u64,
    next_offset: u64,
    /// Whether the file ends in the middle of the present block.
    is_cut: bool,
}

impl<R: Read> Reader<R> {
    /// Reads up to the first record.
    ///
    /// # Errors
    /// When it is no recording, or one of another version.
    pub fn new(mut source: R) -> Result<Self, ReadError> {
        let mut magic = [0; MAGIC.len()];
        let mut version = [0; size_of::<u16>()];
        for part in [&mut magic[..], &mut version] {
            source.read_exact(part).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => ReadError::NotARecording,
                _ => error.into(),
            })?;
        }
        let found = u16::from_be_bytes(version);
        match (magic, found) {
            (MAGIC, VERSION) => {}
            (MAGIC, found) => return Err(ReadError::Version { found }),
            _ => return Err(ReadError::NotARecording),
        }
        let offset = (MAGIC.len() + version.len()) as u64;
        let (block, at, is_cut) = (Vec::new(), 0, false);
        Ok(Self { source, block, at, block_offset: offset, next_offset: offset, is_cut })
    }

    /// The next record, or `None` at the end of the file.
    ///
    /// # Errors
    /// [`ReadError`]; there is nothing after it.
    pub fn record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if !self.is_there_more()? {
            return Ok(None);
        }
        let offset = self.offset();
        let rest = self.block.get(self.at..).unwrap_or_default();
        let mut cursor = Cursor(rest);
        let Some(record) = Record::read(&mut cursor) else {
            return Err(match self.is_cut {
                true => ReadError::Truncated { offset: self.block_offset },
                false => ReadError::Malformed { offset },
            });
        };
        self.at += rest.len() - cursor.0.len();
        Ok(Some(record))
    }

    /// How the server began, which the first record says.
    pub(crate) fn start(&mut self) -> Result<Start<'_>, ReadError> {
        let offset = self.next_offset;
        match self.record()? {
            Some(Record::Start(start)) => Ok(start),
            Some(_) => Err(out_of_place(offset, "a recording begins with how the server began")),
            None => Err(ReadError::Truncated { offset }),
        }
    }

    /// Whether the next record is what an event led to.
    pub(crate) fn is_led_next(&mut self) -> Result<bool, ReadError> {
        let is_there_more = self.is_there_more()?;
        Ok(is_there_more && Record::is_led(self.block.get(self.at..).unwrap_or_default()))
    }

    /// Where the next record is in the file, roughly if it is in the next block.
    pub(crate) fn offset(&self) -> u64 {
        self.block_offset + (BLOCK_HEADER + self.at) as u64
    }

    /// Makes sure that there is something to read in the block; not so at the end of the file.
    fn is_there_more(&mut self) -> Result<bool, ReadError> {
        while self.at >= self.block.len() {
            if self.is_cut {
                return Err(ReadError::Truncated { offset: self.block_offset });
            }
            if !self.next_block()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn next_block(&mut self) -> Result<bool, ReadError> {
        let offset = self.next_offset;
        (self.block_offset, self.at) = (offset, 0);
        self.block.clear();
        let mut header = Vec::with_capacity(BLOCK_HEADER);
        read_up_to(&mut self.source, BLOCK_HEADER, &mut header)?;
        if header.is_empty() {
            return Ok(false);
        }
        let mut fields = Cursor(&header);
        let (Some(size), Some(checksum)) = (fields.array(), fields.array()) else {
            return Err(ReadError::Truncated { offset });
        };
        let size = u64::from(u32::from_be_bytes(size));
        let wanted = usize::try_from(size).ok().filter(|size| *size <= MAX_BLOCK);
        let wanted = wanted.ok_or(ReadError::BlockTooLarge { offset, size })?;
        // It grows as bytes come, and not as the size promises.
        read_up_to(&mut self.source, wanted, &mut self.block)?;
        self.is_cut = self.block.len() < wanted;
        if !self.is_cut && xxh3_64(&self.block) != u64::from_be_bytes(checksum) {
            return Err(ReadError::Damaged { offset });
        }
        self.next_offset = offset + (BLOCK_HEADER + wanted) as u64;
        Ok(true)
    }
}

pub(crate) fn out_of_place(offset: u64, what: &'static str) -> ReadError {
    ReadError::OutOfPlace { offset, what }
}

fn read_up_to(source: &mut impl Read, size: usize, into: &mut Vec<u8>) -> io::Result<()> {
    source.take(size as u64).read_to_end(into).map(|_| ())
}
