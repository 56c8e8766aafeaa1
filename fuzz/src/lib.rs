//! What must hold for any input, as functions of bytes.
//!
//! Each module is one target: its `run` takes an input apart, lets the code have it, and panics
//! where a rule is broken. A fuzzer calls it (`fuzz_targets`), and so do tests with the inputs that a
//! fuzzer found (`corpus`) and with what quickcheck makes of them. See `fuzz/README.md`.

#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target asserts"
)]

use std::collections::BTreeSet;

pub mod client_session;
pub mod datagrams;
mod input;
pub mod replies;
pub mod requests;
pub mod server_events;

/// What an input led to, by name: a corpus that no longer leads everywhere is found out.
pub type Reached = BTreeSet<&'static str>;
