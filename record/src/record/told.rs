//! An event as it is written, and the bytes that it bears.

use std::net::SocketAddr;

use engine::ConnectionId;

use super::{put_sized, tag};
use crate::limits::{FILLER, MAX_BATCH, MAX_EVENT_BYTES};
use crate::numbers::{Cursor, put, put_address, put_signed};

/// An event as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// See [`engine::Event::Opened`].
    Opened(ConnectionId, SocketAddr),
    /// See [`engine::Event::Received`]: these bytes came.
    Received(ConnectionId, Bytes<'a>),
    /// The same: so many of the bytes of a request came, in the order of its [`crate::Record::Fill`]s.
    Piece {
        /// The connection.
        connection: ConnectionId,
        /// How many bytes.
        size: usize,
        /// The number of the request.
        request: u64,
    },
    /// See [`engine::Event::Ended`].
    Ended(ConnectionId),
    /// See [`engine::Event::Closed`].
    Closed(ConnectionId),
    /// See [`engine::Event::Crowded`].
    Crowded,
    /// See [`engine::Event::Datagram`].
    Datagram(SocketAddr, Bytes<'a>),
    /// See [`engine::Event::Datagrams`].
    Datagrams(Batch<'a>),
    /// See [`engine::Event::Tick`].
    Tick,
    /// See [`engine::Event::Shutdown`].
    Shutdown,
}

/// Datagrams that came together, as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    pub(crate) count: usize,
    /// Of each the address and the bytes; as many of them as are counted.
    pub(crate) datagrams: &'a [u8],
}

/// Bytes of which only the first are written; the others are [`FILLER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'a> {
    /// The first.
    pub stem: &'a [u8],
    /// How many there are with the filler, at least as many as in the stem.
    pub size: usize,
}

impl<'a> Told<'a> {
    pub(crate) fn put(&self, later: i64, out: &mut Vec<u8>) {
        out.push(self.tag());
        put_signed(out, later);
        match self {
            Self::Opened(connection, from) => {
                put(out, connection.0);
                put_address(out, from);
            }
            Self::Received(connection, bytes) => {
                put(out, connection.0);
                bytes.put(out);
            }
            Self::Piece { connection, size, request } => {
                put(out, connection.0);
                put(out, *size as u64);
                put(out, *request);
            }
            Self::Ended(connection) | Self::Closed(connection) => put(out, connection.0),
            Self::Datagram(from, bytes) => put_datagram(*from, bytes, out),
            Self::Datagrams(batch) => {
                put(out, batch.count as u64);
                out.extend_from_slice(batch.datagrams);
            }
            Self::Crowded | Self::Tick | Self::Shutdown => {}
        }
    }

    pub(super) fn read(tag: u8, cursor: &mut Cursor<'a>) -> Option<Self> {
        let connection = |cursor: &mut Cursor<'a>| cursor.number().map(ConnectionId);
        Some(match tag {
            tag::OPENED => Self::Opened(connection(cursor)?, cursor.address()?),
            tag::RECEIVED => Self::Received(connection(cursor)?, Bytes::read(cursor)?),
            tag::PIECE => Self::Piece {
                connection: connection(cursor)?,
                size: cursor.size(MAX_EVENT_BYTES)?,
                request: cursor.number()?,
            },
            tag::ENDED => Self::Ended(connection(cursor)?),
            tag::CLOSED => Self::Closed(connection(cursor)?),
            tag::CROWDED => Self::Crowded,
            tag::DATAGRAM => {
                let (from, bytes) = read_datagram(cursor)?;
                Self::Datagram(from, bytes)
            }
            tag::DATAGRAMS => Self::Datagrams(Batch::read(cursor)?),
            tag::TICK => Self::Tick,
            tag::SHUTDOWN => Self::Shutdown,
            _ => return None,
        })
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Opened(..) => tag::OPENED,
            Self::Received(..) => tag::RECEIVED,
            Self::Piece { .. } => tag::PIECE,
            Self::Ended(_) => tag::ENDED,
            Self::Closed(_) => tag::CLOSED,
            Self::Crowded => tag::CROWDED,
            Self::Datagram(..) => tag::DATAGRAM,
            Self::Datagrams(_) => tag::DATAGRAMS,
            Self::Tick => tag::TICK,
            Self::Shutdown => tag::SHUTDOWN,
        }
    }
}

impl<'a> Batch<'a> {
    /// The datagrams in their order.
    pub fn iter(self) -> impl Iterator<Item = (SocketAddr, Bytes<'a>)> {
        let mut cursor = Cursor(self.datagrams);
        (0..self.count).map_while(move |_| read_datagram(&mut cursor))
    }

    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let count = cursor.size(MAX_BATCH)?;
        let all = cursor.0;
        let mut size = 0;
        for _ in 0..count {
            size += read_datagram(cursor)?.1.size;
        }
        let datagrams = all.get(..all.len() - cursor.0.len())?;
        (size <= MAX_EVENT_BYTES).then_some(Self { count, datagrams })
    }
}

/// Appends one datagram.
pub(crate) fn put_datagram(from: SocketAddr, bytes: &Bytes<'_>, out: &mut Vec<u8>) {
    put_address(out, &from);
    bytes.put(out);
}

fn read_datagram<'a>(cursor: &mut Cursor<'a>) -> Option<(SocketAddr, Bytes<'a>)> {
    Some((cursor.address()?, Bytes::read(cursor)?))
}

impl<'a> Bytes<'a> {
    /// All of them, and no filler.
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        Self { stem: bytes, size: bytes.len() }
    }

    /// Nothing but filler.
    pub(crate) fn filler(size: usize) -> Self {
        Self { stem: &[], size }
    }

    /// How many of them are made up.
    pub(crate) fn filled(&self) -> usize {
        self.size.saturating_sub(self.stem.len())
    }

    /// Appends the bytes that were meant.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.stem);
        out.resize(out.len() + self.filled(), FILLER);
    }

    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.filled() as u64);
        put_sized(out, self.stem);
    }

    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let filled = cursor.size(MAX_EVENT_BYTES)?;
        let stem = cursor.sized(MAX_EVENT_BYTES - filled)?;
        Some(Self { stem, size: stem.len() + filled })
    }
}
