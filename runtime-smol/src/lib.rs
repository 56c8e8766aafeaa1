//! Drives the chat engine with smol and async-io. It moves bytes; every rule is the engine's.
//!
//! [`server::serve`] is one future: datagrams come first at every turn, and the TCP connections
//! share what is left, a task for each. The engine has one owner and needs no lock. [`client`] is
//! the other side.
//!
//! ```
//! use std::net::{TcpListener, UdpSocket};
//!
//! use engine::{Config, Instant, SeededEntropy, Server};
//! use runtime_smol::server::serve;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! // One port number for both: a program that picks its own port tries again when UDP's is taken.
//! let Ok(socket) = UdpSocket::bind(listener.local_addr()?) else { return Ok(()) };
//! // In production, hand in the operating system's entropy.
//! let server = Server::new(Config::default(), SeededEntropy::new(1), Instant::ZERO)?;
//! // Any future stops it; this one does so at once.
//! let counters = smol::block_on(serve(listener, socket, server, async {}))?;
//! assert_eq!(counters.joins, 0);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a driver is where sockets and the clock are"
)]

pub mod client;
mod clock;
pub mod server;

pub use clock::Clock;
