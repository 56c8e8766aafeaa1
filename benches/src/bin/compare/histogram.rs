//! Latencies in bounded space, to within 1.6 %.

/// Buckets in each doubling.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// All the doublings of 64 bits.
const BUCKETS: usize = (STEPS as usize) * (64 - STEP_BITS as usize + 1);

/// How often which latency occurred, in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into(), total: 0 }
    }

    pub(crate) fn record(&mut self, nanos: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// Takes over all that `other` has.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many there are.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The latency that a share of `quantile` do not exceed; `None` when there are none.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = ((self.total as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| middle(bucket as u64))
        })
    }
}

/// Exact below `STEPS`; above, the leading bits and how many follow them.
fn bucket(nanos: u64) -> usize {
    let shift = nanos.checked_ilog2().unwrap_or_default().saturating_sub(STEP_BITS);
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// A latency in the middle of a bucket.
fn middle(bucket: u64) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let leading = bucket - shift * STEPS;
    (leading << shift) + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_kept_to_within_a_64th() {
        let values = (0..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for nanos in values.chain([100, 1_000, 12_345, 987_654_321, u64::MAX]) {
            let kept = middle(bucket(nanos) as u64);
            assert!(kept.abs_diff(nanos) <= nanos / 64, "{nanos} became {kept}");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), None);
        for nanos in 1..=50 {
            histogram.record(nanos);
        }
        for (quantile, nanos) in
            [(0.0, 1), (0.5, 25), (0.51, 26), (0.98, 49), (0.99, 50), (1.0, 50)]
        {
            assert_eq!(histogram.quantile(quantile), Some(nanos), "{quantile}");
        }
    }

    #[test]
    fn histograms_add_up() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        one.record(10);
        other.record(20);
        other.record(u64::MAX);
        one.add(&other);
        assert_eq!(one.quantile(0.3), Some(10));
        assert_eq!(one.quantile(0.6), Some(20));
        assert!(one.quantile(1.0) > Some(u64::MAX / 2));
    }
}
