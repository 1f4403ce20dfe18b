//! MySQL and MariaDB: a group decides for itself; without one, the newer GTID history is right.

mod group;
mod history;
mod replica;
mod topology;

use self::{
    history::{gave_way, history, is_writable_replica},
    topology::{attached_replicas, opinion},
};
use super::{
    FOREIGN, Judgement, Precedents, WriterRule, by_liveness,
    contest::{self, Contest, Evidence},
    is_claimant, is_foreign, is_reinstated, overruled, unreachable_from_here, writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Facts, Moment, MySqlFacts, ServerIndex, ServerState, StateReason, Writability,
    record::Record,
    verdict::{ReadFitness, Verdict, WriteFitness},
};

pub(super) use group::galera_identity;

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    if group::is_group(records) {
        return group::judge(policy, records, precedents, now);
    }
    let contest = settle_primary(policy, records, precedents, now);
    let mut verdicts = Vec::with_capacity(records.len());
    for index in (0..records.len()).map(ServerIndex) {
        verdicts.push(verdict(index, policy, records, precedents, &contest, now));
    }
    Judgement {
        verdicts,
        split_brain: contest.split_brain,
        heir_unasked: false,
        writer: WriterRule::History,
    }
}

fn mysql_facts(record: &Record) -> Option<&MySqlFacts> {
    match record.facts.as_ref()? {
        Facts::MySql(facts) => Some(facts),
        Facts::Postgres(_) | Facts::Tcp => None,
    }
}

fn settle_primary(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Contest {
    for index in (0..records.len()).map(ServerIndex) {
        let gave_way = |heir| gave_way(heir, index, policy, records, precedents, now);
        if is_reinstated(index, &records[index.0], precedents, &gave_way) {
            records[index.0].superseded = None;
        }
    }
    let claimants: Vec<_> = (0..records.len())
        .map(ServerIndex)
        .filter(|&index| {
            let record = &records[index.0];
            is_claimant(index, record, policy, precedents, now)
                && record.superseded.is_none()
                && !is_writable_replica(index, policy, records, precedents, now)
        })
        .collect();
    let contest = contest::settle(
        &claimants,
        precedents.last_writer,
        &policy.servers,
        &Evidence {
            relation: &|one, other| history(one, other, policy, records, now),
            attached: &|one| attached_replicas(one, policy, records, now),
            older: &|_, newer| StateReason::OlderHistory(newer),
        },
    );
    for (loser, reason) in &contest.losers {
        let record = &mut records[loser.0];
        if let StateReason::OlderHistory(newer) = *reason
            && !record.followed
        {
            record.mark_superseded(newer);
        }
    }
    contest
}

fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let opinion = |replica, since| opinion(replica, index, since, policy, records, now);
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
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    let (writability, hidden) = (facts.writability, facts.channels.is_none());
    match writability {
        Writability::OfflineMode => {
            Verdict::out(ServerState::Maintenance, StateReason::ReadOnly(writability))
        }
        Writability::Writable if !is_writable_replica(index, policy, records, precedents, now) => {
            writable_verdict(index, &mut records[index.0], contest, now)
        }
        Writability::Writable => {
            let verdict = replica::verdict(index, policy, records, contest.champion, now);
            match verdict.reason {
                StateReason::Fresh | StateReason::FreshWhenLastCompared => {
                    verdict.because(StateReason::WritableReplica)
                }
                _ => verdict,
            }
        }
        _ if hidden => Verdict {
            write: WriteFitness::Refused,
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::Misconfigured, StateReason::ReplicationHidden)
        },
        _ => replica::verdict(index, policy, records, contest.champion, now),
    }
}
