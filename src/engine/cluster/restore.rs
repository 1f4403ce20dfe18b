//! What a restart must not forget, and how a cluster begins with it.
//!
//! Until the first round of probes has ended the names say what they said, marked as such. The
//! ladders then go on from there: the remembered writer is the published one, with all that follows
//! from it, and a server that was left is known as one.

use super::Cluster;
use crate::engine::{
    GtidState, Moment, ReadReason, Remembered, RememberedHistory, RememberedLoss, ServerIndex,
    StateReason, WriteDecision, WriteReason,
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
    pub(in crate::engine) fn remember(&self) -> Remembered {
        let frozen = self.is_frozen();
        let write = if frozen { self.said.write } else { self.write.decision };
        let ladders = self.reads.iter().map(|read| &read.decision);
        let reads: Vec<_> =
            if frozen { self.said.reads.iter().collect() } else { ladders.collect() };
        let superseded = self.records.iter().enumerate().filter_map(|(index, record)| {
            let Superseded { by, timeline, heir, loss } = record.superseded.clone()?;
            let heir_gtid = match by {
                Some(by) => self.records[by.0].history.gtid.clone(),
                None => heir,
            };
            let server = ServerIndex(index);
            Some(RememberedLoss { server, heir: by, timeline, heir_gtid, loss })
        });
        let histories = self.records.iter().enumerate().filter_map(|(index, record)| {
            let left_behind = record.left_behind.is_some();
            let cannot_write = record.heart.is_stopped(self.judged);
            let history = record.history.remember(ServerIndex(index))?;
            Some(RememberedHistory { left_behind, cannot_write, ..history })
        });
        let has_it = |last: ServerIndex| !self.records[last.0].history.lost;
        let office_gtid = match self.write.last.is_some_and(has_it) {
            true => GtidState::default(),
            false => self.office.gtid.clone(),
        };
        Remembered {
            write: write.server,
            last_writer: self.write.last,
            office_timeline: self.office.timeline,
            office_gtid,
            reads: reads
                .into_iter()
                .map(|read| read.servers.iter().map(|member| member.server).collect())
                .collect(),
            identity: match self.identity.get() {
                Some(Identity::System(system)) => Some(*system),
                Some(Identity::Group(_)) | None => None,
            },
            identity_accepted: self.identity.is_accepted(),
            superseded: superseded.collect(),
            histories: histories.collect(),
            positions: self.positions.remember(self.judged),
            pin_denied: self.overlay.denied(),
        }
    }

    /// Begins with what an earlier process remembered. Servers that are no more are left out; a
    /// cluster that has had its first round knows better already.
    pub(in crate::engine) fn restore(&mut self, memory: &Remembered, now: Moment) {
        if self.ready {
            return;
        }
        let servers = self.records.len();
        let is_known = |server: &ServerIndex| server.0 < servers;
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
                || lost.timeline.is_some() && lost.timeline <= memory.office_timeline;
            if is_known(&lost.server) && is_of_use {
                let (timeline, heir, loss) = (lost.timeline, lost.heir_gtid.clone(), lost.loss);
                let superseded = Superseded { by, timeline, heir, loss };
                self.records[lost.server.0].superseded = Some(superseded);
            }
        }
        for known in memory.histories.iter().filter(|known| is_known(&known.server)) {
            let left_behind = known.left_behind.then(|| left_behind(known, memory));
            let record = &mut self.records[known.server.0];
            (record.history, record.left_behind) = (History::restored(known), left_behind);
            if known.cannot_write {
                record.heart = Heart::stopped(now);
            }
        }
        self.positions.restore(&memory.positions, now);
        let had = self.write.last.map(|writer| &self.records[writer.0].history);
        self.office = Office {
            timeline: memory.office_timeline.or(had.and_then(|had| had.timeline)),
            gtid: had.filter(|had| !had.lost).map_or(&memory.office_gtid, |had| &had.gtid).clone(),
            since: None,
        };
        if memory.pin_denied {
            self.overlay.deny();
        }
        if let Some(system) = memory.identity {
            let identity = Identity::System(system);
            self.identity = KnownIdentity::remembered(identity, memory.identity_accepted);
        }
        for (name, said) in memory.reads.iter().enumerate().take(self.reads.len()) {
            let mut said: Vec<_> = said.iter().copied().filter(is_known).collect();
            said.dedup();
            for server in &said {
                self.records[server.0].ever_fit = true;
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
}

/// Why a server was known to be left behind, as far as its history tells.
fn left_behind(known: &RememberedHistory, memory: &Remembered) -> StateReason {
    match known.timeline {
        Some(own) if Some(own) > memory.office_timeline => StateReason::StrayTimeline(own),
        Some(_) => StateReason::DeadBranch,
        None => StateReason::Astray,
    }
}
