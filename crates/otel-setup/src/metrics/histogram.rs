//! Durations in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in nanoseconds and as OpenMetrics writes them: those that the HTTP semantic conventions advise.
pub(crate) const BOUNDS: [(u64, &str); 14] = [
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (75_000_000, "0.075"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (750_000_000, "0.75"),
    (1_000_000_000, "1.0"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5.0"),
    (7_500_000_000, "7.5"),
    (10_000_000_000, "10.0"),
];

/// Counts of durations by upper bound, and their sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    within: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    sum_nanos: AtomicU64,
}

/// What a histogram held at one moment.
pub(crate) struct Snapshot {
    /// How many lay within each bound and the ones before it.
    pub(crate) cumulative: [u64; BOUNDS.len()],
    pub(crate) count: u64,
    pub(crate) sum_nanos: u64,
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let index = BOUNDS.partition_point(|(bound, _)| *bound < nanos);
        self.within.get(index).unwrap_or(&self.beyond).fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut count = 0;
        let cumulative = std::array::from_fn(|index| {
            count += self.within.get(index).map_or(0, |bucket| bucket.load(Ordering::Relaxed));
            count
        });
        Snapshot {
            cumulative,
            count: count + self.beyond.load(Ordering::Relaxed),
            sum_nanos: self.sum_nanos.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for millis in [5, 6, 10_000, 10_001] {
            histogram.record(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        assert_eq!((snapshot.cumulative[0], snapshot.cumulative[1]), (1, 2));
        assert_eq!((snapshot.cumulative[13], snapshot.count), (3, 4));
        assert_eq!(snapshot.sum_nanos, 20_012_000_000);
    }
}
