//! What can be wrong with a file.

use std::io;

use engine::StartError;

use crate::limits::VERSION;

/// Why a recording cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It begins like something else.
    #[error("this is no recording of a chat server")]
    NotARecording,
    /// It was written by a program that is newer, or much older.
    #[error(
        "the recording has version {found} of the format, and this program reads version {VERSION}: \
         replay it with the version of the program that recorded it"
    )]
    Version {
        /// The version that it says.
        found: u16,
    },
    /// It ends in the middle of a block, as when the disk was full or the machine went down. What
    /// was whole before has been read.
    #[error(
        "the file ends in the middle of the block at byte {offset}; what was whole before it was read"
    )]
    Truncated {
        /// Where that block begins.
        offset: u64,
    },
    /// A block is not what was written.
    #[error("the block at byte {offset} is damaged: its checksum is another")]
    Damaged {
        /// Where that block begins.
        offset: u64,
    },
    /// A block says that it is larger than blocks are.
    #[error(
        "the block at byte {offset} says that it has {size} bytes, and none has more than 16777216"
    )]
    BlockTooLarge {
        /// Where that block begins.
        offset: u64,
        /// What it says.
        size: u64,
    },
    /// A record in a whole block makes no sense.
    #[error("the record at byte {offset} is malformed")]
    Malformed {
        /// Where the record begins.
        offset: u64,
    },
    /// A record stands where it cannot.
    #[error("the record at byte {offset} is out of place: {what}")]
    OutOfPlace {
        /// Where the record begins.
        offset: u64,
        /// In which way.
        what: &'static str,
    },
    /// It wants more memory than any honest recording.
    #[error("the recording has more than {most} bytes of {what}")]
    TooMuch {
        /// How many there may be.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// No server can begin as it says.
    #[error("no server can begin like the one recorded: {0}")]
    Start(#[from] StartError),
    /// The system could not read it.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}
