//! Every size that the wire fixes, by name.

/// Bytes of the header that opens every TCP request and every framed reply: one each for the size
/// of the room name, the operation and the state, then [`PAYLOAD_SIZE_BYTES`] for the payload's size.
pub const TCP_HEADER: usize = 3 + PAYLOAD_SIZE_BYTES;

/// Bytes of the field `OperationPayloadSize`, a big-endian unsigned integer.
pub const PAYLOAD_SIZE_BYTES: usize = 29;

/// The largest operation payload that the wire allows, in bytes (2²⁹). A server caps it far lower.
pub const MAX_OPERATION_PAYLOAD: u32 = 1 << 29;

/// The longest room or user name, in bytes of UTF-8: its size travels in one byte.
pub const MAX_NAME: usize = 255;

/// The longest token, in bytes of UTF-8: its size travels in one byte.
pub const MAX_TOKEN: usize = 255;

/// Bytes of a datagram's header: the sizes of the room name, the user name and the token.
pub const UDP_HEADER: usize = 3;

/// The largest datagram in bytes, its header included.
pub const MAX_DATAGRAM: usize = 4096;

/// The largest bundle in bytes, its header included: what fits one packet on most networks.
pub const MAX_BUNDLE: usize = 1200;

/// The largest bare reply in bytes: those who expect that form read it with one `recv(1024)`.
pub const MAX_BARE_REPLY: usize = 1024;

/// The most rooms, or members, that one reply lists.
pub const MAX_LISTED: usize = 1000;

/// The most bytes of JSON that one list in a framed reply may fill; it ends early when it must, so
/// that what waits for a slow reader is bounded however long the names are.
pub const MAX_LIST_BYTES: usize = 256 * 1024;

/// The largest reply payload that a client reads, in bytes: room for a full list and all the rest.
pub const MAX_REPLY_PAYLOAD: u32 = 1024 * 1024;
