//! Where records go: into blocks, each with a checksum, so that whatever ends a recording, what is
//! whole in the file is known to be so.

use std::io::{self, Write};

use xxhash_rust::xxh3::xxh3_64;

use crate::limits::{BLOCK_HEADER, BLOCK_TARGET, MAGIC, MAX_BLOCK, VERSION};
use crate::record::{Ending, Record};

/// Takes a recorder's records. It must not wait: the server does while it does.
pub trait Sink {
    /// Takes one record; whether it was taken. If not, the recording is over, and nothing more comes.
    fn push(&mut self, record: &[u8]) -> bool;
}

/// Writes a recording: the magic, the version, and then blocks of records.
///
/// As a [`Sink`] it writes when a block is full, so that a slow writer would hold up the server: use
/// it so for writers in memory. Others belong behind a queue to a thread, which calls
/// [`Blocks::write_block`].
#[derive(Debug)]
pub struct Blocks<W: Write> {
    out: W,
    /// The block that is being filled, with space for its header.
    block: Vec<u8>,
    /// How long the file is.
    written: u64,
    error: Option<io::Error>,
}

impl<W: Write> Blocks<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        let head = [&MAGIC[..], &VERSION.to_be_bytes()].concat();
        out.write_all(&head)?;
        let block = vec![0; BLOCK_HEADER];
        Ok(Self { out, block, written: head.len() as u64, error: None })
    }

    /// Writes one block of whole records, of at most [`MAX_BLOCK`] bytes, in one write.
    ///
    /// # Errors
    /// Those of the writer. How much of the block has arrived is then not known.
    pub fn write_block(&mut self, records: &[u8]) -> io::Result<()> {
        self.block.truncate(BLOCK_HEADER);
        self.block.extend_from_slice(records);
        self.flush()
    }

    /// How many bytes of whole blocks have been written, the beginning of the file included.
    pub fn whole(&self) -> u64 {
        self.written
    }

    /// The writer, past the whole blocks of which it may have a part of one.
    pub fn writer(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes why the recording is over, after whole blocks.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(&mut self, ending: Ending) -> io::Result<()> {
        self.write_block(&mark(ending))
    }

    /// Writes what is left and a mark that the server has stopped, and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer, now or at an earlier push.
    pub fn finish(mut self) -> io::Result<W> {
        self.push(&mark(Ending::Stopped));
        self.abandon()
    }

    /// Writes what is left, without a mark, as if the server had been killed.
    ///
    /// # Errors
    /// Those of the writer, now or at an earlier push.
    pub fn abandon(mut self) -> io::Result<W> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.flush()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some((header, records)) = self.block.split_first_chunk_mut::<BLOCK_HEADER>() else {
            return Ok(());
        };
        if records.is_empty() {
            return Ok(());
        }
        if records.len() > MAX_BLOCK {
            return Err(io::Error::other("a block of more bytes than a block may have"));
        }
        let (size, checksum) = header.split_at_mut(size_of::<u32>());
        size.copy_from_slice(&(records.len() as u32).to_be_bytes());
        checksum.copy_from_slice(&xxh3_64(records).to_be_bytes());
        self.out.write_all(&self.block)?;
        self.written += self.block.len() as u64;
        self.block.truncate(BLOCK_HEADER);
        Ok(())
    }
}

impl<W: Write> Sink for Blocks<W> {
    fn push(&mut self, record: &[u8]) -> bool {
        if self.error.is_some() {
            return false;
        }
        self.block.extend_from_slice(record);
        if self.block.len() >= BLOCK_TARGET {
            self.error = self.flush().err();
        }
        self.error.is_none()
    }
}

/// The record that says why a recording is over.
pub(crate) fn mark(ending: Ending) -> Vec<u8> {
    let mut out = Vec::new();
    Record::End(ending).put(&mut out);
    out
}
