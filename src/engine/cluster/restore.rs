//! What a restart must not forget, and how a cluster begins with it.
//!
//! Until the first round of probes has ended the names say what they said, marked as such. The
//! ladders then go on from there: the remembered writer is the published one, with all that follows
//! from it, and a server that was left is known as one.

use super::Cluster;
use crate::engine::{
    LeftBehind, Moment, ReadReason, Remembered, RememberedDenial, RememberedHistory,
    RememberedLoss, RememberedOffice, ServerIndex, WriteDecision, WriteReason,
    heart::Heart,
    history::History,
    judge::{Identity, KnownIdentity, Office},
    superseded::Superseded,
};

impl Cluster {
    /// What a restart must not forget.
    ///
    /// While the cluster is frozen that is what the names say; otherwise what they would say if no
    /// operator wished anything, for the overrides are kept beside it.
    pub fn remember(&self) -> Remembered {
        let frozen = self.is_frozen();
        let write = if frozen { self.said.write } else { self.write.decision };
        let ladders = self.reads.iter().map(|read| &read.decision);
        let reads: Vec<_> =
            if frozen { self.said.reads.iter().collect() } else { ladders.collect() };
        let superseded = self.conclusions.enumerate().filter_map(|(server, conclusion)| {
            let Superseded { by, timeline, heir, loss, .. } = *conclusion.superseded.clone()?;
            let heir_gtid = match by {
                Some(by) => self.records[by].history.gtid.clone(),
                None => heir,
            };
            Some(RememberedLoss { server, heir: by, timeline, heir_gtid, loss })
        });
        let histories = self.records.enumerate().filter_map(|(server, record)| {
            let history = record.history.remember(server, self.judged)?;
            let reason = self.conclusions[server].left_behind;
            let left_behind = reason.and_then(|it| LeftBehind::of(it, self.policy.kind));
            let cannot_write = record.heart.is_stopped(self.judged);
            let denial = self.conclusions[server].last_denial().map(|at| RememberedDenial {
                age: self.judged.since(at),
                written: record
                    .history
                    .written_before(record.facts.is_none() || record.claims_writable()),
            });
            Some(RememberedHistory { denial, left_behind, cannot_write, ..history })
        });
        Remembered {
            write: write.server,
            last_writer: self.write.last,
            office: RememberedOffice {
                timeline: self.office.timeline,
                gtid: self.office.gtid.clone(),
                began_with: self.office.began_with.clone(),
                led: self.office.led.map(|at| self.judged.since(at)),
                left: self.write.last.is_some_and(|last| self.conclusions[last].left_office),
            },
            reads: reads
                .into_iter()
                .map(|read| read.servers.iter().map(|member| member.server).collect())
                .collect(),
            identity: match self.identity.get() {
                Some(Identity::System(system)) => Some(*system),
                Some(Identity::Group(_)) | None => None,
            },
            group: match self.identity.get() {
                Some(Identity::Group(group)) => Some(group.clone()),
                Some(Identity::System(_)) | None => None,
            },
            identity_accepted: self.identity.is_accepted(),
            superseded: superseded.collect(),
            histories: histories.collect(),
            positions: self.positions.remember(self.judged),
            forks: self.positions.forks().to_vec(),
            pin_denied: self.overlay.denied(),
        }
    }

    /// Begins with what an earlier process remembered. Servers that are no more are left out; a
    /// cluster that has had its first round knows better already.
    pub fn restore(&mut self, memory: &Remembered, now: Moment) {
        if self.ready {
            return;
        }
        let servers: Vec<_> = self.records.indices().collect();
        let is_known = |server: &ServerIndex| servers.contains(server);
        if self.policy.write.is_some() {
            let server = memory.write.filter(is_known);
            let reason = server.map_or(WriteReason::NotReady, |_| WriteReason::Remembered);
            self.write.decision = WriteDecision { server, reason, since: now };
            self.write.last = memory.last_writer.filter(is_known).or(server);
        }
        for lost in &memory.superseded {
            let by = lost.heir.filter(|heir| is_known(heir) && *heir != lost.server);
            // With a heir that is nowhere and has left nothing, nobody could ever be caught up with.
            let is_of_use = by.is_some()
                || !lost.heir_gtid.is_unknown()
                || lost.timeline.is_some() && lost.timeline <= memory.office.timeline;
            if is_known(&lost.server) && is_of_use {
                let (timeline, heir, loss) = (lost.timeline, lost.heir_gtid.clone(), lost.loss);
                let superseded = Superseded { by, timeline, heir, loss, claim: None };
                self.conclusions[lost.server].superseded = Some(Box::new(superseded));
            }
        }
        for known in memory.histories.iter().filter(|known| is_known(&known.server)) {
            let record = &mut self.records[known.server];
            record.history = History::restored(known);
            let conclusion = &mut self.conclusions[known.server];
            conclusion.restore_denial(known.denial.as_ref().map(|denial| now.before(denial.age)));
            conclusion.left_behind = known.left_behind.map(LeftBehind::reason);
            // It has not been away since, as far as anybody knows.
            conclusion.left_for_sure = known.left_behind.is_some();
            conclusion.left_on = known.left_behind.and_then(LeftBehind::timeline);
            conclusion.beyond_primary = conclusion.left_on.is_some();
            if known.cannot_write {
                record.heart = Heart::stopped(now);
            }
        }
        self.positions.restore(&memory.positions, &memory.forks, now);
        self.restore_office(&memory.office, now);
        if memory.pin_denied {
            self.overlay.deny();
        }
        let group = memory.group.clone().map(Identity::Group);
        if let Some(identity) = memory.identity.map(Identity::System).or(group) {
            self.identity = KnownIdentity::remembered(identity, memory.identity_accepted);
        }
        for (name, said) in memory.reads.iter().enumerate().take(self.reads.len()) {
            let mut said: Vec<_> = said.iter().copied().filter(is_known).collect();
            said.dedup();
            for server in &said {
                self.conclusions[*server].ever_fit = true;
            }
            let reason = match said.is_empty() {
                true => ReadReason::NotReady,
                false => ReadReason::Remembered,
            };
            let before = self.reads[name].decision.clone();
            let candidates = self.candidates(None, &[]);
            self.reads[name].decision = candidates.say(name, &before, said, reason, now);
        }
        self.lay_over(now);
    }

    /// What the last writer had, whether it is still configured or not.
    fn restore_office(&mut self, office: &RememberedOffice, now: Moment) {
        let RememberedOffice { timeline, gtid, began_with, led, left } = office.clone();
        let led = led.map(|age| now.before(age));
        self.office = Office { timeline, gtid, began_with, promoted: None, led, since: None };
        if let Some(writer) = self.write.last {
            // An image that does not tell has at least what that server was known to have.
            let record = &self.records[writer];
            if self.office.gtid.is_unknown() {
                self.office.gtid.clone_from(&record.history.gtid);
            }
            self.office.timeline = timeline.or(record.history.timeline);
            self.conclusions[writer].left_office = left;
        }
    }
}
