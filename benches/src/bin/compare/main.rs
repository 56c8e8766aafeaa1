//! Drives servers with rooms full of members, and says what each costs.
//!
//! `cargo run --release -p benches --bin compare` measures the whole table; `--help` has the rest.
//! Linux only: CPU time and memory are read from `/proc`.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a harness is where sockets, processes and the clock are"
)]

mod args;
mod histogram;
mod idle;
mod joins;
mod link;
mod payload;
mod plan;
mod readiness;
mod relay;
mod report;
mod room;
mod run;
mod sample;
mod serve;
mod server;
mod slice;
mod system;
mod window;

use std::env;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use benches::chat_server;
use benches::cores::Cores;
use benches::stop::Stop;
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use args::Args;
use run::Effort;
use system::System;

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match (args.serve, args.hold, args.server) {
        (Some(bare), ..) => serve::run(bare),
        (None, Some(count), Some(server)) => idle::hold(server, usize::from(count)),
        _ => compare(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> io::Result<()> {
    raise_descriptor_limit();
    let stop = Stop::on_signals()?;
    let cores = Cores::all()?;
    if args.only.is_empty() || args.only.iter().any(|system| system.floor().is_some()) {
        chat_server::build()?;
    }
    let (systems, effort) = (run::systems(args), Effort::of(args));
    let outcomes = run::all(args, &systems, effort, cores, &stop)?;
    let page = report::page(&outcomes, effort, cores.count());
    println!("{page}");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let whole = args.is_whole() && System::ALL.iter().all(|system| systems.contains(system));
    if let Some(directory) = args.out.as_ref().or(whole.then_some(&results)) {
        report::write(directory, &page, &outcomes)?;
        eprintln!("written to {}", directory.display());
    }
    Ok(())
}

/// Asks for as many descriptors as the process may have: each member is one.
fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it, cells with many members fail and say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
