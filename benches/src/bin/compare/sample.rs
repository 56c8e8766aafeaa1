//! What one slice gave.

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

#[cfg(test)]
mod tests {
    use super::*;

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
