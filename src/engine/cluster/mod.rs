//! One cluster: its servers' records, the judgement of them, and what is published.

mod accept;
mod attention;
mod candidates;
mod overlay;
mod reconfigure;
mod restore;
mod suppose;

use self::overlay::{Overlay, Said};
use super::{
    ClusterId, ClusterPolicy, Decision, Event, Moment, Observation, Pace, ReadDecision, ServerId,
    ServerIndex, Standing, StateReason, WitnessStanding, WriteDecision,
    judge::{self, Judgement, KnownIdentity, Precedents, WriterRule},
    read::{Candidates, ReadLadder},
    record::{Liveness, Record},
    unrest::Unrest,
    verdict::{ReadFitness, Verdict},
    witness::Turn,
    write::{Steering, WriteLadder},
};

/// The memory of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    id: ClusterId,
    policy: ClusterPolicy,
    records: Vec<Record>,
    identity: KnownIdentity,
    /// What the names would say if no operator wished anything.
    write: WriteLadder,
    reads: Vec<ReadLadder>,
    overlay: Overlay,
    /// What they say.
    said: Said,
    started: Moment,
    /// The first round of probes has ended.
    ready: bool,
    unrest: Unrest,
    /// One per server.
    paces: Vec<Pace>,
    /// Since when the write name has waited for a writer.
    no_writer_since: Option<Moment>,
    /// Every server of every cluster is silent, so that states and ladders stand still.
    isolated: bool,
}

impl Cluster {
    pub(super) fn new(id: ClusterId, policy: ClusterPolicy, now: Moment) -> Self {
        Self {
            id,
            records: policy
                .servers
                .iter()
                .map(|server| Record::new(policy.reads.len(), &server.witnesses))
                .collect(),
            identity: KnownIdentity::default(),
            write: WriteLadder::new(),
            reads: (0..policy.reads.len()).map(ReadLadder::new).collect(),
            overlay: Overlay::default(),
            said: Said::nothing(policy.reads.len()),
            started: now,
            ready: false,
            unrest: Unrest::new(now),
            paces: vec![Pace::Fast; policy.servers.len()],
            no_writer_since: None,
            isolated: false,
            policy,
        }
    }

    pub(super) fn policy(&self) -> &ClusterPolicy {
        &self.policy
    }

    /// Folds in one observation of one of its servers. One of an unknown server is ignored: a probe
    /// that ends after its server was removed may still report.
    pub(super) fn observe(&mut self, observation: Observation, now: Moment) {
        if let Some(record) = self.records.get_mut(observation.server.server.0) {
            record.fold(observation.outcome, &self.policy.thresholds, now);
        }
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many of its servers have been asked at all.
    pub(super) fn asked_servers(&self) -> usize {
        self.records.iter().filter(|record| record.last_word.is_some()).count()
    }

    /// How many of its servers fail in a way that may be our own network's fault.
    pub(super) fn silent_servers(&self) -> usize {
        self.records.iter().filter(|record| record.is_silent()).count()
    }

    /// Whether any server has ever answered.
    pub(super) fn has_been_heard(&self) -> bool {
        self.records.iter().any(|record| record.facts.is_some())
    }

    /// Any server of any cluster was last heard then.
    pub(super) fn note_heard(&mut self, last_heard: Option<Moment>) {
        for record in &mut self.records {
            record.note_heard(last_heard);
        }
    }

    /// Gives every failing server its full number of chances again.
    pub(super) fn forgive(&mut self, now: Moment) {
        for record in &mut self.records {
            record.forgive(now);
        }
    }

    /// Silence up to now was ours.
    pub(super) fn excuse_silence(&mut self, now: Moment) {
        for record in &mut self.records {
            record.excuse_silence(now);
        }
    }

    /// What is published now.
    pub(super) fn decision(&self) -> Decision {
        Decision {
            write: self.policy.write.map(|_| self.said.write),
            reads: self.said.reads.clone(),
            stability: self.unrest.stability(),
        }
    }

    /// What a server is now, and why.
    pub(super) fn standing(&self, server: ServerIndex) -> Standing {
        let record = &self.records[server.0];
        let Verdict { state, reason, lag, .. } = record.limited;
        Standing { state, reason, since: record.since, lag }
    }

    /// The words of a server's present failure, if it fails.
    pub(super) fn failure_detail(&self, server: ServerIndex) -> Option<&str> {
        let trouble = self.records[server.0].trouble.as_ref()?;
        Some(&*trouble.failure.detail)
    }

    /// What the witnesses of a server say now.
    pub(super) fn witnesses(
        &self,
        server: ServerIndex,
    ) -> impl Iterator<Item = WitnessStanding<'_>> {
        self.records[server.0].witnesses.standings()
    }

    /// Judges and decides anew. Every change goes to `events`.
    pub(super) fn decide(&mut self, now: Moment, events: &mut Vec<Event>) {
        let told = events.len();
        self.isolated = false;
        self.expire(now, events);
        self.identity.learn(&self.records, self.ready, &self.policy.thresholds, now);
        let (blocked, steering) = (self.write.blocked(now), self.steering());
        let precedents = Precedents {
            published: self.write.decision.server,
            last_writer: self.write.last,
            blocked: &blocked,
            steering: &steering,
            identity: self.identity.get(),
        };
        let mut judgement = judge::judge(&self.policy, &mut self.records, precedents, now);
        self.note_witnesses(now, events);
        self.note_verdicts(&judgement, now);
        self.limit(&mut judgement, now);
        self.note_states(&judgement, now, events);
        self.ready |= self.first_round_has_ended(now);
        if self.ready {
            self.decide_write(&judgement, &steering, now);
            self.decide_reads(now);
        } else if let Some(rules) = self.policy.write {
            self.write.doubt_memory(&judgement, &rules, now);
        }
        self.publish(told, now, events);
    }

    /// Every server of every cluster failed at once: states and ladders stand still.
    pub(super) fn hold_isolated(&mut self, now: Moment, events: &mut Vec<Event>) {
        let told = events.len();
        self.isolated = true;
        self.unrest.note(true, now);
        self.write.hold_isolated();
        for read in &mut self.reads {
            read.hold_isolated();
        }
        self.publish(told, now, events);
    }

    /// While states and ladders stand still operators may act. Returns whether one did.
    pub(super) fn heed_operators(&mut self, now: Moment, events: &mut Vec<Event>) -> bool {
        let told = events.len();
        self.expire(now, events);
        let acted = self.overlay.is_touched();
        if acted {
            self.publish(told, now, events);
        }
        acted
    }

    /// Says what the ladders and the operators have come to. `told` counts the events before.
    fn publish(&mut self, told: usize, now: Moment, events: &mut Vec<Event>) {
        let before = self.decision();
        self.lay_over(now);
        self.note_decision(&before, events);
        let changed = self.overlay.is_touched() || events.len() > told;
        self.overlay.heeded();
        self.unrest.note(changed || self.is_stirring(now), now);
        self.set_paces(now);
    }

    fn decide_write(&mut self, judgement: &Judgement, steering: &Steering, now: Moment) {
        let Some(rules) = self.policy.write else {
            return;
        };
        if let Some(moved) = self.write.decide(judgement, &self.policy, &rules, steering, now)
            && judgement.writer == WriterRule::History
            && moved.proven
        {
            self.records[moved.from.0].mark_superseded(moved.to);
        }
    }

    fn decide_reads(&mut self, now: Moment) {
        let mut reads = std::mem::take(&mut self.reads);
        let candidates = self.candidates(self.write.decision.server, &[]);
        for read in &mut reads {
            read.decide(&candidates, now);
        }
        for server in reads.iter().flat_map(|read| &read.decision.servers) {
            self.records[server.server.0].ever_fit = true;
        }
        self.reads = reads;
    }

    /// The servers as a read name sees them while the write name says `writer`.
    fn candidates<'a>(
        &'a self,
        writer: Option<ServerIndex>,
        drained: &'a [ServerIndex],
    ) -> Candidates<'a> {
        let (policy, records, primary) = (&self.policy, &self.records, self.primary(writer));
        Candidates { policy, records, primary, drained }
    }

    /// The server that reads spare: the published writer, or the primary of a cluster without a
    /// write name.
    fn primary(&self, writer: Option<ServerIndex>) -> Option<ServerIndex> {
        let is_primary = |record: &Record| record.limited.read == ReadFitness::Primary;
        match self.policy.write {
            Some(_) => writer.or(self.write.decision.server),
            None => self.records.iter().position(is_primary).map(ServerIndex),
        }
    }

    /// The first round is over when each server has said something that counts, or has had its
    /// time.
    fn first_round_has_ended(&self, now: Moment) -> bool {
        let has_spoken = |record: &Record| {
            let waits_for_second_word = record.verdict.reason == StateReason::WritableUnconfirmed;
            match record.liveness(&self.policy.thresholds, now) {
                Liveness::Unheard | Liveness::Doubtful(_) => false,
                _ => !waits_for_second_word && record.witnesses.are_asked(),
            }
        };
        now.since(self.started) >= self.policy.thresholds.first_round
            || self.records.iter().all(has_spoken)
    }

    /// Takes from each verdict what the server's witnesses speak against. What was judged before
    /// is kept as it is, so that nothing of a witness's word outlives it.
    fn limit(&self, judgement: &mut Judgement, now: Moment) {
        for (verdict, record) in judgement.verdicts.iter_mut().zip(&self.records) {
            *verdict = record.witnesses.limit(*verdict, &self.policy.thresholds, now);
        }
    }

    fn note_witnesses(&mut self, now: Moment, events: &mut Vec<Event>) {
        for (index, record) in self.records.iter_mut().enumerate() {
            let server = ServerId { cluster: self.id, server: ServerIndex(index) };
            for turn in record.witnesses.turns(&self.policy.thresholds, now) {
                let Turn { check, from, to, detail } = turn;
                events.push(Event::Witness { server, check, from, to, detail: detail.into() });
            }
        }
    }

    fn note_verdicts(&mut self, judgement: &Judgement, now: Moment) {
        for (record, &verdict) in self.records.iter_mut().zip(&judgement.verdicts) {
            record.verdict = verdict;
            let answering = record.liveness(&self.policy.thresholds, now) == Liveness::Answering;
            if answering && verdict.reason != StateReason::WritableUnconfirmed {
                record.settled = Some(verdict);
            }
            record.fresh = false;
        }
    }

    fn note_states(&mut self, judgement: &Judgement, now: Moment, events: &mut Vec<Event>) {
        for (index, (record, &verdict)) in
            self.records.iter_mut().zip(&judgement.verdicts).enumerate()
        {
            let from = record.limited.state;
            if from != verdict.state {
                record.since = now;
                let failure = record.trouble.as_ref().map(|trouble| &*trouble.failure.detail);
                let detail = record.witnesses.detail_of(verdict.reason).or(failure);
                events.push(Event::State {
                    server: ServerId { cluster: self.id, server: ServerIndex(index) },
                    from,
                    to: verdict.state,
                    reason: verdict.reason,
                    detail: detail.unwrap_or_default().into(),
                });
            }
            record.limited = verdict;
        }
    }

    fn note_decision(&self, before: &Decision, events: &mut Vec<Event>) {
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
