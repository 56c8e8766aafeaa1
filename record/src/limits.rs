//! Every size of the format, by name. A reader checks them before it reserves anything.

/// What every recording begins with; the version follows in two bytes.
pub const MAGIC: [u8; 8] = *b"chatrec\n";

/// The version of the format that this program writes, and the one that it reads.
pub const VERSION: u16 = 1;

/// Bytes before a block's payload: its size in four, and the checksum of its payload in eight.
pub const BLOCK_HEADER: usize = 12;

/// A block is written once it holds this many bytes, if not before.
pub const BLOCK_TARGET: usize = 64 * 1024;

/// The most bytes of payload in a block.
pub const MAX_BLOCK: usize = 16 * 1024 * 1024;

/// The most bytes that one event may bear. Where a driver tells more at once, the recording ends.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The most datagrams that one event may bear. Where a driver tells more at once, the recording ends.
pub const MAX_BATCH: usize = 1024;

/// The most bytes of a request in one record; what is longer is in several.
pub const MAX_FILL: usize = 64 * 1024;

/// The most draws of random bytes at one event. A join has one, and a server's start two.
pub const MAX_DRAWS: usize = 16;

/// The most bytes in one draw. The longest is the key of a server's process, of 32.
pub const MAX_DRAW: usize = 64;

/// The most bytes of a program's version.
pub const MAX_PROGRAM: usize = 64;

/// The most bytes that a replay holds of requests that came in pieces.
pub const MAX_SPLIT_BYTES: usize = 256 * 1024 * 1024;

/// The most bytes that a replay makes up for requests whose own are not in the file, at a time: a
/// short file could otherwise have the server hold any number of them.
pub const MAX_MADE_UP: usize = 256 * 1024 * 1024;

/// What stands for bytes that are left out.
pub const FILLER: u8 = b'x';
