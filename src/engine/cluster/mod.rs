//! One cluster: its servers' records, the judgement of them, and what is published.

mod accept;
mod attention;
mod candidates;
mod changes;
mod overlay;
mod overridden;
mod progress;
mod reconfigure;
mod restore;
mod suppose;
mod writer;

use self::overlay::{NameDecisions, Overlay};
use super::{
    ClusterId, ClusterPolicy, Decision, Event, Extent, Moment, Observation, Pace, ServerIndex,
    Standing, StateReason, WitnessStanding,
    conclusion::Conclusion,
    ids::Servers,
    judge::{self, Hearing, KnownIdentity, Office, Precedents},
    judgement::Judgement,
    positions::Positions,
    read::{Candidates, ReadLadder},
    record::Record,
    settling::Settling,
    steering::Steering,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict},
    write::WriteLadder,
};

/// The memory of one cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    id: ClusterId,
    policy: ClusterPolicy,
    records: Servers<Record>,
    conclusions: Servers<Conclusion>,
    identity: KnownIdentity,
    /// How far the cluster's history reaches.
    positions: Positions,
    /// What the last published writer had.
    office: Office,
    /// What the names would say if no operator wished anything.
    write: WriteLadder,
    reads: Vec<ReadLadder>,
    overlay: Overlay,
    /// What they say.
    said: NameDecisions,
    started: Moment,
    /// The first round of probes has ended.
    ready: bool,
    /// When a round began in which every server has its time to say what it is, while it lasts.
    round: Option<Moment>,
    /// When a server of it was first heard.
    last_heard: Option<Moment>,
    /// When it was last judged.
    judged: Moment,
    settling: Settling,
    /// One per server.
    paces: Servers<Pace>,
    /// Since when the write name has waited for a writer.
    no_writer_since: Option<Moment>,
    /// Every server of every cluster is silent, so that states and ladders stand still.
    isolated: bool,
}

impl Cluster {
    pub fn new(id: ClusterId, policy: ClusterPolicy, now: Moment) -> Self {
        Self {
            id,
            records: policy.servers.iter().map(|server| Record::new(&server.witnesses)).collect(),
            conclusions: {
                let read_names = policy.reads.len();
                policy.indices().map(|_| Conclusion::new(read_names, now)).collect()
            },
            identity: KnownIdentity::default(),
            positions: Positions::default(),
            office: Office::default(),
            write: WriteLadder::new(),
            reads: (0..policy.reads.len()).map(ReadLadder::new).collect(),
            overlay: Overlay::default(),
            said: NameDecisions::nothing(policy.reads.len()),
            started: now,
            ready: false,
            round: Some(now),
            last_heard: None,
            judged: now,
            settling: Settling::new(now),
            paces: policy.servers.iter().map(|_| Pace::Fast).collect(),
            no_writer_since: None,
            isolated: false,
            policy,
        }
    }

    pub fn policy(&self) -> &ClusterPolicy {
        &self.policy
    }

    /// Folds in one observation of one of its servers. One of an unknown server is ignored: a probe
    /// that ends after its server was removed may still report.
    pub fn observe(&mut self, observation: Observation, now: Moment) {
        if let Some(record) = self.records.get_mut(observation.server.server) {
            let Observation { asked, outcome, .. } = observation;
            let first = self.last_heard.is_none() && outcome.is_from_the_host();
            record.fold(outcome, asked.min(now), &self.policy.thresholds, now);
            if first {
                // Nobody could be heard before: the first round begins with the first word.
                self.last_heard = Some(now);
                self.begin_round(now);
            }
        }
    }

    /// Every server has its time again to say what it is, before a name moves.
    pub fn begin_round(&mut self, now: Moment) {
        self.round = Some(now);
    }

    pub fn records(&self) -> &Servers<Record> {
        &self.records
    }

    /// How many of its servers have been asked at all.
    pub fn asked_servers(&self) -> usize {
        self.records.iter().filter(|record| record.last_word.is_some()).count()
    }

    /// How many of its servers fail in a way that may be our own network's fault.
    pub fn silent_servers(&self) -> usize {
        self.records.iter().filter(|record| record.is_silent()).count()
    }

    /// How many of them fell silent just now.
    pub fn fell_silent(&self, now: Moment) -> usize {
        let window = self.policy.thresholds.at_once();
        let just_now = |record: &&Record| {
            record.is_silent()
                && record.trouble.as_ref().is_some_and(|trouble| now.since(trouble.began) <= window)
        };
        self.records.iter().filter(just_now).count()
    }

    /// Whether any server has ever answered.
    pub fn has_been_heard(&self) -> bool {
        self.records.iter().any(|record| record.facts.is_some())
    }

    /// Any server of any cluster was last heard then.
    pub fn note_heard(&mut self, last_heard: Option<Moment>) {
        for record in &mut self.records {
            record.note_heard(last_heard);
        }
    }

    /// Gives every server that has failed only from `since` its full number of chances again.
    pub fn forgive(&mut self, since: Moment, now: Moment) {
        for record in &mut self.records {
            record.forgive(since, now);
        }
        if !self.ready {
            self.begin_round(now);
        }
    }

    /// Silence up to now was ours.
    pub fn excuse_silence(&mut self, now: Moment) {
        for (record, conclusion) in self.records.iter_mut().zip(&self.conclusions) {
            if conclusion.verdict.reason != StateReason::ProbeSilent {
                record.excuse_silence(now);
            }
        }
    }

    /// What is published now.
    pub fn decision(&self) -> Decision {
        Decision {
            write: self.policy.write.map(|_| self.said.write),
            reads: self.said.reads.clone(),
            stability: self.settling.stability(),
        }
    }

    /// What is known of a server by what was judged so far.
    pub fn conclusion(&self, server: ServerIndex) -> &Conclusion {
        &self.conclusions[server]
    }

    /// What a server is now, and why.
    pub fn standing(&self, server: ServerIndex) -> Standing {
        let conclusion = self.conclusion(server);
        let Verdict { state, reason, lag, .. } = conclusion.limited;
        Standing { state, reason, since: conclusion.since, lag }
    }

    /// The words of a server's present failure, if it fails.
    pub fn failure_detail(&self, server: ServerIndex) -> Option<&str> {
        let trouble = self.records[server].trouble.as_ref()?;
        Some(&*trouble.failure.detail)
    }

    /// How far what a server has reaches, while the write name misses a writer.
    pub fn extent(&self, server: ServerIndex) -> Option<Extent> {
        let is_missed = self.policy.write.is_some() && self.said.write.reason.misses_writer();
        self.records[server].facts.as_ref().filter(|_| is_missed).and_then(Extent::of)
    }

    /// What the witnesses of a server say now.
    pub fn witnesses(&self, server: ServerIndex) -> impl Iterator<Item = WitnessStanding<'_>> {
        self.records[server].witnesses.standings()
    }

    /// Judges and decides anew. Every change goes to `events`.
    pub fn decide(&mut self, now: Moment, events: &mut Vec<Event>) {
        let told = events.len();
        (self.isolated, self.judged) = (false, now);
        self.expire(now, events);
        let identity = self.identity.get().cloned();
        self.identity.learn(&self.records, self.ready, &self.policy.thresholds, now);
        if identity.is_some() && identity.as_ref() != self.identity.get() {
            // What the members of another cluster had is nobody's heritage.
            (self.office, self.positions) = (Office::default(), Positions::default());
            self.conclusions.iter_mut().for_each(|known| known.wrote_beside = None);
        }
        let steering = self.steering();
        self.note_witnesses(now, events);
        self.note_hearts(now);
        let mut judgement = self.judge(&steering, now);
        if self.round.is_some() && self.round_has_ended(now) {
            (self.round, self.ready) = (None, true);
            judgement = self.judge(&steering, now);
        }
        if self.ready && self.round.is_none() {
            let before = (self.write.decision.server, self.write.last);
            self.decide_write(&judgement, &steering, now);
            if before != (self.write.decision.server, self.write.last) {
                // Who is in office tells what the others are.
                judgement = self.judge(&steering, now);
                self.decide_write(&judgement, &steering, now);
            }
        } else if let Some(rules) = self.policy.write {
            self.write.doubt_memory(&judgement, &rules, now);
        }
        self.note_states(&judgement, now, events);
        if self.ready {
            self.decide_reads(now);
        }
        self.publish(told, now, events);
    }

    /// Makes all verdicts anew, and keeps what each server itself shows; the witnesses' words limit
    /// what comes of it.
    fn judge(&mut self, steering: &Steering, now: Moment) -> Judgement {
        let blocked = self.write.blocked(now);
        let precedents = Precedents {
            published: self.write.decision.server,
            last_writer: self.write.last,
            office: &self.office,
            ready: self.ready && self.round.is_none(),
            blocked: &blocked,
            steering,
            identity: self.identity.get(),
        };
        let reach = self.policy.reach();
        self.records.iter_mut().for_each(|record| record.thin_out(reach));
        let mut hearing = Hearing {
            policy: &self.policy,
            records: &self.records,
            conclusions: &mut self.conclusions,
            precedents: &precedents,
            now,
        };
        let mut judgement = judge::judge(&mut hearing, &mut self.positions);
        self.note_verdicts(&judgement, now);
        self.limit(&mut judgement, now);
        judgement
    }

    /// Every server of every cluster failed at once: states and ladders stand still.
    pub fn hold_isolated(&mut self, now: Moment, events: &mut Vec<Event>) {
        let told = events.len();
        self.isolated = true;
        self.settling.note(true, now);
        self.write.hold_isolated();
        for read in &mut self.reads {
            read.hold_isolated();
        }
        self.publish(told, now, events);
    }

    /// While states and ladders stand still operators may act. Returns whether one did.
    pub fn heed_operators(&mut self, now: Moment, events: &mut Vec<Event>) -> bool {
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
        self.settling.note(changed || self.is_stirring(now), now);
        self.set_paces(now);
    }

    fn decide_reads(&mut self, now: Moment) {
        let mut reads = std::mem::take(&mut self.reads);
        let candidates = self.candidates(self.write.decision.server, &[]);
        for read in &mut reads {
            read.decide(&candidates, now);
        }
        for server in reads.iter().flat_map(|read| &read.decision.servers) {
            self.conclusions[server.server].ever_fit = true;
        }
        self.reads = reads;
    }

    /// The servers as a read name sees them while the write name says `writer`.
    fn candidates<'a>(
        &'a self,
        writer: Option<ServerIndex>,
        drained: &'a [ServerIndex],
    ) -> Candidates<'a> {
        let (policy, primary) = (&self.policy, self.primary(writer));
        let (records, conclusions) = (&self.records, &self.conclusions);
        Candidates { policy, records, conclusions, primary, drained }
    }

    /// The server that reads spare: the published writer, or the primary of a cluster without a
    /// write name.
    fn primary(&self, writer: Option<ServerIndex>) -> Option<ServerIndex> {
        let is_primary = |known: &Conclusion| known.limited.read == ReadEligibility::Primary;
        match self.policy.write {
            Some(_) => writer.or(self.write.decision.server),
            None => self.conclusions.position(is_primary),
        }
    }

    /// A round is over when each server has said something that counts, or has had its time.
    fn round_has_ended(&self, now: Moment) -> bool {
        let has_spoken = |(record, conclusion): (&Record, &Conclusion)| {
            let verdict = &conclusion.verdict;
            let waits_for_second_word = verdict.reason == StateReason::WritableUnconfirmed;
            let replicates = verdict.read == ReadEligibility::Replica;
            let is_compared = !replicates || conclusion.gates.iter().all(|gate| gate.is_known());
            match record.liveness(&self.policy.thresholds, now) {
                Liveness::Unheard | Liveness::Doubtful(_) => false,
                _ => !waits_for_second_word && is_compared && record.witnesses.are_asked(),
            }
        };
        let began = self.round.unwrap_or(self.started);
        now.since(began) >= self.policy.thresholds.first_round
            || self.heard_and_concluded().all(has_spoken)
    }

    /// What was heard of each server, and what was concluded of it.
    fn heard_and_concluded(&self) -> impl Iterator<Item = (&Record, &Conclusion)> {
        self.records.iter().zip(&self.conclusions)
    }

    /// Takes from each verdict what the server's witnesses speak against. What was judged before
    /// is kept as it is, so that nothing of a witness's word outlives it.
    fn limit(&self, judgement: &mut Judgement, now: Moment) {
        for (verdict, record) in judgement.verdicts.iter_mut().zip(&self.records) {
            *verdict = record.witnesses.limit(*verdict, &self.policy.thresholds, now);
        }
    }
}
