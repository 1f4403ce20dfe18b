//! A replica by asynchronous or semi-synchronous replication: does it follow a member, and how
//! closely?

use std::time::Duration;

use super::{
    mysql_facts,
    topology::{Trail, member_channels, trail},
};
use crate::engine::{
    Channel, ClusterPolicy, IoThread, Lag, Moment, ServerIndex, ServerState, StateReason,
    Thresholds, Writability,
    judge::{attached_verdict, is_returning, lasting, pass_gates, returning},
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict, WriteFitness},
};

/// The verdict on a server that is not writable, or that replicates although it is.
pub(super) fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    primary: Option<ServerIndex>,
    now: Moment,
) -> Verdict {
    let Some((source, channel)) = worst_channel(index, policy, records) else {
        return without_member_channel(&records[index.0]);
    };
    let answers = |server: ServerIndex| {
        records[server.0].liveness(&policy.thresholds, now) == Liveness::Answering
    };
    let trail = primary.map(|primary| trail(index, primary, policy, records));
    let somebody_to_follow = answers(source) || primary.is_some_and(answers);
    let lag = match trail {
        // What it is measured by is not the primary's.
        Some(Trail::Astray) => None,
        _ => lag_behind(&records[index.0], &channel, source, primary, records),
    };
    let record = &mut records[index.0];
    let fresh = pass_gates(record, policy, lag);
    let known_lag = lag.unwrap_or_else(|| record.settled.and_then(|settled| settled.lag));
    let attached = attached_verdict(fresh, known_lag, lag.is_some());
    let out = |state, reason| Verdict { lag: known_lag, ..Verdict::out(state, reason) };

    let alone = somebody_to_follow && channel.io != IoThread::Running;
    let detached = lasting(&mut record.detached_since, alone, now);
    let astray = trail == Some(Trail::Astray) && channel.io == IoThread::Running;
    let astray = lasting(&mut record.dead_branch_since, astray, now);
    if is_returning(record, policy) {
        return Verdict { write: WriteFitness::Refused, ..returning(record) };
    }
    if !channel.delay.is_zero() {
        return out(ServerState::Maintenance, StateReason::DelayedOnPurpose);
    }
    if !channel.sql_running || channel.sql_errno != 0 {
        return out(ServerState::ReplicaBroken, StateReason::ApplierStopped(channel.sql_errno));
    }
    match astray {
        Some(astray) if astray >= Thresholds::DEAD_BRANCH_AFTER => {
            return out(ServerState::ReplicaBroken, StateReason::Astray);
        }
        Some(_) => return attached,
        None if channel.io == IoThread::Running => record.mark_followed(),
        None => {}
    }
    match detached {
        Some(detached) if detached >= Thresholds::DETACHED_AFTER => Verdict {
            state: ServerState::ReplicaDetached,
            reason: StateReason::NoReceiver,
            read: ReadFitness::LastResort,
            ..attached
        },
        _ => attached,
    }
}

/// A server with several channels from members is as good as the worst of them.
fn worst_channel(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
) -> Option<(ServerIndex, Channel)> {
    let channels = member_channels(index, policy, records);
    let goodness = |channel: &Channel| {
        (
            channel.sql_running && channel.sql_errno == 0,
            channel.io == IoThread::Running,
            channel.seconds_behind.map(std::cmp::Reverse),
        )
    };
    let worst = channels.into_iter().min_by_key(|(_, channel)| goodness(channel));
    worst.map(|(source, channel)| (source, channel.clone()))
}

/// Read-only, and no member to follow: a server in a switchover, an orphan, or one of another
/// cluster.
fn without_member_channel(record: &Record) -> Verdict {
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    if facts.channels.as_ref().is_some_and(|channels| !channels.is_empty()) {
        return Verdict {
            read: ReadFitness::Never,
            ..Verdict::out(ServerState::WrongCluster, StateReason::ForeignSource)
        };
    }
    let reason = match facts.writability {
        Writability::ReadOnly | Writability::SuperReadOnly => StateReason::Orphan,
        other => StateReason::ReadOnly(other),
    };
    Verdict { read: ReadFitness::LastResort, ..Verdict::out(ServerState::ReadOnlyPrimary, reason) }
}

/// How far a replica is behind the primary: `None` when there is nothing to compare with,
/// `Some(None)` when the replica itself cannot tell.
///
/// A direct replica is measured by the primary's binary log. Behind another replica, coordinates
/// cannot be compared: there the server's own number and its source's lag add up.
fn lag_behind(
    replica: &Record,
    channel: &Channel,
    source: ServerIndex,
    primary: Option<ServerIndex>,
    records: &[Record],
) -> Option<Option<Lag>> {
    if let Some(supposed) = replica.supposed_lag {
        return Some(Some(supposed));
    }
    let own = channel.seconds_behind.map(Duration::from_secs);
    let primary = primary?;
    if source == primary {
        let ring = &records[primary.0].positions;
        let measured = channel.applied.and_then(|applied| ring.lag(applied, own, replica.facts_at));
        if measured.is_some() {
            return Some(measured);
        }
    }
    if channel.io != IoThread::Running {
        return None;
    }
    let upstream = match records[source.0].settled {
        Some(settled) if source != primary => settled.lag.map_or(Duration::ZERO, |Lag(lag)| lag),
        _ => Duration::ZERO,
    };
    Some(own.map(|own| Lag(own + upstream)))
}
