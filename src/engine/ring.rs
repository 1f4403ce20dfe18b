//! How far behind, by one clock: the monitor's own.
//!
//! A replica's clock lies on an idle primary and its own idea of lag reads zero when the link is
//! cut. So the monitor remembers when it saw the primary at which position; a replica that has not
//! reached a position is at least as late as that sample is old. Nothing is compared across clocks,
//! and nothing needs to be written to the primary.

use std::{collections::VecDeque, time::Duration};

use super::{Lag, Moment, Position};

/// Samples of one primary's position, oldest first, positions strictly rising.
#[derive(Clone, Debug, Default)]
pub(super) struct PositionRing {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Moment,
    position: Position,
}

impl PositionRing {
    /// Samples kept. At one probe a second this reaches back over eight minutes; older lag is only
    /// known to be older than that.
    const CAPACITY: usize = 512;

    /// The primary was seen at `position`.
    ///
    /// Only the first sight of a position counts: it has been there since. A step back means
    /// another history, and forgets everything.
    pub(super) fn push(&mut self, position: Position, at: Moment) {
        match self.samples.back() {
            Some(last) if position == last.position => return,
            Some(last) if position < last.position => self.samples.clear(),
            _ => {}
        }
        if self.samples.len() == Self::CAPACITY {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at, position });
    }

    /// Forgets everything: the server is no primary any more, or a new one.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    /// How far a replica was behind that had applied everything up to `applied` at `at`; `None`
    /// without a sample from before `at`.
    ///
    /// `own_estimate` is the replica's own idea. It counts only when the replica is behind
    /// everything remembered, because then the ring knows no more than a lower bound.
    pub(super) fn lag(
        &self,
        applied: Position,
        own_estimate: Option<Duration>,
        at: Moment,
    ) -> Option<Lag> {
        let oldest = self.samples.front().filter(|oldest| oldest.at < at)?;
        if applied < oldest.position {
            let known = at.since(oldest.at);
            return Some(Lag(own_estimate.map_or(known, |estimate| estimate.max(known))));
        }
        // Positions and moments rise together.
        let first_missing = self.samples.partition_point(|sample| sample.position <= applied);
        let first_missing = self.samples.get(first_missing).filter(|sample| sample.at < at);
        Some(Lag(first_missing.map_or(Duration::ZERO, |sample| at.since(sample.at))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::PositionRing;
    use crate::engine::{Lag, Moment, Position};

    fn ring(samples: &[(u64, u64)]) -> PositionRing {
        let mut ring = PositionRing::default();
        for &(seconds, lsn) in samples {
            ring.push(Position::lsn(lsn), Moment::from_millis(seconds * 1000));
        }
        ring
    }

    fn lag(ring: &PositionRing, applied: u64, own: Option<u64>, at: u64) -> Option<u64> {
        let own = own.map(Duration::from_secs);
        let at = Moment::from_millis(at * 1000);
        ring.lag(Position::lsn(applied), own, at).map(|Lag(lag)| lag.as_secs())
    }

    #[test]
    fn lag_is_the_age_of_the_first_sample_not_reached() {
        let ring = ring(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(lag(&ring, 30, None, 4), Some(0));
        assert_eq!(lag(&ring, 35, None, 4), Some(0));
        assert_eq!(lag(&ring, 29, None, 4), Some(1));
        assert_eq!(lag(&ring, 20, None, 4), Some(1));
        assert_eq!(lag(&ring, 19, None, 4), Some(2));
    }

    #[test]
    fn an_idle_primary_makes_nobody_late() {
        let ring = ring(&[(1, 10), (2, 10), (600, 10)]);
        assert_eq!(lag(&ring, 10, Some(599), 601), Some(0));
    }

    #[test]
    fn a_replica_behind_everything_is_judged_by_its_own_clock_at_least() {
        let ring = ring(&[(10, 100), (11, 110)]);
        assert_eq!(lag(&ring, 5, Some(3600), 12), Some(3600));
        assert_eq!(lag(&ring, 5, Some(1), 12), Some(2));
        assert_eq!(lag(&ring, 5, None, 12), Some(2));
    }

    #[test]
    fn a_step_back_is_another_history() {
        let mut ring = ring(&[(1, 10), (2, 20)]);
        ring.push(Position::lsn(15), Moment::from_millis(3000));
        assert_eq!(lag(&ring, 15, None, 4), Some(0));
        ring.clear();
        assert_eq!(lag(&ring, 15, None, 4), None);
    }
}
