//! One cluster: its servers' records, the judgement of them, and what is published.

use super::{
    ClusterId, ClusterPolicy, Decision, Event, Moment, Observation, Override, OverrideRefusal,
    Pace, ProbeAdvice, ReadDecision, ServerId, ServerIndex, Standing, StateReason, Thresholds,
    WishKey, WitnessStanding, WriteDecision,
    cadence::{self, Need},
    judge::{self, Judgement, KnownIdentity, Precedents, WriterRule},
    read::{Candidates, ReadLadder},
    record::{Liveness, Record},
    unrest::{self, Unrest},
    verdict::{ReadFitness, Verdict},
    witness::Turn,
    write::WriteLadder,
};

/// The memory of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    id: ClusterId,
    policy: ClusterPolicy,
    records: Vec<Record>,
    identity: KnownIdentity,
    write: WriteLadder,
    reads: Vec<ReadLadder>,
    started: Moment,
    /// The first round of probes has ended.
    ready: bool,
    unrest: Unrest,
    /// One per server.
    paces: Vec<Pace>,
    /// Since when the write name has waited for a writer.
    no_writer_since: Option<Moment>,
    overrides: Vec<Override>,
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
            started: now,
            ready: false,
            unrest: Unrest::new(now),
            paces: vec![Pace::Fast; policy.servers.len()],
            no_writer_since: None,
            overrides: Vec::new(),
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
            write: self.policy.write.map(|_| self.write.decision),
            reads: self.reads.iter().map(|read| read.decision.clone()).collect(),
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

    pub(super) fn lay(&mut self, wished: Override, _now: Moment) -> Result<(), OverrideRefusal> {
        self.overrides.retain(|before| before.wish.key() != wished.wish.key());
        self.overrides.push(wished);
        Ok(())
    }

    pub(super) fn lift(&mut self, key: WishKey) -> Option<Override> {
        let place = self.overrides.iter().position(|laid| laid.wish.key() == key)?;
        Some(self.overrides.remove(place))
    }

    pub(super) fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// Judges and decides anew. Every change goes to `events`.
    pub(super) fn decide(&mut self, now: Moment, events: &mut Vec<Event>) {
        self.identity.learn(&self.records, self.ready, &self.policy.thresholds, now);
        let blocked = self.write.blocked(now);
        let precedents = Precedents {
            published: self.write.decision.server,
            last_writer: self.write.last,
            blocked: &blocked,
            identity: self.identity.get(),
        };
        let mut judgement = judge::judge(&self.policy, &mut self.records, precedents, now);
        let told = events.len();
        self.note_witnesses(now, events);
        self.note_verdicts(&judgement, now);
        self.limit(&mut judgement, now);
        self.note_states(&judgement, now, events);
        self.ready |= self.first_round_has_ended(now);
        if self.ready {
            let before = self.decision();
            self.decide_write(&judgement, now);
            self.decide_reads(&judgement, now);
            self.note_decision(&before, events);
        }
        let changed = events.len() > told;
        self.unrest.note(changed || self.is_stirring(now), now);
        self.set_paces(now);
    }

    /// Every server of every cluster failed at once: states and answers stand still.
    pub(super) fn hold_isolated(&mut self, now: Moment, events: &mut Vec<Event>) {
        self.unrest.note(true, now);
        let before = self.decision();
        self.write.hold_isolated();
        for read in &mut self.reads {
            read.hold_isolated();
        }
        self.note_decision(&before, events);
        self.set_paces(now);
    }

    fn decide_write(&mut self, judgement: &Judgement, now: Moment) {
        let Some(rules) = self.policy.write else {
            return;
        };
        if let Some(left) = self.write.decide(judgement, &self.policy, &rules, now)
            && let Some(successor) = self.write.decision.server
            && judgement.writer == WriterRule::History
        {
            self.records[left.0].mark_superseded(successor);
        }
    }

    fn decide_reads(&mut self, judgement: &Judgement, now: Moment) {
        let candidates = Candidates {
            policy: &self.policy,
            judgement,
            records: &self.records,
            primary: self.primary(judgement),
        };
        for read in &mut self.reads {
            read.decide(&candidates, now);
        }
        for read in &self.reads {
            for server in &read.decision.servers {
                self.records[server.server.0].ever_fit = true;
            }
        }
    }

    /// The server that reads spare: the published writer, or the primary of a cluster without a
    /// write name.
    fn primary(&self, judgement: &Judgement) -> Option<ServerIndex> {
        let is_primary = |verdict: &Verdict| verdict.read == ReadFitness::Primary;
        match self.policy.write {
            Some(_) => self.write.decision.server,
            None => judgement.verdicts.iter().position(is_primary).map(ServerIndex),
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

    /// How the probes of a server should go on.
    pub(super) fn advice(&self, server: ServerIndex) -> ProbeAdvice {
        let published = self.write.decision.server == Some(server);
        let proves_writing = self.records[server.0].verdict.reason == StateReason::CannotWrite
            && self.write.last == Some(server);
        ProbeAdvice { pace: self.paces[server.0], heartbeat: published || proves_writing }
    }

    /// Sets the pace of each server. Advice stands until the next judgement, like the decision.
    fn set_paces(&mut self, now: Moment) {
        let need = self.need(now);
        let published = self.write.decision.server;
        for (index, (record, pace)) in self.records.iter().zip(&mut self.paces).enumerate() {
            let published = published == Some(ServerIndex(index));
            *pace = cadence::pace(record, published, need, now);
        }
    }

    /// What the next probes may bring.
    fn need(&mut self, now: Moment) -> Need {
        let thresholds = &self.policy.thresholds;
        let waits =
            self.policy.write.is_some() && cadence::writer_in_doubt(self.write.decision.reason);
        self.no_writer_since = waits.then(|| self.no_writer_since.unwrap_or(now));
        let doubtful = |record| cadence::server_in_doubt(record, thresholds, now);
        match self.no_writer_since {
            Some(since) if now.since(since) < Thresholds::URGENT_FOR => Need::Writer,
            Some(_) => Need::Evidence,
            None if self.records.iter().any(doubtful) => Need::Evidence,
            None => Need::Nothing,
        }
    }

    /// Whether what is published may change soon. Unlike [`Self::need`], which sets the pace
    /// of probes, this passes over what has been wrong for long and is known.
    fn is_stirring(&self, now: Moment) -> bool {
        let thresholds = &self.policy.thresholds;
        let writer = self.policy.write.is_some_and(|_| {
            let reason = self.write.decision.reason;
            unrest::awaits_writer(reason)
        });
        !self.ready
            || writer
            || self.reads.iter().any(|read| unrest::awaits_readers(read.decision.reason))
            || self.records.iter().any(|record| unrest::is_unsettled(record, thresholds, now))
    }

    /// When [`Self::decide`] must run again although nothing new was observed.
    pub(super) fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let thresholds = &self.policy.thresholds;
        let first_round = (!self.ready).then(|| self.started + thresholds.first_round);
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
        let calm = self.unrest.deadline();
        let slow = self.records.iter().filter_map(cadence::slow_from);
        let all =
            silence.chain(first_round).chain(expiries).chain(unblocked).chain(calm).chain(slow);
        all.filter(|deadline| *deadline > now).min()
    }
}
