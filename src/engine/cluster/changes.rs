//! What changed with a judgement: kept, and told as events.

use super::Cluster;
use crate::engine::{
    Decision, Event, Moment, ReadDecision, ServerId, StateReason, WriteDecision, judge::Judgement,
    trouble::Liveness, witness::Turn,
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
        for (record, &verdict) in self.records.iter_mut().zip(&judgement.verdicts) {
            record.verdict = verdict;
            let answering = record.liveness(&self.policy.thresholds, now) == Liveness::Answering;
            if answering && verdict.reason != StateReason::WritableUnconfirmed {
                record.settled = Some(verdict);
            }
            record.fresh = false;
        }
    }

    pub(super) fn note_states(
        &mut self,
        judgement: &Judgement,
        now: Moment,
        events: &mut Vec<Event>,
    ) {
        for ((server, record), &verdict) in self.records.enumerate_mut().zip(&judgement.verdicts) {
            let from = record.limited.state;
            if from != verdict.state {
                record.since = now;
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
            record.limited = verdict;
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
