//! `cli`: the chat server, the chat client, a demonstration of both, and the replay of a recorded
//! server, in one command.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a command is where files, threads and randomness are"
)]

mod args;
mod client;
mod demo;
mod exit;
mod replay;
mod server;
mod text;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Server(args) => server::run(&args),
        Command::Client(args) => client::run(args),
        Command::Replay(args) => replay::run(&args),
        Command::Demo(args) => demonstrate(args.wire),
    };
    outcome.unwrap_or_else(|failure| failure.report()).into()
}

fn demonstrate(wire: bool) -> Result<Exit, Failure> {
    match demo::run(wire, &mut io::stdout().lock()) {
        // Whoever pipes it into `head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, format!("the demonstration failed: {error}")))
        }
        _ => Ok(Exit::Clean),
    }
}
