//! The page: what counts first, all figures last.

use std::fmt::Write as _;
use std::fs;

use super::figures::{dash, latencies, median, micros, number, ranged, ratio, spread};
use super::table::markdown;
use crate::plan::Work;
use crate::run::{Effort, Outcome, Row};
use crate::sample::Sample;
use crate::system::System;

/// All the tables, in Markdown.
pub(crate) fn page(outcomes: &[Outcome], effort: Effort, cores: u32) -> String {
    let is_relay = |outcome: &&Outcome| matches!(outcome.cell.work, Work::Relay(_));
    let (relays, joins): (Vec<_>, Vec<_>) = outcomes.iter().partition(is_relay);
    let mut page = introduction(effort, cores);
    if !relays.is_empty() {
        page += "\n## CPU-µs a copy\n\n";
        page += "The server's user and system time, divided by the copies that arrived.\n\n";
        page += &by_cell(&relays, &systems(outcomes), |outcome, system| {
            median(outcome.row(*system).and_then(|row| spread(row, Sample::cpu_micros_a_copy)))
        });
        page += &pairs(
            "Against the bare loops",
            &relays,
            &[
                (System::Std, System::BareStd),
                (System::Smol, System::BareSmol),
                (System::BareRuns, System::BareStd),
                (System::Std, System::BareRuns),
                (System::Smol, System::BareRuns),
                (System::StdGro, System::BareStd),
                (System::SmolGro, System::BareSmol),
                (System::StdBundles, System::BareBundles),
                (System::SmolBundles, System::BareBundles),
            ],
        );
        page += &pairs(
            "Against other servers",
            &relays,
            &[
                (System::Std, System::Nats),
                (System::Smol, System::Nats),
                (System::StdBundles, System::Nats),
                (System::SmolBundles, System::Nats),
                (System::Std, System::Mosquitto),
                (System::Smol, System::Mosquitto),
            ],
        );
    }
    if !joins.is_empty() {
        page += "\n## Joins\n\n";
        page += &joins_table(&joins);
    }
    page += "\n## All figures\n\n";
    page += "Latency is from the send of a message to the arrival of each copy (of a join: from \
             connecting to the end of the reply), in µs. Memory is in MiB.\n\n";
    page + &everything(outcomes)
}

fn introduction(effort: Effort, cores: u32) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let Effort { repeat, measured, .. } = effort;
    format!(
        "# Comparison\n\n\
         Written by `cargo run --release -p benches --bin compare`, which takes minutes. \
         {cores} cores, loopback, Linux {kernel}; {repeat} repetitions of {measured:?}, all systems \
         in turn in each. Figures are medians of the repetitions; ratios are taken repetition by \
         repetition, with the least and the most in brackets. Only ratios hold beyond this run.\n\n\
         M members in a room, W messages under way at most, R rooms (1), S senders in each (1); \
         64-byte messages, or mixed sizes of 24 to 1000 bytes. Members receive one datagram after the \
         other, as the seed's do; with GRO, what the kernel kept together; with bundles, both. Each \
         member is a thread that sleeps until something comes for it, as the programs of people do; \
         or one thread waits for all of them, and is awake while there is much to hear. The harness \
         has one core and the server the rest, unless the cell says otherwise.\n",
        kernel = kernel.trim_end(),
    )
}

/// The systems that were measured, in the order of the tables.
fn systems(outcomes: &[Outcome]) -> Vec<System> {
    let mut systems = Vec::new();
    for row in outcomes.iter().flat_map(|outcome| &outcome.rows) {
        if !systems.contains(&row.system) {
            systems.push(row.system);
        }
    }
    systems
}

/// What a row of [`by_cell`] is about.
trait Named {
    fn name(&self) -> String;
}

impl Named for System {
    fn name(&self) -> String {
        System::name(*self).to_owned()
    }
}

impl Named for (System, System) {
    fn name(&self) -> String {
        format!("{} / {}", self.0.name(), self.1.name())
    }
}

/// A table with a column for each cell.
fn by_cell<T: Named>(
    outcomes: &[&Outcome],
    rows: &[T],
    figure: impl Fn(&Outcome, &T) -> String,
) -> String {
    let cells = outcomes.iter().map(|outcome| outcome.cell.name.as_str());
    let header: Vec<_> = ["system"].into_iter().chain(cells).collect();
    let row = |row: &T| {
        let figures = outcomes.iter().map(|outcome| figure(outcome, row));
        [row.name()].into_iter().chain(figures).collect()
    };
    markdown(&header, &rows.iter().map(row).collect::<Vec<_>>())
}

/// Ratios of CPU time a copy, for the pairs that were measured.
fn pairs(title: &str, outcomes: &[&Outcome], pairs: &[(System, System)]) -> String {
    let figure = |outcome: &Outcome, (above, below): &(System, System)| {
        ratio(outcome, *above, *below, Sample::cpu_micros_a_copy)
    };
    let measured: Vec<_> = pairs
        .iter()
        .filter(|pair| outcomes.iter().any(|outcome| figure(outcome, pair).is_some()))
        .copied()
        .collect();
    if measured.is_empty() {
        return String::new();
    }
    let table = by_cell(outcomes, &measured, |outcome, pair| ranged(figure(outcome, pair)));
    format!("\n### {title}\n\nRatios of CPU-µs a copy.\n\n{table}")
}

fn joins_table(outcomes: &[&Outcome]) -> String {
    let header = ["", "system", "joins/s", "CPU-µs a join", "joins/s of floor's", "CPU of floor's"];
    let rate = |sample: &Sample| Some(sample.messages_a_second());
    let row = |outcome: &Outcome, row: &Row| {
        let against = |figure: fn(&Sample) -> Option<f64>| {
            row.system
                .floor()
                .map_or_else(dash, |floor| ranged(ratio(outcome, row.system, floor, figure)))
        };
        vec![
            outcome.cell.name.clone(),
            row.system.name().to_owned(),
            median(spread(row, rate)),
            median(spread(row, Sample::cpu_micros_a_copy)),
            against(|sample| Some(sample.messages_a_second())),
            against(Sample::cpu_micros_a_copy),
        ]
    };
    let rows = outcomes.iter().flat_map(|outcome| outcome.rows.iter().map(|it| row(outcome, it)));
    markdown(&header, &rows.collect::<Vec<_>>())
}

fn everything(outcomes: &[Outcome]) -> String {
    let header = [
        "",
        "system",
        "msgs/s",
        "copies/s",
        "lost",
        "strays",
        "p50",
        "p99",
        "p99.9",
        "CPU-µs a copy",
        "VmRSS",
        "VmHWM",
    ];
    let rows = outcomes.iter().flat_map(|outcome| {
        outcome.rows.iter().map(|row| {
            let mut figures = vec![outcome.cell.name.clone(), row.system.name().to_owned()];
            figures.extend(all_of(row));
            figures
        })
    });
    markdown(&header, &rows.collect::<Vec<_>>())
}

fn all_of(row: &Row) -> Vec<String> {
    let sum = |figure: fn(&Sample) -> u64| {
        row.samples.iter().flatten().map(figure).sum::<u64>().to_string()
    };
    let latencies = latencies(row);
    let mut failures = String::new();
    let failed = row.samples.iter().filter(|sample| sample.is_none()).count();
    if failed > 0 {
        let _ = write!(failures, " ({failed} failed)");
    }
    let memory = |kib: fn(&Sample) -> Option<u64>| {
        spread(row, |sample| Some(kib(sample)? as f64 / 1024.0))
            .map_or_else(dash, |spread| number(spread.median))
    };
    vec![
        median(spread(row, |sample| Some(sample.messages_a_second()))) + &failures,
        median(spread(row, |sample| Some(sample.copies_a_second()))),
        sum(|sample| sample.lost),
        sum(|sample| sample.strays),
        micros(latencies.quantile(0.5)),
        micros(latencies.quantile(0.99)),
        micros(latencies.quantile(0.999)),
        ranged(spread(row, Sample::cpu_micros_a_copy)),
        memory(|sample| Some(sample.memory?.resident)),
        memory(|sample| Some(sample.memory?.peak)),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::figures::tests::outcome;
    use super::*;

    const EFFORT: Effort =
        Effort { repeat: 2, measured: Duration::from_secs(1), warm_up: Duration::ZERO };

    #[test]
    fn the_page_has_each_system_and_the_ratios_that_can_be_taken() {
        let outcome = outcome(&[
            (System::Std, &[Some(11), Some(12)]),
            (System::BareStd, &[Some(10), Some(10)]),
            (System::Nats, &[Some(22), None]),
        ]);
        let page = page(&[outcome], EFFORT, 2);
        for line in [
            "| system | M=10 W=1 |",
            "| std | 11.5 |",
            "| std / bare std | 1.15 (1.10–1.20) |",
            "| std / nats-server | 0.50 (0.50–0.50) |",
            "| M=10 W=1 | nats-server | 10.0 (1 failed) | 90.0 | 0 | 0 | – | – | – | 22.0 (22.0–22.0) | – | – |",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
        assert!(!page.contains("mosquitto") && !page.contains("Joins"));
    }

    #[test]
    fn joins_have_a_table_of_their_own() {
        let mut outcome = outcome(&[(System::Smol, &[Some(30)]), (System::BareSmol, &[Some(20)])]);
        outcome.cell.work = Work::Joins { at_once: 1 };
        let page = page(&[outcome], EFFORT, 2);
        let line = "| M=10 W=1 | smol | 10.0 | 30.0 | 1.00 (1.00–1.00) | 1.50 (1.50–1.50) |";
        assert!(page.lines().any(|it| it == line), "{page}");
        assert!(!page.contains("CPU-µs a copy\n"));
    }
}
