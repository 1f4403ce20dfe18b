//! What one server would say if it were as supposed.

use super::Cluster;
use crate::engine::{
    ClusterKind, Facts, Failure, FailureKind, Heartbeat, Lag, Outcome, ServerIndex, Supposition,
    Thresholds,
};

impl Cluster {
    /// Rounds of probes after which everything that a supposition changes has been decided, save
    /// what takes longer than a group's change of view.
    pub fn rounds_to_settle(&self) -> u32 {
        let Thresholds { rise, .. } = self.policy.thresholds;
        let replies = [rise, Thresholds::LAG_FALL, Thresholds::LAG_RISE, Thresholds::HARD_FALL];
        replies.into_iter().max().unwrap_or(rise) + 1
    }

    /// What one probe of the server would find; `None` when nothing can be supposed.
    pub fn suppose(&mut self, server: ServerIndex, supposed: Supposition) -> Option<Outcome> {
        let record = &mut self.records[server];
        let facts = match (&record.facts, self.policy.kind) {
            (Some(facts), _) => Some(well(facts.clone())),
            (None, ClusterKind::Tcp) => Some(Facts::Tcp),
            (None, _) => None,
        };
        match supposed {
            Supposition::Down => {
                Some(Outcome::Failed(Failure::new(FailureKind::Refused, "supposed")))
            }
            Supposition::Up => facts.map(Outcome::Answered),
            Supposition::Lag(behind) => {
                record.supposed_lag = Some(Lag(behind));
                facts.map(Outcome::Answered)
            }
        }
    }
}

/// The same facts of a server that can write.
fn well(mut facts: Facts) -> Facts {
    let heartbeat = match &mut facts {
        Facts::Postgres(facts) => &mut facts.heartbeat,
        Facts::MySql(facts) => &mut facts.heartbeat,
        Facts::Tcp => return facts,
    };
    if *heartbeat == Heartbeat::Failed {
        *heartbeat = Heartbeat::Written;
    }
    facts
}
