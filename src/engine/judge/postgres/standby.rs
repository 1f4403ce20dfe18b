//! A standby: does it follow the primary, and how closely?
//!
//! What it has counts, not how it gets it: a standby that is fed from an archive and keeps up is as
//! good as one that streams.

use std::time::Duration;

use super::{
    branch::{Branch, Place, is_attached},
    wal::reached_beside,
};
use crate::engine::{
    Lag, Moment, PostgresRole, ServerIndex, ServerState, StateReason, Stream, Thresholds,
    conclusion::Conclusion,
    judge::{case::Hearing, contest::Contest, freshness::Freshness, verdicts::returning},
    positions::{Positions, Reached},
    record::Record,
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
    let beside = match place.compared {
        true => Reached::NothingShown,
        false => reached_beside(index, hearing.case()),
    };
    let (policy, now) = (hearing.policy, hearing.now);
    let (record, conclusion) = hearing.of(index);
    let Some(&PostgresRole::Standby { receiver, paused, apply_delay, .. }) = record.postgres_role()
    else {
        return Verdict::UNHEARD;
    };
    place.note_branch(branch, record, positions, conclusion);
    let suspect = branch == Branch::MayFollow;
    conclusion.note_astray(suspect, now);
    let alone = !receiver.is_attached() && place.is_attended();
    conclusion.note_detached(alone, now);
    // One reply shows whom it follows, however soon it is read from.
    if receiver.is_attached() && branch == Branch::Same && conclusion.left_behind.is_none() {
        conclusion.mark_followed();
    }
    // No lag is measured across timelines.
    if conclusion.left_behind.is_some() {
        conclusion.forget_freshness();
    }
    let lag = match conclusion.left_behind {
        Some(_) => None,
        None if branch == Branch::Unproven => None,
        None if !place.compared && may_have_left(record, positions) => Some(None),
        None => lag(record, positions, beside),
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
        conclusion.leave_branch(StateReason::DeadBranch, record, Some(now));
        return out(ServerState::ReplicaBroken, StateReason::DeadBranch);
    }
    if branch == Branch::Unproven {
        return out(ServerState::ReplicaLagging, StateReason::LagUnknown);
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

/// How far a standby is behind all that was shown, and what lies `beside` that: `None` when its next
/// reply will tell, `Some(None)` when it cannot be told.
fn lag(standby: &Record, positions: &Positions, beside: Reached) -> Option<Option<Lag>> {
    let PostgresRole::Standby { replayed, replay_age, .. } = standby.postgres_role()? else {
        return None;
    };
    if standby.supposed_lag.is_some() {
        return Some(standby.supposed_lag);
    }
    match *replayed {
        None => Some(None),
        Some(replayed) => {
            let reached = positions.reached(&Stream::Wal, replayed, standby.facts_at);
            reached.or_later(beside).lag(*replay_age)
        }
    }
}
