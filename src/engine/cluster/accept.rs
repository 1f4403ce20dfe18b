//! An operator's word that makes the history of one server the cluster's.

use super::Cluster;
use crate::engine::{Acceptance, AcceptanceRefusal, ClusterKind, Moment, record::Liveness};

impl Cluster {
    /// Whether a history may be accepted, and accepts it.
    pub(in crate::engine) fn accept(
        &mut self,
        accepted: &Acceptance,
        now: Moment,
    ) -> Result<(), AcceptanceRefusal> {
        if self.policy.kind == ClusterKind::Tcp {
            return Err(AcceptanceRefusal::NoHistory);
        }
        let record = &mut self.records[accepted.server.0];
        if record.liveness(&self.policy.thresholds, now) != Liveness::Answering {
            let (state, reason) = (record.limited.state, record.limited.reason);
            return Err(AcceptanceRefusal::DoesNotAnswer { state, reason });
        }
        record.superseded = None;
        Ok(())
    }
}
