//! An operator's word that makes the history of one server the cluster's.
//!
//! Everything that was proven against it by what others had is forgotten, and those others must
//! follow before their word counts again.

use super::Cluster;
use crate::engine::{
    Acceptance, AcceptanceRefusal, ClusterKind, Loss, Moment, judge::Office, trouble::Liveness,
    verdict::Verdict,
};

impl Cluster {
    /// Whether a history may be accepted, and accepts it.
    pub fn accept(&mut self, accepted: &Acceptance, now: Moment) -> Result<(), AcceptanceRefusal> {
        if self.policy.kind == ClusterKind::Tcp {
            return Err(AcceptanceRefusal::NoHistory);
        }
        let server = accepted.server;
        let record = &self.records[server];
        if record.liveness(&self.policy.thresholds, now) != Liveness::Answering {
            let Verdict { state, reason, .. } = self.conclusions[server].limited;
            return Err(AcceptanceRefusal::DoesNotAnswer { state, reason });
        }
        self.identity.accept(record);
        let history = record.history.clone();
        for index in self.records.indices().filter(|index| *index != server) {
            let (record, conclusion) = (&self.records[index], &mut self.conclusions[index]);
            conclusion.superseded = None;
            conclusion.mark_superseded(record, Some(server), &history.gtid, Loss::Acceptance);
        }
        self.conclusions[server].accept_history(&mut self.records[server], now);
        self.positions.clear();
        let (timeline, gtid) = (history.timeline, history.gtid);
        let run = self.records[server].writable.filter(|run| run.promoted);
        let promoted = run.map(|run| run.since);
        let (began_with, led) = (gtid.clone(), Some(self.records[server].facts_at));
        self.office = Office { timeline, began_with, gtid, promoted, led, since: None };
        self.write.inherit(server);
        self.overlay.touch();
        Ok(())
    }
}
