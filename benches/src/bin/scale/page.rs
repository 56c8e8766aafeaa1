//! The page with the figures.

use std::fmt::Write as _;

use crate::filled::Filled;
use crate::paces::{Figure, Paces};
use crate::plot::Series;
use crate::{MEMORY_LIMIT, ROOM, SIZES};

pub(super) fn page(rules: &[Series], servers: &[Filled], repeat: u32) -> String {
    let mut out =
        String::from("# Scale\n\nWritten by `cargo run --release -p benches --bin scale`. ");
    let _ = writeln!(out, "Rooms of {ROOM}; the columns are the members in all.\n");
    out += "![what more members cost](scale.svg)\n";
    if !rules.is_empty() {
        of_the_rules(&mut out, rules, repeat);
    }
    if !servers.is_empty() {
        of_the_servers(&mut out, servers, repeat);
    }
    out
}

fn of_the_rules(out: &mut String, rules: &[Series], repeat: u32) {
    let _ = writeln!(
        out,
        "\n## The rules\n\nNanoseconds, without sockets: medians of {repeat} rounds, all sizes in \
         turn in each. Only ratios within a row hold beyond this run.\n"
    );
    head(out, "");
    for Series { name, nanos, .. } in rules {
        row(out, name, nanos.iter().map(|nanos| format!("{nanos:.0}")));
    }
}

fn of_the_servers(out: &mut String, servers: &[Filled], repeat: u32) {
    let _ = writeln!(
        out,
        "\n## The whole server\n\nA process, on one core with its members, which come over TCP and speak \
         over UDP. Medians of {repeat} rounds. In brackets: the median of the ratios to a server with {ROOM} \
         members that is measured in the same round. Only they hold beyond this run."
    );
    let tables: [(&str, Cell); 4] = [
        ("Relays, all rooms in turn: CPU-µs of the server a copy", |filled, place| {
            with_ratio(filled.relays.get(place), |paces| paces.cpu, 2)
        }),
        ("Relays, all rooms in turn: messages a second, one at a time", |filled, place| {
            with_ratio(filled.relays.get(place), |paces| paces.rate, 0)
        }),
        (
            "Joins, all rooms in turn: CPU-µs of the server a join, with the leaving",
            |filled, place| with_ratio(filled.joins.get(place), |paces| paces.cpu, 1),
        ),
        ("Joins, all rooms in turn: newcomers who join and leave a second", |filled, place| {
            with_ratio(filled.joins.get(place), |paces| paces.rate, 0)
        }),
    ];
    for (title, cell) in tables {
        let _ = writeln!(out, "\n### {title}\n");
        head(out, "");
        for filled in servers {
            row(out, filled.runtime, (0..SIZES.len()).map(|place| cell(filled, place)));
        }
    }
    let limit = MEMORY_LIMIT / 1024;
    let _ = writeln!(
        out,
        "\n### Memory\n\nKiB that the process has in memory after all that; at most {limit} MiB with all \
         of them.\n"
    );
    head(out, " nobody |");
    for Filled { runtime, empty, resident, .. } in servers {
        row(out, runtime, [empty].into_iter().chain(resident).map(u64::to_string));
    }
}

/// What a table says of a server at the size that is in that place.
type Cell = fn(&Filled, usize) -> String;

fn with_ratio(paces: Option<&Paces>, part: fn(&Paces) -> Figure, digits: usize) -> String {
    let Some(Figure { median, ratio }) = paces.map(part) else { return String::new() };
    format!("{median:.digits$} ({ratio:.2})")
}

fn head(out: &mut String, first: &str) {
    let sizes: String = SIZES.iter().map(|size| format!(" {size} |")).collect();
    let columns = first.matches('|').count() + SIZES.len();
    let _ = writeln!(out, "| |{first}{sizes}\n| --- |{}", " ---: |".repeat(columns));
}

fn row(out: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!(" {cell} |")).collect();
    let _ = writeln!(out, "| {name} |{cells}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_cell_for_each_size() {
        let rules = [Series { name: "relay", dashed: false, nanos: vec![1.0, 2.0, 3.0, 4.0, 5.4] }];
        let paces = |place: u32| Paces {
            cpu: Figure { median: 1.5 + f64::from(place), ratio: 1.0 },
            rate: Figure { median: 5000.4, ratio: 0.994 },
        };
        let servers = [Filled {
            runtime: "std",
            relays: (0..5).map(paces).collect(),
            joins: (5..10).map(paces).collect(),
            empty: 6,
            resident: vec![7, 8, 9, 10, 11],
        }];
        let page = page(&rules, &servers, 3);
        for row in [
            "| relay | 1 | 2 | 3 | 4 | 5 |\n",
            "| std | 1.50 (1.00) | 2.50 (1.00) | 3.50 (1.00) | 4.50 (1.00) | 5.50 (1.00) |\n",
            "| std | 6.5 (1.00) | 7.5 (1.00) | 8.5 (1.00) | 9.5 (1.00) | 10.5 (1.00) |\n",
            "| std | 6 | 7 | 8 | 9 | 10 | 11 |\n",
            "| | nobody | 10 | 100 | 1000 | 10000 | 100000 |\n",
        ] {
            assert!(page.contains(row), "{row}");
        }
        let rate = format!("| std |{}\n", " 5000 (0.99) |".repeat(5));
        assert_eq!(page.matches(&rate).count(), 2);
    }

    #[test]
    fn a_part_that_was_not_measured_is_left_out() {
        let rules = [Series { name: "relay", dashed: false, nanos: vec![1.0; 5] }];
        let page = page(&rules, &[], 3);
        assert!(page.contains("## The rules") && !page.contains("The whole server"));
    }
}
