//! A standby: does it follow the primary, and how closely?
//!
//! What it has counts, not how it gets it: a standby that is fed from an archive and keeps up is as
//! good as one that streams.

use std::time::Duration;

use super::{
    followers::{Sender, origin, sender},
    wal::written,
};
use crate::engine::{
    Lag, Moment, Position, PostgresFacts, PostgresRole, ServerIndex, ServerState, StateReason,
    Stream, Thresholds,
    conclusion::Conclusion,
    judge::{
        case::{Case, Hearing},
        claim::is_stale,
        contest::Contest,
        freshness::Freshness,
        verdicts::returning,
    },
    positions::Positions,
    record::Record,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// The verdict on a server in recovery.
pub fn verdict(
    index: ServerIndex,
    hearing: &mut Hearing<'_>,
    positions: &Positions,
    contest: &Contest,
) -> Verdict {
    let (record, conclusion) = hearing.of(index);
    conclusion.note_recovery(record);
    let place = Place::of(index, hearing.case(), contest);
    let branch = place.branch(index, hearing.case(), positions);
    let (policy, now) = (hearing.policy, hearing.now);
    let (record, conclusion) = hearing.of(index);
    let Some(&PostgresRole::Standby { receiver, paused, apply_delay, .. }) = record.postgres_role()
    else {
        return Verdict::UNHEARD;
    };
    place.note_branch(branch, record, conclusion);
    let suspect = matches!(branch, Branch::MayFollow);
    conclusion.note_astray(suspect, now);
    let alone = !receiver.is_attached() && place.is_attended();
    conclusion.note_detached(alone, now);
    // No lag is measured across timelines.
    if conclusion.left_behind.is_some() {
        conclusion.forget_freshness();
    }
    let lag = match conclusion.left_behind {
        Some(_) => None,
        None if !place.compared && may_have_left(record, positions) => Some(None),
        None => lag(record, positions),
    };
    let freshness = Freshness::pass(conclusion, record, policy, lag, place.compared);
    let attached = freshness.attached();
    let lag = freshness.lag;
    let out = |state, reason| Verdict { lag, ..Verdict::out(state, reason) };
    conclusion.note_return(record, policy.thresholds.rise);
    if conclusion.is_away() {
        return Verdict { write: WriteEligibility::Refused, ..returning(conclusion) };
    }
    if paused {
        return out(ServerState::OutOfService, StateReason::ReplayPaused);
    }
    if let Some(reason) = conclusion.left_behind {
        return out(ServerState::ReplicaBroken, reason);
    }
    if conclusion.astray_for(now).is_some_and(|lasts| lasts >= Thresholds::DEAD_BRANCH_AFTER) {
        conclusion.left_behind = Some(StateReason::DeadBranch);
        conclusion.left_on = record.received_timeline();
        return out(ServerState::ReplicaBroken, StateReason::DeadBranch);
    }
    if receiver.is_attached() && !suspect {
        conclusion.mark_followed();
    }
    if !apply_delay.is_zero() {
        return out(ServerState::OutOfService, StateReason::DelayedOnPurpose);
    }
    match unfed_for(record, conclusion, now).filter(|_| alone) {
        Some(lasts) if lasts >= Thresholds::DETACHED_AFTER => {
            let read = match lasts < Thresholds::DETACHED_GRACE {
                true => ReadEligibility::Replica,
                false => ReadEligibility::LastResort,
            };
            let (state, reason) = (ServerState::ReplicaDetached, StateReason::NoReceiver);
            Verdict { state, reason, read, ..attached }
        }
        _ => attached,
    }
}

/// Where a standby stands among the others.
struct Place {
    primary: Option<ServerIndex>,
    /// The primary's timeline.
    timeline: Option<u32>,
    /// The primary answers, so that what it shows is the present.
    compared: bool,
    /// The primary is not known to be gone.
    has_primary: bool,
    /// Another member that answers receives.
    sibling_receives: bool,
    /// More of the others receive a higher timeline than there are that receive its own.
    outvoted: bool,
    /// It receives from a member that calls itself a primary and is not the one.
    misled_by: Option<ServerIndex>,
    /// It receives from the primary, by the name that the primary has here.
    is_led: bool,
    /// The primary was in recovery on a lower timeline then: its own began later.
    began_after: Option<Moment>,
}

/// The branch of history that a standby is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    /// Nothing speaks against it.
    Same,
    /// It is on an older timeline, at a point from which it can still follow.
    MayFollow,
    /// It is proven to be on another one.
    Left(StateReason),
}

impl Place {
    fn of(index: ServerIndex, case: Case<'_>, contest: &Contest) -> Self {
        let primary = contest.champion;
        let answers = |server| case.answers(server);
        let misled_by = match origin(index, case) {
            Some(Sender::Member(sender)) => {
                let record = &case.records[sender];
                let misleads = match primary {
                    Some(primary) => {
                        primary != sender
                            && (record.is_confirmed_writable() || is_stale(sender, case, contest))
                    }
                    // Whoever has lost is none, whether its heir is there or not.
                    None => case.superseded(sender).is_some(),
                };
                let calls_itself_primary = record.primary_timeline().is_some();
                (misleads && answers(sender) && calls_itself_primary).then_some(sender)
            }
            _ => None,
        };
        let leader = primary.map(Sender::Member);
        let receives = |other: &ServerIndex| {
            *other != index
                && answers(*other)
                && case.conclusions[*other].left_behind.is_none()
                && sender(*other, case).is_some()
        };
        Self {
            primary,
            timeline: primary.and_then(|primary| case.records[primary].primary_timeline()),
            compared: primary.is_some_and(answers),
            has_primary: primary.is_some_and(|primary| {
                !matches!(case.liveness(primary), Liveness::Gone(_) | Liveness::Unheard)
            }),
            sibling_receives: case.indices().any(|other| receives(&other)),
            outvoted: is_outvoted(index, case, &receives),
            misled_by,
            is_led: leader.is_some() && sender(index, case) == leader,
            began_after: primary.and_then(|primary| last_recovery(&case.records[primary])),
        }
    }

    /// Whether there is somebody that it could receive from.
    fn is_attended(&self) -> bool {
        self.has_primary || self.sibling_receives
    }

    fn branch(&self, index: ServerIndex, case: Case<'_>, positions: &Positions) -> Branch {
        let record = &case.records[index];
        let Some(facts) = record.postgres() else { return Branch::Same };
        let PostgresRole::Standby { replayed, received, .. } = facts.role else {
            return Branch::Same;
        };
        if let Some(sender) = self.misled_by {
            return Branch::Left(StateReason::FollowsStale(sender));
        }
        let came_to = replayed.max(received);
        // The control file says "at least", so an old timeline in it says nothing.
        let receives = received_timeline_shown(record);
        let is_past =
            |own: u32| positions.fork_after(own).zip(came_to).is_some_and(|(fork, end)| end > fork);
        let (Some(primary), Some(timeline)) = (self.primary, self.timeline) else {
            // A primary of a later timeline was seen, and its absence does not undo that.
            let newest = positions.newest_timeline();
            let past = newest.and_then(|newest| went_past(index, newest, case, positions));
            return match (past, self.outvoted) {
                (Some(reason), _) => Branch::Left(reason),
                _ if receives.is_some_and(is_past) => Branch::Left(StateReason::DeadBranch),
                (None, true) => Branch::MayFollow,
                (None, false) => Branch::Same,
            };
        };
        if self.compared
            && let Some(own) = facts.standby_timeline().filter(|own| *own > timeline)
        {
            return Branch::Left(StateReason::StrayTimeline(own));
        }
        if self.compared && self.is_older_than_primary(&case.conclusions[index]) {
            return Branch::Left(StateReason::StrayTimeline(timeline));
        }
        if self.is_ahead_of(&case.records[primary], record, replayed) {
            return Branch::Left(StateReason::Diverged);
        }
        if let Some(reason) = went_past(index, timeline, case, positions) {
            return Branch::Left(reason);
        }
        match receives.filter(|own| *own < timeline) {
            Some(own) if is_past(own) => Branch::Left(StateReason::DeadBranch),
            Some(_) => Branch::MayFollow,
            None => Branch::Same,
        }
    }

    /// Whether a standby has replayed what the primary did not have when it was asked later.
    fn is_ahead_of(&self, primary: &Record, record: &Record, replayed: Option<Position>) -> bool {
        self.compared
            && primary.facts_at >= record.facts_came
            && written(primary).zip(replayed).is_some_and(|(written, replayed)| replayed > written)
    }

    /// Whether a standby had come to a timeline of the primary's number before the primary's began: two
    /// that were promoted apart count alike.
    fn is_older_than_primary(&self, conclusion: &Conclusion) -> bool {
        let since = conclusion.in_recovery_since(self.timeline);
        !self.is_led && since.zip(self.began_after).is_some_and(|(since, began)| since <= began)
    }

    /// Notes the branch that a standby is on.
    fn note_branch(&self, branch: Branch, record: &Record, conclusion: &mut Conclusion) {
        match branch {
            Branch::Left(reason) => {
                conclusion.left_behind = Some(reason);
                conclusion.left_on = record.postgres().and_then(PostgresFacts::standby_timeline);
                conclusion.beyond_primary |= reason == StateReason::Diverged;
            }
            _ if self.is_on_right_branch(record, conclusion) => {
                (conclusion.left_behind, conclusion.left_on) = (None, None);
                conclusion.beyond_primary = false;
            }
            _ => {}
        }
    }

    /// Whether a standby is seen on the primary's own branch.
    fn is_on_right_branch(&self, record: &Record, conclusion: &Conclusion) -> bool {
        let came_to = record.postgres().and_then(PostgresFacts::standby_timeline);
        let received = record.received_timeline();
        let on_it = received.is_some() && received == self.timeline
            || came_to == self.timeline && self.misled_by.is_none();
        // Who was beyond the primary and still receives what it received goes on beside it.
        let is_told = conclusion.left_on.is_none_or(|own| Some(own) != self.timeline)
            || is_attached(record) && (self.is_led || !conclusion.beyond_primary);
        // Without a primary a newer timeline than before must do.
        let went_on = self.primary.is_none()
            && conclusion.left_behind == Some(StateReason::DeadBranch)
            && received > conclusion.left_on;
        self.compared && on_it && is_told || went_on
    }
}

/// When a primary was last known to be in recovery on a lower timeline than it has now.
fn last_recovery(primary: &Record) -> Option<Moment> {
    let timeline = primary.primary_timeline()?;
    primary.recovered_on.filter(|(on, _)| *on < timeline).map(|(_, at)| at)
}

fn is_attached(record: &Record) -> bool {
    record.postgres().is_some_and(PostgresFacts::is_attached)
}

/// Why a standby that receives nothing has what the primary, on `timeline`, has not: it was seen past
/// the fork before, or it wrote beside the primary on one timeline.
fn went_past(
    index: ServerIndex,
    timeline: u32,
    case: Case<'_>,
    positions: &Positions,
) -> Option<StateReason> {
    let record = &case.records[index];
    let (on, end) = record.history.reached?;
    let came_to = record.postgres()?.standby_timeline();
    if is_attached(record) || came_to.is_some_and(|own| own > on) {
        return None;
    }
    if on == timeline && case.superseded(index).is_some() {
        return Some(StateReason::Diverged);
    }
    let past_it = positions.fork_after(on).is_some_and(|fork| end > fork);
    (on < timeline && past_it).then_some(StateReason::DeadBranch)
}

/// Whether a standby has come past a fork and nothing shows on which side: it receives nothing, and was
/// last seen on a timeline that others have left before that.
fn may_have_left(record: &Record, positions: &Positions) -> bool {
    let Some(facts) = record.postgres() else { return false };
    let PostgresRole::Standby { replayed, received, .. } = facts.role else { return false };
    let seen_on = facts.standby_timeline().max(record.history.reached.map(|(on, _)| on));
    let fork = seen_on.and_then(|own| positions.fork_after(own));
    !is_attached(record)
        && fork.zip(replayed.max(received)).is_some_and(|(fork, came_to)| came_to > fork)
}

/// Whether more standbys that are known to receive a higher timeline than what this one receives.
fn is_outvoted(
    index: ServerIndex,
    case: Case<'_>,
    receives: &dyn Fn(&ServerIndex) -> bool,
) -> bool {
    let Some(own) = case.records[index].received_timeline() else { return false };
    let others: Vec<_> = case
        .indices()
        .filter(receives)
        .filter_map(|other| case.records[other].received_timeline())
        .collect();
    let newer = others.iter().filter(|timeline| **timeline > own).count();
    let same = others.iter().filter(|timeline| **timeline == own).count() + 1;
    newer > same
}

/// The timeline that a standby receives or tries to.
fn received_timeline_shown(record: &Record) -> Option<u32> {
    match record.postgres_role()? {
        PostgresRole::Standby { timeline, .. } => *timeline,
        PostgresRole::Primary { .. } => None,
    }
}

/// How long a standby has been without a receiver and without anything new: one that an archive
/// feeds is fed.
fn unfed_for(record: &Record, conclusion: &Conclusion, now: Moment) -> Option<Duration> {
    let since = conclusion.detached_since?;
    let archive_alone = match record.postgres_role()? {
        PostgresRole::Standby { received, replayed, .. } => {
            received.is_none() && replayed.is_some()
        }
        PostgresRole::Primary { .. } => false,
    };
    let fed = record.advance.map(|(_, at)| at).filter(|at| *at > since);
    match archive_alone {
        // Nothing was ever streamed: only what it lacks tells whether it is fed.
        true if conclusion.gates.iter().all(|gate| gate.is_fresh()) => None,
        _ => Some(now.since(fed.unwrap_or(since))),
    }
}

/// How far a standby is behind all that was shown: `None` when its next reply will tell, `Some(None)`
/// when it cannot be told.
fn lag(standby: &Record, positions: &Positions) -> Option<Option<Lag>> {
    let PostgresRole::Standby { replayed, replay_age, .. } = standby.postgres_role()? else {
        return None;
    };
    if standby.supposed_lag.is_some() {
        return Some(standby.supposed_lag);
    }
    match *replayed {
        None => Some(None),
        Some(replayed) => {
            positions.reached(&Stream::Wal, replayed, standby.facts_at).lag(*replay_age)
        }
    }
}
