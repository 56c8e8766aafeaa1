//! What a driver tells the server.

use core::fmt;
use core::net::SocketAddr;

/// A TCP connection, by a number that the driver chose and does not use again while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Something that happened outside, at the level of bytes. No sequence of events is invalid: what
/// makes no sense (bytes on a connection that is not open) is ignored.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A TCP connection was accepted.
    Opened {
        /// The driver's number for it.
        connection: ConnectionId,
        /// The peer.
        from: SocketAddr,
    },
    /// Bytes came on a connection, in any pieces.
    Received {
        /// The connection.
        connection: ConnectionId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The peer will send no more; what was written to it may still arrive.
    Ended {
        /// The connection.
        connection: ConnectionId,
    },
    /// The connection is gone: reset, or failed. Nothing more can be done with it.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },
    /// A connection could not be accepted because the process has too many open: one must go.
    Crowded,
    /// A datagram came.
    Datagram {
        /// From this address.
        from: SocketAddr,
        /// The whole of it, or more of it than 4,096 bytes.
        bytes: &'a [u8],
    },
    /// Several datagrams came that were found at one wake, in this order. What they amount to is
    /// what each by itself would, but what one recipient gets of them may be handed over at once.
    Datagrams(&'a [Incoming<'a>]),
    /// Nothing but time. Before [`crate::Server::next_deadline`] it does nothing.
    Tick,
    /// The server is to stop: everyone is told.
    Shutdown,
}

/// A datagram that came, among others.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// From this address.
    pub from: SocketAddr,
    /// The whole of it, or more of it than 4,096 bytes.
    pub bytes: &'a [u8],
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({}, {} bytes)", self.from, self.bytes.len())
    }
}

/// Bytes may hold a password or a token, so only their number is shown.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { connection, from } => write!(f, "Opened({}, {from})", connection.0),
            Self::Received { connection, bytes } => {
                write!(f, "Received({}, {} bytes)", connection.0, bytes.len())
            }
            Self::Ended { connection } => write!(f, "Ended({})", connection.0),
            Self::Closed { connection } => write!(f, "Closed({})", connection.0),
            Self::Crowded => f.write_str("Crowded"),
            Self::Datagram { from, bytes } => write!(f, "Datagram({from}, {} bytes)", bytes.len()),
            Self::Datagrams(batch) => f.debug_tuple("Datagrams").field(batch).finish(),
            Self::Tick => f.write_str("Tick"),
            Self::Shutdown => f.write_str("Shutdown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn does_not_show_bytes() {
        let event = Event::Received { connection: ConnectionId(7), bytes: b"secret" };
        assert_eq!(format!("{event:?}"), "Received(7, 6 bytes)");
        let from = SocketAddr::from(([192, 0, 2, 1], 5));
        let event = Event::Datagram { from, bytes: b"secret" };
        assert_eq!(format!("{event:?}"), "Datagram(192.0.2.1:5, 6 bytes)");
        let batch = [Incoming { from, bytes: b"secret" }];
        let event = Event::Datagrams(&batch);
        assert_eq!(format!("{event:?}"), "Datagrams([Incoming(192.0.2.1:5, 6 bytes)])");
    }
}
