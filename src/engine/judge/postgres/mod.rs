//! PostgreSQL: a promotion starts a timeline, and only a higher timeline succeeds the last one.

mod followers;
mod reinstatement;
mod standby;
mod succession;
mod wal;

use self::{followers::opinion, succession::settle_primary};
use super::{
    FOREIGN, HISTORY_LOST, Judgement, Precedents, WriterRule, by_liveness,
    contest::Contest,
    is_foreign,
    office::{has_rival, is_remembered},
    overruled, unreachable_from_here, why_stale, writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Facts, Moment, PostgresFacts, PostgresRole, ServerIndex, ServerState,
    StateReason,
    ids::Servers,
    positions::Positions,
    record::Record,
    verdict::{ReadFitness, Verdict},
};

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    let contest = settle_primary(policy, records, precedents, now);
    wal::note(policy, records, positions, precedents, contest.champion, now);
    let verdicts = records
        .indices()
        .map(|index| verdict(index, policy, records, positions, precedents, &contest, now))
        .collect();
    let winner = contest.champion.or(precedents.last_writer);
    let split_brain = contest.split_brain || has_rival(winner, records);
    Judgement { verdicts, split_brain, writer: WriterRule::History }
}

fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &Positions,
    precedents: Precedents<'_>,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let opinion = |standby, since| opinion(standby, index, since, policy, records, now);
    let remembered = is_remembered(index, &records[index], precedents);
    let unreachable =
        unreachable_from_here(index, remembered, records, policy, contest, &opinion, now);
    if let Some(verdict) = unreachable {
        return verdict;
    }
    let record = &mut records[index];
    if let Some(verdict) = by_liveness(record, policy, now) {
        return overruled(index, verdict, record, contest);
    }
    if is_foreign(record, precedents) {
        return FOREIGN;
    }
    match postgres_role(record) {
        Some(PostgresRole::Primary { .. }) if record.history.lost => HISTORY_LOST,
        Some(PostgresRole::Primary { read_only: false, .. }) => {
            writable_verdict(index, record, contest, now)
        }
        Some(PostgresRole::Primary { read_only: true, .. }) => {
            match why_stale(index, record, contest) {
                Some(reason) => Verdict::out(ServerState::StalePrimary, reason),
                None => {
                    record.away = false;
                    Verdict {
                        read: ReadFitness::LastResort,
                        ..Verdict::out(
                            ServerState::ReadOnlyPrimary,
                            StateReason::TransactionReadOnly,
                        )
                    }
                }
            }
        }
        Some(PostgresRole::Standby { .. }) => {
            standby::verdict(index, policy, records, positions, contest, now)
        }
        None => Verdict::UNHEARD,
    }
}

fn postgres_facts(record: &Record) -> Option<&PostgresFacts> {
    match record.facts.as_ref()? {
        Facts::Postgres(facts) => Some(facts),
        Facts::MySql(_) | Facts::Tcp => None,
    }
}

fn postgres_role(record: &Record) -> Option<&PostgresRole> {
    postgres_facts(record).map(|facts| &facts.role)
}

fn primary_timeline(record: &Record) -> Option<u32> {
    match postgres_role(record)? {
        PostgresRole::Primary { timeline, .. } => Some(*timeline),
        PostgresRole::Standby { .. } => None,
    }
}

/// The timeline that a standby receives, if it tells.
fn received_timeline(record: &Record) -> Option<u32> {
    match postgres_role(record)? {
        PostgresRole::Standby { timeline, receiver, .. } if receiver.is_attached() => *timeline,
        _ => None,
    }
}
