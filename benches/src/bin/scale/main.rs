//! Shows what more members cost those who are there already: 10, 100, … 100,000 members in rooms of ten.
//!
//! `cargo run --release -p benches --bin scale` times the rules alone, fills a whole server on either
//! runtime over TCP and measures its relays, joins and memory, and writes `results/scale.md` and
//! `results/scale.svg`. Linux only: a process's CPU time and memory are read from `/proc`.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    reason = "a harness is where sockets, processes and the clock are, and is to fail without them"
)]

mod ask;
mod crowd;
mod exchange;
mod filled;
mod paces;
mod page;
mod plot;
mod rules;
mod turns;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::stop::Stop;
use clap::Parser;

use filled::Filled;
use plot::{Panel, Series, plot};

/// Members of each room.
const ROOM: usize = 10;

/// Members in all, at each point.
const SIZES: [usize; 5] = [10, 100, 1000, 10_000, 100_000];

/// The number of a user who is in no room.
const NEWCOMER: usize = 1_000_000;

/// What a server with as many members as there can be may have in memory.
const MEMORY_LIMIT: u64 = 64 * 1024;

/// Show what more members cost those who are there already.
#[derive(Debug, Parser)]
struct Args {
    /// How often each thing is measured at each size.
    #[arg(long, value_name = "N", default_value = "15", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,

    /// Time the rules alone, and start no server.
    #[arg(long, conflicts_with = "servers")]
    rules: bool,

    /// Measure the whole servers alone.
    #[arg(long)]
    servers: bool,

    /// Where to write scale.md and scale.svg. A whole run goes to benches/results without this,
    /// anything less is only printed.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let stop = Stop::on_signals()?;
    let rules = if args.servers { Vec::new() } else { rules::measure(args.repeat, &stop)? };
    let servers = if args.rules { Vec::new() } else { filled::both(args.repeat, &stop)? };
    let page = page::page(&rules, &servers, args.repeat);
    println!("{page}");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let whole = (!args.rules && !args.servers).then_some(results);
    if let Some(directory) = args.out.as_ref().or(whole.as_ref()) {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("scale.md"), page)?;
        fs::write(directory.join("scale.svg"), picture(&rules, &servers))?;
        eprintln!("written to {}", directory.display());
    }
    match servers.iter().find(|server| server.largest() > MEMORY_LIMIT) {
        Some(server) => Err(io::Error::other(format!("{} takes too much memory", server.runtime))),
        None => Ok(()),
    }
}

/// A panel for each part that was measured.
fn picture(rules: &[Series], servers: &[Filled]) -> String {
    let whole: Vec<_> = servers.iter().flat_map(Filled::series).collect();
    let panels = [
        Panel {
            title: "In the engine, by members in all (rooms of ten; logarithmic)",
            series: rules,
        },
        Panel {
            title: "The whole server, by members in all (std; dashed: smol; by the clock where not CPU time)",
            series: &whole,
        },
    ];
    plot(&panels.into_iter().filter(|panel| !panel.series.is_empty()).collect::<Vec<_>>())
}
