//! What happened so far, in numbers.

/// Counts since the server began. A datagram that is dropped is never answered, only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// TCP connections that were accepted.
    pub connections: u64,
    /// Of those, the ones that had to go at a cap.
    pub connections_evicted: u64,
    /// Rooms created.
    pub rooms_created: u64,
    /// Members that joined, hosts included.
    pub joins: u64,
    /// Requests that were refused.
    pub refusals: u64,
    /// Members that left of their own accord.
    pub departures: u64,
    /// Members that timed out.
    pub timeouts: u64,
    /// Datagrams that came.
    pub datagrams: u64,
    /// Messages that were relayed.
    pub messages: u64,
    /// Copies of them that went to members.
    pub copies: u64,
    /// Presences.
    pub presences: u64,
    /// Members of the past that were told again that they are out.
    pub told_again: u64,
    /// Dropped: sizes that do not fit, or no UTF-8.
    pub malformed: u64,
    /// Dropped: a token that no member bears.
    pub unknown_token: u64,
    /// Dropped: a room or a user name that is not the token's.
    pub mismatched: u64,
    /// Dropped: from another IP address than the token's.
    pub foreign_address: u64,
    /// Not relayed: a text like the server's own.
    pub reserved: u64,
}
