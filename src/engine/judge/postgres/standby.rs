//! A standby: does it follow the primary, and how closely?
//!
//! What it has counts, not how it gets it: a standby that is fed from an archive and keeps up is as
//! good as one that streams.

use std::time::Duration;

use super::{
    followers::{Sender, origin, sender},
    postgres_facts, postgres_role, primary_timeline, received_timeline,
    wal::written,
};
use crate::engine::{
    ClusterPolicy, Lag, Moment, Position, PostgresRole, ServerIndex, ServerState, StateReason,
    Stream, Thresholds,
    history::standby_timeline,
    ids::Servers,
    judge::{Freshness, contest::Contest, is_returning, is_stale, lasting, returning},
    positions::Positions,
    record::Record,
    trouble::Liveness,
    verdict::{ReadFitness, Verdict, WriteFitness},
};

/// The verdict on a server in recovery.
pub(super) fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &Positions,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let place = Place::of(index, policy, records, contest, now);
    let proven = place.branch(&records[index], records, positions);
    let attended = place.is_attended();
    let lag = lag(&records[index], positions);
    let record = &mut records[index];
    let Some(&PostgresRole::Standby { receiver, paused, apply_delay, .. }) = postgres_role(record)
    else {
        return Verdict::UNHEARD;
    };
    let on_right_branch = place.is_on_right_branch(record);
    match proven {
        Branch::Left(reason) => {
            record.left_behind = Some(reason);
            record.left_on = postgres_facts(record).and_then(standby_timeline);
        }
        _ if on_right_branch => (record.left_behind, record.left_on) = (None, None),
        _ => {}
    }
    let suspect = matches!(proven, Branch::MayFollow);
    let suspected = lasting(&mut record.dead_branch_since, suspect, now);
    let alone = !receiver.is_attached() && attended;
    lasting(&mut record.detached_since, alone, now);
    // No lag is measured across timelines.
    if record.left_behind.is_some() {
        record.forget_freshness();
    }
    let lag = match record.left_behind {
        Some(_) => None,
        None if !place.compared && may_have_left(record, positions) => Some(None),
        None => lag,
    };
    let freshness = Freshness::pass(record, policy, lag, place.compared);
    let attached = freshness.attached();
    let lag = freshness.lag;
    let out = |state, reason| Verdict { lag, ..Verdict::out(state, reason) };
    if is_returning(record, policy) {
        return Verdict { write: WriteFitness::Refused, ..returning(record) };
    }
    if paused {
        return out(ServerState::Maintenance, StateReason::ReplayPaused);
    }
    if let Some(reason) = record.left_behind {
        return out(ServerState::ReplicaBroken, reason);
    }
    if suspected.is_some_and(|lasts| lasts >= Thresholds::DEAD_BRANCH_AFTER) {
        record.left_behind = Some(StateReason::DeadBranch);
        record.left_on = received_timeline(record);
        return out(ServerState::ReplicaBroken, StateReason::DeadBranch);
    }
    if receiver.is_attached() && !suspect {
        record.mark_followed();
    }
    if !apply_delay.is_zero() {
        return out(ServerState::Maintenance, StateReason::DelayedOnPurpose);
    }
    match detached_for(record, now).filter(|_| alone) {
        Some(lasts) if lasts >= Thresholds::DETACHED_AFTER => {
            let read = match lasts < Thresholds::DETACHED_GRACE {
                true => ReadFitness::Replica,
                false => ReadFitness::LastResort,
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
    fn of(
        index: ServerIndex,
        policy: &ClusterPolicy,
        records: &Servers<Record>,
        contest: &Contest,
        now: Moment,
    ) -> Self {
        let primary = contest.champion;
        let liveness = |server: ServerIndex| records[server].liveness(&policy.thresholds, now);
        let answers = |server| liveness(server) == Liveness::Answering;
        let misled_by = match origin(index, policy, records) {
            Some(Sender::Member(sender)) => {
                let record = &records[sender];
                let misleads = match primary {
                    Some(primary) => {
                        primary != sender
                            && (record.is_confirmed_writable() || is_stale(sender, record, contest))
                    }
                    // Whoever has lost is none, whether its heir is there or not.
                    None => record.superseded.is_some(),
                };
                let calls_itself_primary = primary_timeline(record).is_some();
                (misleads && answers(sender) && calls_itself_primary).then_some(sender)
            }
            _ => None,
        };
        let receives = |other: &ServerIndex| {
            *other != index
                && answers(*other)
                && records[*other].left_behind.is_none()
                && sender(&records[*other], policy).is_some()
        };
        Self {
            primary,
            timeline: primary.and_then(|primary| primary_timeline(&records[primary])),
            compared: primary.is_some_and(answers),
            has_primary: primary.is_some_and(|primary| {
                !matches!(liveness(primary), Liveness::Gone(_) | Liveness::Unheard)
            }),
            sibling_receives: records.indices().any(|other| receives(&other)),
            outvoted: is_outvoted(index, records, &receives),
            misled_by,
        }
    }

    /// Whether there is somebody that it could receive from.
    fn is_attended(&self) -> bool {
        self.has_primary || self.sibling_receives
    }

    fn branch(&self, record: &Record, records: &Servers<Record>, positions: &Positions) -> Branch {
        let Some(facts) = postgres_facts(record) else { return Branch::Same };
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
            let past = newest.and_then(|newest| went_past(record, newest, positions));
            return match (past, self.outvoted) {
                (Some(reason), _) => Branch::Left(reason),
                _ if receives.is_some_and(is_past) => Branch::Left(StateReason::DeadBranch),
                (None, true) => Branch::MayFollow,
                (None, false) => Branch::Same,
            };
        };
        if self.compared
            && let Some(own) = standby_timeline(facts).filter(|own| *own > timeline)
        {
            return Branch::Left(StateReason::StrayTimeline(own));
        }
        if self.is_ahead_of(&records[primary], record, replayed) {
            return Branch::Left(StateReason::Diverged);
        }
        if let Some(reason) = went_past(record, timeline, positions) {
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

    /// Whether a standby is seen on the primary's own branch.
    fn is_on_right_branch(&self, record: &Record) -> bool {
        let came_to = postgres_facts(record).and_then(standby_timeline);
        let received = received_timeline(record);
        let on_it = received.is_some() && received == self.timeline
            || came_to == self.timeline && self.misled_by.is_none();
        let is_told =
            record.left_on.is_none_or(|own| Some(own) != self.timeline) || is_attached(record);
        // Without a primary a newer timeline than before must do.
        let went_on = self.primary.is_none()
            && record.left_behind == Some(StateReason::DeadBranch)
            && received > record.left_on;
        self.compared && on_it && is_told || went_on
    }
}

fn is_attached(record: &Record) -> bool {
    match postgres_role(record) {
        Some(PostgresRole::Standby { receiver, .. }) => receiver.is_attached(),
        _ => false,
    }
}

/// Why a standby that receives nothing has what the primary, on `timeline`, has not: it was seen past
/// the fork before, or it wrote beside the primary on one timeline.
fn went_past(record: &Record, timeline: u32, positions: &Positions) -> Option<StateReason> {
    let (on, end) = record.history.reached?;
    let came_to = standby_timeline(postgres_facts(record)?);
    if is_attached(record) || came_to.is_some_and(|own| own > on) {
        return None;
    }
    if on == timeline && record.superseded.is_some() {
        return Some(StateReason::Diverged);
    }
    let past_it = positions.fork_after(on).is_some_and(|fork| end > fork);
    (on < timeline && past_it).then_some(StateReason::DeadBranch)
}

/// Whether a standby has come past a fork and nothing shows on which side: it receives nothing, and was
/// last seen on a timeline that others have left before that.
fn may_have_left(record: &Record, positions: &Positions) -> bool {
    let Some(facts) = postgres_facts(record) else { return false };
    let PostgresRole::Standby { replayed, received, .. } = facts.role else { return false };
    let seen_on = standby_timeline(facts).max(record.history.reached.map(|(on, _)| on));
    let fork = seen_on.and_then(|own| positions.fork_after(own));
    !is_attached(record)
        && fork.zip(replayed.max(received)).is_some_and(|(fork, came_to)| came_to > fork)
}

/// Whether more standbys that are known to receive a higher timeline than what this one receives.
fn is_outvoted(
    index: ServerIndex,
    records: &Servers<Record>,
    receives: &dyn Fn(&ServerIndex) -> bool,
) -> bool {
    let Some(own) = received_timeline(&records[index]) else { return false };
    let others: Vec<_> = records
        .indices()
        .filter(receives)
        .filter_map(|other| received_timeline(&records[other]))
        .collect();
    let newer = others.iter().filter(|timeline| **timeline > own).count();
    let same = others.iter().filter(|timeline| **timeline == own).count() + 1;
    newer > same
}

/// The timeline that a standby receives or tries to.
fn received_timeline_shown(record: &Record) -> Option<u32> {
    match postgres_role(record)? {
        PostgresRole::Standby { timeline, .. } => *timeline,
        PostgresRole::Primary { .. } => None,
    }
}

/// How long a standby has been without a receiver and without anything new: one that an archive
/// feeds is fed.
fn detached_for(record: &Record, now: Moment) -> Option<Duration> {
    let since = record.detached_since?;
    let archive_alone = match postgres_role(record)? {
        PostgresRole::Standby { received, replayed, .. } => {
            received.is_none() && replayed.is_some()
        }
        PostgresRole::Primary { .. } => false,
    };
    let fed = record.advance.map(|(_, at)| at).filter(|at| *at > since);
    match archive_alone {
        // Nothing was ever streamed: only what it lacks tells whether it is fed.
        true if record.gates.iter().all(|gate| gate.is_fresh()) => None,
        _ => Some(now.since(fed.unwrap_or(since))),
    }
}

/// How far a standby is behind all that was shown: `None` when its next reply will tell, `Some(None)`
/// when it cannot be told.
fn lag(standby: &Record, positions: &Positions) -> Option<Option<Lag>> {
    let PostgresRole::Standby { replayed, replay_age, .. } = postgres_role(standby)? else {
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
