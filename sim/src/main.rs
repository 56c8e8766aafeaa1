//! `sim`: runs worlds by their numbers, and replays one.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "a command may tell how long it took")]

use std::io::{self, Write as _};
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use sim::{Depth, Plan, Stats, Violation, shrink};

/// Runs the chat system in simulated worlds, each determined by a number, and checks its rules.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The worlds to run, from the first number to before the last.
    #[arg(long, value_name = "FROM..TO", value_parser = range, default_value = "0..1000")]
    seeds: Range<u64>,
    /// Run one world.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// With --seed: print all that happens.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// With --seed: leave out of a failing world what is not needed, and print what is left.
    #[arg(long, requires = "seed")]
    shrink: bool,
    /// Ordinary chat instead: an hour each, a fine network, nobody hostile.
    #[arg(long)]
    ordinary: bool,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as 0..1000")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    let (from, to) = (number(from)?, number(to)?);
    if from < to { Ok(from..to) } else { Err("there is nothing in it".to_owned()) }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.seed {
        Some(seed) => one(&args, seed),
        None => all(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever pipes it into `head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn plan(args: &Args, seed: u64) -> Plan {
    if args.ordinary { Plan::ordinary(seed) } else { Plan::draw(seed) }
}

/// Runs one world; whether it kept to the rules.
fn one(args: &Args, seed: u64) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let mut plan = plan(args, seed);
    if args.shrink
        && let Some(shrunk) = shrink(&plan)
    {
        plan = shrunk.plan;
        write!(out, "{}", plan.describe())?;
    }
    let outcome = plan.run(if args.trace { Depth::All } else { Depth::End });
    if args.trace || outcome.violation.is_some() {
        write!(out, "{}", outcome.trace)?;
    }
    match outcome.violation {
        None => {
            writeln!(out, "seed {seed}: no violation, {}", summary(&outcome.stats))?;
            Ok(true)
        }
        Some(violation) => {
            describe(&mut out, seed, &violation)?;
            Ok(false)
        }
    }
}

/// Runs all worlds up to the first that breaks a rule; whether there was none.
fn all(args: &Args) -> io::Result<bool> {
    let begun = Instant::now();
    let mut told = begun;
    let mut total = Stats::default();
    let mut errors = io::stderr().lock();
    for seed in args.seeds.clone() {
        let outcome = plan(args, seed).run(Depth::Nothing);
        add(&mut total, &outcome.stats);
        if let Some(violation) = outcome.violation {
            let mut out = io::stdout().lock();
            describe(&mut out, seed, &violation)?;
            report_shrunk(&mut out, args, seed)?;
            let run = seed - args.seeds.start + 1;
            finish(&mut out, run, &total, 1, begun.elapsed())?;
            return Ok(false);
        }
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            let run = seed - args.seeds.start + 1;
            let of = args.seeds.end - args.seeds.start;
            writeln!(errors, "{run} of {of} worlds, {}", summary(&total))?;
        }
    }
    let run = args.seeds.end - args.seeds.start;
    finish(&mut io::stdout().lock(), run, &total, 0, begun.elapsed())?;
    Ok(true)
}

fn report_shrunk(out: &mut impl io::Write, args: &Args, seed: u64) -> io::Result<()> {
    let Some(shrunk) = shrink(&plan(args, seed)) else {
        return writeln!(out, "it does not fail again: the world is not determined by its seed");
    };
    writeln!(out, "\nshrunk to {} deeds in {} tries:", shrunk.plan.len(), shrunk.tries)?;
    write!(out, "{}", shrunk.plan.describe())?;
    let outcome = shrunk.plan.run(Depth::End);
    write!(out, "the last that happened in it:\n{}", outcome.trace)?;
    describe(out, seed, &shrunk.violation)
}

fn describe(out: &mut impl io::Write, seed: u64, violation: &Violation) -> io::Result<()> {
    let Violation { rule, step, at, how } = violation;
    let (seconds, micros) = (at.as_micros() / 1_000_000, at.as_micros() % 1_000_000);
    writeln!(out, "seed {seed}, event {step}, {seconds}.{micros:06} s: {rule}\n  {how}")?;
    writeln!(out, "replay it: cargo run --release -p sim -- --seed {seed} --trace")?;
    writeln!(out, "or less of it: cargo run --release -p sim -- --seed {seed} --shrink --trace")
}

fn finish(
    out: &mut impl io::Write,
    seeds: u64,
    total: &Stats,
    violations: u64,
    took: Duration,
) -> io::Result<()> {
    let took = took.as_millis();
    let (seconds, tenths) = (took / 1000, took % 1000 / 100);
    let summary = summary(total);
    writeln!(out, "{seeds} seeds, {summary}, {violations} violations, {seconds}.{tenths} s")
}

fn summary(stats: &Stats) -> String {
    let Stats { time, steps, counters, faults, in_the_dark, .. } = stats;
    let (messages, copies) = (counters.messages, counters.copies);
    let tenths = time.as_secs() / 360;
    format!(
        "{}.{} simulated hours, {steps} events, {messages} messages, {copies} copies, {faults} faults injected, {in_the_dark} in the dark",
        tenths / 10,
        tenths % 10
    )
}

fn add(total: &mut Stats, stats: &Stats) {
    total.time += stats.time;
    total.steps += stats.steps;
    total.counters.messages += stats.counters.messages;
    total.counters.copies += stats.counters.copies;
    total.faults += stats.faults;
    total.in_the_dark += stats.in_the_dark;
}
