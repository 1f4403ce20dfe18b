//! PostgreSQL: the higher timeline is right, and a standby is measured against the primary's positions.

use super::{
    FOREIGN, Judgement, Precedents, RETURNING, attached_verdict, by_liveness,
    contest::{self, Contest, Evidence},
    is_claimant, is_foreign, is_returning, overruled, pass_gates, unreachable_from_here,
    writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Endpoint, Facts, Lag, Moment, PostgresRole, Relation, ServerIndex, ServerState,
    StateReason, Thresholds,
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict},
};

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    let contest = settle_primary(policy, records, precedents, now);
    let mut verdicts = Vec::with_capacity(records.len());
    for index in (0..records.len()).map(ServerIndex) {
        verdicts.push(verdict(index, policy, records, precedents, &contest, now));
    }
    Judgement {
        verdicts,
        split_brain: contest.split_brain,
        free_choice: false,
    }
}

fn settle_primary(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Contest {
    let mut claimants = Vec::new();
    let mut outdated = Vec::new();
    for index in (0..records.len()).map(ServerIndex) {
        let Some(own) = primary_timeline(&records[index.0]) else {
            continue;
        };
        let newest = newest_timeline_of_others(index, records, precedents);
        if newest.is_some_and(|newest| own > newest) {
            records[index.0].superseded = false;
        }
        let record = &records[index.0];
        if let Some(newer) = newest.filter(|&newest| newest > own) {
            outdated.push((index, StateReason::OlderTimeline(newer)));
        } else if is_claimant(index, record, policy, precedents, now) && !record.superseded {
            claimants.push(index);
        }
    }
    let timeline = |index: ServerIndex| primary_timeline(&records[index.0]);
    let mut contest = contest::settle(
        &claimants,
        precedents.last_writer,
        &policy.servers,
        &Evidence {
            relation: &|one, other| match timeline(one).cmp(&timeline(other)) {
                std::cmp::Ordering::Less => Relation::Behind,
                std::cmp::Ordering::Equal => Relation::Equal,
                std::cmp::Ordering::Greater => Relation::Ahead,
            },
            attached: &|one| attached_standbys(one, policy, records),
            older: &|_, newer| StateReason::OlderTimeline(timeline(newer).unwrap_or_default()),
        },
    );
    contest.losers.extend(outdated);
    contest
}

fn primary_timeline(record: &Record) -> Option<u32> {
    match postgres_role(record)? {
        PostgresRole::Primary { timeline, .. } => Some(*timeline),
        PostgresRole::Standby { .. } => None,
    }
}

fn postgres_role(record: &Record) -> Option<&PostgresRole> {
    match record.facts.as_ref()? {
        Facts::Postgres(facts) => Some(&facts.role),
        Facts::MySql(_) | Facts::Tcp => None,
    }
}

/// The highest timeline that any other member has shown, dead or alive. A first reply as primary does not count: it
/// could be an odd one.
fn newest_timeline_of_others(
    index: ServerIndex,
    records: &[Record],
    precedents: Precedents<'_>,
) -> Option<u32> {
    let others = records
        .iter()
        .enumerate()
        .filter(|&(other, record)| other != index.0 && !is_foreign(record, precedents));
    others
        .filter_map(|(other, record)| match *postgres_role(record)? {
            PostgresRole::Primary {
                timeline,
                read_only,
                ..
            } => {
                let published = precedents.published == Some(ServerIndex(other));
                let counts = read_only || published || record.is_confirmed_writable();
                counts.then_some(timeline)
            }
            PostgresRole::Standby { timeline, .. } => timeline,
        })
        .max()
}

fn attached_standbys(primary: ServerIndex, policy: &ClusterPolicy, records: &[Record]) -> usize {
    let server = &policy.servers[primary.0];
    let is_primary =
        |sender: &Endpoint| sender.port == server.port && server.aliases.contains(&sender.host);
    let is_attached = |record: &&Record| match postgres_role(record) {
        Some(PostgresRole::Standby {
            receiver,
            sender: Some(sender),
            ..
        }) => receiver.is_attached() && is_primary(sender),
        _ => false,
    };
    records.iter().filter(is_attached).count()
}

fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    if let Some(verdict) = unreachable_from_here(index, records, policy, contest, now) {
        return verdict;
    }
    let record = &mut records[index.0];
    if let Some(verdict) = by_liveness(record, policy, now) {
        return overruled(index, verdict, record, contest);
    }
    if is_foreign(record, precedents) {
        return FOREIGN;
    }
    match postgres_role(record) {
        Some(PostgresRole::Primary {
            read_only: false, ..
        }) => {
            record.away = false;
            writable_verdict(index, record, policy, contest)
        }
        Some(PostgresRole::Primary {
            read_only: true, ..
        }) => {
            record.away = false;
            Verdict {
                read: ReadFitness::LastResort,
                ..Verdict::out(
                    ServerState::ReadOnlyPrimary,
                    StateReason::TransactionReadOnly,
                )
            }
        }
        Some(PostgresRole::Standby { .. }) => {
            standby_verdict(index, policy, records, contest.champion, now)
        }
        None => Verdict::UNHEARD,
    }
}

fn standby_verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    primary: Option<ServerIndex>,
    now: Moment,
) -> Verdict {
    let lag = lag_behind(primary, &records[index.0], records);
    let primary_timeline = primary.and_then(|primary| primary_timeline(&records[primary.0]));
    let primary_answers = primary.is_some_and(|primary| {
        records[primary.0].liveness(&policy.thresholds, now) == Liveness::Answering
    });
    let record = &mut records[index.0];
    let Some(PostgresRole::Standby {
        receiver,
        timeline,
        paused,
        apply_delay,
        ..
    }) = postgres_role(record).cloned()
    else {
        return Verdict::UNHEARD;
    };
    let fresh = pass_gates(record, policy, lag);
    let known_lag = match lag {
        Some(lag) => lag,
        None => record.settled.and_then(|settled| settled.lag),
    };
    let attached = attached_verdict(fresh, known_lag, lag.is_some());
    let out = |state, reason| Verdict {
        lag: known_lag,
        ..Verdict::out(state, reason)
    };

    if receiver.is_attached() || !primary_answers {
        record.detached_since = None;
    }
    let follows_dead_branch = timeline
        .zip(primary_timeline)
        .is_some_and(|(own, primary)| own < primary);
    if !follows_dead_branch {
        record.dead_branch_since = None;
    }
    if is_returning(record, policy) {
        return Verdict {
            write: super::WriteFitness::Refused,
            ..RETURNING
        };
    }
    if paused {
        return out(ServerState::Maintenance, StateReason::ReplayPaused);
    }
    if !apply_delay.is_zero() {
        return out(ServerState::Maintenance, StateReason::DelayedOnPurpose);
    }
    if follows_dead_branch
        && Record::lasting(&mut record.dead_branch_since, now) >= Thresholds::DEAD_BRANCH_AFTER
    {
        return out(ServerState::ReplicaBroken, StateReason::DeadBranch);
    }
    if receiver.is_attached() {
        record.mark_followed();
        return attached;
    }
    if !primary_answers {
        return attached;
    }
    let detached_for = Record::lasting(&mut record.detached_since, now);
    if detached_for < Thresholds::DETACHED_AFTER {
        return attached;
    }
    let read = if detached_for < Thresholds::DETACHED_GRACE {
        ReadFitness::Replica
    } else {
        ReadFitness::LastResort
    };
    Verdict {
        state: ServerState::ReplicaDetached,
        reason: StateReason::NoReceiver,
        read,
        ..attached
    }
}

/// How far a standby is behind the primary: `None` when there is nothing to compare with, `Some(None)` when the
/// standby cannot tell how far it has come.
fn lag_behind(
    primary: Option<ServerIndex>,
    standby: &Record,
    records: &[Record],
) -> Option<Option<Lag>> {
    let PostgresRole::Standby {
        replayed,
        replay_age,
        ..
    } = postgres_role(standby)?
    else {
        return None;
    };
    let Some(replayed) = *replayed else {
        return Some(None);
    };
    let ring = &records[primary?.0].positions;
    ring.lag(replayed, *replay_age, standby.facts_at).map(Some)
}
