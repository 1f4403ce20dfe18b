//! What changed with a judgement: kept, and told as events.

use super::Cluster;
use crate::engine::{
    Decision, Event, Moment, ReadDecision, ServerId, StateReason, WriteDecision,
    judgement::Judgement, trouble::Liveness, witness::Turn,
};

impl Cluster {
    pub(super) fn note_witnesses(&mut self, now: Moment, events: &mut Vec<Event>) {
        for (server, record) in self.records.enumerate_mut() {
            let server = ServerId { cluster: self.id, server };
            for turn in record.witnesses.turns(&self.policy.thresholds, now) {
                let Turn { check, from, to, detail } = turn;
                events.push(Event::Witness { server, check, from, to, detail: detail.into() });
            }
        }
    }

    pub(super) fn note_verdicts(&mut self, judgement: &Judgement, now: Moment) {
        for (server, record) in self.records.enumerate_mut() {
            let (verdict, conclusion) = (judgement.verdicts[server], &mut self.conclusions[server]);
            conclusion.end(verdict, record, now);
            let answering = record.liveness(&self.policy.thresholds, now) == Liveness::Answering;
            if answering && verdict.reason != StateReason::WritableUnconfirmed {
                conclusion.settled = Some(verdict);
            }
        }
    }

    pub(super) fn note_states(
        &mut self,
        judgement: &Judgement,
        now: Moment,
        events: &mut Vec<Event>,
    ) {
        for (server, conclusion) in self.conclusions.enumerate_mut() {
            let (record, verdict) = (&self.records[server], judgement.verdicts[server]);
            let from = conclusion.limited.state;
            if from != verdict.state {
                conclusion.since = now;
                let failure = record.trouble.as_ref().map(|trouble| &*trouble.failure.detail);
                let detail = record.witnesses.detail_of(verdict.reason).or(failure);
                events.push(Event::State {
                    server: ServerId { cluster: self.id, server },
                    from,
                    to: verdict.state,
                    reason: verdict.reason,
                    detail: detail.unwrap_or_default().into(),
                });
            }
            conclusion.limited = verdict;
        }
    }

    pub(super) fn note_decision(&self, before: &Decision, events: &mut Vec<Event>) {
        let now = self.decision();
        if let (Some(from), Some(to)) = (before.write, now.write)
            && (from.server, from.reason) != (to.server, to.reason)
        {
            let WriteDecision { server, reason, .. } = to;
            let cluster = self.id;
            events.push(Event::Write { cluster, from: from.server, to: server, reason });
        }
        for (name, (from, to)) in before.reads.iter().zip(&now.reads).enumerate() {
            let servers = |read: &ReadDecision| -> Vec<_> {
                read.servers.iter().map(|server| server.server).collect()
            };
            let (from_servers, to_servers) = (servers(from), servers(to));
            if from_servers != to_servers || from.reason != to.reason {
                events.push(Event::Read {
                    cluster: self.id,
                    name,
                    from: from_servers,
                    to: to_servers,
                    reason: to.reason,
                });
            }
        }
    }
}
