//! The page with the figures.

use std::fmt::Write as _;

use crate::filled::Filled;
use crate::rules::Series;
use crate::{MEMORY_LIMIT, ROOM, SIZES};

pub(super) fn page(series: &[Series], servers: &[Filled], repeat: u32) -> String {
    let mut out =
        String::from("# Scale\n\nWritten by `cargo run --release -p benches --bin scale`. ");
    let _ = writeln!(out, "Rooms of {ROOM}; the columns are the members in all.\n");
    if !series.is_empty() {
        let _ = writeln!(
            out,
            "## The rules\n\nNanoseconds, without sockets: medians of {repeat} rounds, all sizes in \
             turn in each. Only ratios within a row hold beyond this run.\n"
        );
        head(&mut out, "");
        for Series { name, nanos } in series {
            row(&mut out, name, nanos.iter().map(|nanos| format!("{nanos:.0}")));
        }
        out += "\n![what more members cost](scale.svg)\n\n";
    }
    if !servers.is_empty() {
        let limit = MEMORY_LIMIT / 1024;
        let _ = writeln!(
            out,
            "## The whole server\n\nKiB that the process has in memory, everyone having joined over \
             TCP and been heard over UDP; at most {limit} MiB with all of them.\n"
        );
        head(&mut out, " nobody |");
        for Filled { runtime, empty, resident } in servers {
            row(&mut out, runtime, [empty].into_iter().chain(resident).map(u64::to_string));
        }
    }
    out
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
        let series = [Series { name: "relay", nanos: vec![1.0, 2.0, 3.0, 4.0, 5.4] }];
        let servers = [Filled { runtime: "std", empty: 6, resident: vec![7, 8, 9, 10, 11] }];
        let page = page(&series, &servers, 3);
        assert!(page.contains("| relay | 1 | 2 | 3 | 4 | 5 |\n"));
        assert!(page.contains("| std | 6 | 7 | 8 | 9 | 10 | 11 |\n"));
        assert!(page.contains("| | nobody | 10 | 100 | 1000 | 10000 | 100000 |\n"));
    }
}
