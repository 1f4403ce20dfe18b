//! PostgreSQL: the higher timeline is right, and a standby is measured against the primary's
//! positions.

mod standby;

use std::cmp::Ordering;

use super::{
    FOREIGN, Judgement, Precedents, WriterRule, by_liveness,
    contest::{self, Contest, Evidence},
    is_claimant, is_endpoint_of, is_foreign, is_reinstated, overruled, unreachable_from_here,
    writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Facts, Moment, PostgresRole, Relation, ServerIndex, ServerPolicy, ServerState,
    StateReason,
    reception::Origin,
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
        heir_unasked: heir_unasked(policy, records, precedents, now),
        writer: WriterRule::History,
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
        if is_foreign(&records[index.0], precedents) {
            continue;
        }
        let newest = newest_timeline_of_others(index, records, precedents);
        let gave_way = |heir| gave_way(heir, own, policy, records, precedents, now);
        if was_promoted(&records[index.0], own, newest)
            || is_reinstated(index, &records[index.0], precedents, &gave_way)
        {
            records[index.0].superseded = None;
        }
        let record = &records[index.0];
        if let Some((newer, by)) = newest.filter(|&(newest, _)| newest > own) {
            outdated.push((index, StateReason::OlderTimeline(newer)));
            records[index.0].mark_superseded(by);
        } else if is_claimant(index, record, policy, precedents, now) && record.superseded.is_none()
        {
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
                Ordering::Less => Relation::Behind,
                Ordering::Equal => Relation::Equal,
                Ordering::Greater => Relation::Ahead,
            },
            attached: &|one| attached_standbys(one, policy, records, now),
            older: &|_, newer| StateReason::OlderTimeline(timeline(newer).unwrap_or_default()),
        },
    );
    contest.losers.extend(outdated);
    contest
}

/// Whether a server on the timeline `own` was promoted since it was superseded. Only a standby is
/// promoted, so what it wrote on its own is gone.
fn was_promoted(record: &Record, own: u32, newest: Option<(u32, ServerIndex)>) -> bool {
    match record.superseded.map(|superseded| superseded.timeline) {
        Some(Some(written)) => own > written,
        // It was a standby and hid its timeline; one that is newer than all others comes from a
        // promotion.
        Some(None) => newest.is_none_or(|(newest, _)| own > newest),
        None => false,
    }
}

/// Whether the server that took over from one on the timeline `own` has given way: it belongs to
/// another cluster now, or it streams that timeline.
fn gave_way(
    heir: ServerIndex,
    own: u32,
    policy: &ClusterPolicy,
    records: &[Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let heir = &records[heir.0];
    let follows = match postgres_role(heir) {
        Some(PostgresRole::Standby { receiver, timeline: Some(timeline), .. }) => {
            receiver.is_attached() && *timeline <= own
        }
        _ => false,
    };
    heir.liveness(&policy.thresholds, now) == Liveness::Answering
        && (follows || is_foreign(heir, precedents))
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

/// The highest timeline that any other member has shown, dead or alive, and who showed it. A first
/// reply as primary does not count: it could be an odd one.
fn newest_timeline_of_others(
    index: ServerIndex,
    records: &[Record],
    precedents: Precedents<'_>,
) -> Option<(u32, ServerIndex)> {
    let others = records
        .iter()
        .enumerate()
        .filter(|&(other, record)| other != index.0 && !is_foreign(record, precedents));
    others
        .filter_map(|(other, record)| {
            let other = ServerIndex(other);
            let timeline = match *postgres_role(record)? {
                PostgresRole::Primary { timeline, read_only, .. } => {
                    let published = precedents.published == Some(other);
                    let counts = read_only || published || record.is_confirmed_writable();
                    counts.then_some(timeline)
                }
                PostgresRole::Standby { timeline, .. } => timeline,
            };
            Some((timeline?, other))
        })
        .max()
}

/// Whether the published primary is outdated by the timeline that a standby receives, and a member
/// that may have been promoted to it has not answered since that was first shown.
fn heir_unasked(
    policy: &ClusterPolicy,
    records: &[Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let Some(published) = precedents.published else {
        return false;
    };
    let own = primary_timeline(&records[published.0]);
    let newest = newest_timeline_of_others(published, records, precedents);
    let Some((newer, _)) = newest.filter(|&(newer, _)| own.is_some_and(|own| newer > own)) else {
        return false;
    };
    let others = || {
        let all = records.iter().enumerate().filter(|&(other, _)| other != published.0);
        all.map(|(_, record)| record).filter(|record| !is_foreign(record, precedents))
    };
    let shown = others().filter(|record| shown_timeline(record) == Some(newer));
    let Some(shown_at) = shown.map(|record| record.timeline_since).min() else {
        return false;
    };
    others().any(|record| {
        let can_answer = matches!(
            record.liveness(&policy.thresholds, now),
            Liveness::Answering | Liveness::Doubtful(_)
        );
        can_answer && record.facts_at < shown_at
    })
}

fn shown_timeline(record: &Record) -> Option<u32> {
    match *postgres_role(record)? {
        PostgresRole::Primary { timeline, .. } => Some(timeline),
        PostgresRole::Standby { timeline, .. } => timeline,
    }
}

fn attached_standbys(
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
    now: Moment,
) -> usize {
    let is_attached = |record: &&Record| {
        is_sent_by(record, &policy.servers[primary.0])
            && record.liveness(&policy.thresholds, now) == Liveness::Answering
    };
    records.iter().filter(is_attached).count()
}

/// Whether a server is a standby that receives from `sender` directly, as far as it tells.
fn is_sent_by(record: &Record, sender: &ServerPolicy) -> bool {
    match postgres_role(record) {
        Some(PostgresRole::Standby { receiver, sender: Some(named), .. }) => {
            receiver.is_attached() && is_endpoint_of(named, sender)
        }
        _ => false,
    }
}

fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let opinion = |standby: ServerIndex, since| {
        let standby = &records[standby.0];
        let directly = is_sent_by(standby, &policy.servers[index.0]);
        let from = if directly { Origin::Source } else { Origin::Beyond };
        standby.opinion("", from, since, now)
    };
    let unreachable = unreachable_from_here(index, records, policy, contest, &opinion, now);
    if let Some(verdict) = unreachable {
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
        Some(PostgresRole::Primary { read_only: false, .. }) => {
            writable_verdict(index, record, contest, now)
        }
        Some(PostgresRole::Primary { read_only: true, .. }) => match contest.against(index) {
            Some(reason) => Verdict::out(ServerState::StalePrimary, reason),
            None => {
                record.away = false;
                Verdict {
                    read: ReadFitness::LastResort,
                    ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::TransactionReadOnly)
                }
            }
        },
        Some(PostgresRole::Standby { .. }) => {
            standby::verdict(index, policy, records, contest.champion, now)
        }
        None => Verdict::UNHEARD,
    }
}
