//! MySQL and MariaDB: a group decides for itself; without one, the newer GTID history is right.
//!
//! Each server is what it shows: members of a group and asynchronous replicas mix in one cluster.

mod component;
mod fed;
mod group;
mod history;
mod replica;
mod standing;
mod streams;
mod succession;
mod topology;

use self::{history::is_writable_replica, succession::settle_primary, topology::opinion};
use super::{
    FOREIGN, HISTORY_LOST, Judgement, Precedents, WriterRule, by_liveness,
    contest::Contest,
    is_foreign, is_stale,
    office::{has_rival, is_remembered},
    overruled, unreachable_from_here, writable_verdict,
};
use crate::engine::{
    ClusterPolicy, Facts, GtidState, Moment, MySqlFacts, ServerIndex, ServerState, StateReason,
    Writability,
    ids::Servers,
    positions::Positions,
    record::Record,
    verdict::{ReadFitness, Verdict, WriteFitness},
};

pub(super) use self::group::group_identity;

/// What replicas are measured against.
#[derive(Clone, Copy)]
struct Standpoint<'a> {
    /// The primary, or the writer of the group.
    champion: Option<ServerIndex>,
    /// The members of a group that are in good standing: each has all that the group has.
    members: &'a [ServerIndex],
    /// Those that call themselves primaries and have lost against the one that is right.
    stale: &'a [ServerIndex],
    positions: &'a Positions,
    /// What the last writer was last known to have.
    office: &'a GtidState,
}

impl Standpoint<'_> {
    /// Which server shows the present to a replica of `source`.
    fn primary_for(&self, source: ServerIndex) -> Option<ServerIndex> {
        match self.members.contains(&source) {
            true => Some(source),
            false => self.champion,
        }
    }
}

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    if group::decides(policy, records, precedents, now) {
        return group::judge(policy, records, positions, precedents, now);
    }
    let contest = settle_primary(policy, records, positions, precedents, now);
    let leaders: Vec<_> = contest.champion.into_iter().collect();
    streams::note(policy, records, positions, precedents, &leaders, now);
    let stale: Vec<_> =
        records.indices().filter(|&index| is_stale(index, &records[index], &contest)).collect();
    let champion = contest.champion;
    let office = &precedents.office.gtid;
    let standpoint = Standpoint { champion, members: &[], stale: &stale, positions, office };
    let verdicts = records
        .indices()
        .map(|index| verdict(index, policy, records, standpoint, precedents, &contest, now))
        .collect();
    let winner = contest.champion.or(precedents.last_writer);
    let split_brain = contest.split_brain || has_rival(winner, records);
    Judgement { verdicts, split_brain, writer: WriterRule::History }
}

/// The verdict on a server that does not let the probe see whether it replicates.
const HIDDEN: Verdict = Verdict {
    state: ServerState::Misconfigured,
    reason: StateReason::ReplicationHidden,
    write: WriteFitness::Refused,
    read: ReadFitness::LastResort,
    lag: None,
};

fn mysql_facts(record: &Record) -> Option<&MySqlFacts> {
    match record.facts.as_ref()? {
        Facts::MySql(facts) => Some(facts),
        Facts::Postgres(_) | Facts::Tcp => None,
    }
}

fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    standpoint: Standpoint<'_>,
    precedents: Precedents<'_>,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let taken_over = contest.champion.is_some_and(|champion| champion != index);
    let opinion = |replica, since| opinion(replica, index, since, policy, records, taken_over, now);
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
    if let Some(feeder) = fed::feeder(index, policy, records, precedents) {
        return fed::verdict(index, feeder, policy, records, standpoint, now);
    }
    let record = &mut records[index];
    if is_foreign(record, precedents) {
        return FOREIGN;
    }
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    if standing::is_shut_out(facts) {
        record.mark_away();
        return Verdict::out(ServerState::Starting, StateReason::NotInGroup);
    }
    let (writability, hidden) = (facts.writability, facts.channels.is_none());
    match writability {
        Writability::OfflineMode => {
            Verdict::out(ServerState::Maintenance, StateReason::ReadOnly(writability))
        }
        Writability::Writable if hidden && precedents.last_writer != Some(index) => HIDDEN,
        Writability::Writable if !is_writable_replica(index, policy, records, precedents, now) => {
            let record = &mut records[index];
            match record.history.lost {
                true => HISTORY_LOST,
                false => writable_verdict(index, record, contest, now),
            }
        }
        Writability::Writable => {
            let verdict = replica::verdict(index, policy, records, standpoint, now);
            match verdict.reason {
                StateReason::Fresh | StateReason::LacksNothingShown => {
                    verdict.because(StateReason::WritableReplica)
                }
                _ => verdict,
            }
        }
        _ if hidden => HIDDEN,
        _ => replica::verdict(index, policy, records, standpoint, now),
    }
}
