//! A replica by asynchronous or semi-synchronous replication: does it follow a member, and how
//! closely?

use std::time::Duration;

use super::{
    lag::{by_gtid, is_of_another_history, lag, with_own_word},
    standpoint::Standpoint,
    topology::{
        MemberChannel, Trail, is_below, is_passed_on, is_receiving, member_channels, trail,
    },
};
use crate::engine::{
    Channel, IoThread, Lag, ServerIndex, ServerState, StateReason, Thresholds, Writability,
    judge::{
        case::{Case, Hearing},
        freshness::Freshness,
        verdicts::{HISTORY_LOST, read_only_primary, returning},
    },
    record::Record,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// The verdict on a server that is not writable, or that replicates although it is.
pub fn verdict(
    index: ServerIndex,
    hearing: &mut Hearing<'_>,
    standpoint: Standpoint<'_>,
) -> Verdict {
    let Some((source, channel)) = worst_channel(index, standpoint.champion, hearing.case()) else {
        return without_member_channel(index, hearing, standpoint);
    };
    let place = Place::of(index, source, &channel, hearing.case(), standpoint);
    let (policy, now) = (hearing.policy, hearing.now);
    let (record, conclusion) = hearing.of(index);
    let running = channel.io == IoThread::Running;
    match place.misled_by {
        Some(stale) => conclusion.left_behind = Some(StateReason::FollowsStale(stale)),
        None if place.diverged => conclusion.left_behind = Some(StateReason::Diverged),
        None if running && place.trail == Some(Trail::Leads) && !place.was_diverged => {
            conclusion.left_behind = None;
        }
        None => {}
    }
    if conclusion.left_behind.is_some() {
        conclusion.forget_freshness();
    }
    let lag = place.lag.filter(|_| conclusion.left_behind.is_none());
    let freshness = Freshness::pass(conclusion, record, policy, lag, place.compared);
    let attached = freshness.attached();
    let lag = freshness.lag;
    let out = |state, reason| Verdict { lag, ..Verdict::out(state, reason) };

    conclusion.note_detached(place.is_attended && !running, now);
    let astray = place.trail == Some(Trail::Astray) && running;
    conclusion.note_astray(astray, now);
    if running && !astray && conclusion.left_behind.is_none() {
        conclusion.mark_followed();
    }
    conclusion.note_return(record, policy.thresholds.rise);
    if conclusion.is_away() {
        return Verdict { write: WriteEligibility::Refused, ..returning(conclusion) };
    }
    if !channel.delay.is_zero() {
        return out(ServerState::OutOfService, StateReason::DelayedOnPurpose);
    }
    if !channel.sql_running || channel.sql_errno != 0 {
        return out(ServerState::ReplicaBroken, StateReason::ApplierStopped(channel.sql_errno));
    }
    if conclusion.astray_for(now).is_some_and(|lasts| lasts >= Thresholds::DEAD_BRANCH_AFTER) {
        conclusion.left_behind = Some(StateReason::Astray);
    }
    if let Some(reason) = conclusion.left_behind {
        return out(ServerState::ReplicaBroken, reason);
    }
    match conclusion.detached_for(now) {
        Some(lasts) if lasts >= Thresholds::DETACHED_AFTER => detached(attached),
        _ => attached,
    }
}

/// The verdict on a replica that has received nothing for long.
fn detached(attached: Verdict) -> Verdict {
    Verdict {
        state: ServerState::ReplicaDetached,
        reason: StateReason::NoReceiver,
        read: ReadEligibility::LastResort,
        ..attached
    }
}

/// Where a replica of a member stands among the others.
struct Place {
    /// Where its changes come from in the end, as seen from the primary.
    trail: Option<Trail>,
    /// There is somebody that it could receive from.
    is_attended: bool,
    /// The primary answers, so that what it shows is the present.
    compared: bool,
    /// It receives from a member that calls itself a primary and is not the one.
    misled_by: Option<ServerIndex>,
    /// It has what the primary, asked later, did not have.
    diverged: bool,
    /// The same by the last words of both, whichever is the later one: what was found does not change
    /// with that.
    was_diverged: bool,
    /// How far it is behind: `None` when its next reply will tell, `Some(None)` when it cannot be
    /// told.
    lag: Option<Option<Lag>>,
}

impl Place {
    fn of(
        index: ServerIndex,
        source: ServerIndex,
        channel: &Channel,
        case: Case<'_>,
        standpoint: Standpoint<'_>,
    ) -> Self {
        let primary = standpoint.primary_for(source);
        let trail = primary.map(|primary| match trail(index, primary, case) {
            Trail::Astray if is_passed_on(index, source, case) => Trail::Unknown,
            known => known,
        });
        let sibling_receives = || case.others(index).any(|other| is_receiving(other, source, case));
        let is_attended = may_give(source, case)
            || primary.is_some_and(|primary| may_give(primary, case))
            || sibling_receives();
        let compared = primary.is_some_and(|primary| case.answers(primary));
        let replica = &case.records[index];
        let misled_by = misled_by(index, source, primary, standpoint.stale, case);
        let was_diverged = is_diverged(index, primary, case);
        let is_later = |primary| case.records[primary].facts_at >= replica.facts_came;
        let diverged = was_diverged && compared && primary.is_some_and(is_later);
        let lag = match trail {
            _ if misled_by.is_some() || diverged => Some(None),
            // What it goes on receiving is not the primary's: nothing but what it lacks can be told.
            Some(Trail::Astray) if channel.io == IoThread::Running => {
                let reached = by_gtid(index, Some(channel), case, standpoint);
                let own = channel.seconds_behind.map(Duration::from_secs);
                if reached.lacks_older_than(Duration::ZERO) { reached.lag(own) } else { None }
            }
            _ if is_of_another_history(replica, channel, standpoint.office) => Some(None),
            _ => lag(index, channel, source, case, standpoint),
        };
        Self { trail, is_attended, compared, misled_by, diverged, was_diverged, lag }
    }
}

/// Whether a replica may receive from a server: what came up anew in its place has nothing to give.
fn may_give(source: ServerIndex, case: Case<'_>) -> bool {
    !matches!(case.liveness(source), Liveness::Gone(_) | Liveness::Unheard)
        && !case.has_lost_history(source)
}

/// The member that a replica receives from, when that one calls itself a primary and is not the
/// one.
fn misled_by(
    replica: ServerIndex,
    source: ServerIndex,
    primary: Option<ServerIndex>,
    stale: &[ServerIndex],
    case: Case<'_>,
) -> Option<ServerIndex> {
    let record = &case.records[source];
    // One that shares nothing with the replica gives it nothing.
    let gives = || case.records[replica].history.gtid.shares(&record.history.gtid) != Some(false);
    let is_stale = match primary {
        Some(primary) => primary != source && stale.contains(&source),
        // Whoever has lost against somebody is none, whether that one is there or not, unless it is
        // the replica. Who merely has less than all others, as one that was installed anew, gives
        // them nothing.
        None => case
            .superseded(source)
            .and_then(|superseded| superseded.by)
            .is_some_and(|heir| heir != replica && record.is_confirmed_writable() && gives()),
    };
    (is_stale && case.answers(source) && record.claims_writable()).then_some(source)
}

/// Whether a writable replica has written what the primary has not, by the last words of both.
fn is_diverged(index: ServerIndex, primary: Option<ServerIndex>, case: Case<'_>) -> bool {
    let Some(primary) = primary else { return false };
    let (record, has) = (&case.records[index], &case.records[primary].history.gtid);
    // In a ring the primary receives them in turn.
    let is_ring = || {
        member_channels(primary, case).iter().any(|MemberChannel { source, channel, .. }| {
            let brings = channel.io == IoThread::Running && channel.sql_running;
            brings && (*source == index || is_below(*source, index, case))
        })
    };
    // Errant transactions of a read-only replica are common, and harm only its own data.
    record.claims_writable() && has.contains(&record.history.written()) == Some(false) && !is_ring()
}

/// A server with several channels from members is as good as the worst of them. Beside one that
/// receives what the primary writes, those that merely receive nothing have no say. Of several that
/// only a number tells of, the best is the one that counts.
fn worst_channel(
    index: ServerIndex,
    primary: Option<ServerIndex>,
    case: Case<'_>,
) -> Option<(ServerIndex, Channel)> {
    let mut channels = member_channels(index, case);
    let receives = |member: &MemberChannel<'_>| member.channel.io == IoThread::Running;
    let from_primary = |member: &MemberChannel<'_>| {
        let leads = |to| member.source == to || is_below(member.source, to, case);
        receives(member) && !member.ambiguous && primary.is_some_and(leads)
    };
    if channels.iter().any(from_primary) {
        channels.retain(|member| receives(member) || member.channel.sql_errno != 0);
    }
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
    hearing: &mut Hearing<'_>,
    standpoint: Standpoint<'_>,
) -> Verdict {
    let related = is_related(index, hearing.case());
    let (policy, now) = (hearing.policy, hearing.now);
    let Some(facts) = hearing.records[index].mysql() else {
        return Verdict::UNHEARD;
    };
    if hearing.case().has_lost_history(index) {
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
        return read_only_primary(reason);
    };
    if !related {
        return Verdict {
            read: ReadEligibility::Never,
            ..Verdict::out(ServerState::WrongCluster, StateReason::ForeignSource)
        };
    }
    // A member that receives from a server outside: the top of a site without a primary, or one
    // whose source has left the configuration.
    let own = channel.seconds_behind.map(Duration::from_secs);
    let reached = by_gtid(index, Some(&channel), hearing.case(), standpoint);
    let running = channel.io == IoThread::Running;
    let lag = with_own_word(reached.lag(own), own, false);
    let attended = standpoint.champion.is_some();
    let (record, conclusion) = hearing.of(index);
    conclusion.note_detached(attended || !running, now);
    let attached = Freshness::pass(conclusion, record, policy, lag, false).attached();
    conclusion.note_return(record, policy.thresholds.rise);
    if conclusion.is_away() {
        return Verdict { write: WriteEligibility::Refused, ..returning(conclusion) };
    }
    if !channel.sql_running || channel.sql_errno != 0 {
        let reason = StateReason::ApplierStopped(channel.sql_errno);
        return Verdict { lag: attached.lag, ..Verdict::out(ServerState::ReplicaBroken, reason) };
    }
    match conclusion.detached_for(now) {
        Some(lasts) if attended && lasts >= Thresholds::DETACHED_AFTER => detached(attached),
        _ => attached,
    }
}

/// Whether a server belongs to the cluster though it follows nobody in it: it did at some time,
/// members follow it, or their histories have an origin in common.
pub fn is_related(index: ServerIndex, case: Case<'_>) -> bool {
    let record = &case.records[index];
    let kin = |other: &Record| record.history.gtid.shares(&other.history.gtid) == Some(true);
    case.has_followed(index)
        || case.conclusions[index].ever_fit
        || case.records.enumerate().any(|(other, one)| {
            other != index
                && (kin(one)
                    || member_channels(other, case).iter().any(|member| member.source == index))
        })
}
