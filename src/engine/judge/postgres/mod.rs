//! PostgreSQL: the higher timeline is right, and a standby is measured against the primary's positions.

mod standby;

use super::{
    FOREIGN, Judgement, Precedents, by_liveness,
    contest::{self, Contest, Evidence},
    is_claimant, is_foreign, overruled, unreachable_from_here, writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Endpoint, Facts, Moment, PostgresRole, Relation, ServerIndex, ServerState,
    StateReason,
    record::Record,
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
    Judgement { verdicts, split_brain: contest.split_brain, free_choice: false }
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
        let written = records[index.0].superseded.and_then(|superseded| superseded.timeline);
        if written.is_some_and(|written| own > written) {
            records[index.0].superseded = None;
        }
        let record = &records[index.0];
        if let Some(newer) = newest.filter(|&newest| newest > own) {
            outdated.push((index, StateReason::OlderTimeline(newer)));
            records[index.0].mark_superseded();
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
            PostgresRole::Primary { timeline, read_only, .. } => {
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
        Some(PostgresRole::Standby { receiver, sender: Some(sender), .. }) => {
            receiver.is_attached() && is_primary(sender)
        }
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
        Some(PostgresRole::Primary { read_only: false, .. }) => {
            writable_verdict(index, record, policy, contest)
        }
        Some(PostgresRole::Primary { read_only: true, .. }) => {
            record.away = false;
            Verdict {
                read: ReadFitness::LastResort,
                ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::TransactionReadOnly)
            }
        }
        Some(PostgresRole::Standby { .. }) => {
            standby::verdict(index, policy, records, contest.champion, now)
        }
        None => Verdict::UNHEARD,
    }
}
