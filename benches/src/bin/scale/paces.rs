//! What measurements of a whole server say, beside those of one with ten members.

use std::time::Duration;

use benches::spread::Spread;

/// What one measurement gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// Microseconds of the server's CPU time for each.
    pub(super) cpu: f64,
    /// So many a second.
    pub(super) rate: f64,
}

impl Pace {
    /// Of so many, each of which is `costs` to share the CPU time among.
    pub(super) fn of(count: usize, costs: usize, cpu: Duration, wall: Duration) -> Self {
        let micros = cpu.as_secs_f64() * 1e6;
        Self { cpu: micros / (count * costs) as f64, rate: count as f64 / wall.as_secs_f64() }
    }
}

/// The paces at one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paces {
    pub(super) cpu: Figure,
    pub(super) rate: Figure,
}

impl Paces {
    /// Of the server's pace in each round, and that of the one with ten; `None` of no round.
    pub(super) fn of(rounds: &[(Pace, Pace)]) -> Option<Self> {
        let figure = |part: fn(&Pace) -> f64| {
            let paces = rounds.iter().map(|(pace, _)| part(pace));
            let ratios = rounds.iter().map(|(pace, ten)| part(pace) / part(ten));
            Some(Figure { median: Spread::of(paces)?.median, ratio: Spread::of(ratios)?.median })
        };
        Some(Self { cpu: figure(|pace| pace.cpu)?, rate: figure(|pace| pace.rate)? })
    }
}

/// A median, and that of its ratios to what the server with ten needed in the same round: what the
/// machine does meanwhile is in both, and not in the ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) ratio: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_shared_among_the_copies_and_wall_time_among_the_messages() {
        let pace = Pace::of(100, 9, Duration::from_micros(1800), Duration::from_millis(10));
        assert_eq!(pace, Pace { cpu: 2.0, rate: 10_000.0 });
    }

    #[test]
    fn a_drift_of_the_machine_is_not_in_the_ratio() {
        let round = |slower: f64| {
            let pace = |cpu: f64| Pace { cpu: cpu * slower, rate: 1000.0 / (cpu * slower) };
            (pace(3.0), pace(2.0))
        };
        let paces = Paces::of(&[1.0, 8.0, 2.0].map(round)).unwrap();
        assert_eq!(paces.cpu, Figure { median: 6.0, ratio: 1.5 });
        assert!((paces.rate.median - 1000.0 / 6.0).abs() < 1e-9);
        assert!((paces.rate.ratio - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn no_round_is_no_pace() {
        assert_eq!(Paces::of(&[]), None);
    }
}
