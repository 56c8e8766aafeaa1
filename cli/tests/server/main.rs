//! `cli server` as its users meet it: the real program, real sockets, and every case on both runtimes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests assert")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "tests assert")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "these tests are about sockets and processes, in real time"
)]

#[path = "../support/mod.rs"]
mod support;

mod bare;
mod bundles;
mod chat;
mod connections;
mod dropping;
mod floods;
mod large_rooms;
mod leaving;
mod recording;
mod refusals;
mod replies;
mod slow_readers;
mod stopping;
mod timeouts;
