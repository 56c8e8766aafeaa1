//! What the samples say: medians, ratios taken repetition by repetition, and how they are written.

use benches::spread::Spread;

use crate::histogram::Histogram;
use crate::plan::Work;
use crate::run::{Outcome, Row};
use crate::sample::Sample;
use crate::system::System;

/// The median of a figure over the repetitions.
pub(super) fn spread(row: &Row, figure: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
    Spread::of(row.samples.iter().flatten().filter_map(figure))
}

/// The ratio of a figure of two systems, each repetition by itself: what else the machine did then
/// met both.
pub(super) fn ratio(
    outcome: &Outcome,
    above: System,
    below: System,
    figure: impl Fn(&Sample) -> Option<f64>,
) -> Option<Spread> {
    let (above, below) = (outcome.row(above)?, outcome.row(below)?);
    let pairs = above.samples.iter().zip(&below.samples);
    Spread::of(
        pairs
            .filter_map(|(above, below)| Some(figure(above.as_ref()?)? / figure(below.as_ref()?)?)),
    )
}

/// All the latencies of a row.
pub(super) fn latencies(row: &Row) -> Histogram {
    row.samples.iter().flatten().fold(Histogram::new(), |mut all, sample| {
        all.add(&sample.latencies);
        all
    })
}

/// A group of bars of the plot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    /// A system's name and its median.
    pub(super) bars: Vec<(&'static str, Spread)>,
}

/// CPU time a copy, a group for each relay cell.
pub(super) fn bars(outcomes: &[Outcome]) -> Vec<Group> {
    let relays = outcomes.iter().filter(|outcome| matches!(outcome.cell.work, Work::Relay(_)));
    let group = |outcome: &Outcome| Group {
        name: outcome.cell.name.clone(),
        bars: outcome
            .rows
            .iter()
            .filter_map(|row| Some((row.system.name(), spread(row, Sample::cpu_micros_a_copy)?)))
            .collect(),
    };
    relays.map(group).collect()
}

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        ..99_950.0 => format!("{value:.0}"),
        ..999_500.0 => format!("{:.0} k", value / 1e3),
        _ => format!("{:.2} M", value / 1e6),
    }
}

/// A time in nanoseconds, in microseconds.
pub(super) fn micros(nanos: Option<u64>) -> String {
    nanos.map_or_else(dash, |nanos| number(nanos as f64 / 1e3))
}

/// The median alone.
pub(super) fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |spread| number(spread.median))
}

/// The median, and between what the repetitions lay.
pub(super) fn ranged(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |Spread { median, least, most }| {
        format!("{} ({}–{})", number(median), number(least), number(most))
    })
}

pub(super) fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use benches::cores::Placement;

    use super::*;
    use crate::payload::Sizes;
    use crate::plan::{Cell, Hearing, Load};

    /// An outcome whose systems needed so many microseconds a copy; `None` is a failure.
    pub(in crate::report) fn outcome(rows: &[(System, &[Option<u64>])]) -> Outcome {
        let sample = |micros: u64| Sample {
            messages: 10,
            copies: 90,
            lost: 0,
            strays: 0,
            wall: Duration::from_secs(1),
            cpu: Some(Duration::from_micros(micros * 90)),
            memory: None,
            latencies: Histogram::new(),
        };
        let row = |(system, micros): &(System, &[Option<u64>])| Row {
            system: *system,
            samples: micros.iter().map(|micros| micros.map(sample)).collect(),
        };
        let load = Load {
            rooms: 1,
            members: 10,
            senders: 1,
            window: 1,
            sizes: Sizes::Fixed(64),
            hearing: Hearing::Threads,
        };
        let cell = Cell {
            name: "M=10 W=1".to_owned(),
            work: Work::Relay(load),
            placement: Placement::Apart,
        };
        Outcome { cell, rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn ratios_are_of_the_same_repetition() {
        let std: &[_] = &[Some(2), Some(40), Some(3), None];
        let bare: &[_] = &[Some(1), Some(20), None, Some(1)];
        let outcome = outcome(&[(System::Std, std), (System::BareStd, bare)]);
        let ratio = ratio(&outcome, System::Std, System::BareStd, Sample::cpu_micros_a_copy);
        assert_eq!(ratio, Some(Spread { median: 2.0, least: 2.0, most: 2.0 }));
    }

    #[test]
    fn a_system_that_was_not_measured_has_no_ratio() {
        let outcome = outcome(&[(System::Std, &[Some(2)])]);
        let ratio = ratio(&outcome, System::Std, System::Nats, Sample::cpu_micros_a_copy);
        assert_eq!((ratio, ranged(ratio)), (None, dash()));
        assert_eq!(bars(&[outcome])[0].bars.len(), 1);
    }

    #[test]
    fn figures_are_short() {
        for (value, text) in [
            (0.117, "0.12"),
            (9.994, "9.99"),
            (12.34, "12.3"),
            (123.4, "123"),
            (12_345.0, "12345"),
            (123_456.0, "123 k"),
            (1_234_567.0, "1.23 M"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(micros(Some(1_500)), "1.50");
        let spread = Spread { median: 1.04, least: 0.99, most: 1.2 };
        assert_eq!(ranged(Some(spread)), "1.04 (0.99–1.20)");
    }
}
