//! Groups that replicate from a server outside of them: the secondary site of two, or a group that is
//! being built. All of their members are replicas, as late as the one that receives.

use std::time::Duration;

use super::{
    Standpoint, component, group, mysql_facts, replica,
    standing::{Standing, is_shut_out},
    topology::{member_channels, runs},
};
use crate::engine::{
    ClusterPolicy, Lag, Moment, ServerIndex, ServerState, StateReason, Writability,
    ids::Servers,
    judge::{Freshness, Precedents},
    record::Record,
    trouble::Liveness,
    verdict::Verdict,
};

/// The member of its group through which a server is fed from another member of the cluster, which is
/// not in that group. The group of the last writer is fed by nobody.
pub(super) fn feeder(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
) -> Option<ServerIndex> {
    let together = |one: ServerIndex, other: ServerIndex| are_together(one, other, records);
    if !together(index, index) || precedents.last_writer.is_some_and(|last| together(index, last)) {
        return None;
    }
    let receives = |member: ServerIndex| {
        member_channels(member, policy, records).iter().any(|it| {
            runs(it.channel)
                && !together(index, it.source)
                && !records[it.source].history.lost
                && !gives_back(it.source, index, policy, records)
        })
    };
    let mut members = records.indices().filter(|&one| together(index, one));
    members.find(|&member| receives(member))
}

/// Whether two servers are members of one part of one group.
fn are_together(one: ServerIndex, other: ServerIndex, records: &Servers<Record>) -> bool {
    let of = |server: ServerIndex| {
        let facts = mysql_facts(&records[server])?;
        group::group_identity(facts).filter(|_| !is_shut_out(facts))
    };
    of(one).is_some() && of(one) == of(other) && component::see_each_other(one, other, records)
}

/// Whether a source that does not write receives from a member of the group: a former primary.
fn gives_back(
    source: ServerIndex,
    member: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> bool {
    let writes = records[source].claims_writable();
    let channels = member_channels(source, policy, records);
    !writes && channels.iter().any(|it| are_together(it.source, member, records))
}

/// The verdict on a member of a group that is fed through `feeder`.
pub(super) fn verdict(
    index: ServerIndex,
    feeder: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    standpoint: Standpoint<'_>,
    now: Moment,
) -> Verdict {
    let Some(facts) = mysql_facts(&records[index]) else { return Verdict::UNHEARD };
    let writable = facts.writability == Writability::Writable;
    let reason = match Standing::of(facts, false) {
        Standing::Writer => StateReason::WritableReplica,
        Standing::Follower(reason) => reason,
        standing => return group::kept_out(standing, false),
    };
    let verdict = match index == feeder {
        true => replica::verdict(index, policy, records, standpoint, now),
        false => behind(feeder, index, policy, records),
    };
    match verdict.reason {
        StateReason::Fresh | StateReason::LacksNothingShown if writable || index != feeder => {
            verdict.because(reason)
        }
        _ => verdict,
    }
}

/// A member that is in step with `feeder`.
fn behind(
    feeder: ServerIndex,
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
) -> Verdict {
    let Some(of_feeder) = records[feeder].settled else { return Verdict::UNHEARD };
    let record = &mut records[index];
    record.mark_followed();
    record.away = false;
    // What the feeder was before it was one tells nothing.
    let replicates = matches!(of_feeder.state, ServerState::Replica | ServerState::ReplicaLagging);
    let freshness = Freshness::pass(record, policy, replicates.then_some(of_feeder.lag), false);
    match of_feeder.state {
        ServerState::ReplicaDetached | ServerState::ReplicaBroken => of_feeder,
        _ => freshness.attached(),
    }
}

/// How far a group in which nobody takes writes is behind a source outside of it, by the number of
/// the member that replicates from there.
pub(super) fn behind_its_source(
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> Option<Lag> {
    let members = || {
        let heard = records.iter().filter(|record| {
            record.liveness(&policy.thresholds, now) == Liveness::Answering
                && mysql_facts(record).is_some_and(|facts| facts.group.is_some())
        });
        heard.filter_map(mysql_facts).filter(|facts| !is_shut_out(facts))
    };
    if members().any(|facts| facts.writability == Writability::Writable) {
        return None;
    }
    let channels = members().flat_map(|facts| facts.channels.iter().flatten());
    channels.filter_map(|it| it.seconds_behind).max().map(|own| Lag(Duration::from_secs(own)))
}
