//! How long a probe task rests at each pace.
//!
//! Slow is for a server that has long been dead: the rest doubles with each failure that says the
//! same again, from `interval` up to [`Thresholds::SLOWEST`]. Any other outcome and any hint make
//! the next rest a fast one, and the doubling starts anew.

use std::time::Duration;

use super::Share;
use crate::{
    config::ProbeConfig,
    engine::{FailureKind, Outcome, Pace, Thresholds},
};

/// What the last outcomes mean for the next rest.
#[derive(Debug, Default)]
pub struct Stride {
    /// How the last probe failed; `None` when it did not, or a hint came since.
    failing: Option<FailureKind>,
    /// Failures of that kind since it began or the pace became slow, the first one not counted.
    repeats: u32,
}

impl Stride {
    /// Notes what a probe that was asked at `pace` came to.
    pub fn note(&mut self, outcome: &Outcome, pace: Pace) {
        let failing = match outcome {
            Outcome::Failed(failure) => Some(failure.kind),
            Outcome::Answered(_) | Outcome::Witnessed(..) => None,
        };
        self.repeats = match (failing.is_some() && failing == self.failing, pace) {
            (false, _) => 0,
            (true, Pace::Slow) => self.repeats.saturating_add(1),
            (true, Pace::Normal | Pace::Fast | Pace::Urgent | Pace::Sprint) => 1,
        };
        self.failing = failing;
    }

    /// A hint: whatever was known is in doubt.
    pub fn doubt(&mut self) {
        *self = Self::default();
    }

    /// From the start of the last probe to that of the next, without jitter, with this `share` of
    /// what all tasks may ask.
    pub fn rest(&self, pace: Pace, share: Share, config: &ProbeConfig) -> Duration {
        match (pace, self.repeats) {
            (Pace::Normal, _) => config.interval,
            (Pace::Fast, _) | (Pace::Slow, 0) => share.fast(config),
            (Pace::Urgent, _) => share.fast(config) / 2,
            (Pace::Sprint, _) => share.sprint(config),
            (Pace::Slow, repeats) => {
                let doubled = config.interval.saturating_mul(2_u32.saturating_pow(repeats - 1));
                doubled.min(Thresholds::SLOWEST.max(config.interval))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Share, Stride};
    use crate::{
        config::ProbeConfig,
        engine::{
            Facts, Failure,
            FailureKind::{Refused, TimedOut},
            Outcome,
            Pace::{self, Fast, Normal, Slow, Sprint, Urgent},
        },
        probe::test_config,
    };

    fn config(interval: u64) -> ProbeConfig {
        let interval = Duration::from_millis(interval);
        ProbeConfig { interval, ..test_config(Duration::from_millis(1500)) }
    }

    /// The rests, in milliseconds, after each of these outcomes.
    fn rests(interval: u64, outcomes: &[(Option<crate::engine::FailureKind>, Pace)]) -> Vec<u128> {
        let config = config(interval);
        let mut stride = Stride::default();
        let rest = |&(kind, pace): &(Option<_>, Pace)| {
            let failed = |kind| Outcome::Failed(Failure::new(kind, ""));
            let outcome = kind.map_or(Outcome::Answered(Facts::Tcp), failed);
            stride.note(&outcome, pace);
            stride.rest(pace, Share::default(), &config).as_millis()
        };
        outcomes.iter().map(rest).collect()
    }

    #[test]
    fn normal_and_fast_are_what_they_say() {
        let refused = Some(Refused);
        let played =
            [(None, Normal), (refused, Fast), (refused, Normal), (None, Urgent), (None, Sprint)];
        assert_eq!(rests(1000, &played), [1000, 250, 1000, 125, 15]);
    }

    #[test]
    fn slow_doubles_up_to_its_limit_whatever_came_before() {
        let mut played = vec![(Some(Refused), Normal); 60];
        played.extend([(Some(Refused), Slow); 5]);
        assert_eq!(rests(1000, &played)[60..], [2000, 4000, 5000, 5000, 5000]);
        assert_eq!(rests(10_000, &played)[60..], [10_000; 5]);
        let for_long = vec![(Some(Refused), Slow); 100];
        assert_eq!(rests(1000, &for_long)[1..5], [1000, 2000, 4000, 5000]);
        assert_eq!(rests(1000, &for_long)[99], 5000);
    }

    #[test]
    fn any_sign_makes_it_fast_again() {
        let mut played = vec![(Some(Refused), Slow); 10];
        played.extend([(Some(TimedOut), Slow), (Some(TimedOut), Slow), (None, Slow), (None, Slow)]);
        assert_eq!(rests(1000, &played)[10..], [250, 1000, 250, 250]);
    }

    #[test]
    fn a_hint_is_a_sign() {
        let config = config(1000);
        let mut stride = Stride::default();
        let refused = Outcome::Failed(Failure::new(Refused, ""));
        for _ in 0..9 {
            stride.note(&refused, Slow);
        }
        stride.doubt();
        stride.note(&refused, Slow);
        assert_eq!(stride.rest(Slow, Share::default(), &config), config.fast_interval);
        stride.note(&refused, Slow);
        assert_eq!(stride.rest(Slow, Share::default(), &config), config.interval);
    }
}
