//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use benches::cores::Placement;
use clap::{Parser, ValueEnum};

use crate::plan::Hearing;
use crate::system::System;

/// Compare the chat server with other servers and with loops that do nothing but move bytes.
///
/// Each server is a process of its own, so that its CPU time and memory can be read; this process is
/// all of its members. Everything stays on the loopback interface. Without options the whole table is
/// measured, all systems in turn and several times over, and written to benches/results.
#[derive(Debug, Parser)]
#[command(about)]
pub(crate) struct Args {
    /// Shorter and fewer slices: to try things out, not to quote.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only these systems. May be repeated.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) only: Vec<System>,

    /// One relay cell alone: so many members in each room.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    pub(crate) members: Option<u16>,

    /// One relay cell alone: so many messages under way at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) window: Option<u16>,

    /// One relay cell alone: so many rooms, whose senders take turns.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4000))]
    pub(crate) rooms: Option<u16>,

    /// One relay cell alone: so many of each room's members speak, in turn.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(crate) senders: Option<u16>,

    /// One relay cell alone: messages of this many bytes. 0 is the realistic mix.
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub(crate) size: Option<usize>,

    /// One relay cell alone: how its members wait for what they hear. With more than two thousand, one
    /// thread waits for all unless this says otherwise.
    #[arg(long, value_enum, value_name = "HEARING")]
    pub(crate) hearing: Option<Hearing>,

    /// One relay cell alone: so many connections that say nothing are held beside, by the servers of
    /// this wire.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16_000))]
    pub(crate) idle: Option<u16>,

    /// The joins alone.
    #[arg(long, conflicts_with_all = ["members", "window", "rooms", "senders", "size", "hearing", "idle"])]
    pub(crate) joins: bool,

    /// How long each slice is measured.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,

    /// How often each system is measured in each cell.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) repeat: Option<u8>,

    /// On which cores the harness and the server run.
    #[arg(long, value_enum, value_name = "PLACEMENT")]
    pub(crate) cores: Option<Placement>,

    /// Also measure a server of this wire that runs already, on a loopback address.
    #[arg(long, value_name = "ADDR", value_parser = loopback)]
    pub(crate) server: Option<SocketAddr>,

    /// The process of that server, to read its CPU time and memory.
    #[arg(long, value_name = "PID", requires = "server")]
    pub(crate) pid: Option<u32>,

    /// Where to write compare.md and compare.svg. The whole table goes to benches/results without
    /// this, anything less is only printed.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: Option<PathBuf>,

    /// Be the holder of so many idle connections to that server instead: what the harness starts.
    #[arg(long, value_name = "N", requires = "server", hide = true)]
    pub(crate) hold: Option<u16>,

    /// Be a bare loop instead: what the harness starts to compare with.
    #[arg(long, value_enum, value_name = "LOOP", hide = true)]
    pub(crate) serve: Option<Bare>,
}

impl Args {
    /// Whether a cell was described, so that the table is not run.
    pub(crate) fn describes_a_cell(&self) -> bool {
        let Self { members, window, rooms, senders, idle, .. } = self;
        [members, window, rooms, senders, idle].iter().any(|part| part.is_some())
            || self.size.is_some()
            || self.hearing.is_some()
    }

    /// Whether the run is the one whose results are kept.
    pub(crate) fn is_whole(&self) -> bool {
        !self.quick
            && !self.joins
            && self.cores.is_none()
            && !self.describes_a_cell()
            && self.only.is_empty()
            && self.server.is_none()
            && self.seconds.is_none()
            && self.repeat.is_none()
    }
}

/// The loops without any logic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bare {
    /// Blocking `recv_from` and `send_to`.
    RelayStd,
    /// The same two calls of async-io.
    RelaySmol,
    /// Blocking `recv_from`, then what else is there, then all of it in one call a member.
    RelayRuns,
    /// The same in bundles.
    RelayBundles,
    /// Blocking accept, read, write, close.
    JoinsStd,
    /// The same calls of async-io.
    JoinsSmol,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if !(0.05..=60.0).contains(&seconds) {
        return Err("from 0.05 to 60 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn size(text: &str) -> Result<usize, String> {
    let size: usize = text.parse().map_err(|error| format!("{error}"))?;
    if size != 0 && !(crate::payload::STAMP..=3900).contains(&size) {
        return Err(format!("0, or from {} to 3900 bytes", crate::payload::STAMP));
    }
    Ok(size)
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}"))?;
    if !address.ip().is_loopback() {
        return Err("only a loopback address: this floods it".to_owned());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn only_loopback_is_flooded() {
        assert!(loopback("127.0.0.1:8080").is_ok() && loopback("[::1]:1").is_ok());
        assert!(loopback("10.0.0.1:8080").is_err() && loopback("0.0.0.0:8080").is_err());
    }

    #[test]
    fn a_run_with_any_restriction_is_not_the_whole() {
        let is_whole =
            |args: &[&str]| Args::try_parse_from([&["compare"], args].concat()).unwrap().is_whole();
        assert!(is_whole(&[]) && is_whole(&["--out", "x"]));
        for less in
            [&["--quick"][..], &["--joins"], &["--only", "std"], &["--members", "2"], &["--size=0"]]
        {
            assert!(!is_whole(less), "{less:?}");
        }
    }
}
