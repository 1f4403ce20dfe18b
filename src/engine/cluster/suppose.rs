//! What one server would say if it were as supposed.

use super::Cluster;
use crate::engine::{
    ClusterKind, Facts, Failure, FailureKind, Heartbeat, Lag, Outcome, Position, PostgresFacts,
    PostgresRole, ServerIndex, Supposition, Thresholds, Writability,
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
            Supposition::Promoted => facts.map(promoted).map(Outcome::Answered),
            Supposition::ReadOnly => facts.map(read_only).map(Outcome::Answered),
            Supposition::Drained => None,
        }
    }
}

/// The same facts of a server that has been promoted.
fn promoted(mut facts: Facts) -> Facts {
    match &mut facts {
        Facts::Postgres(PostgresFacts { role, .. }) => {
            if let PostgresRole::Standby {
                timeline, recovery_timeline, received, replayed, ..
            } = *role
            {
                let before = timeline.max(recovery_timeline).unwrap_or(1);
                *role = PostgresRole::Primary {
                    read_only: false,
                    timeline: before.saturating_add(1),
                    position: received.max(replayed).unwrap_or(Position::lsn(0)),
                };
            }
        }
        Facts::MySql(facts) if facts.group.is_none() => {
            facts.writability = Writability::Writable;
            facts.channels = Some(Vec::new());
        }
        Facts::MySql(_) | Facts::Tcp => {}
    }
    facts
}

/// The same facts of a server that takes no writes.
fn read_only(mut facts: Facts) -> Facts {
    match &mut facts {
        Facts::Postgres(PostgresFacts { role, .. }) => {
            if let PostgresRole::Primary { read_only, .. } = role {
                *read_only = true;
            }
        }
        Facts::MySql(facts) => {
            facts.writability = facts.writability.max(Writability::SuperReadOnly);
        }
        Facts::Tcp => {}
    }
    facts
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
