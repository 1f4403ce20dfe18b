//! Groups that elect their own writer: MySQL Group Replication and Galera.
//!
//! The members know who may write, as long as they have a quorum; a member without one is of no use
//! to anybody, whatever it says. Where several members may write (Galera always, Group Replication
//! in multi-primary mode), one is chosen and kept.

use super::{
    component::Components,
    fed,
    history::is_writable_replica,
    replica,
    standing::{Standing, is_shut_out, kept_out},
    standpoint::Standpoint,
    streams,
    topology::member_channels,
};
use crate::engine::{
    Failback, FailureKind, Group, GroupRole, IoThread, Lag, Loss, MayWrite, MySqlFacts,
    ServerIndex, ServerState, StateReason, Thresholds, Writability,
    choice::elect,
    ids::Servers,
    judge::{
        case::{Case, Hearing},
        freshness::Freshness,
        tenure::has_rival,
        unanswered::by_liveness,
        verdicts::{HISTORY_LOST, REPLICATION_HIDDEN, read_only_primary, returning, unconfirmed},
    },
    judgement::{Judgement, WriterRule},
    positions::Positions,
    record::Record,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// Whether a group decides who writes.
///
/// It does when the last writer was one of its members, or has left it and follows one. A server
/// outside of it that is the writer, or that claims to be one, is overruled only by a group that most
/// of the servers belong to: a single foreign node, or a group that is only being built, does not
/// take the name. Asynchronous replicas have no say, however many there are; but where no member can
/// have a quorum, somebody may have promoted one.
pub fn decides(case: Case<'_>) -> bool {
    let known = || case.records.iter().filter_map(Record::mysql);
    let in_group = |index: ServerIndex| {
        case.records[index].mysql().is_some_and(|facts| facts.group.is_some())
            && fed::feeder(index, case).is_none()
    };
    let members = case.indices().filter(|&index| in_group(index)).count();
    if members == 0 {
        return false;
    }
    let loner = |index: ServerIndex| {
        let record = &case.records[index];
        record.mysql().is_some_and(|facts| facts.group.is_none())
            && record.claims_writable()
            && !case.has_lost_history(index)
            && !is_writable_replica(index, case)
    };
    let claimed = || case.indices().any(loner);
    let last = case.precedents.last_writer.filter(|last| case.records[*last].mysql().is_some());
    if let Some(last) = last {
        let writes = case.records[last].claims_writable();
        let follows = || {
            let mut channels = member_channels(last, case).into_iter();
            channels.any(|it| it.channel.io == IoThread::Running && in_group(it.source))
        };
        let can_elect = || case.indices().any(|member| may_elect(member, case));
        return in_group(last) && (can_elect() || !claimed()) || !writes && follows();
    }
    let follow = known().filter(|facts| facts.channels.iter().flatten().next().is_some()).count();
    let independent = known().count() - follow.min(known().count() - members);
    !claimed() || members * 2 >= independent
}

/// Whether a member of a group may have a quorum, as far as anybody knows.
fn may_elect(member: ServerIndex, case: Case<'_>) -> bool {
    let Some(facts) = case.records[member].mysql().filter(|facts| facts.group.is_some()) else {
        return false;
    };
    match case.liveness(member) {
        Liveness::Answering => !is_shut_out(facts),
        Liveness::Gone(_) | Liveness::Alive(FailureKind::GroupUnready | FailureKind::Starting) => {
            false
        }
        _ => true,
    }
}

pub fn judge(hearing: &mut Hearing<'_>, positions: &mut Positions) -> Judgement {
    let components = Components::of(hearing.case());
    components.note(hearing);
    streams::note(hearing, positions, components.main());
    let joining = hearing.records.iter().filter_map(Record::mysql).any(is_joining);
    let behind = fed::behind_its_source(hearing.case());
    let servers = hearing.records.indices();
    let mut verdicts: Servers<_> = servers
        .map(|index| {
            let elsewhere = components.outside_of(index);
            verdict(index, hearing, GroupState { elsewhere, joining, behind })
        })
        .collect();
    keep_from_writing(hearing.case(), &mut verdicts);
    let (writer, rule) = choose_writer(hearing.case(), &mut verdicts);
    let standpoint = Standpoint {
        champion: writer,
        members: components.main(),
        stale: &[],
        positions,
        office: &hearing.precedents.office.gtid,
    };
    for index in hearing.records.indices() {
        let case = hearing.case();
        let feeder = fed::feeder(index, case);
        if let Some(feeder) = feeder.filter(|_| case.answers(index)) {
            verdicts[index] = fed::verdict(index, feeder, hearing, standpoint);
        } else if is_outside(index, case) {
            verdicts[index] = outside(index, hearing, standpoint);
        }
    }
    let rivals = has_rival(writer.or(hearing.precedents.last_writer), hearing.case());
    let split_brain = components.are_split() || rivals;
    Judgement { verdicts, split_brain, writer: rule }
}

/// A member that was found and may never be written to is of use to readers.
fn keep_from_writing(case: Case<'_>, verdicts: &mut Servers<Verdict>) {
    for index in case.indices() {
        let barred = case.policy.server(index).may_write == MayWrite::Never;
        let member = &mut verdicts[index];
        if barred && member.write != WriteEligibility::Refused {
            member.write = WriteEligibility::Refused;
            if member.state == ServerState::Primary {
                (member.state, member.reason) = (ServerState::Replica, StateReason::Fresh);
                member.read = ReadEligibility::Replica;
            }
        }
    }
}

/// Chooses the writer among those that may write, and makes followers of the others.
fn choose_writer(
    case: Case<'_>,
    verdicts: &mut Servers<Verdict>,
) -> (Option<ServerIndex>, WriterRule) {
    let writers: Vec<_> = verdicts
        .indices()
        .filter(|index| verdicts[*index].write == WriteEligibility::Eligible)
        .collect();
    let rule = writer_rule(case.records);
    if rule == WriterRule::Elected
        && let Some(published) = case.precedents.published
        && writers.iter().any(|&writer| outlasts(writer, published, case))
    {
        verdicts[published].write = WriteEligibility::Refused;
    }
    let steering = case.precedents.steering;
    let heeded = rule == WriterRule::Free || steering.pinned;
    let wanted = steering.wanted.filter(|wanted| heeded && writers.contains(wanted));
    let mut open = writers.clone();
    open.retain(|writer| !steering.barred.contains(writer));
    if open.is_empty() {
        open.clone_from(&writers);
    }
    // A published server that does not answer stays, and the others stay its followers.
    let held = case.precedents.published.filter(|published| {
        let left = steering.barred.contains(published) && !open.is_empty();
        verdicts[*published].write == WriteEligibility::Open && !left
    });
    let failback = match (rule, case.policy.write) {
        (WriterRule::Free, Some(write)) => write.failback,
        _ => Failback::Stay,
    };
    // A moment of nobody ends no tenure.
    let incumbent = case.precedents.published.or(case.precedents.last_writer);
    let writer = wanted.or(held);
    let writer =
        writer.or_else(|| elect(&open, incumbent, case.precedents.blocked, failback, case.policy));
    for index in writers.iter().filter(|index| Some(**index) != writer) {
        let follower = &mut verdicts[*index];
        (follower.state, follower.reason) = (ServerState::Replica, StateReason::Fresh);
        follower.read = ReadEligibility::Replica;
        if rule == WriterRule::Elected {
            follower.write = WriteEligibility::Open;
        }
    }
    (writer, rule)
}

/// Whether a server answers and is no member of a group.
fn is_outside(server: ServerIndex, case: Case<'_>) -> bool {
    let facts = case.records[server].mysql();
    case.answers(server) && facts.is_some_and(|facts| facts.group.is_none())
}

/// The verdict on a server outside the group: a replica by the rules of replicas, whichever member
/// it follows.
fn outside(index: ServerIndex, hearing: &mut Hearing<'_>, standpoint: Standpoint<'_>) -> Verdict {
    let record = &hearing.records[index];
    let writable = record.claims_writable();
    if hearing.case().has_lost_history(index) {
        return HISTORY_LOST;
    }
    if writable && !is_writable_replica(index, hearing.case()) {
        if let Some(writer) = standpoint.champion.filter(|_| hearing.precedents.ready) {
            // The end of the group proves nothing for it later.
            let had = &hearing.records[writer].history.gtid;
            hearing.conclusions[index].mark_superseded(record, Some(writer), had, Loss::Age);
        }
        let reason = standpoint.champion.map_or(StateReason::NotInGroup, StateReason::SecondWriter);
        return Verdict::out(ServerState::StalePrimary, reason);
    }
    let hidden = record.mysql().is_some_and(|facts| facts.channels.is_none());
    if hidden {
        return REPLICATION_HIDDEN;
    }
    let verdict = replica::verdict(index, hearing, standpoint);
    match verdict.reason {
        StateReason::Fresh | StateReason::LacksNothingShown if writable => {
            verdict.because(StateReason::WritableReplica)
        }
        _ => verdict,
    }
}

fn is_joining(facts: &MySqlFacts) -> bool {
    const JOINING: u8 = 1;
    const JOINED: u8 = 3;
    matches!(&facts.group, Some(Group::Galera(node))
        if node.local_state == JOINING || node.local_state == JOINED)
}

/// A group in which any member in good standing is a secondary has one writer, and elects it.
/// Otherwise all its members may write.
fn writer_rule(records: &Servers<Record>) -> WriterRule {
    let is_secondary = |facts: &MySqlFacts| match &facts.group {
        Some(Group::Replication(member)) => {
            member.online && member.majority && member.role == GroupRole::Secondary
        }
        _ => false,
    };
    match records.iter().filter_map(Record::mysql).any(is_secondary) {
        true => WriterRule::Elected,
        false => WriterRule::Free,
    }
}

/// Whether the group has elected `writer` for so long that the last word of `published`, which is
/// alive and lets nobody in or whose probe is silent, no longer counts.
fn outlasts(writer: ServerIndex, published: ServerIndex, case: Case<'_>) -> bool {
    let unheard = matches!(case.liveness(published), Liveness::Alive(_) | Liveness::ProbeSilent);
    let elected = case.records[writer].writable;
    let long = Thresholds::SATURATED_GRACE;
    unheard && elected.is_some_and(|elected| case.now.since(elected.since) >= long)
}

fn verdict(index: ServerIndex, hearing: &mut Hearing<'_>, group: GroupState) -> Verdict {
    if let Some(verdict) = by_liveness(index, hearing) {
        return verdict;
    }
    if let Some(verdict) = hearing.case().foreign(index) {
        return verdict;
    }
    let published = hearing.precedents.published == Some(index);
    let (policy, now) = (hearing.policy, hearing.now);
    let (record, conclusion) = hearing.of(index);
    let Some(facts) = record.mysql() else {
        return Verdict::UNHEARD;
    };
    if facts.group.is_none() {
        // No member, and no writer of the group: `outside` tells what it is.
        return Verdict::out(ServerState::Starting, StateReason::NotInGroup);
    }
    let standing = Standing::of(facts, published);
    let writable = facts.writability == Writability::Writable;
    let lost = if writable { ServerState::StalePrimary } else { ServerState::ReplicaBroken };
    if let Some(right) = group.elsewhere {
        return Verdict::out(lost, StateReason::OtherComponent(right));
    }
    if let Some(superseded) = &conclusion.superseded
        && standing != Standing::Outside
        && superseded.loss == Loss::Precedence
    {
        let reason = superseded.by.map_or(StateReason::LostContest, StateReason::OtherComponent);
        return Verdict::out(lost, reason);
    }
    if matches!(standing, Standing::Outside | Standing::Donor { .. }) {
        conclusion.mark_away(record);
    } else {
        conclusion.note_return(record, policy.thresholds.rise);
        if conclusion.is_away() {
            return returning(conclusion);
        }
    }
    // The group throttles its writers: a member in good standing is as fresh as the group.
    let late = group.behind.and_then(|lag| {
        let freshness = Freshness::pass(conclusion, record, policy, Some(Some(lag)), false);
        let freshness = freshness.attached();
        (freshness.state != ServerState::Replica).then_some(freshness)
    });
    if group.behind.is_none() {
        conclusion.vouch_for_freshness();
    }
    let replica = |reason| {
        let fresh = Verdict {
            read: ReadEligibility::Replica,
            ..Verdict::out(ServerState::Replica, reason)
        };
        late.unwrap_or(fresh)
    };
    match standing {
        Standing::Writer if record.heart.is_stopped(now) => {
            read_only_primary(StateReason::CannotWrite)
        }
        Standing::Writer if !record.is_confirmed_writable() && !published => {
            unconfirmed(conclusion)
        }
        Standing::Writer => Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteEligibility::Eligible,
            read: ReadEligibility::Primary,
            lag: None,
        },
        Standing::Follower(reason) => replica(reason),
        standing => kept_out(standing, group.joining),
    }
}

/// What the others of its group make of a member.
#[derive(Clone, Copy, Debug)]
struct GroupState {
    /// A member of the right part, when this one is in another.
    elsewhere: Option<ServerIndex>,
    /// Somebody joins.
    joining: bool,
    /// How far the whole group is behind its source.
    behind: Option<Lag>,
}
