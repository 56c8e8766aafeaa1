//! What has become of the counts.

use std::fmt;

use crate::kept::Count;

/// What a count may grow by: less is the compiler's or the allocator's whim.
const TOLERANCE: f64 = 0.05;

/// The counts of a run beside those that are kept.
pub(super) struct Comparison {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    before: Option<f64>,
    now: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Grew,
    Shrank,
    /// Counted, and not kept.
    New,
    /// Kept, and not counted any more.
    Gone,
}

impl Comparison {
    /// The rows are in the order of the run; what it has not counted comes last.
    pub(super) fn of(kept: &[Count], counted: &[Count]) -> Self {
        let find = |counts: &[Count], name: &str| {
            counts.iter().find(|count| count.name == name).map(|count| count.instructions)
        };
        let gone = kept.iter().filter(|count| find(counted, &count.name).is_none());
        let names = counted.iter().chain(gone).map(|count| count.name.clone());
        let row = |name: String| Row { before: find(kept, &name), now: find(counted, &name), name };
        Self { rows: names.map(row).collect() }
    }

    /// Whether nothing grew by more than it may, and all that is counted is kept.
    pub(super) fn is_acceptable(&self) -> bool {
        self.rows.iter().all(|row| matches!(row.verdict(), Verdict::Same | Verdict::Shrank))
    }

    /// Whether anything is not as it is kept.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.rows.iter().any(|row| row.verdict() != Verdict::Same)
    }
}

impl Row {
    fn verdict(&self) -> Verdict {
        match (self.before, self.now) {
            (Some(before), Some(now)) if now > before * (1.0 + TOLERANCE) => Verdict::Grew,
            (Some(before), Some(now)) if now < before * (1.0 - TOLERANCE) => Verdict::Shrank,
            (Some(_), Some(_)) => Verdict::Same,
            (None, _) => Verdict::New,
            (_, None) => Verdict::Gone,
        }
    }
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Grew => "  GREW by more than 5 %",
            Self::Shrank => "  shrank by more than 5 %: keep it, so that it stays so",
            Self::New => "  NEW: not kept yet",
            Self::Gone => "  GONE: kept, and not counted any more",
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12} {:>12} {:>7}", "kept", "now", "ratio")?;
        for row in &self.rows {
            let number = |count: Option<f64>| count.map_or("-".to_owned(), |n| format!("{n:.1}"));
            let ratio = row.before.zip(row.now).map(|(before, now)| now / before);
            let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
            let (before, now) = (number(row.before), number(row.now));
            let words = row.verdict().words();
            writeln!(f, "{before:>12} {now:>12} {ratio:>7}  {}{words}", row.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, f64)]) -> Vec<Count> {
        let count = |(name, instructions): &(&str, f64)| Count {
            name: (*name).to_owned(),
            instructions: *instructions,
        };
        counts.iter().map(count).collect()
    }

    #[test]
    fn only_growth_beyond_the_tolerance_is_refused() {
        for (now, verdict) in [
            (1000.0, Verdict::Same),
            (1049.9, Verdict::Same),
            (1050.1, Verdict::Grew),
            (950.1, Verdict::Same),
            (949.9, Verdict::Shrank),
        ] {
            let comparison = Comparison::of(&counts(&[("a", 1000.0)]), &counts(&[("a", now)]));
            assert_eq!(comparison.rows[0].verdict(), verdict, "{now}");
            assert_eq!(comparison.is_acceptable(), verdict != Verdict::Grew);
            assert_eq!(comparison.is_worth_keeping(), verdict != Verdict::Same);
        }
    }

    #[test]
    fn what_is_on_one_side_alone_is_refused() {
        let (kept, counted) =
            (counts(&[("a", 1.0), ("b", 2.0)]), counts(&[("c", 3.0), ("b", 2.0)]));
        let comparison = Comparison::of(&kept, &counted);
        let verdicts: Vec<_> = comparison.rows.iter().map(Row::verdict).collect();
        assert_eq!(verdicts, [Verdict::New, Verdict::Same, Verdict::Gone]);
        assert!(!comparison.is_acceptable());
        assert!(Comparison::of(&kept, &kept).is_acceptable());
    }

    #[test]
    fn the_table_has_old_new_and_ratio() {
        let comparison = Comparison::of(&counts(&[("a", 1000.0)]), &counts(&[("a", 1100.0)]));
        let text = comparison.to_string();
        let row: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().take(5).collect();
        assert_eq!(row, ["1000.0", "1100.0", "1.100", "a", "GREW"]);
    }
}
