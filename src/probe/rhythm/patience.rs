//! How long a probe waits for its server.
//!
//! After a first silence for the whole `timeout`, the next few probes wait only as long as a healthy
//! server would need several times over, so that a silent host is known in little more than one
//! `timeout` rather than in `fall` of them. After that they are patient again, because a server that
//! comes back may be slow.

use std::time::Duration;

use crate::{
    config::ProbeConfig,
    engine::{FailureKind, Outcome},
};

/// What was seen of a server's speed.
#[derive(Debug, Default)]
pub struct Patience {
    /// How long the last two fresh connections took, login and all. The faster one counts: the first
    /// one after an outage has often waited for TCP to send again, which says nothing of the server.
    fresh_took: [Option<Duration>; 2],
    /// Probes in a row that got no reply, wherever it was lost.
    silences: u32,
}

impl Patience {
    /// A fresh connection took so long, login and all.
    pub fn note_fresh(&mut self, took: Duration) {
        self.fresh_took = [Some(took), self.fresh_took[0]];
    }

    /// Notes what a probe came to.
    pub fn note(&mut self, outcome: &Outcome) {
        let silent = matches!(
            outcome,
            Outcome::Failed(failure)
                if matches!(failure.kind, FailureKind::TimedOut | FailureKind::Unresponsive)
        );
        self.silences = if silent { self.silences.saturating_add(1) } else { 0 };
    }

    /// How long the next probe may take: at most `timeout`.
    pub fn limit(&self, config: &ProbeConfig) -> Duration {
        match self.fresh_took.into_iter().flatten().min() {
            Some(took) if (1..=HASTY_PROBES).contains(&self.silences) => {
                (took * HASTE_MARGIN).max(config.fast_interval / 2).min(config.timeout)
            }
            _ => config.timeout,
        }
    }
}

/// Probes after a first silence that are in haste. As many as the default `fall` needs, and some.
const HASTY_PROBES: u32 = 4;

/// A hasty probe waits so many times as long as a fresh connection took: twice for a bad
/// moment, twice again for the question itself.
const HASTE_MARGIN: u32 = 4;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Patience;
    use crate::{
        engine::{Failure, FailureKind, Outcome},
        probe::test_config,
    };

    const LONGEST: Duration = Duration::from_millis(1500);

    #[test]
    fn one_slow_login_does_not_make_the_next_silence_a_long_one() {
        let config = test_config(LONGEST);
        for kind in [FailureKind::TimedOut, FailureKind::Unresponsive] {
            let silence = Outcome::Failed(Failure::new(kind, ""));
            let mut patience = Patience::default();
            patience.note(&silence);
            assert_eq!(patience.limit(&config), LONGEST, "nothing is known of its speed");
            patience.note_fresh(Duration::from_millis(50));
            assert_eq!(patience.limit(&config), Duration::from_millis(200));
            patience.note_fresh(Duration::from_secs(1));
            assert_eq!(patience.limit(&config), Duration::from_millis(200));
            patience.note_fresh(Duration::from_secs(1));
            assert_eq!(patience.limit(&config), LONGEST, "it has become slow");
            patience.note_fresh(Duration::from_millis(1));
            assert_eq!(patience.limit(&config), config.fast_interval / 2);
        }
    }
}
