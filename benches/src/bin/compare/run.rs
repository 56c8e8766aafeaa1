//! Runs the cells: all systems in turn, and all of that several times over, so that what else the
//! machine does meets them alike.

use std::io::{self, ErrorKind};
use std::time::Duration;

use benches::cores::Cores;
use benches::stop::Stop;

use crate::args::Args;
use crate::idle::Idle;
use crate::plan::{Cell, Work};
use crate::sample::Sample;
use crate::slice::{Clock, Slice};
use crate::system::System;
use crate::{joins, plan, relay};

/// How often, and how long each time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) repeat: usize,
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
}

impl Effort {
    pub(crate) fn of(args: &Args) -> Self {
        let (repeat, measured) = if args.quick { (2, 300) } else { (5, 1000) };
        let measured = args.seconds.unwrap_or(Duration::from_millis(measured));
        Self {
            repeat: args.repeat.map_or(repeat, usize::from),
            measured,
            warm_up: (measured / 5).min(Duration::from_millis(200)),
        }
    }
}

/// One cell, and what each system gave in it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) cell: Cell,
    pub(crate) rows: Vec<Row>,
}

/// One system in one cell: a slice for each repetition, `None` where it failed.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) system: System,
    pub(crate) samples: Vec<Option<Sample>>,
}

impl Outcome {
    pub(crate) fn row(&self, system: System) -> Option<&Row> {
        self.rows.iter().find(|row| row.system == system)
    }
}

/// The systems that the arguments ask for and that can be started. Says what the others lack.
pub(crate) fn systems(args: &Args) -> Vec<System> {
    let given = args.server.map(|address| System::Given(address, args.pid));
    let wanted = if args.only.is_empty() { &System::ALL[..] } else { &args.only[..] };
    let is_there = |system: &System| match system.missing() {
        Some(remedy) => {
            eprintln!("skipped: {}. To have it: {remedy}", system.name());
            false
        }
        None => true,
    };
    wanted.iter().copied().filter(is_there).chain(given).collect()
}

/// Measures everything that was asked for.
pub(crate) fn all(
    args: &Args,
    systems: &[System],
    effort: Effort,
    cores: Cores,
    stop: &Stop,
) -> io::Result<Vec<Outcome>> {
    let slice = Slice {
        warm_up: effort.warm_up,
        measured: effort.measured,
        clock: Clock::start(),
        stop: stop.clone(),
        cores,
        idle: args.idle.map_or(0, usize::from),
    };
    plan::cells(args).into_iter().map(|cell| one(cell, systems, effort, &slice)).collect()
}

fn one(cell: Cell, systems: &[System], effort: Effort, slice: &Slice) -> io::Result<Outcome> {
    let able = systems.iter().filter(|system| system.can(cell.work));
    let mut rows: Vec<_> =
        able.map(|system| Row { system: *system, samples: Vec::new() }).collect();
    for round in 1..=effort.repeat {
        eprintln!("{}: round {round} of {}", cell.name, effort.repeat);
        for row in &mut rows {
            slice.stop.check()?;
            let sample = match measure(row.system, &cell, slice) {
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    eprintln!("  {} failed: {error}", row.system.name());
                    None
                }
                Ok(sample) => {
                    warn_of_loss(row.system, &sample);
                    Some(sample)
                }
            };
            row.samples.push(sample);
        }
    }
    Ok(Outcome { cell, rows })
}

fn measure(system: System, cell: &Cell, slice: &Slice) -> io::Result<Sample> {
    let mut server = slice.cores.start(cell.placement, || system.start(cell.work))?;
    match cell.work {
        Work::Relay(load) => {
            let mut guests = system.enter(&mut server, &load)?;
            let idle = (slice.idle > 0 && system.is_chat())
                .then(|| Idle::connect(server.address(), slice.idle))
                .transpose()?;
            let copies = system.copies(&load);
            let sample = relay::measure(&server, &mut guests.links, &load, copies, slice)?;
            idle.map_or(Ok(()), Idle::check)?;
            Ok(sample)
        }
        Work::Joins { at_once } => joins::measure(&server, at_once, slice),
    }
}

fn warn_of_loss(system: System, sample: &Sample) {
    let Sample { lost, strays, copies, .. } = sample;
    if *lost > 0 || *strays > 0 {
        eprintln!("  {}: {lost} copies lost, {strays} strays, {copies} arrived", system.name());
    }
}
