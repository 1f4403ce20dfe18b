//! Groups that replicate from a server outside of them: the secondary site of two, or a group that is
//! being built. All of their members are replicas, as late as the one that receives.

use std::time::Duration;

use super::{
    component, replica,
    standing::{Standing, is_shut_out, kept_out},
    standpoint::Standpoint,
    topology::{member_channels, runs},
};
use crate::engine::{
    Lag, ServerIndex, ServerState, StateReason, Writability,
    ids::Servers,
    judge::{
        case::{Case, Hearing},
        freshness::Freshness,
        identity::group_identity,
    },
    record::Record,
    verdict::Verdict,
};

/// The member of its group through which a server is fed from another member of the cluster, which is
/// not in that group. The group of the last writer is fed by nobody.
pub fn feeder(index: ServerIndex, case: Case<'_>) -> Option<ServerIndex> {
    let together = |one: ServerIndex, other: ServerIndex| are_together(one, other, case.records);
    if !together(index, index)
        || case.precedents.last_writer.is_some_and(|last| together(index, last))
    {
        return None;
    }
    let receives = |member: ServerIndex| {
        member_channels(member, case).iter().any(|it| {
            runs(it.channel)
                && !together(index, it.source)
                && !case.has_lost_history(it.source)
                && !gives_back(it.source, index, case)
        })
    };
    let mut members = case.indices().filter(|&one| together(index, one));
    members.find(|&member| receives(member))
}

/// Whether two servers are members of one part of one group.
fn are_together(one: ServerIndex, other: ServerIndex, records: &Servers<Record>) -> bool {
    let of = |server: ServerIndex| {
        let facts = records[server].mysql()?;
        group_identity(facts).filter(|_| !is_shut_out(facts))
    };
    of(one).is_some() && of(one) == of(other) && component::see_each_other(one, other, records)
}

/// Whether a source that does not write receives from a member of the group: a former primary.
fn gives_back(source: ServerIndex, member: ServerIndex, case: Case<'_>) -> bool {
    let writes = case.records[source].claims_writable();
    let channels = member_channels(source, case);
    !writes && channels.iter().any(|it| are_together(it.source, member, case.records))
}

/// The verdict on a member of a group that is fed through `feeder`.
pub fn verdict(
    index: ServerIndex,
    feeder: ServerIndex,
    hearing: &mut Hearing<'_>,
    standpoint: Standpoint<'_>,
) -> Verdict {
    let Some(facts) = hearing.records[index].mysql() else { return Verdict::UNHEARD };
    let writable = facts.writability == Writability::Writable;
    let reason = match Standing::of(facts, false) {
        Standing::Writer => StateReason::WritableReplica,
        Standing::Follower(reason) => reason,
        standing => return kept_out(standing, false),
    };
    let verdict = match index == feeder {
        true => replica::verdict(index, hearing, standpoint),
        false => behind(feeder, index, hearing),
    };
    match verdict.reason {
        StateReason::Fresh | StateReason::LacksNothingShown if writable || index != feeder => {
            verdict.because(reason)
        }
        _ => verdict,
    }
}

/// A member that is in step with `feeder`.
fn behind(feeder: ServerIndex, index: ServerIndex, hearing: &mut Hearing<'_>) -> Verdict {
    let Some(of_feeder) = hearing.conclusions[feeder].settled else { return Verdict::UNHEARD };
    let policy = hearing.policy;
    let (record, conclusion) = hearing.of(index);
    conclusion.mark_followed();
    conclusion.mark_back();
    // What the feeder was before it was one tells nothing.
    let replicates = matches!(of_feeder.state, ServerState::Replica | ServerState::ReplicaLagging);
    let freshness =
        Freshness::pass(conclusion, record, policy, replicates.then_some(of_feeder.lag), false);
    match of_feeder.state {
        ServerState::ReplicaDetached | ServerState::ReplicaBroken => of_feeder,
        _ => freshness.attached(),
    }
}

/// How far a group in which nobody takes writes is behind a source outside of it, by the number of
/// the member that replicates from there.
pub fn behind_its_source(case: Case<'_>) -> Option<Lag> {
    let members = || {
        let heard = case.indices().filter(|&member| case.answers(member));
        let facts = heard.filter_map(|member| case.records[member].mysql());
        facts.filter(|facts| facts.group.is_some() && !is_shut_out(facts))
    };
    if members().any(|facts| facts.writability == Writability::Writable) {
        return None;
    }
    let channels = members().flat_map(|facts| facts.channels.iter().flatten());
    channels.filter_map(|it| it.seconds_behind).max().map(|own| Lag(Duration::from_secs(own)))
}
