//! The ladder of the write name.
//!
//! The one primary; else hold the last published server while nothing is known against it; else
//! nothing. A move needs two things: another server that is eligible, and word that the published one is
//! gone or not writable.
//!
//! An operator steers where the choice is free, and among servers of which nothing proves who is
//! right; what else an operator wishes is laid over what the ladder says, and the ladder goes on.

use super::{
    Check, ClusterPolicy, Failback, FailureKind, Moment, OnNotWritable, OnSplitBrain, ServerIndex,
    ServerState, StateReason, Thresholds, Word, WriteDecision, WritePolicy, WriteReason,
    choice::{elect, most_preferred},
    judgement::{Judgement, WriterRule},
    steering::{Move, Steering},
    verdict::{Verdict, WriteEligibility},
};

/// The write name of one cluster and what it remembers.
#[derive(Clone, Debug)]
pub struct WriteLadder {
    pub decision: WriteDecision,
    /// The last published server, also after a withdrawal.
    pub last: Option<ServerIndex>,
    /// Since when that has been so; `None` when an earlier process or an operator said so.
    pub last_since: Option<Moment>,
    /// Servers that the name was moved away from lately, and until when it may not return to each.
    left: Vec<(ServerIndex, Moment)>,
    /// Since when the last published server has been left out by its group.
    left_out_since: Option<Moment>,
    /// Servers whose last heartbeats failed, while those of the published one are written: nobody
    /// knows better of them, so the name does not return to them by its own choice.
    pub untested: Vec<ServerIndex>,
}

impl WriteLadder {
    pub fn new() -> Self {
        let decision =
            WriteDecision { server: None, reason: WriteReason::NotReady, since: Moment::START };
        let (last, last_since, left_out_since) = (None, None, None);
        Self { decision, last, last_since, left: vec![], left_out_since, untested: vec![] }
    }

    /// The servers that the name may not return to yet by its own choice.
    pub fn blocked(&self, now: Moment) -> Vec<ServerIndex> {
        let lasting = self.left.iter().filter(|(_, until)| now < *until);
        lasting.map(|(server, _)| *server).chain(self.untested.iter().copied()).collect()
    }

    /// When the next block ends, if there is one.
    pub fn blocked_until(&self, now: Moment) -> Option<Moment> {
        self.left.iter().map(|(_, until)| *until).filter(|until| *until > now).min()
    }

    /// Decides anew. Returns the move, if the name was moved.
    pub fn decide(
        &mut self,
        judgement: &Judgement,
        policy: &ClusterPolicy,
        rules: &WritePolicy,
        steering: &Steering,
        now: Moment,
    ) -> Option<Move> {
        let (server, reason) = match judgement.writer {
            WriterRule::Free => self.choose(judgement, policy, rules, steering, now),
            WriterRule::History | WriterRule::Elected => {
                self.follow_the_primary(judgement, rules, steering)
            }
        };
        let (server, reason) = match server {
            None => self.fall_back(judgement, rules, reason),
            some => (some, reason),
        };
        self.settle(server, reason, judgement, rules, steering, now)
    }

    /// Before the first round has ended, what was said before the restart stands, unless its server
    /// says itself that it is not writable.
    pub fn doubt_memory(&mut self, judgement: &Judgement, rules: &WritePolicy, now: Moment) {
        let Some(remembered) = self.decision.server else {
            return;
        };
        let verdict = &judgement.verdicts[remembered];
        let denied = verdict.write == WriteEligibility::Refused && !overtaken(verdict);
        let held = rules.on_not_writable == OnNotWritable::Hold && !swallows_writes(verdict);
        if denied && !held {
            let reason = WriteReason::NotReady;
            self.decision = WriteDecision { server: None, reason, since: now };
        }
    }

    /// The same with its servers in other places; a server that has none is forgotten.
    ///
    /// `known` leaves out one that is elsewhere now and has not been heard there: nobody knows what
    /// its new address is.
    pub fn moved(
        &self,
        place: &dyn Fn(ServerIndex) -> Option<ServerIndex>,
        known: &dyn Fn(ServerIndex) -> Option<ServerIndex>,
        now: Moment,
    ) -> Self {
        let left = self.left.iter().filter_map(|&(server, until)| Some((place(server)?, until)));
        Self {
            decision: moved_write(self.decision, known, now),
            last: self.last.and_then(place),
            last_since: self.last_since,
            left: left.collect(),
            left_out_since: self.left_out_since,
            untested: Vec::new(),
        }
    }

    /// By an operator's word `heir` has what the last writer had: it is the last writer, though the
    /// name does not say it yet.
    pub fn inherit(&mut self, heir: ServerIndex) {
        if self.decision.server.is_some_and(|published| published != heir) {
            self.decision.server = None;
        }
        (self.last, self.last_since) = (Some(heir), None);
        self.left.retain(|(server, _)| *server != heir);
    }

    /// Every server of every cluster failed at once: whatever is said now stays.
    pub fn hold_isolated(&mut self) {
        if self.decision.server.is_some() {
            self.decision.reason = WriteReason::HeldIsolated;
        }
    }

    fn settle(
        &mut self,
        server: Option<ServerIndex>,
        reason: WriteReason,
        judgement: &Judgement,
        rules: &WritePolicy,
        steering: &Steering,
        now: Moment,
    ) -> Option<Move> {
        let before = self.decision.server;
        let since = if before == server { self.decision.since } else { now };
        self.decision = WriteDecision { server, reason, since };
        let (from, to) = (self.last, server?);
        if from != server {
            let wished = steering.wanted == server;
            self.last_since = Some(now).filter(|_| !wished);
            self.last = server;
        }
        let from = from.filter(|from| *from != to)?;
        self.left.retain(|(server, until)| *server != from && *until > now);
        // An operator's move is no flapping: nothing speaks against its return.
        if steering.wanted == Some(to) || steering.barred.contains(&from) {
            self.left.retain(|(server, _)| *server != to);
        } else {
            self.left.push((from, now + rules.flap_block));
        }
        let eligibility = judgement.verdicts[to].write;
        let proven = matches!(eligibility, WriteEligibility::Eligible | WriteEligibility::Spare);
        Some(Move { from, to, proven })
    }

    /// Roles are known, so at most one server is eligible.
    fn follow_the_primary(
        &self,
        judgement: &Judgement,
        rules: &WritePolicy,
        steering: &Steering,
    ) -> (Option<ServerIndex>, WriteReason) {
        let published = self.decision.server;
        let eligible = eligible(judgement, &[]).first().copied();
        if judgement.split_brain && rules.on_split_brain == OnSplitBrain::Empty {
            return (None, WriteReason::SplitBrain);
        }
        let reason =
            if judgement.split_brain { WriteReason::HeldSplitBrain } else { WriteReason::Primary };
        let pinned = steering.wanted.filter(|_| steering.pinned);
        if let Some(pinned) = pinned.filter(|pinned| is_a_choice(&judgement.verdicts[*pinned])) {
            return (Some(pinned), reason);
        }
        match (published, eligible) {
            (Some(published), Some(eligible)) if published != eligible => {
                let verdict = &judgement.verdicts[published];
                match verdict.write {
                    WriteEligibility::Spare
                    | WriteEligibility::Gone
                    | WriteEligibility::Refused => (Some(eligible), reason),
                    WriteEligibility::Eligible | WriteEligibility::Open => {
                        (Some(published), self.held(verdict))
                    }
                }
            }
            (_, Some(eligible)) => (Some(eligible), reason),
            (_, None) => (None, WriteReason::NoPrimaryKnown),
        }
    }

    /// Several servers are eligible, and priority and order choose.
    fn choose(
        &mut self,
        judgement: &Judgement,
        policy: &ClusterPolicy,
        rules: &WritePolicy,
        steering: &Steering,
        now: Moment,
    ) -> (Option<ServerIndex>, WriteReason) {
        if judgement.split_brain && rules.on_split_brain == OnSplitBrain::Empty {
            return (None, WriteReason::SplitBrain);
        }
        let eligible = eligible(judgement, &steering.barred);
        let best = most_preferred(&eligible, policy);
        // A moment of nobody ends no tenure.
        let published = self.decision.server;
        let incumbent = published.or(self.last);
        if let Some(wanted) = steering.wanted.filter(|wanted| {
            matches!(
                judgement.verdicts[*wanted].write,
                WriteEligibility::Eligible | WriteEligibility::Spare
            )
        }) {
            let preferred = best == Some(wanted);
            let reason =
                if preferred { WriteReason::MostPreferred } else { WriteReason::Incumbent };
            return (Some(wanted), reason);
        }
        if let Some(published) = published {
            let verdict = &judgement.verdicts[published];
            let barred = steering.barred.contains(&published) && !eligible.is_empty();
            if verdict.write == WriteEligibility::Open && !barred {
                return (Some(published), self.held(verdict));
            }
        }
        self.note_left_out(judgement, now);
        if self.group_settles(now) {
            return (None, WriteReason::NotWritable);
        }
        let blocked = self.blocked(now);
        let Some(chosen) = elect(&eligible, incumbent, &blocked, rules.failback, policy) else {
            return (None, WriteReason::NoPrimaryKnown);
        };
        let reason = match best {
            _ if judgement.split_brain => WriteReason::HeldSplitBrain,
            Some(best) if best == chosen => WriteReason::MostPreferred,
            Some(best) if self.untested.contains(&best) => WriteReason::Incumbent,
            Some(best) if blocked.contains(&best) && rules.failback == Failback::Preferred => {
                WriteReason::HeldFlapping
            }
            _ => WriteReason::Incumbent,
        };
        (Some(chosen), reason)
    }

    /// Notes whether a group has left its writer out.
    fn note_left_out(&mut self, judgement: &Judgement, now: Moment) {
        let left_out = self.last.is_some_and(|last| match judgement.verdicts[last].reason {
            StateReason::NotInGroup | StateReason::Fails(FailureKind::GroupUnready) => true,
            StateReason::Returning => self.left_out_since.is_some(),
            _ => false,
        });
        self.left_out_since = left_out.then(|| self.left_out_since.unwrap_or(now));
    }

    /// Whether a group has just left its writer out. While members come and go it may do so to any
    /// of them for a moment; whoever is ready first is not the better writer for it.
    fn group_settles(&self, now: Moment) -> bool {
        self.left_out_since.is_some_and(|since| now.since(since) < Thresholds::GROUP_SETTLES)
    }

    /// Why the published server stays although it is not eligible. One that has only missed a reply or
    /// two has not changed its state, so nothing has changed.
    fn held(&self, verdict: &Verdict) -> WriteReason {
        match (verdict.state, verdict.reason) {
            (_, StateReason::UnreachableFromHere) => WriteReason::HeldUnreachable,
            (_, StateReason::Unresponsive) => WriteReason::HeldUnresponsive,
            (ServerState::Primary, _) if self.decision.reason == WriteReason::Remembered => {
                WriteReason::Primary
            }
            (ServerState::Up, _) if self.decision.reason == WriteReason::Remembered => {
                WriteReason::Incumbent
            }
            // Only the network was in doubt, and that is over.
            (ServerState::Primary, _) if self.decision.reason == WriteReason::HeldIsolated => {
                WriteReason::Primary
            }
            (ServerState::Up, _) if self.decision.reason == WriteReason::HeldIsolated => {
                WriteReason::Incumbent
            }
            (ServerState::Primary | ServerState::Up, _) => self.decision.reason,
            (state, _) => WriteReason::Held(state),
        }
    }

    /// No server is eligible: hold, or withdraw what is known not to be writable.
    fn fall_back(
        &self,
        judgement: &Judgement,
        rules: &WritePolicy,
        reason: WriteReason,
    ) -> (Option<ServerIndex>, WriteReason) {
        if reason == WriteReason::SplitBrain {
            return (None, reason);
        }
        let Some(published) = self.decision.server else {
            // It was withdrawn, or there has never been one.
            return (None, self.last.map_or(reason, |_| WriteReason::NotWritable));
        };
        let verdict = &judgement.verdicts[published];
        // Only an inference speaks against it, and the server that the inference is about has
        // spoken once, or has not been asked since: its word is milliseconds away, and a negative
        // answer would be cached for a second.
        let wait = overtaken(verdict) && somebody_awaits_confirmation(judgement);
        match (verdict.write, rules.on_not_writable) {
            (WriteEligibility::Refused, _) if wait => (Some(published), self.held(verdict)),
            (WriteEligibility::Refused, OnNotWritable::Hold) if !swallows_writes(verdict) => {
                (Some(published), WriteReason::HeldNotWritable)
            }
            (WriteEligibility::Refused, _) => (None, WriteReason::NotWritable),
            _ => (Some(published), self.held(verdict)),
        }
    }
}

/// What the write name says, with its servers in other places. Of a server that has none it is as if
/// nothing had ever been said.
pub fn moved_write(
    said: WriteDecision,
    place: &dyn Fn(ServerIndex) -> Option<ServerIndex>,
    now: Moment,
) -> WriteDecision {
    match said.server.map(place) {
        Some(None) => WriteDecision { server: None, reason: WriteReason::NotReady, since: now },
        moved => WriteDecision { server: moved.flatten(), ..said },
    }
}

/// The servers that may be chosen: those that nobody speaks against, or the spare ones when there
/// is none.
fn eligible(judgement: &Judgement, barred: &[ServerIndex]) -> Vec<ServerIndex> {
    let all = |eligibility| {
        let verdicts = judgement.verdicts.enumerate();
        let some = verdicts.filter(move |(_, verdict)| verdict.write == eligibility);
        let some = some.map(|(index, _)| index);
        some.filter(|server| !barred.contains(server)).collect::<Vec<_>>()
    };
    match all(WriteEligibility::Eligible) {
        eligible if eligible.is_empty() => all(WriteEligibility::Spare),
        eligible => eligible,
    }
}

/// Whether an operator's word is enough to make it the writer: it may be chosen anyway, or nothing
/// but precedence speaks against it.
fn is_a_choice(verdict: &Verdict) -> bool {
    matches!(verdict.write, WriteEligibility::Eligible | WriteEligibility::Spare)
        || matches!(verdict.reason, StateReason::SecondWriter(_) | StateReason::LostContest)
            && verdict.state == ServerState::StalePrimary
}

/// Whether a server is only outdated by the word of others: its own last word was that it is
/// writable.
fn overtaken(verdict: &Verdict) -> bool {
    matches!(
        verdict.state,
        ServerState::Down
            | ServerState::StalePrimary
            | ServerState::Unknown
            | ServerState::Saturated
            | ServerState::Misconfigured
    )
}

/// Whether writes to the server would be taken and lost. One that is merely read-only refuses them.
fn swallows_writes(verdict: &Verdict) -> bool {
    matches!(verdict.state, ServerState::StalePrimary | ServerState::WrongCluster)
}

fn somebody_awaits_confirmation(judgement: &Judgement) -> bool {
    judgement.verdicts.iter().any(|verdict| {
        let leaderless = StateReason::Witness(Check::Patroni, Word::NotLeader);
        verdict.reason == StateReason::WritableUnconfirmed || verdict.reason == leaderless
    })
}
