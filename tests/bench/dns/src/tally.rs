//! What one run of load found.

use std::time::Duration;

/// Counts of one run, and how long it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Right answers in time.
    pub(crate) answered: u64,
    /// Queries without one.
    pub(crate) lost: u64,
    /// Replies that were wrong, late or not asked for. None of them is an answer.
    pub(crate) wrong: u64,
    /// Queries that were due and could not be sent, because too many were on their way.
    pub(crate) held_back: u64,
    /// How long was counted.
    pub(crate) time: Duration,
    /// Nanoseconds from send to receipt, when they were asked for.
    pub(crate) latencies: Vec<u32>,
}

impl Tally {
    /// Right answers per second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.answered) / self.time.as_secs_f64()
    }

    /// Adds the counts and the time of another run.
    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.held_back += other.held_back;
        self.time += other.time;
    }

    /// Queries without a right answer in time, of all.
    pub(crate) fn lost_share(&self) -> f64 {
        let lost = self.lost + self.wrong + self.held_back;
        count(lost) / count((self.answered + lost).max(1))
    }

    /// The latency in microseconds that `share` (0 to 1) of the answers did not exceed.
    pub(crate) fn percentile(&mut self, share: f64) -> Option<f64> {
        self.latencies.sort_unstable();
        let last = self.latencies.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length is a place within it"
        )]
        let place = (count(last as u64) * share).round() as usize;
        self.latencies.get(place).map(|&nanoseconds| f64::from(nanoseconds) / 1_000.0)
    }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count of a benchmark reaches 2 to the 53rd")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// The middle one; the mean of the middle two. `None` of none.
pub(crate) fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => Some(sorted[half]),
        _ => Some(f64::midpoint(*sorted.get(half.checked_sub(1)?)?, sorted[half])),
    }
}

/// The mean, for what is counted too coarsely in each round. `None` of none.
pub(crate) fn mean(numbers: &[f64]) -> Option<f64> {
    let sum: f64 = numbers.iter().sum();
    (!numbers.is_empty()).then(|| sum / count(numbers.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::{Tally, mean, median};

    #[test]
    fn medians_and_means() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!((mean(&[]), mean(&[1.0, 2.0, 6.0])), (None, Some(3.0)));
    }

    #[test]
    fn percentiles() {
        let mut tally = Tally { latencies: (0..=1000).rev().collect(), ..Tally::default() };
        assert_eq!(tally.percentile(0.5), Some(0.5));
        assert_eq!(tally.percentile(0.99), Some(0.99));
        assert_eq!(Tally::default().percentile(0.5), None);
    }
}
