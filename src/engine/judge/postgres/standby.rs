//! A standby: does it follow the primary, and how closely?

use std::time::Duration;

use super::{postgres_role, primary_timeline};
use crate::engine::{
    ClusterPolicy, Lag, Moment, PostgresRole, ServerIndex, ServerState, StateReason, Thresholds,
    judge::{attached_verdict, is_endpoint_of, is_returning, lasting, pass_gates, returning},
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict, WriteFitness},
};

/// The verdict on a server in recovery.
pub(super) fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    primary: Option<ServerIndex>,
    now: Moment,
) -> Verdict {
    let lag = lag_behind(primary, &records[index.0], records);
    let answers =
        |server: usize| records[server].liveness(&policy.thresholds, now) == Liveness::Answering;
    let source = primary.map(|primary| Source {
        timeline: primary_timeline(&records[primary.0]),
        answers: answers(primary.0),
        elsewhere: sender(&records[index.0], policy).is_some_and(|sender| {
            sender != primary.0 && answers(sender) && primary_timeline(&records[sender]).is_some()
        }),
    });
    let record = &mut records[index.0];
    let fresh = pass_gates(record, policy, lag);
    let known_lag = lag.unwrap_or_else(|| record.settled.and_then(|settled| settled.lag));
    let attached = attached_verdict(fresh, known_lag, lag.is_some());
    let out = |state, reason| Verdict { lag: known_lag, ..Verdict::out(state, reason) };

    let Some(link) = Link::of(record, source, now) else {
        return Verdict::UNHEARD;
    };
    if is_returning(record, policy) {
        return Verdict { write: WriteFitness::Refused, ..returning(record) };
    }
    match link {
        Link::Paused => out(ServerState::Maintenance, StateReason::ReplayPaused),
        Link::Delayed => out(ServerState::Maintenance, StateReason::DelayedOnPurpose),
        Link::OnDeadBranch(lasting) if lasting >= Thresholds::DEAD_BRANCH_AFTER => {
            out(ServerState::ReplicaBroken, StateReason::DeadBranch)
        }
        Link::Detached(lasting) if lasting >= Thresholds::DETACHED_AFTER => {
            let read = match lasting < Thresholds::DETACHED_GRACE {
                true => ReadFitness::Replica,
                false => ReadFitness::LastResort,
            };
            let (state, reason) = (ServerState::ReplicaDetached, StateReason::NoReceiver);
            Verdict { state, reason, read, ..attached }
        }
        Link::Attached => {
            record.mark_followed();
            attached
        }
        Link::Detached(_) | Link::OnDeadBranch(_) | Link::NobodyToFollow => attached,
    }
}

/// The primary, as far as a standby's link to it is concerned.
#[derive(Clone, Copy)]
struct Source {
    timeline: Option<u32>,
    answers: bool,
    /// The standby receives from another server that calls itself a primary.
    elsewhere: bool,
}

/// How a standby hangs on its primary.
enum Link {
    /// Its WAL receiver runs.
    Attached,
    /// It has no receiver, and there is no primary that it could receive from.
    NobodyToFollow,
    /// It has had no receiver for so long, although there is a primary.
    Detached(Duration),
    /// It has followed a timeline that the primary has left, or another primary, for so long.
    OnDeadBranch(Duration),
    /// Replay is paused.
    Paused,
    /// It is late on purpose.
    Delayed,
}

impl Link {
    fn of(record: &mut Record, source: Option<Source>, now: Moment) -> Option<Self> {
        let PostgresRole::Standby { receiver, timeline, paused, apply_delay, .. } =
            *postgres_role(record)?
        else {
            return None;
        };
        let left_behind = source.is_some_and(|source| {
            let behind = |(primary, own)| own < primary;
            source.elsewhere || source.timeline.zip(timeline).is_some_and(behind)
        });
        let dead_branch = lasting(&mut record.dead_branch_since, left_behind, now);
        let source_answers = source.is_some_and(|source| source.answers);
        let alone = source_answers && !receiver.is_attached();
        let detached = lasting(&mut record.detached_since, alone, now);
        Some(match (dead_branch, detached) {
            _ if paused => Self::Paused,
            _ if !apply_delay.is_zero() => Self::Delayed,
            (Some(dead_branch), None) => Self::OnDeadBranch(dead_branch),
            (Some(dead_branch), _) if dead_branch >= Thresholds::DEAD_BRANCH_AFTER => {
                Self::OnDeadBranch(dead_branch)
            }
            (_, Some(detached)) => Self::Detached(detached),
            (None, None) if receiver.is_attached() => Self::Attached,
            (None, None) => Self::NobodyToFollow,
        })
    }
}

/// The member that a standby receives from, if it tells.
fn sender(standby: &Record, policy: &ClusterPolicy) -> Option<usize> {
    let PostgresRole::Standby { sender: Some(sender), .. } = postgres_role(standby)? else {
        return None;
    };
    policy.servers.iter().position(|server| is_endpoint_of(sender, server))
}

/// How far a standby is behind the primary: `None` when there is nothing to compare with,
/// `Some(None)` when the standby cannot tell how far it has come.
fn lag_behind(
    primary: Option<ServerIndex>,
    standby: &Record,
    records: &[Record],
) -> Option<Option<Lag>> {
    let PostgresRole::Standby { replayed, replay_age, .. } = postgres_role(standby)? else {
        return None;
    };
    if let Some(supposed) = standby.supposed_lag {
        return Some(Some(supposed));
    }
    let Some(replayed) = *replayed else {
        return Some(None);
    };
    let ring = &records[primary?.0].positions;
    ring.lag(replayed, *replay_age, standby.facts_at).map(Some)
}
