//! The chat system's rules, as pure state machines.
//!
//! No socket, thread, clock or randomness of its own: a driver tells a [`Server`] what happens and
//! when, and does what it answers. So the same code runs under any runtime, and a test or a
//! simulation of days takes milliseconds.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Duration;
//!
//! use engine::{Action, Config, ConnectionId, Event, Instant, SeededEntropy, Server};
//! use protocol::tcp::{Admission, Features, Request, Secret};
//! use protocol::{RoomName, UserName};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In production the entropy is the operating system's, and the time that of a monotonic clock.
//! let start = Instant::ZERO;
//! let mut server = Server::new(Config::default(), SeededEntropy::new(1), start)?;
//!
//! let connection = ConnectionId(1);
//! let from: SocketAddr = "192.0.2.7:50000".parse()?;
//! server.handle(Event::Opened { connection, from }, start);
//! let request = Request::Create(Admission {
//!     room: RoomName::new("部屋")?,
//!     user: UserName::new("alice")?,
//!     password: Secret::new("open sesame"),
//!     features: Features::NONE,
//! });
//! let bytes = &request.encode();
//! let actions = server.handle(Event::Received { connection, bytes }, start);
//! assert!(matches!(actions[..], [Action::Write { .. }, Action::HalfClose { .. }]));
//! assert_eq!(server.census().rooms, 1);
//!
//! // The host says nothing. Nobody waits: the clock is told to be later.
//! server.handle(Event::Tick, start + Duration::from_secs(140));
//! assert_eq!(server.census().rooms, 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`client`] has the other side: a session whose states are types.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod action;
pub mod client;
mod config;
mod counters;
mod entropy;
mod event;
mod machine;
mod recency;
mod server;
mod time;

pub use action::{Action, Actions, MemberId, Recipient, Run};
pub use config::{Caps, Config, ConfigError};
pub use counters::Counters;
pub use entropy::{Entropy, EntropyError, SeededEntropy};
pub use event::{ConnectionId, Event, Incoming};
pub use machine::Machine;
pub use server::{Census, Server, StartError};
pub use time::Instant;

/// The examples of the pages that newcomers read are compiled and run.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod english {}
    #[doc = include_str!("../../README.ja.md")]
    mod japanese {}
}
