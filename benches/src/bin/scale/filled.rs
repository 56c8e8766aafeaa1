//! Whole servers, filled over TCP: how fast each is at each size, beside one with ten members, and what
//! it has in memory.

use std::io;

use benches::chat_server;
use benches::cores::Cores;
use benches::stop::Stop;

use crate::crowd::Crowd;
use crate::paces::{Pace, Paces};
use crate::plot::Series;
use crate::{ROOM, SIZES};

/// What a server was at each of the sizes.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) runtime: &'static str,
    pub(super) relays: Vec<Paces>,
    pub(super) joins: Vec<Paces>,
    /// KiB in memory before anybody came.
    pub(super) empty: u64,
    pub(super) resident: Vec<u64>,
}

impl Filled {
    /// KiB with all of them in.
    pub(super) fn largest(&self) -> u64 {
        self.resident.last().copied().unwrap_or_default()
    }

    /// Its lines in the plot.
    pub(super) fn series(&self) -> Vec<Series> {
        let line = |name, paces: &[Paces], nanos: fn(&Paces) -> f64| Series {
            name,
            dashed: self.runtime != RUNTIMES[0],
            nanos: paces.iter().map(nanos).collect(),
        };
        vec![
            line("relay: CPU time, a copy", &self.relays, |paces| paces.cpu.median * 1e3),
            line("relay: message and copies", &self.relays, |paces| 1e9 / paces.rate.median),
            line("join and leave: CPU time", &self.joins, |paces| paces.cpu.median * 1e3),
            line("join and leave", &self.joins, |paces| 1e9 / paces.rate.median),
        ]
    }
}

/// The first is drawn as full lines.
const RUNTIMES: [&str; 2] = ["std", "smol"];

/// Fills a server on either runtime, and measures everything so often at each size. Its servers end
/// when it is stopped.
pub(super) fn both(repeat: u32, stop: &Stop) -> io::Result<Vec<Filled>> {
    chat_server::build()?;
    let cores = Cores::all()?;
    RUNTIMES.into_iter().map(|runtime| fill(runtime, repeat, cores, stop)).collect()
}

fn fill(runtime: &'static str, repeat: u32, cores: Cores, stop: &Stop) -> io::Result<Filled> {
    let mut crowd = Crowd::start(runtime, cores)?;
    let empty = crowd.server.memory()?.resident;
    let (mut relays, mut joins, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for size in SIZES {
        eprintln!("{runtime}: {size} members");
        crowd.grow(size, stop)?;
        let mut ten = Crowd::start(runtime, cores)?;
        ten.grow(ROOM, stop)?;
        relays.push(side_by_side(Crowd::relays, &mut crowd, &mut ten, repeat, stop)?);
        joins.push(side_by_side(Crowd::joins, &mut crowd, &mut ten, repeat, stop)?);
        resident.push(crowd.server.memory()?.resident);
    }
    Ok(Filled { runtime, relays, joins, empty, resident })
}

/// What is measured: once each time it is called.
type Measured<T> = fn(&mut T) -> io::Result<Pace>;

/// Measures two in turn, so that what else the machine does meets them alike. Who is first changes
/// from round to round, and the first round warms up.
fn side_by_side<T>(
    measured: Measured<T>,
    one: &mut T,
    other: &mut T,
    repeat: u32,
    stop: &Stop,
) -> io::Result<Paces> {
    let measured = |it: &mut T| stop.check().and_then(|()| measured(it));
    let mut rounds = Vec::new();
    for round in 0..=repeat {
        let paces = if round % 2 == 0 {
            let pace = measured(one)?;
            (pace, measured(other)?)
        } else {
            let pace = measured(other)?;
            (measured(one)?, pace)
        };
        if round > 0 {
            rounds.push(paces);
        }
    }
    Paces::of(&rounds).ok_or_else(|| io::Error::other("nothing was measured"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use signal_hook::consts::SIGTERM;
    use signal_hook::low_level::raise;

    use super::*;
    use crate::paces::Figure;

    #[test]
    fn the_two_are_measured_in_turn_and_the_first_round_does_not_count() {
        // Each is so many times as slow as it was at its first call.
        fn slower(calls: &mut (f64, f64)) -> io::Result<Pace> {
            calls.1 += 1.0;
            Ok(Pace { cpu: calls.0 * calls.1, rate: 1.0 })
        }
        let (mut one, mut other) = ((6.0, 0.0), (2.0, 0.0));
        let paces = side_by_side(slower, &mut one, &mut other, 3, &Stop::default()).unwrap();
        assert_eq!((one.1, other.1), (4.0, 4.0));
        assert_eq!(paces.cpu, Figure { median: 18.0, ratio: 3.0 });
    }

    #[test]
    fn a_signal_ends_it_before_anything_else_is_measured() {
        fn interrupted(calls: &mut u32) -> io::Result<Pace> {
            *calls += 1;
            raise(SIGTERM)?;
            Ok(Pace { cpu: 1.0, rate: 1.0 })
        }
        let stop = Stop::on_signals().unwrap();
        let (mut one, mut other) = (0, 0);
        let error = side_by_side(interrupted, &mut one, &mut other, 3, &stop).unwrap_err();
        assert_eq!((error.kind(), one, other), (ErrorKind::Interrupted, 1, 0));
    }

    #[test]
    fn the_plot_has_nanoseconds() {
        let figure = |median| Figure { median, ratio: 1.0 };
        let paces = |cpu, rate| vec![Paces { cpu: figure(cpu), rate: figure(rate) }];
        let (relays, joins) = (paces(2.0, 50_000.0), paces(90.0, 4000.0));
        let filled = Filled { runtime: "smol", relays, joins, empty: 1, resident: vec![2] };
        let series = filled.series();
        assert!(series.iter().all(|line| line.dashed));
        let nanos: Vec<_> = series.iter().map(|line| line.nanos[0].round()).collect();
        assert_eq!(nanos, [2000.0, 20_000.0, 90_000.0, 250_000.0]);
    }
}
