//! Is a replica fresh enough for one read name? With a memory, so that it does not flap around the
//! limit.

use std::time::Duration;

use super::{Lag, Thresholds};

/// Opens and closes one read name to one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LagGate {
    verdict: Option<Freshness>,
    /// Replies in a row that speak for the other verdict.
    contrary: u32,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Fresh,
    Lagging,
}

impl LagGate {
    /// One more reply of the replica; `lag` is `None` when a reply says that lag cannot be told,
    /// which is late.
    ///
    /// The first reply decides at once. After it, [`Thresholds::LAG_FALL`] replies over `max_lag`
    /// close the gate, and [`Thresholds::LAG_RISE`] replies under
    /// [`Thresholds::LAG_RETURN_PERCENT`] of it open it again.
    pub fn pass(&mut self, lag: Option<Lag>, max_lag: Duration) {
        let within = |limit: Duration| lag.is_some_and(|Lag(lag)| lag <= limit);
        let Some(verdict) = self.verdict else {
            let fresh = within(max_lag);
            self.verdict = Some(if fresh { Freshness::Fresh } else { Freshness::Lagging });
            return;
        };
        let (speaks_against, needed, other) = match verdict {
            Freshness::Fresh => (!within(max_lag), Thresholds::LAG_FALL, Freshness::Lagging),
            Freshness::Lagging => {
                let limit = max_lag * Thresholds::LAG_RETURN_PERCENT / 100;
                (within(limit), Thresholds::LAG_RISE, Freshness::Fresh)
            }
        };
        self.contrary = if speaks_against { self.contrary + 1 } else { 0 };
        if self.contrary >= needed {
            *self = Self { verdict: Some(other), contrary: 0 };
        }
    }

    /// Somebody else vouches for the replica: its group, or nobody asks for its lag.
    pub fn vouch(&mut self) {
        *self = Self { verdict: Some(Freshness::Fresh), contrary: 0 };
    }

    /// Whether the replica is fresh. One that was never compared is not known to be.
    pub fn is_fresh(self) -> bool {
        self.verdict == Some(Freshness::Fresh)
    }

    /// Whether the replica was compared at all.
    pub fn is_known(self) -> bool {
        self.verdict.is_some()
    }

    /// Whether the next replies may turn the verdict.
    pub fn is_in_doubt(self) -> bool {
        self.contrary > 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LagGate;
    use crate::engine::Lag;

    /// One letter per reply: what the gate says after it, `f`resh or `l`agging.
    fn verdicts(lags: &[Option<u64>]) -> String {
        let mut gate = LagGate::default();
        lags.iter()
            .map(|lag| {
                gate.pass(lag.map(|lag| Lag(Duration::from_secs(lag))), Duration::from_secs(10));
                if gate.is_fresh() { 'f' } else { 'l' }
            })
            .collect()
    }

    #[test]
    fn three_late_replies_close_and_two_good_ones_open() {
        let s = Some;
        assert_eq!(verdicts(&[s(0), s(11), s(12), s(13), s(9), s(8), s(8)]), "ffflllf");
    }

    #[test]
    fn a_peak_does_not_close_and_the_edge_does_not_open() {
        let s = Some;
        assert_eq!(verdicts(&[s(0), s(11), s(11), s(10), s(11), s(11)]), "ffffff");
        assert_eq!(verdicts(&[s(11), s(9), s(8), s(9), s(8), s(0)]), "lllllf");
    }

    #[test]
    fn what_cannot_be_told_is_late() {
        assert_eq!(verdicts(&[None, Some(0), Some(0)]), "llf");
        assert_eq!(verdicts(&[Some(0), None, None, None]), "fffl");
    }
}
