//! What must hold after every step of every story, whatever happened in it.
//!
//! The checks share nothing with the engine but the observations: they keep their own short memory
//! of what each server said, and judge the engine's answers by it.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use pointsman::engine::{
    ClusterId, ClusterKind, Decision, Engine, Event, Evidence, Facts, Failback, FailureKind,
    IoThread, Moment, Observation, Outcome, PostgresFacts, PostgresRole, ReadReason, Relation,
    ServerId, ServerIndex, ServerState, Stability, StateReason, Writability, WriteReason,
};

pub(crate) const CLUSTER: ClusterId = ClusterId(0);

/// An engine, what it was told, and what it has said.
pub(crate) struct Watched {
    pub(crate) engine: Engine,
    kind: ClusterKind,
    failback: Failback,
    heard: Vec<Heard>,
    /// The server that the write name said last.
    last_writer: Option<ServerIndex>,
    /// When the name was last given to another server.
    published_at: Option<Moment>,
    /// When the write name was last moved away from each server.
    left_at: Vec<Option<Moment>>,
    /// Servers that a read name has said.
    ever_read: BTreeSet<ServerIndex>,
    pub(crate) moves: u64,
    pub(crate) told: Vec<String>,
}

/// What one server said lately.
#[derive(Clone, Default)]
struct Heard {
    newest: Option<Rc<Observation>>,
    facts: Option<Rc<Observation>>,
    /// When that came.
    facts_at: Moment,
    /// Since when it has shown the same timeline (PostgreSQL).
    timeline_since: Moment,
    /// Failures since the last good reply, oldest first.
    failures: Vec<FailureKind>,
    /// The failures before the last good reply were many.
    was_lost: bool,
    /// Good replies since the last failure.
    replies: u32,
    /// Good replies in a row, failures between them aside, that say it is writable.
    writable: u32,
    /// It belonged to another cluster when it last answered, as the engine sees it.
    foreign: bool,
    /// Another one has shown a newer history since it last said that it is not writable. What is
    /// proven stays so, also when that other one is rebuilt and shows it no more.
    overtaken: bool,
}

impl Watched {
    pub(crate) fn new(
        engine: Engine,
        kind: ClusterKind,
        failback: Failback,
        servers: usize,
    ) -> Self {
        Self {
            engine,
            kind,
            failback,
            heard: vec![Heard::default(); servers],
            last_writer: None,
            published_at: None,
            left_at: vec![None; servers],
            ever_read: BTreeSet::new(),
            moves: 0,
            told: vec![],
        }
    }

    pub(crate) fn observe(&mut self, observation: &Rc<Observation>, now: Moment) {
        self.heard[observation.server.server.place()].note(observation, now);
        self.engine.observe((**observation).clone(), now);
    }

    /// Lets the engine decide, and checks all promises.
    pub(crate) fn decide(&mut self, now: Moment) -> Result<(), String> {
        self.engine.decide(now);
        for (index, heard) in self.heard.iter_mut().enumerate() {
            // A probe that falls silent makes nobody a member.
            let known = state(&self.engine, index);
            if heard.replies > 0 && known != ServerState::Unknown {
                heard.foreign = known == ServerState::WrongCluster;
            }
        }
        for index in (0..self.heard.len()).map(ServerIndex::new) {
            let anybody = (0..self.heard.len()).map(ServerIndex::new);
            let overtaken = anybody.into_iter().any(|one| self.overtakes(one, index));
            let heard = &mut self.heard[index.place()];
            heard.overtaken = overtaken || heard.overtaken && heard.claims_writable();
        }
        let events = self.engine.take_events();
        let decision = self.engine.decision(CLUSTER);
        if !events.is_empty() && decision.stability == Stability::Stable {
            return Err(format!("stable, and yet {events:?}"));
        }
        for event in events {
            self.told.push(format!("{now} {event:?}"));
            self.check_event(&event, now)?;
        }
        self.check_write(&decision).and_then(|()| self.check_reads(&decision))
    }

    /// The published server has not said that it is not writable, and nobody has proven it
    /// outdated.
    fn check_write(&self, decision: &Decision) -> Result<(), String> {
        let write = decision.write.expect("the cluster has a write name");
        let Some(server) = write.server.map(ServerIndex::place) else {
            return Ok(());
        };
        if let Some(Outcome::Answered(facts)) = self.heard[server].newest.as_deref().map(outcome)
            && !facts.claims_writable()
        {
            return Err(format!("published {server}, which says that it is not writable"));
        }
        let state = state(&self.engine, server);
        let may_stand = match state {
            ServerState::Primary
            | ServerState::Up
            | ServerState::Down
            | ServerState::Unknown
            | ServerState::Starting
            | ServerState::Saturated
            | ServerState::Misconfigured => true,
            ServerState::StalePrimary => {
                self.somebody_awaits_confirmation() || self.somebody_is_unasked(server)
            }
            _ => false,
        };
        if may_stand { Ok(()) } else { Err(format!("published {server}, which is {state}")) }
    }

    fn somebody_awaits_confirmation(&self) -> bool {
        (0..self.heard.len()).any(|index| {
            let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(index) };
            self.engine.standing(server).reason == StateReason::WritableUnconfirmed
        })
    }

    /// Whether another server than `published` has not spoken since the newest timeline was first shown.
    fn somebody_is_unasked(&self, published: usize) -> bool {
        let others = || {
            let all = self.heard.iter().enumerate().filter(|(index, _)| *index != published);
            all.map(|(_, heard)| heard).filter(|heard| !heard.foreign)
        };
        let Some(newest) = others().filter_map(Heard::timeline).max() else {
            return false;
        };
        let showing = others().filter(|heard| heard.timeline() == Some(newest));
        let shown_at = showing.map(|heard| heard.timeline_since).min();
        others().any(|heard| {
            let facts_at = heard.facts.as_ref().map(|_| heard.facts_at);
            facts_at < shown_at && !is_long(&heard.failures)
        })
    }

    /// Never empty once any server was eligible, never another cluster's, and only the eligible ones called eligible.
    fn check_reads(&mut self, decision: &Decision) -> Result<(), String> {
        let read = &decision.reads[0];
        self.ever_read.extend(read.servers.iter().map(|server| server.server));
        // What a server has that lost its history is not the cluster's data.
        let ours = |server: &ServerIndex| {
            let id = ServerId { cluster: ClusterId(0), server: *server };
            let lost = self.engine.standing(id).reason == StateReason::HistoryLost;
            !self.heard[server.place()].foreign && !lost
        };
        if read.servers.is_empty() && self.ever_read.iter().any(ours) {
            return Err("the read name is empty".into());
        }
        for index in read.servers.iter().map(|server| server.server.place()) {
            let state = state(&self.engine, index);
            let eligible = matches!(
                state,
                ServerState::Replica
                    | ServerState::ReplicaDetached
                    | ServerState::Misconfigured
                    | ServerState::Saturated
                    | ServerState::Up
            );
            if state == ServerState::WrongCluster {
                return Err(format!("reads go to {index}, which is another cluster's"));
            }
            if !eligible && matches!(read.reason, ReadReason::Eligible | ReadReason::Few) {
                return Err(format!("{index}, which is {state}, counted as eligible"));
            }
        }
        Ok(())
    }

    /// A move has a named reason, a proven new writer, and evidence against the one that was left;
    /// so has a withdrawal.
    fn check_event(&mut self, event: &Event, now: Moment) -> Result<(), String> {
        let Event::Write { from, to, reason, .. } = *event else {
            return Ok(());
        };
        if from == to {
            return Ok(());
        }
        let Some(to) = to else {
            let from = from.expect("it is not nobody too");
            let server = ServerId { cluster: ClusterId(0), server: from };
            let lost = self.engine.standing(server).reason == StateReason::HistoryLost;
            return if lost || self.was_refused(from) || self.heard[from.place()].overtaken {
                Ok(())
            } else {
                Err(format!("withdrew {from:?} without evidence ({reason})"))
            };
        };
        if from.is_some() || self.last_writer != Some(to) {
            self.check_new_writer(to, reason)?;
        }
        if let Some(left) = self.last_writer.replace(to).filter(|left| *left != to) {
            self.left_at[left.place()] = Some(now);
        }
        let Some(from) = from else {
            self.published_at = Some(now);
            return Ok(());
        };
        self.moves += 1;
        let left_long_ago =
            self.left_at[to.place()].is_none_or(|left| now.since(left) >= Duration::from_secs(60));
        let returns = self.failback == Failback::Preferred && to < from && left_long_ago;
        // Of two that turn writable at about the same time the facts tell, not who was heard first,
        // as soon as both have been heard.
        let at_once = reason == WriteReason::HeldSplitBrain
            && self.published_at.is_some_and(|at| now.since(at) < Duration::from_secs(10));
        self.published_at = Some(now);
        if self.was_refused(from)
            || self.was_lost(from)
            || returns
            || at_once
            || self.overtakes(to, from)
        {
            return Ok(());
        }
        Err(format!("moved from {from:?} to {to:?} without evidence ({reason})"))
    }

    fn check_new_writer(&self, to: ServerIndex, reason: WriteReason) -> Result<(), String> {
        if !matches!(
            reason,
            WriteReason::Primary
                | WriteReason::MostPreferred
                | WriteReason::HeldFlapping
                | WriteReason::HeldSplitBrain
        ) {
            return Err(format!("moved because of {reason:?}"));
        }
        let heard = &self.heard[to.place()];
        match heard.newest.as_deref().map(outcome) {
            Some(Outcome::Answered(facts)) if facts.claims_writable() => {}
            odd => return Err(format!("moved to a server whose last word was {odd:?}")),
        }
        match self.kind {
            ClusterKind::Tcp => Ok(()),
            _ if heard.writable >= 2 => Ok(()),
            _ => Err(format!("moved to {to:?} on a single reply")),
        }
    }

    /// Whether a server has said itself that it is not writable, or follows another one, or is not
    /// of this cluster.
    fn was_refused(&self, server: ServerIndex) -> bool {
        let heard = &self.heard[server.place()];
        match heard.failures.last() {
            Some(last) => matches!(last, FailureKind::Offline | FailureKind::GroupUnready),
            None => {
                let replicates = |facts: &Facts| match facts {
                    Facts::MySql(facts) => facts
                        .channels
                        .iter()
                        .flatten()
                        .any(|channel| channel.io == IoThread::Running),
                    _ => false,
                };
                let facts = heard.facts.as_deref().map(outcome);
                heard.foreign
                    || matches!(facts, Some(Outcome::Answered(facts))
                        if !facts.claims_writable() || replicates(facts))
            }
        }
    }

    /// Whether a server has not been heard, or not been ready, for as long as it takes.
    fn was_lost(&self, server: ServerIndex) -> bool {
        let heard = &self.heard[server.place()];
        match heard.failures.last() {
            None => self.kind == ClusterKind::Tcp && heard.was_lost && heard.replies < 2,
            Some(FailureKind::Starting) => true,
            Some(FailureKind::Saturated) => self.kind == ClusterKind::Tcp,
            Some(_) => is_long(&heard.failures),
        }
    }

    /// Whether the word of `newer` proves that of `older` outdated.
    fn overtakes(&self, newer: ServerIndex, older: ServerIndex) -> bool {
        let facts =
            |server: ServerIndex| match self.heard[server.place()].facts.as_deref().map(outcome) {
                Some(Outcome::Answered(facts)) => Some(facts),
                _ => None,
            };
        match (facts(newer), facts(older)) {
            (Some(Facts::Postgres(newer)), Some(Facts::Postgres(older))) => {
                timeline(newer) > timeline(older)
            }
            (Some(Facts::MySql(newer)), Some(Facts::MySql(older))) => {
                newer.writability == Writability::Writable
                    && newer.gtid.relation(&older.gtid) == Relation::Ahead
            }
            _ => false,
        }
    }
}

impl Heard {
    /// Its last facts say that it is writable.
    fn claims_writable(&self) -> bool {
        match self.facts.as_deref().map(outcome) {
            Some(Outcome::Answered(facts)) => facts.claims_writable(),
            _ => false,
        }
    }

    fn note(&mut self, observation: &Rc<Observation>, now: Moment) {
        self.newest = Some(Rc::clone(observation));
        let before = self.timeline();
        match &observation.outcome {
            Outcome::Answered(facts) => {
                self.facts = Some(Rc::clone(observation));
                self.facts_at = now;
                if self.timeline() != before {
                    self.timeline_since = now;
                }
                if self.replies == 0 {
                    self.was_lost = is_long(&self.failures);
                }
                self.failures.clear();
                self.replies += 1;
                self.writable = if facts.claims_writable() { self.writable + 1 } else { 0 };
            }
            Outcome::Failed(failure) => {
                self.failures.push(failure.kind);
                self.replies = 0;
            }
            // Nothing of the server's own.
            Outcome::Witnessed(..) => {}
        }
    }

    /// The timeline that it last showed.
    fn timeline(&self) -> Option<u32> {
        match self.facts.as_deref().map(outcome) {
            Some(Outcome::Answered(Facts::Postgres(facts))) => timeline(facts),
            _ => None,
        }
    }
}

fn timeline(facts: &PostgresFacts) -> Option<u32> {
    match facts.role {
        PostgresRole::Primary { timeline, .. } => Some(timeline),
        PostgresRole::Standby { timeline, .. } => timeline,
    }
}

/// Whether failures in a row are enough to give a server up.
fn is_long(failures: &[FailureKind]) -> bool {
    let silent = failures.iter().rev().take_while(|kind| kind.evidence() != Evidence::Alive);
    let hard = failures.iter().rev().take_while(|kind| kind.evidence() == Evidence::Hard);
    silent.count() >= 3 || hard.count() >= 2 || failures.last() == Some(&FailureKind::Starting)
}

fn outcome(observation: &Observation) -> &Outcome {
    &observation.outcome
}

fn state(engine: &Engine, server: usize) -> ServerState {
    engine.standing(ServerId { cluster: CLUSTER, server: ServerIndex::new(server) }).state
}
