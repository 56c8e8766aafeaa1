//! A deterministic simulator of the whole system.
//!
//! A [`Plan`] is drawn from a number. It runs as a world: client sessions, hostile parties, a bad
//! network and a server, in one thread and on a simulated clock, through the same functions that
//! production calls. After every event the server is compared with a plain model of its rules, and
//! the rules that must hold whatever happens are looked at. See `SIMULATOR.md`.
//!
//! ```
//! use sim::{Depth, Plan};
//!
//! let outcome = Plan::draw(7).run(Depth::Nothing);
//! assert_eq!(outcome.violation, None);
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cast;
mod comparison;
mod invariants;
mod judge;
mod link;
mod model;
mod plan;
mod shrink;
mod trace;
mod wire;
mod world;

pub use judge::Judge;
pub use link::Weather;
pub use plan::Plan;
pub use shrink::{Shrunk, shrink};
pub use trace::{Depth, hash};
pub use world::{Outcome, Stats, Violation};
