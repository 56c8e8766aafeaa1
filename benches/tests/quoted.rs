//! Every ratio that the READMEs quote is one that the last whole comparison measured.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests assert")]

const RESULTS: &str = include_str!("../results/compare.md");
const READMES: [&str; 2] = [include_str!("../../README.md"), include_str!("../../README.ja.md")];

/// What a row is called in either README, and the row of the results that it quotes.
type Row = ([&'static str; 2], &'static str);

const QUIET: [&str; 4] = ["M=2 W=1", "M=10 W=1", "M=100 W=1", "M=1000 W=1"];

const QUIET_ROWS: [Row; 4] = [
    (
        [
            "`std` against a bare blocking receive-and-send loop",
            "`std` ÷ ブロッキングの送受信だけのループ",
        ],
        "std / bare std",
    ),
    (
        ["`smol` against the same loop on async-io", "`smol` ÷ async-io の同じループ"],
        "smol / bare smol",
    ),
    (["`std` against nats-server", "`std` ÷ nats-server"], "std / nats-server"),
    (["`std` against mosquitto", "`std` ÷ mosquitto"], "std / mosquitto"),
];

const BUSY: [&str; 7] = [
    "M=2 W=64, any core",
    "M=10 W=64, any core",
    "M=100 W=64, any core",
    "M=10 W=64, one core",
    "M=100 W=64, one core",
    "M=10 W=64",
    "M=100 W=64",
];

const BUSY_ROWS: [Row; 6] = [
    (
        ["`std`, bundles, against nats-server", "`std`、バンドル ÷ nats-server"],
        "std, bundles / nats-server",
    ),
    (
        [
            "`std`, bundles, against a bare loop that bundles",
            "`std`、バンドル ÷ バンドルするだけのループ",
        ],
        "std, bundles / bare, bundles",
    ),
    (
        [
            "`std`, GRO, against the bare receive-and-send loop",
            "`std`、GRO ÷ ブロッキングの送受信だけのループ",
        ],
        "std, GRO / bare std",
    ),
    (
        ["`std`, one by one, against the same loop", "`std`、1 つずつ ÷ 同じループ"],
        "std / bare std",
    ),
    (
        [
            "`std`, one by one, against a bare loop that sends runs",
            "`std`、1 つずつ ÷ まとめて送るだけのループ",
        ],
        "std / bare, runs",
    ),
    (
        ["`std`, one by one, against nats-server", "`std`、1 つずつ ÷ nats-server"],
        "std / nats-server",
    ),
];

#[test]
fn a_quiet_room_is_quoted_as_it_was_measured() {
    QUIET_ROWS.iter().for_each(|row| check(row, &QUIET));
}

#[test]
fn a_busy_room_is_quoted_as_it_was_measured() {
    BUSY_ROWS.iter().for_each(|row| check(row, &BUSY));
}

fn check((labels, row): &Row, columns: &[&str]) {
    let expected = measured(row, columns);
    for (readme, label) in READMES.iter().zip(labels) {
        let quoted = readme.lines().map(cells).find(|cells| cells[0] == *label);
        let quoted = quoted.unwrap_or_else(|| panic!("no row {label}"));
        assert_eq!(quoted[1..], expected, "{label}");
    }
}

/// The medians in the first row of that name.
fn measured(row: &str, columns: &[&str]) -> Vec<&'static str> {
    let table: Vec<_> = RESULTS.lines().map(cells).collect();
    let at = table.iter().position(|cells| cells[0] == row).unwrap_or_else(|| panic!("{row}"));
    let header = table[..at].iter().rfind(|cells| cells[0] == "system").unwrap();
    let median = |column: &&str| {
        let place =
            header.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"));
        table[at][place].split(' ').next().unwrap()
    };
    columns.iter().map(median).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}
