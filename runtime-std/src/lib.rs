//! Drives the chat engine with std's sockets and threads. It moves bytes; every rule is the engine's.
//!
//! [`server::serve`] runs a server on two threads around one engine behind a lock that is never held
//! over I/O: one blocks on the UDP socket, so that a datagram costs a receive and its sends; the
//! other waits for all the TCP connections at once, since most of them are people typing and a
//! thread for each would be thousands. [`client`] is the other side.
//!
//! ```
//! use std::net::{TcpListener, UdpSocket};
//!
//! use engine::{Config, Instant, SeededEntropy, Server};
//! use runtime_std::server::{Stop, serve};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! // One port number for both: a program that picks its own port tries again when UDP's is taken.
//! let Ok(socket) = UdpSocket::bind(listener.local_addr()?) else { return Ok(()) };
//! // In production, hand in the operating system's entropy.
//! let server = Server::new(Config::default(), SeededEntropy::new(1), Instant::ZERO)?;
//! let stop = Stop::new()?;
//! // From another thread, or a signal:
//! stop.request();
//! let counters = serve(listener, socket, server, &stop)?;
//! assert_eq!(counters.joins, 0);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a driver is where sockets, threads and the clock are"
)]

pub mod client;
mod clock;
pub mod server;
mod watched;

pub use clock::Clock;
