//! MySQL and MariaDB: a group decides for itself; without one, the newer GTID history is right.

mod group;
mod replica;

use super::{
    FOREIGN, Judgement, Precedents, by_liveness,
    contest::{self, Contest, Evidence},
    is_claimant, is_foreign, overruled, unreachable_from_here, writable_verdict,
};
use crate::engine::{
    Channel, ClusterPolicy, Facts, GtidState, Moment, MySqlFacts, Relation, ServerIndex,
    ServerPolicy, ServerState, SourceId, StateReason, Writability,
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict, WriteFitness},
};

pub(super) use group::galera_identity;

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    if records.iter().any(|record| mysql_facts(record).is_some_and(|facts| facts.group.is_some())) {
        return group::judge(policy, records, precedents, now);
    }
    let contest = settle_primary(policy, records, precedents, now);
    let mut verdicts = Vec::with_capacity(records.len());
    for index in (0..records.len()).map(ServerIndex) {
        verdicts.push(verdict(index, policy, records, precedents, &contest, now));
    }
    Judgement { verdicts, split_brain: contest.split_brain, free_choice: false }
}

fn mysql_facts(record: &Record) -> Option<&MySqlFacts> {
    match record.facts.as_ref()? {
        Facts::MySql(facts) => Some(facts),
        Facts::Postgres(_) | Facts::Tcp => None,
    }
}

/// Which member a channel replicates from: by its identity first, by its address second.
fn source_member(
    source: &SourceId,
    servers: &[ServerPolicy],
    records: &[Record],
) -> Option<ServerIndex> {
    let by_uuid = |uuid: &str| {
        records.iter().position(|record| {
            mysql_facts(record)
                .and_then(|facts| facts.identity.uuid.as_deref())
                .is_some_and(|own| own.eq_ignore_ascii_case(uuid))
        })
    };
    let by_address = || {
        servers.iter().position(|server| {
            server.port == source.endpoint.port && server.aliases.contains(&source.endpoint.host)
        })
    };
    let by_server_id = || {
        let carries = |record: &Record| {
            source.server_id != 0
                && mysql_facts(record)
                    .is_some_and(|facts| facts.identity.server_id == source.server_id)
        };
        let mut carriers = (0..records.len()).filter(|&index| carries(&records[index]));
        carriers.next().filter(|_| carriers.next().is_none())
    };
    let index = match source.uuid.as_deref() {
        Some(uuid) => by_uuid(uuid).or_else(by_address),
        None => by_server_id().or_else(by_address),
    };
    index.map(ServerIndex)
}

/// The channels of a server that come from a member of its cluster, each with that member. Others, a migration for
/// example, have no say.
fn member_channels<'a>(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &'a [Record],
) -> Vec<(ServerIndex, &'a Channel)> {
    let channels = mysql_facts(&records[index.0]).and_then(|facts| facts.channels.as_ref());
    let from_member = |channel: &'a Channel| {
        let member = source_member(&channel.source, &policy.servers, records)?;
        (member != index).then_some((member, channel))
    };
    channels.into_iter().flatten().filter_map(from_member).collect()
}

fn runs(channel: &Channel) -> bool {
    channel.sql_running || channel.io == crate::engine::IoThread::Running
}

/// Whether a writable server is really a replica that somebody forgot to protect.
///
/// In a ring of two, each replicates from the other; there the only writable one is the primary.
fn is_writable_replica(index: ServerIndex, policy: &ClusterPolicy, records: &[Record]) -> bool {
    member_channels(index, policy, records).iter().any(|(source, channel)| {
        let source_follows_it = member_channels(*source, policy, records)
            .iter()
            .any(|(of, back)| *of == index && runs(back));
        let source_is_writable =
            records[source.0].facts.as_ref().is_some_and(Facts::claims_writable);
        runs(channel) && (!source_follows_it || source_is_writable)
    })
}

fn settle_primary(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Contest {
    for index in (0..records.len()).map(ServerIndex) {
        if has_caught_up_with_writer(index, records, precedents, policy, now) {
            records[index.0].superseded = None;
        }
    }
    let claimants: Vec<_> = (0..records.len())
        .map(ServerIndex)
        .filter(|&index| {
            let record = &records[index.0];
            is_claimant(index, record, policy, precedents, now)
                && record.superseded.is_none()
                && !is_writable_replica(index, policy, records)
        })
        .collect();
    let contest = contest::settle(
        &claimants,
        precedents.last_writer,
        &policy.servers,
        &Evidence {
            relation: &|one, other| history(one, other, policy, records, now),
            attached: &|one| attached_replicas(one, policy, records),
            older: &|_, newer| StateReason::OlderHistory(newer),
        },
    );
    for (loser, reason) in &contest.losers {
        let record = &mut records[loser.0];
        if matches!(reason, StateReason::OlderHistory(_)) && !record.followed {
            record.mark_superseded();
        }
    }
    contest
}

/// How the transactions of one server lie to those of another.
///
/// A server that turned writable later may only be called ahead on a reply of the other from after that moment: an
/// older one would lack what the other has written since.
fn history(
    one: ServerIndex,
    other: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
    now: Moment,
) -> Relation {
    let (ours, theirs) = (&records[one.0], &records[other.0]);
    let relation = gtid(ours).relation(gtid(theirs));
    let outruns = |ahead: &Record, behind: &Record| {
        behind.liveness(&policy.thresholds, now) != Liveness::Answering
            || ahead.writable.is_none_or(|run| behind.facts_at >= run.since)
    };
    match relation {
        Relation::Ahead if !outruns(ours, theirs) => Relation::Unknown,
        Relation::Behind if !outruns(theirs, ours) => Relation::Unknown,
        relation => relation,
    }
}

fn gtid(record: &Record) -> &GtidState {
    mysql_facts(record).map_or(&GtidState::Unknown, |facts| &facts.gtid)
}

/// Whether a superseded server may be the primary again without having followed the one that took over: that one says
/// itself that it is not writable, and this one has all that it has.
fn has_caught_up_with_writer(
    index: ServerIndex,
    records: &[Record],
    precedents: Precedents<'_>,
    policy: &ClusterPolicy,
    now: Moment,
) -> bool {
    let record = &records[index.0];
    let Some(writer) = precedents.last_writer.filter(|writer| *writer != index) else {
        return false;
    };
    let writer = &records[writer.0];
    record.superseded.is_some()
        && record.is_confirmed_writable()
        && writer.liveness(&policy.thresholds, now) == Liveness::Answering
        && !writer.facts.as_ref().is_some_and(Facts::claims_writable)
        && matches!(gtid(record).relation(gtid(writer)), Relation::Equal | Relation::Ahead)
}

fn attached_replicas(primary: ServerIndex, policy: &ClusterPolicy, records: &[Record]) -> usize {
    (0..records.len())
        .map(ServerIndex)
        .filter(|&index| {
            member_channels(index, policy, records).iter().any(|(source, channel)| {
                *source == primary && channel.io == crate::engine::IoThread::Running
            })
        })
        .count()
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
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    let (writability, hidden) = (facts.writability, facts.channels.is_none());
    match writability {
        Writability::OfflineMode => {
            Verdict::out(ServerState::Maintenance, StateReason::ReadOnly(writability))
        }
        Writability::Writable if !is_writable_replica(index, policy, records) => {
            writable_verdict(index, &mut records[index.0], policy, contest)
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
