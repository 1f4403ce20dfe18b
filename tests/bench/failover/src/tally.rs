//! Times of rounds, among them rounds in which nothing was seen, and what they come to.

/// Milliseconds per round; `None` where nothing was seen within the bound. A negative time is a
/// move that came before the event from which it is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rounds: Vec<Option<f64>>,
}

impl Tally {
    /// Adds a round.
    pub(crate) fn add(&mut self, milliseconds: Option<f64>) {
        self.rounds.push(milliseconds);
    }

    /// How many rounds there were.
    pub(crate) fn count(&self) -> usize {
        self.rounds.len()
    }

    /// The nearest-rank percentile: the smallest time that at least `percent` of all rounds do not
    /// exceed, where an unseen one exceeds every time. Zero percent is the minimum. `None` without
    /// rounds, `Some(None)` when the rank falls on an unseen one.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Option<f64>> {
        let mut sorted = self.rounds.clone();
        let order = |time: &Option<f64>| time.unwrap_or(f64::INFINITY);
        sorted.sort_by(|one, other| order(one).total_cmp(&order(other)));
        let rank = (percent * sorted.len()).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(rounds: impl IntoIterator<Item = Option<f64>>) -> Tally {
        let mut tally = Tally::default();
        rounds.into_iter().for_each(|round| tally.add(round));
        tally
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let twenty = tally((1..=20).rev().map(|time| Some(f64::from(time))));
        let of = |percent| twenty.percentile(percent).flatten();
        assert_eq!([0, 50, 95, 99, 100].map(of), [1.0, 10.0, 19.0, 20.0, 20.0].map(Some));
        let three = tally([Some(-4.0), Some(9.0), Some(2.0)]);
        assert_eq!(three.percentile(50), Some(Some(2.0)));
        assert_eq!(three.percentile(0), Some(Some(-4.0)));
        assert_eq!(Tally::default().percentile(50), None);
    }

    #[test]
    fn what_was_not_seen_is_later_than_everything() {
        let mixed = tally([None, Some(1.0), None, Some(3.0)]);
        assert_eq!(mixed.percentile(50), Some(Some(3.0)));
        assert_eq!(mixed.percentile(51), Some(None));
        assert_eq!(mixed.count(), 4);
    }
}
