//! A client's session in typed states, each of which consumes the one before.
//!
//! ```text
//! Lobby ──create, join──▶ Joining ──reply──▶ Joined ──left, closed, timed out──▶ Gone
//!   ▲                        │
//!   └────────refused─────────┘
//! ```
//!
//! The driver carries bytes: the request and its reply over TCP, datagrams over UDP. What they mean,
//! how fast to send, when to warn and when to give up is decided here.
//!
//! ```
//! use engine::Instant;
//! use engine::client::{Answered, Event, Habits, Lobby, Output, Session};
//! use protocol::{RoomName, UserName};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (room, user) = (RoomName::new("部屋")?, UserName::new("alice")?);
//! let (joining, request) = Lobby::new(Habits::default()).join(room, user, "open sesame");
//! // The driver sends `request` over TCP, and this comes back:
//! # assert!(!request.is_empty());
//! let reply = br#"{"message": "ok", "operation": 2, "state": 2, "token": "secret"}"#;
//! let now = Instant::ZERO;
//! let mut outputs = Vec::new();
//! let Answered::Joined(joined) = joining.receive(reply, now, &mut outputs) else {
//!     return Err("not let in".into());
//! };
//! // The first thing to send is presence, which tells the server the address.
//! assert!(matches!(&outputs[..], [Output::Send(_)]));
//!
//! let Session::Joined(_) = joined.handle(Event::Say("やあ"), now, &mut outputs) else {
//!     return Err("not in the room".into());
//! };
//! assert!(matches!(&outputs[..], [Output::Send(_), Output::Send(_)]));
//! # Ok(())
//! # }
//! ```

mod doubt;
mod echo;
mod habits;
mod happening;
mod joined;
mod lobby;
mod outbox;
mod vigil;

pub use habits::Habits;
pub use happening::{Event, Happening, Input, Output};
pub use joined::{Gone, Joined, Reason, Session};
pub use lobby::{Answered, Joining, Lobby};
