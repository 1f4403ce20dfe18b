//! What is being counted of a server, read off its record: nothing is judged here.

use super::Cluster;
use crate::engine::{
    Evidence, Progress, ServerIndex, ServerState, StateReason, Thresholds, Towards,
};

impl Cluster {
    /// How far a server has come towards what its next probes may make of it.
    pub fn progress(&self, server: ServerIndex) -> Option<Progress> {
        let (record, conclusion) = (&self.records[server], &self.conclusions[server]);
        let thresholds = &self.policy.thresholds;
        let (towards, done, of) = match &record.trouble {
            Some(_) if conclusion.limited.state == ServerState::Down => return None,
            Some(trouble) => match trouble.failure.kind.evidence() {
                Evidence::Hard => (Towards::Down, trouble.hard, Thresholds::HARD_FALL),
                Evidence::Soft => (Towards::Down, trouble.silent, thresholds.fall),
                Evidence::Alive => return None,
            },
            None => match conclusion.limited.reason {
                StateReason::Returning => {
                    let replies = conclusion.returned_replies(record)?;
                    let replies = u32::try_from(replies).unwrap_or(u32::MAX);
                    (Towards::Back, replies, thresholds.rise)
                }
                StateReason::WritableUnconfirmed => {
                    (Towards::Writable, record.writable?.replies, Thresholds::CONFIRM_WRITABLE)
                }
                _ => return None,
            },
        };
        let counts = done < of && (done > 0 || towards != Towards::Down);
        counts.then_some(Progress { towards, done, of })
    }
}
