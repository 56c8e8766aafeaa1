//! Datagrams: chat, presence and notices.
//!
//! ```text
//! RoomNameSize 1 | UserNameSize 1 | TokenSize 1 | RoomName | UserName | Token | text
//! ```
//!
//! [`Datagram`] reads both directions; [`ClientDatagram`], [`RelayedChat`] and [`Notice`] write the
//! three kinds into a buffer of the caller's. [`Bundle`] reads and
//! packs several in one.

mod bundle;
mod datagram;
mod incoming;
mod notice;
mod writer;

pub use bundle::{Bundle, BundleError};
pub use datagram::{Datagram, DatagramError, Text};
pub use incoming::{Dialect, Incoming};
pub use notice::NoticeText;
pub use writer::{ClientDatagram, Notice, RelayedChat, TooSmall};
