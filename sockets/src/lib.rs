//! Several datagrams a system call: what the chat's runtimes do with UDP sockets.
//!
//! To hand the kernel one datagram costs microseconds, and nearly as much whatever its size. Where
//! several go to one address, Linux takes them in one call and cuts them apart itself (generic
//! segmentation offload), and gives them to a receiver in one call too ([`Coalesced`]). Elsewhere, and
//! where a route refuses it, they go one by one: what arrives is the same.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::num::NonZeroUsize;
//!
//! use sockets::{Sender, Wait};
//!
//! # fn main() -> std::io::Result<()> {
//! let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
//! let size = NonZeroUsize::new(4).ok_or(std::io::ErrorKind::InvalidInput)?;
//! let to = there.local_addr()?;
//! let left = Sender::on(&here).burst(&here, b"one two 3", size, to, Wait::Patiently, |_| {});
//! assert!(left.is_empty());
//! let mut buffer = [0; 16];
//! assert_eq!(there.recv(&mut buffer)?, 4);
//! assert_eq!(there.recv(&mut buffer)?, 4);
//! assert_eq!(there.recv(&mut buffer)?, 1);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]
#![expect(clippy::disallowed_types, reason = "this is where sockets are")]

mod coalesced;
mod inbox;
mod sender;
mod stream;

pub use coalesced::Coalesced;
pub use inbox::{Inbox, is_passing};
pub use sender::{Sender, Wait};
pub use stream::{Then, read_now, write_now};
