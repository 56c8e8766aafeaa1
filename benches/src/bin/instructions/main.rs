//! Counts the instructions that the wire and the rules take, and compares them with those that are
//! kept in `results/instructions.md`. A count repeats where a time does not, so a regression of a few
//! per cent is seen on any machine, however busy.
//!
//! `cargo run --release -p benches --bin instructions` counts and compares; it fails when something
//! takes more than 5 % more. It needs valgrind, under which each scenario runs as a process.

#![forbid(unsafe_code)]

mod callgrind;
mod comparison;
mod kept;
mod scenarios;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use comparison::Comparison;
use kept::Count;
use scenarios::Scenario;

/// How to take the counts as they are now for those that are kept.
const ACCEPT: &str = "cargo run --release --locked -p benches --bin instructions -- --accept";

/// Count instructions, and fail when something takes more than 5 % more than it did.
#[derive(Debug, Parser)]
struct Args {
    /// Keep the counts of this run, as those to compare with from now on.
    #[arg(long)]
    accept: bool,

    /// Count only what has this in its name, and compare nothing.
    #[arg(long, value_name = "TEXT", conflicts_with = "accept")]
    only: Option<String>,

    /// Be a scenario: what runs under valgrind.
    #[arg(long, value_name = "NAME", hide = true)]
    scenario: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.scenario {
        Some(name) => scenarios::run(name).map(|()| true),
        None => count(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing takes more than it may.
fn count(args: &Args) -> io::Result<bool> {
    callgrind::check()?;
    let only = args.only.as_deref().unwrap_or_default();
    let wanted = scenarios::ALL.iter().filter(|scenario| scenario.name.contains(only));
    let counted: io::Result<Vec<Count>> = wanted.map(measure).collect();
    let counts = scenarios::with_derived(counted?);
    if args.only.is_some() {
        counts.iter().for_each(|count| println!("{:>12.1}  {}", count.instructions, count.name));
        return Ok(true);
    }
    let path = path();
    if args.accept {
        kept::write(&path, &counts)?;
        println!("kept in {}", path.display());
        return Ok(true);
    }
    let kept = kept::read(&path)?;
    let comparison = Comparison::of(&kept.counts, &counts);
    println!("{comparison}");
    if !comparison.is_acceptable() {
        println!("{}", kept.origin_if_another());
    }
    if comparison.is_worth_keeping() {
        println!("To keep the counts of this run, and commit them:\n    {ACCEPT}");
    }
    Ok(comparison.is_acceptable())
}

fn measure(scenario: &Scenario) -> io::Result<Count> {
    eprintln!("counting {}", scenario.name);
    let total = callgrind::count(scenario.name)?;
    let instructions = total as f64 / f64::from(scenario.rounds);
    Ok(Count { name: scenario.name.to_owned(), instructions })
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join("instructions.md")
}
