//! The file in which the counts are kept: a page with a table, for people and for this program.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// How many instructions something takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) instructions: f64,
}

/// What the file says.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) counts: Vec<Count>,
    /// The compiler with which they were counted.
    compiler: String,
}

/// What comes before the name of the compiler.
const COMPILER: &str = "Counted with ";

impl Kept {
    /// Says that they are of another compiler, where they are.
    pub(super) fn origin_if_another(&self) -> String {
        let (here, there) = (compiler(), &self.compiler);
        if here == *there {
            return String::new();
        }
        format!("The counts kept are of {there}; this is {here}, which may be all the difference.")
    }
}

/// Reads the file.
pub(super) fn read(path: &Path) -> io::Result<Kept> {
    let text = fs::read_to_string(path)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    Ok(parse(&text))
}

fn parse(page: &str) -> Kept {
    let compiler = page.lines().find_map(|line| line.strip_prefix(COMPILER)).unwrap_or_default();
    let compiler = compiler.trim_end_matches('.').to_owned();
    Kept { counts: page.lines().filter_map(row).collect(), compiler }
}

/// A row of the table: its name is set as code.
fn row(line: &str) -> Option<Count> {
    let mut cells = line.strip_prefix("| `")?.split('|');
    let name = cells.next()?.trim_end().strip_suffix('`')?.to_owned();
    let instructions = cells.next()?.trim().replace(',', "").parse().ok()?;
    Some(Count { name, instructions })
}

/// Writes the file.
pub(super) fn write(path: &Path, counts: &[Count]) -> io::Result<()> {
    fs::write(path, page(counts, &compiler()))
}

fn page(counts: &[Count], compiler: &str) -> String {
    let mut page = format!(
        "# Instructions\n\n\
         What one round of each takes, as [benches](../README.md#instructions) counts it. Written by\n\
         `cargo run --release --locked -p benches --bin instructions -- --accept`.\n\n\
         {COMPILER}{compiler}.\n\n\
         | what | instructions |\n|---|---|\n"
    );
    for Count { name, instructions } in counts {
        let _ = writeln!(page, "| `{name}` | {instructions:.1} |");
    }
    page
}

/// The compiler that Cargo uses, as it calls itself, and for what.
fn compiler() -> String {
    let name = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(name).arg("--version").output().ok();
    let version = output.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("an unknown compiler", str::trim);
    format!("{version}, {}", env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let counts = [("datagram/room_of/2", 512.0), ("join/among/10", 4711.5)]
            .map(|(name, instructions)| Count { name: name.to_owned(), instructions });
        let kept = parse(&page(&counts, "rustc 1.2.3 (x), x86_64"));
        assert_eq!(kept.counts, counts);
        assert_eq!(kept.compiler, "rustc 1.2.3 (x), x86_64");
        assert!(kept.origin_if_another().contains("rustc 1.2.3"));
    }

    #[test]
    fn what_is_no_row_is_none() {
        for line in ["", "| what | instructions |", "|---|---|", "| `a` |", "| `a` | many |"] {
            assert_eq!(row(line), None, "{line}");
        }
        assert_eq!(row("| `a` | 1,234.5 |").unwrap().instructions, 1234.5);
    }
}
