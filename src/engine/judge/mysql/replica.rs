//! A replica by asynchronous or semi-synchronous replication: does it follow a member, and how
//! closely?

use std::time::Duration;

use super::{
    Standpoint, mysql_facts,
    topology::{MemberChannel, Trail, is_receiving, member_channels, trail},
};
use crate::engine::{
    Channel, ClusterPolicy, GtidState, IoThread, Lag, Moment, Relation, ServerIndex, ServerState,
    StateReason, Stream, Thresholds, Writability,
    ids::Servers,
    judge::{Freshness, HISTORY_LOST, is_returning, lasting, returning},
    positions::{Positions, Reached},
    record::Record,
    trouble::Liveness,
    verdict::{ReadFitness, Verdict, WriteFitness},
};

/// The verdict on a server that is not writable, or that replicates although it is.
pub(super) fn verdict(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    standpoint: Standpoint<'_>,
    now: Moment,
) -> Verdict {
    let Some((source, channel)) = worst_channel(index, policy, records) else {
        return without_member_channel(index, policy, records, standpoint, now);
    };
    let liveness = |server: ServerIndex| records[server].liveness(&policy.thresholds, now);
    let answers = |server: ServerIndex| liveness(server) == Liveness::Answering;
    let primary = standpoint.primary_for(source);
    let trail = primary.map(|primary| trail(index, primary, policy, records));
    let has_primary = |server: ServerIndex| may_give(&records[server], liveness(server));
    let sibling_receives = records
        .indices()
        .any(|other| other != index && is_receiving(other, source, policy, records, now));
    let somebody_to_follow =
        has_primary(source) || primary.is_some_and(has_primary) || sibling_receives;
    let compared = primary.is_some_and(answers);
    let misled = misled_by(source, records, primary, answers(source), standpoint.stale);
    let diverged = is_diverged(&records[index], records, primary, compared);
    let running = channel.io == IoThread::Running;
    let lag = match trail {
        _ if misled.is_some() || diverged => Some(None),
        // What it goes on receiving is not the primary's.
        Some(Trail::Astray) if running => None,
        _ if is_of_another_history(&records[index], &channel, standpoint.office) => Some(None),
        _ => lag(&records[index], &channel, source, primary, records, standpoint.positions),
    };
    let record = &mut records[index];
    match misled {
        Some(stale) => record.left_behind = Some(StateReason::FollowsStale(stale)),
        None if diverged => record.left_behind = Some(StateReason::Diverged),
        None if running && trail == Some(Trail::Leads) => record.left_behind = None,
        None => {}
    }
    if record.left_behind.is_some() {
        record.forget_freshness();
    }
    let lag = lag.filter(|_| record.left_behind.is_none());
    let freshness = Freshness::pass(record, policy, lag, compared);
    let attached = freshness.attached();
    let lag = freshness.lag;
    let out = |state, reason| Verdict { lag, ..Verdict::out(state, reason) };

    let alone = somebody_to_follow && !running;
    let detached = lasting(&mut record.detached_since, alone, now);
    let off = trail == Some(Trail::Astray) && running;
    let off = lasting(&mut record.dead_branch_since, off, now);
    if running && off.is_none() && record.left_behind.is_none() {
        record.mark_followed();
    }
    if is_returning(record, policy) {
        return Verdict { write: WriteFitness::Refused, ..returning(record) };
    }
    if !channel.delay.is_zero() {
        return out(ServerState::Maintenance, StateReason::DelayedOnPurpose);
    }
    if !channel.sql_running || channel.sql_errno != 0 {
        return out(ServerState::ReplicaBroken, StateReason::ApplierStopped(channel.sql_errno));
    }
    if off.is_some_and(|lasts| lasts >= Thresholds::DEAD_BRANCH_AFTER) {
        record.left_behind = Some(StateReason::Astray);
    }
    if let Some(reason) = record.left_behind {
        return out(ServerState::ReplicaBroken, reason);
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

/// Whether a replica may receive from a server: what came up anew in its place has nothing to give.
fn may_give(record: &Record, liveness: Liveness) -> bool {
    !matches!(liveness, Liveness::Gone(_) | Liveness::Unheard) && !record.history.lost
}

/// The member that a replica receives from, when that one calls itself a primary and is not the
/// one.
fn misled_by(
    source: ServerIndex,
    records: &Servers<Record>,
    primary: Option<ServerIndex>,
    answers: bool,
    stale: &[ServerIndex],
) -> Option<ServerIndex> {
    let stale = stale.contains(&source) && records[source].claims_writable();
    (primary.is_some_and(|primary| primary != source) && answers && stale).then_some(source)
}

/// Whether a replica that receives nothing shares nothing with the last writer: it is no late copy, and
/// what it lacks is not counted in seconds.
fn is_of_another_history(replica: &Record, channel: &Channel, office: &GtidState) -> bool {
    let own = &replica.history.gtid;
    channel.io != IoThread::Running
        && !own.is_empty()
        && !office.is_empty()
        && own.shares(office) == Some(false)
}

/// Whether a replica has what the primary, asked later, did not have.
fn is_diverged(
    record: &Record,
    records: &Servers<Record>,
    primary: Option<ServerIndex>,
    compared: bool,
) -> bool {
    let Some(primary) = primary.filter(|_| compared).map(|primary| &records[primary]) else {
        return false;
    };
    let turned_writable =
        mysql_facts(record).is_some_and(|facts| facts.writability == Writability::Writable);
    // Errant transactions of a read-only replica are common, and harm only its own data.
    turned_writable
        && primary.facts_at >= record.facts_came
        && record.history.gtid.relation(&primary.history.gtid) == Relation::Diverged
}

/// A server with several channels from members is as good as the worst of them. Of several that only
/// a number tells of, the best is the one that counts.
fn worst_channel(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> Option<(ServerIndex, Channel)> {
    let channels = member_channels(index, policy, records);
    let goodness = |member: &&MemberChannel<'_>| {
        let channel = member.channel;
        (
            channel.sql_running && channel.sql_errno == 0,
            channel.io == IoThread::Running,
            channel.seconds_behind.map(std::cmp::Reverse),
        )
    };
    let told = match channels.iter().any(|member| member.ambiguous) {
        true => channels.iter().max_by_key(goodness),
        false => channels.iter().min_by_key(goodness),
    };
    told.map(|member| (member.source, member.channel.clone()))
}

/// Read-only, and no member to follow: a server in a switchover, an orphan, the top of a standby
/// site, or one of another cluster.
fn without_member_channel(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    standpoint: Standpoint<'_>,
    now: Moment,
) -> Verdict {
    let related = is_related(index, policy, records);
    let record = &records[index];
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    if record.history.lost {
        return HISTORY_LOST;
    }
    let outside = facts
        .channels
        .iter()
        .flatten()
        .max_by_key(|channel| (channel.io == IoThread::Running, channel.sql_running));
    let Some(channel) = outside.cloned() else {
        let reason = match facts.writability {
            Writability::ReadOnly | Writability::SuperReadOnly => StateReason::Orphan,
            other => StateReason::ReadOnly(other),
        };
        return Verdict {
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReadOnlyPrimary, reason)
        };
    };
    if !related {
        return Verdict {
            read: ReadFitness::Never,
            ..Verdict::out(ServerState::WrongCluster, StateReason::ForeignSource)
        };
    }
    // A member that receives from a server outside: the top of a site without a primary, or one
    // whose source has left the configuration.
    let own = channel.seconds_behind.map(Duration::from_secs);
    let reached = by_gtid(record, &channel, standpoint.positions);
    let running = channel.io == IoThread::Running;
    let lag = with_own_word(reached.lag(own), own, false);
    let record = &mut records[index];
    let attended = standpoint.champion.is_some();
    let detached = lasting(&mut record.detached_since, attended || !running, now);
    let attached = Freshness::pass(record, policy, lag, false).attached();
    if is_returning(record, policy) {
        return Verdict { write: WriteFitness::Refused, ..returning(record) };
    }
    if !channel.sql_running || channel.sql_errno != 0 {
        let reason = StateReason::ApplierStopped(channel.sql_errno);
        return Verdict { lag: attached.lag, ..Verdict::out(ServerState::ReplicaBroken, reason) };
    }
    match detached {
        Some(lasts) if attended && lasts >= Thresholds::DETACHED_AFTER => Verdict {
            state: ServerState::ReplicaDetached,
            reason: StateReason::NoReceiver,
            read: ReadFitness::LastResort,
            ..attached
        },
        _ => attached,
    }
}

/// Whether a server belongs to the cluster though it follows nobody in it: it did at some time,
/// members follow it, or their histories have an origin in common.
pub(super) fn is_related(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> bool {
    let record = &records[index];
    let kin = |other: &Record| record.history.gtid.shares(&other.history.gtid) == Some(true);
    record.history.followed
        || record.ever_fit
        || records.enumerate().any(|(other, one)| {
            other != index
                && (kin(one)
                    || member_channels(other, policy, records)
                        .iter()
                        .any(|member| member.source == index))
        })
}

/// How far a replica is behind: `None` when its next reply will tell, `Some(None)` when it cannot be
/// told.
///
/// By GTIDs a replica is compared with all that any member has shown, stream by stream. A direct
/// replica is measured by its source's binary log, too. Behind another replica, coordinates cannot
/// be compared: there the server's own number and its source's lag add up.
fn lag(
    replica: &Record,
    channel: &Channel,
    source: ServerIndex,
    primary: Option<ServerIndex>,
    records: &Servers<Record>,
    positions: &Positions,
) -> Option<Option<Lag>> {
    if replica.supposed_lag.is_some() {
        return Some(replica.supposed_lag);
    }
    let own = channel.seconds_behind.map(Duration::from_secs);
    let present = primary.is_some_and(|primary| records[primary].trouble.is_none());
    let direct = primary.is_none_or(|primary| primary == source);
    let mut reached = by_gtid(replica, channel, positions);
    if direct && !records[source].history.lost {
        reached = reached.or_later(by_coordinates(replica, channel, &records[source]));
    }
    if reached != Reached::NothingShown {
        return with_own_word(reached.lag(own), own, present);
    }
    if channel.io != IoThread::Running {
        return None;
    }
    let upstream = match records[source].settled {
        Some(settled) if Some(source) != primary => {
            settled.lag.map_or(Duration::ZERO, |Lag(lag)| lag)
        }
        _ => Duration::ZERO,
    };
    Some(own.map(|own| Lag(own + upstream)))
}

/// A replica's own number is a word against it where nobody shows the present.
fn with_own_word(
    lag: Option<Option<Lag>>,
    own: Option<Duration>,
    present: bool,
) -> Option<Option<Lag>> {
    match (lag, own) {
        (Some(Some(Lag(lag))), Some(own)) if !present => Some(Some(Lag(lag.max(own)))),
        (lag, _) => lag,
    }
}

/// How a replica lies to what was shown in each stream of GTIDs. Of a domain of which it shows nothing
/// only what was written since it is watched is missing; it may leave the domain out, too.
fn by_gtid(replica: &Record, channel: &Channel, positions: &Positions) -> Reached {
    let Some(own) = mysql_facts(replica).map(|facts| &facts.gtid) else {
        return Reached::NothingShown;
    };
    if own.is_unknown() || own.is_empty() {
        return Reached::NothingShown;
    }
    let at = replica.facts_at;
    let streams = positions.streams().map(|stream| match (own.reaches(stream), stream) {
        (Some(last), _) => positions.reached(stream, super::streams::point(last), at),
        (None, Stream::Source(_)) => positions.reached(stream, super::streams::point(0), at),
        (None, Stream::Domain(domain)) if channel.domains.contain(*domain) => {
            positions.lacks_all(stream, at)
        }
        (None, Stream::Domain(_) | Stream::Wal) => Reached::NothingShown,
    });
    streams.fold(Reached::NothingShown, Reached::or_later)
}

/// How a direct replica lies to the binary log of its source.
fn by_coordinates(replica: &Record, channel: &Channel, source: &Record) -> Reached {
    let Some(applied) = channel.applied else { return Reached::NothingShown };
    let impossible = source.positions.last().is_some_and(|last| applied > last)
        && source.facts_at >= replica.facts_came;
    match impossible {
        // The source has begun its log anew, and the coordinate is of the old one.
        true => Reached::LacksAtLeast(Duration::from_secs(1)),
        false => source.positions.reached(applied, replica.facts_at),
    }
}
