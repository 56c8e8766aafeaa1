//! The engine under scenarios. One program, since each would be linked anew at every change.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests assert"
)]

mod client_and_server;
mod client_answers;
mod client_bundles;
mod client_deadlines;
mod client_doubt;
mod client_hearing;
mod client_leaving;
mod client_lobby;
mod client_network;
mod client_saying;
mod client_silence;
mod client_world;
mod machine;
mod server_answering;
mod server_anything;
mod server_batches;
mod server_connections;
mod server_dropping;
mod server_expiry;
mod server_joining;
mod server_leaving;
mod server_listing;
mod server_refusing;
mod server_relaying;
mod server_remembering;
mod server_stopping;
mod server_sweeping;
mod server_telling;
mod shown;
mod world;
