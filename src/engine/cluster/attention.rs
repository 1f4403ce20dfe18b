//! How closely a cluster is watched: the pace of its probes, and when it must be judged again.

use super::Cluster;
use crate::engine::{
    Moment, ProbeAdvice, ServerIndex, ServerState, StateReason, Thresholds,
    cadence::{self, Need},
    record::Record,
    settling,
};

impl Cluster {
    /// How the probes of a server should go on.
    pub fn advice(&self, server: ServerIndex) -> ProbeAdvice {
        let verdict = &self.conclusions[server].verdict;
        let said = self.said.write.server;
        let confirmed =
            verdict.state == ServerState::Primary && self.records[server].is_confirmed_writable();
        let proves_writing = verdict.reason == StateReason::CannotWrite
            && self.write.last == Some(server)
            && said.is_none_or(|said| said == server);
        let heartbeat = said == Some(server) && confirmed || proves_writing;
        ProbeAdvice { pace: self.paces[server], heartbeat }
    }

    /// Which servers have failed to write, and have not been tried since, while the published one
    /// proves that it writes.
    pub(super) fn note_hearts(&mut self, now: Moment) {
        let published = self.write.decision.server;
        let proven = published.is_some_and(|published| self.records[published].heart.beats());
        let untested = |(server, record): (ServerIndex, &Record)| {
            (proven && record.heart.is_untested(now)).then_some(server)
        };
        self.write.untested = self.records.enumerate().filter_map(untested).collect();
    }

    /// Sets the pace of each server. Advice stands until the next judgement, like the decision.
    pub(super) fn set_paces(&mut self, now: Moment) {
        self.note_writer(now);
        let need = self.need(now);
        let published = self.said.write.server;
        for (server, pace) in self.paces.enumerate_mut() {
            let (record, conclusion) = (&self.records[server], &self.conclusions[server]);
            let published = published == Some(server);
            *pace = cadence::pace(record, conclusion, published, need, now);
        }
    }

    /// Notes since when the write name has waited for a writer.
    fn note_writer(&mut self, now: Moment) {
        let waits = self.policy.write.is_some() && cadence::writer_in_doubt(self.said.write.reason);
        self.no_writer_since = waits.then(|| self.no_writer_since.unwrap_or(now));
    }

    /// What the next probes may bring.
    fn need(&self, now: Moment) -> Need {
        let thresholds = &self.policy.thresholds;
        let doubtful =
            |(record, conclusion)| cadence::server_in_doubt(record, conclusion, thresholds, now);
        match self.no_writer_since {
            Some(since) if now.since(since) < Thresholds::SPRINT_FOR => Need::WriterSoon,
            Some(since) if now.since(since) < Thresholds::URGENT_FOR => Need::Writer,
            Some(_) => Need::Evidence,
            None if self.heard_and_concluded().any(doubtful) => Need::Evidence,
            None => Need::Nothing,
        }
    }

    /// Whether what is published may change soon. Unlike [`Self::need`], which sets the pace
    /// of probes, this passes over what has been wrong for long and is known.
    pub(super) fn is_stirring(&self, now: Moment) -> bool {
        let thresholds = &self.policy.thresholds;
        let writer = self.policy.write.is_some_and(|_| {
            let reason = self.said.write.reason;
            settling::awaits_writer(reason)
        });
        !self.ready
            || self.round.is_some()
            || writer
            || self.said.reads.iter().any(|read| settling::awaits_readers(read.reason))
            || self.heard_and_concluded().any(|(record, conclusion)| {
                settling::is_unsettled(record, conclusion, thresholds, now)
            })
    }

    /// When [`Self::decide`] must run again although nothing new was observed.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let thresholds = &self.policy.thresholds;
        let round = self.round.map(|began| began + thresholds.first_round);
        let silence = self.records.iter().filter_map(|record| {
            let goes_silent = record.last_word? + thresholds.stale_after;
            // Just after it: the silence must be longer than the limit.
            Some(goes_silent + std::time::Duration::from_millis(1))
        });
        let expiries = self.records.iter().filter_map(|record| {
            let witnesses = &record.witnesses;
            witnesses.next_expiry(thresholds)
        });
        let unblocked = self.write.blocked_until(now);
        let stable = self.settling.deadline();
        let expiry = self.overlay.next_expiry();
        let slow = self
            .heard_and_concluded()
            .filter_map(|(record, conclusion)| cadence::slow_from(record, conclusion));
        let once = [round, unblocked, stable, expiry].into_iter().flatten();
        let all = silence.chain(expiries).chain(slow).chain(once);
        all.filter(|deadline| *deadline > now).min()
    }
}
