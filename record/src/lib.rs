//! Records what happens to a server, without its secrets, and replays it exactly.
//!
//! A [`Recorder`] stands where a driver expects an [`engine::Server`]. It hands every event on to the
//! server that it holds, and writes down the event, its time, the random bytes that were drawn and
//! what the answer was: how many actions, and a digest of them. A [`Replay`] feeds the same events to
//! a fresh server and compares. The engine has no other input, so the two have to agree, unless the
//! code has changed. The format is in RECORDING.md.
//!
//! Nothing here opens a file, waits or asks for the time: a recorder pushes into a [`Sink`], a replay
//! reads from a [`std::io::Read`].
//!
//! ```
//! use engine::{Actions, Config, ConnectionId, Event, Instant, Machine, SeededEntropy};
//! use record::{Blocks, Recorder, Replay, Secrets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (entropy, start) = (SeededEntropy::new(1), Instant::ZERO);
//! let blocks = Blocks::new(Vec::new())?;
//! let mut server = Recorder::new(Config::default(), entropy, start, Secrets::Replaced, blocks)?;
//! let connection = ConnectionId(1);
//! let mut actions = Actions::new();
//! server.handle_into(Event::Opened { connection, from: "192.0.2.7:50000".parse()? }, start, &mut actions);
//! server.handle_into(Event::Ended { connection }, start, &mut actions);
//! let file = server.into_sink().finish()?;
//!
//! // Read twice: what came in pieces is put together first.
//! let mut replay = Replay::new(&file[..], &file[..])?;
//! let mut steps = 0;
//! while let Some(step) = replay.step()? {
//!     assert!(step.agrees());
//!     steps += 1;
//! }
//! assert_eq!(steps, 2);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::disallowed_types,
    reason = "the engine owns its source of entropy, and both a recorder and a replay look over its shoulder"
)]

mod blocks;
mod config;
mod draws;
mod error;
pub mod limits;
mod made_up;
mod numbers;
mod outcome;
mod reader;
mod record;
mod recorder;
mod replay;
mod secrets;
mod splits;

pub use blocks::{Blocks, Sink};
pub use draws::Draw;
pub use error::ReadError;
pub use outcome::Outcome;
pub use reader::Reader;
pub use record::{Batch, Bytes, Ending, Record, Start, Told};
pub use recorder::{Recorder, Secrets};
pub use replay::{Replay, Step};
