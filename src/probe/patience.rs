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
pub(super) struct Patience {
    /// How long the last fresh connection took, login and all.
    fresh_took: Option<Duration>,
    /// Probes in a row that timed out.
    silences: u32,
}

impl Patience {
    /// A fresh connection took so long, login and all.
    pub(super) fn note_fresh(&mut self, took: Duration) {
        self.fresh_took = Some(took);
    }

    /// Notes what a probe came to.
    pub(super) fn note(&mut self, outcome: &Outcome) {
        let timed_out =
            matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::TimedOut);
        self.silences = if timed_out { self.silences.saturating_add(1) } else { 0 };
    }

    /// How long the next probe may take: at most `timeout`.
    pub(super) fn limit(&self, config: &ProbeConfig) -> Duration {
        match self.fresh_took {
            Some(took) if (1..=HASTY_PROBES).contains(&self.silences) => {
                (took * HASTE_MARGIN).max(config.fast_interval / 2).min(config.timeout)
            }
            _ => config.timeout,
        }
    }
}

/// Probes after a first silence that are in haste. As many as the default `fall` needs, and some.
const HASTY_PROBES: u32 = 4;

/// A hasty probe waits so many times as long as the last fresh connection took: twice for a bad
/// moment, twice again for the question itself.
const HASTE_MARGIN: u32 = 4;
