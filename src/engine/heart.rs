//! Whether a server proves by heartbeat writes that it can write.

use std::time::Duration;

use super::{Heartbeat, Moment, Thresholds};

/// The heartbeat writes of one server.
///
/// `fall` failures in a row stop the heart, `rise` writes in a row set it going again, so that a
/// disk that hangs now and then does not make the write name flicker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heart {
    failures: u32,
    writes: u32,
    last_failure: Option<Moment>,
    stopped: bool,
}

impl Heart {
    /// How long failures count when heartbeats are not tried any more (the table is gone, say): a
    /// server may not be shut out for ever by what nobody can check.
    const LASTS: Duration = Duration::from_secs(60);

    /// The heart of a server that could not write when an earlier process ended.
    pub fn stopped(now: Moment) -> Self {
        Self { stopped: true, last_failure: Some(now), ..Self::default() }
    }

    /// Folds in the heartbeat of one good reply.
    pub fn fold(
        &mut self,
        heartbeat: Heartbeat,
        claims_writable: bool,
        thresholds: &Thresholds,
        now: Moment,
    ) {
        match heartbeat {
            Heartbeat::Failed => {
                (self.failures, self.writes) = (self.failures.saturating_add(1), 0);
                self.last_failure = Some(now);
                self.stopped |= self.failures >= thresholds.fall;
            }
            Heartbeat::Written => {
                (self.failures, self.writes) = (0, self.writes.saturating_add(1));
                self.stopped &= self.writes < thresholds.rise;
            }
            // One that is not writable has nothing to prove.
            Heartbeat::NotTried if !claims_writable => *self = Self::default(),
            Heartbeat::NotTried => {}
        }
    }

    /// Whether the server answers questions while heartbeat writes fail.
    pub fn is_stopped(&self, now: Moment) -> bool {
        self.stopped && self.failed_lately(now)
    }

    /// Whether its last heartbeats failed, and none has been tried for long.
    pub fn is_untested(&self, now: Moment) -> bool {
        self.stopped && !self.failed_lately(now)
    }

    /// Whether heartbeats are written.
    pub fn beats(&self) -> bool {
        !self.stopped && self.writes > 0
    }

    /// Its server is gone: what comes up in its place has nothing to live down.
    pub fn end(&mut self, now: Moment) {
        if !self.failed_lately(now) {
            *self = Self::default();
        }
    }

    /// Whether the next heartbeats may stop the heart.
    pub fn is_in_doubt(&self, now: Moment) -> bool {
        !self.stopped && self.failures > 0 && self.failed_lately(now)
    }

    fn failed_lately(&self, now: Moment) -> bool {
        self.last_failure.is_some_and(|last| now.since(last) < Self::LASTS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Heart;
    use crate::engine::{
        Heartbeat::{self, Failed, NotTried, Written},
        Moment, Thresholds,
    };

    /// One letter per heartbeat, a second apart: `.` it beats, `x` it is stopped.
    fn beats(heartbeats: &[Heartbeat]) -> String {
        let thresholds = Thresholds {
            fall: 3,
            rise: 2,
            stale_after: Duration::from_secs(8),
            first_round: Duration::from_secs(2),
        };
        let mut heart = Heart::default();
        let seconds = 0_u64..;
        heartbeats
            .iter()
            .zip(seconds)
            .map(|(&heartbeat, second)| {
                let now = Moment::from_millis(second * 1000);
                heart.fold(heartbeat, true, &thresholds, now);
                if heart.is_stopped(now) { 'x' } else { '.' }
            })
            .collect()
    }

    #[test]
    fn three_failures_stop_it_and_two_writes_set_it_going() {
        assert_eq!(beats(&[Written, Failed, Failed, Failed, Written, Written]), "...xx.");
        assert_eq!(beats(&[Failed, Failed, Written, Failed, Failed, Written]), "......");
    }

    #[test]
    fn one_write_among_failures_does_not_bring_it_back() {
        let flickering = [Failed, Failed, Failed, Written, Failed, Written, Failed, Written];
        assert_eq!(beats(&flickering), "..xxxxxx");
    }

    #[test]
    fn what_is_not_tried_any_more_is_forgotten_after_a_minute() {
        let mut heartbeats = vec![Failed; 3];
        heartbeats.extend([NotTried; 60]);
        let told = beats(&heartbeats);
        assert!(told.starts_with("..xxx") && told.ends_with("xx."), "{told}");
    }
}
