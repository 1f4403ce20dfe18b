//! An operator's word that makes the history of one server the cluster's.
//!
//! Everything that was proven against it by what others had is forgotten, and those others must
//! follow before their word counts again.

use super::Cluster;
use crate::engine::{
    Acceptance, AcceptanceRefusal, ClusterKind, Loss, Moment, judge::Office, trouble::Liveness,
};

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
        let server = accepted.server;
        let record = &self.records[server];
        if record.liveness(&self.policy.thresholds, now) != Liveness::Answering {
            let (state, reason) = (record.limited.state, record.limited.reason);
            return Err(AcceptanceRefusal::DoesNotAnswer { state, reason });
        }
        self.identity.accept(record);
        let history = record.history.clone();
        for index in self.records.indices().filter(|index| *index != server) {
            self.records[index].superseded = None;
            self.records[index].mark_superseded(Some(server), &history.gtid, Loss::Acceptance);
        }
        let record = &mut self.records[server];
        record.accept_history();
        self.positions.clear();
        let (timeline, gtid) = (history.timeline, history.gtid);
        self.office = Office { timeline, began_with: gtid.clone(), gtid, since: None };
        self.write.inherit(server);
        self.overlay.touch();
        Ok(())
    }
}
