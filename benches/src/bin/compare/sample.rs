//! What one slice gave, and what several say together.

use std::time::Duration;

use benches::proc_fs::Memory;

use crate::histogram::Histogram;

/// One slice: one system in one cell, once.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Messages, or joins.
    pub(crate) messages: u64,
    /// Copies that arrived; a join is one.
    pub(crate) copies: u64,
    pub(crate) lost: u64,
    /// Copies that nobody waited for: doubled, late, or changed on the way.
    pub(crate) strays: u64,
    pub(crate) wall: Duration,
    /// The server's own.
    pub(crate) cpu: Option<Duration>,
    pub(crate) memory: Option<Memory>,
    pub(crate) latencies: Histogram,
}

impl Sample {
    pub(crate) fn cpu_micros_a_copy(&self) -> Option<f64> {
        let cpu = self.cpu?.as_secs_f64() * 1e6;
        (self.copies > 0).then(|| cpu / self.copies as f64)
    }

    pub(crate) fn messages_a_second(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }

    pub(crate) fn copies_a_second(&self) -> f64 {
        self.copies as f64 / self.wall.as_secs_f64()
    }
}

/// A median, and how far the values lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` of nothing. The median of an even number is the mean of the two in the middle.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Self { median: f64::midpoint(lower, upper), least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_values_counts() {
        assert_eq!(Spread::of([]), None);
        let spread = |median, least, most| Some(Spread { median, least, most });
        assert_eq!(Spread::of([3.0]), spread(3.0, 3.0, 3.0));
        assert_eq!(Spread::of([9.0, 1.0, 2.0]), spread(2.0, 1.0, 9.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]), spread(3.0, 1.0, 9.0));
        assert_eq!(Spread::of([f64::NAN, 5.0]), spread(5.0, 5.0, 5.0));
    }

    #[test]
    fn figures_are_of_what_arrived() {
        let mut sample = Sample {
            messages: 10,
            copies: 90,
            lost: 10,
            strays: 0,
            wall: Duration::from_millis(500),
            cpu: Some(Duration::from_micros(180)),
            memory: None,
            latencies: Histogram::new(),
        };
        assert_eq!(sample.cpu_micros_a_copy(), Some(2.0));
        assert_eq!(sample.messages_a_second(), 20.0);
        assert_eq!(sample.copies_a_second(), 180.0);
        sample.copies = 0;
        assert_eq!(sample.cpu_micros_a_copy(), None);
    }
}
