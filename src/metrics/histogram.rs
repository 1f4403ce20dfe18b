//! How long something takes, in buckets with fixed upper ends.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Durations in `N` buckets, the last of which has no upper end.
///
/// One may count while others read. A reader may see a duration in a bucket before it is in the
/// sum.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    /// Not cumulative.
    buckets: [AtomicU64; N],
    sum_micros: AtomicU64,
}

/// What a histogram has counted so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramTotals {
    /// How many durations were at most as long as the upper end of each bucket; the last number is
    /// that of all.
    pub cumulative: Vec<u64>,
    /// All durations together.
    pub sum: Duration,
}

impl<const N: usize> Histogram<N> {
    /// Counts `duration`. `ends` are the upper ends of all buckets but the last, ascending.
    pub fn note(&self, duration: Duration, ends: &[Duration]) {
        let place = ends.iter().take(N - 1).take_while(|end| duration > **end).count();
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn totals(&self) -> HistogramTotals {
        let sum = Duration::from_micros(self.sum_micros.load(Ordering::Relaxed));
        let mut below = 0;
        let cumulative = self.buckets.iter().map(|bucket| {
            below += bucket.load(Ordering::Relaxed);
            below
        });
        HistogramTotals { cumulative: cumulative.collect(), sum }
    }
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { buckets: array::from_fn(|_| AtomicU64::new(0)), sum_micros: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_every_bucket_that_ends_at_or_after_it() {
        let ends = [10, 20].map(Duration::from_millis);
        let histogram = Histogram::<3>::default();
        for millis in [1, 10, 11, 20, 21, 1_000_000] {
            histogram.note(Duration::from_millis(millis), &ends);
        }
        let totals = histogram.totals();
        assert_eq!(totals.cumulative, [2, 4, 6]);
        assert_eq!(totals.sum, Duration::from_millis(1_000_063));
    }
}
