//! Groups that elect their own writer: MySQL Group Replication and Galera.
//!
//! The members know who may write, as long as they have a quorum; a member without one is of no use
//! to anybody, whatever it says. Where several members may write (Galera always, Group Replication
//! in multi-primary mode), one is chosen and kept.

use super::{
    HIDDEN, Standpoint,
    component::Components,
    fed,
    history::is_writable_replica,
    mysql_facts, replica,
    standing::{Standing, is_shut_out},
    streams,
    topology::member_channels,
};
use crate::engine::{
    ClusterPolicy, Failback, FailureKind, Group, GroupRole, IoThread, Lag, Loss, Moment,
    MySqlFacts, ServerIndex, ServerState, StateReason, Thresholds, Writability,
    ids::Servers,
    judge::{
        FOREIGN, Freshness, HISTORY_LOST, Identity, Judgement, Precedents, WriterRule, by_liveness,
        is_foreign, is_returning, office::has_rival, returning, unconfirmed,
    },
    positions::Positions,
    record::Record,
    trouble::Liveness,
    verdict::{ReadFitness, Verdict, WriteFitness},
    write::elect,
};

/// Whether a group decides who writes.
///
/// It does when the last writer was one of its members, or has left it and follows one. A server
/// outside of it that is the writer, or that claims to be one, is overruled only by a group that most
/// of the servers belong to: a single foreign node, or a group that is only being built, does not
/// take the name. Asynchronous replicas have no say, however many there are; but where no member can
/// have a quorum, somebody may have promoted one.
pub(super) fn decides(
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let known = || records.iter().filter_map(mysql_facts);
    let in_group = |index: ServerIndex| {
        mysql_facts(&records[index]).is_some_and(|facts| facts.group.is_some())
            && fed::feeder(index, policy, records, precedents).is_none()
    };
    let members = records.indices().filter(|&index| in_group(index)).count();
    if members == 0 {
        return false;
    }
    let loner = |index: ServerIndex| {
        let record = &records[index];
        mysql_facts(record).is_some_and(|facts| facts.group.is_none())
            && record.claims_writable()
            && !record.history.lost
            && !is_writable_replica(index, policy, records, precedents, now)
    };
    let claimed = || records.indices().any(loner);
    let last = precedents.last_writer.filter(|last| mysql_facts(&records[*last]).is_some());
    if let Some(last) = last {
        let writes = records[last].claims_writable();
        let follows = || {
            let mut channels = member_channels(last, policy, records).into_iter();
            channels.any(|it| it.channel.io == IoThread::Running && in_group(it.source))
        };
        let can_elect = || records.iter().any(|record| may_elect(record, policy, now));
        return in_group(last) && (can_elect() || !claimed()) || !writes && follows();
    }
    let follow = known().filter(|facts| facts.channels.iter().flatten().next().is_some()).count();
    let independent = known().count() - follow.min(known().count() - members);
    !claimed() || members * 2 >= independent
}

/// Whether a member of a group may have a quorum, as far as anybody knows.
fn may_elect(record: &Record, policy: &ClusterPolicy, now: Moment) -> bool {
    let Some(facts) = mysql_facts(record).filter(|facts| facts.group.is_some()) else {
        return false;
    };
    match record.liveness(&policy.thresholds, now) {
        Liveness::Answering => !is_shut_out(facts),
        Liveness::Gone(_) | Liveness::Alive(FailureKind::GroupUnready | FailureKind::Starting) => {
            false
        }
        _ => true,
    }
}

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    let components = Components::of(policy, records, precedents, now);
    components.note(records, precedents);
    streams::note(policy, records, positions, precedents, components.main(), now);
    let joining = records.iter().filter_map(mysql_facts).any(is_joining);
    let behind = fed::behind_its_source(policy, records, now);
    let mut verdicts: Servers<_> = records
        .indices()
        .map(|server| {
            let elsewhere = components.outside_of(server);
            let group = GroupState { elsewhere, joining, behind };
            verdict(server, &mut records[server], policy, precedents, group, now)
        })
        .collect();
    let (writer, rule) = choose_writer(policy, records, precedents, &mut verdicts, now);
    let standpoint = Standpoint {
        champion: writer,
        members: components.main(),
        stale: &[],
        positions,
        office: &precedents.office.gtid,
    };
    for index in records.indices() {
        let feeder = fed::feeder(index, policy, records, precedents);
        if let Some(feeder) = feeder.filter(|_| answers(&records[index], policy, now)) {
            verdicts[index] = fed::verdict(index, feeder, policy, records, standpoint, now);
        } else if is_outside(&records[index], policy, now) {
            verdicts[index] = outside(index, policy, records, standpoint, precedents, now);
        }
    }
    let rivals = has_rival(writer.or(precedents.last_writer), records);
    let split_brain = components.are_split() || rivals;
    Judgement { verdicts, split_brain, writer: rule }
}

/// Chooses the writer among those that may write, and makes followers of the others.
fn choose_writer(
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    verdicts: &mut Servers<Verdict>,
    now: Moment,
) -> (Option<ServerIndex>, WriterRule) {
    let writers: Vec<_> =
        verdicts.indices().filter(|index| verdicts[*index].write == WriteFitness::Fit).collect();
    let rule = writer_rule(records);
    if rule == WriterRule::Elected
        && let Some(published) = precedents.published
        && writers.iter().any(|&writer| outlasts(writer, published, records, policy, now))
    {
        verdicts[published].write = WriteFitness::Refused;
    }
    let steering = precedents.steering;
    let heeded = rule == WriterRule::Free || steering.pinned;
    let wanted = steering.wanted.filter(|wanted| heeded && writers.contains(wanted));
    let mut open = writers.clone();
    open.retain(|writer| !steering.barred.contains(writer));
    if open.is_empty() {
        open.clone_from(&writers);
    }
    // A published server that does not answer stays, and the others stay its followers.
    let held = precedents.published.filter(|published| {
        let left = steering.barred.contains(published) && !open.is_empty();
        verdicts[*published].write == WriteFitness::Open && !left
    });
    let failback = match (rule, policy.write) {
        (WriterRule::Free, Some(write)) => write.failback,
        _ => Failback::Stay,
    };
    // A moment of nobody ends no tenure.
    let incumbent = precedents.published.or(precedents.last_writer);
    let writer = wanted.or(held);
    let writer = writer.or_else(|| elect(&open, incumbent, precedents.blocked, failback, policy));
    for index in writers.iter().filter(|index| Some(**index) != writer) {
        let follower = &mut verdicts[*index];
        (follower.state, follower.reason) = (ServerState::Replica, StateReason::Fresh);
        follower.read = ReadFitness::Replica;
        if rule == WriterRule::Elected {
            follower.write = WriteFitness::Open;
        }
    }
    (writer, rule)
}

/// Whether a server answers and is no member of a group.
fn is_outside(record: &Record, policy: &ClusterPolicy, now: Moment) -> bool {
    answers(record, policy, now) && mysql_facts(record).is_some_and(|facts| facts.group.is_none())
}

fn answers(record: &Record, policy: &ClusterPolicy, now: Moment) -> bool {
    record.liveness(&policy.thresholds, now) == Liveness::Answering
}

/// The verdict on a server outside the group: a replica by the rules of replicas, whichever member
/// it follows.
fn outside(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    standpoint: Standpoint<'_>,
    precedents: Precedents<'_>,
    now: Moment,
) -> Verdict {
    let record = &records[index];
    let writable = record.claims_writable();
    let replicates = is_writable_replica(index, policy, records, precedents, now);
    if record.history.lost {
        return HISTORY_LOST;
    }
    if writable && !replicates {
        if let Some(writer) = standpoint.champion.filter(|_| precedents.ready) {
            // The end of the group proves nothing for it later.
            let had = records[writer].history.gtid.clone();
            records[index].mark_superseded(Some(writer), &had, Loss::Age);
        }
        let reason = standpoint.champion.map_or(StateReason::NotInGroup, StateReason::SecondWriter);
        return Verdict::out(ServerState::StalePrimary, reason);
    }
    let hidden = mysql_facts(record).is_some_and(|facts| facts.channels.is_none());
    if hidden {
        return HIDDEN;
    }
    let verdict = replica::verdict(index, policy, records, standpoint, now);
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
    match records.iter().filter_map(mysql_facts).any(is_secondary) {
        true => WriterRule::Elected,
        false => WriterRule::Free,
    }
}

/// Whether the group has elected `writer` for so long that the last word of `published`, which is
/// alive and lets nobody in or whose probe is silent, no longer counts.
fn outlasts(
    writer: ServerIndex,
    published: ServerIndex,
    records: &Servers<Record>,
    policy: &ClusterPolicy,
    now: Moment,
) -> bool {
    let unheard = matches!(
        records[published].liveness(&policy.thresholds, now),
        Liveness::Alive(_) | Liveness::ProbeSilent
    );
    let elected = records[writer].writable;
    unheard
        && elected.is_some_and(|elected| now.since(elected.since) >= Thresholds::SATURATED_GRACE)
}

fn verdict(
    index: ServerIndex,
    record: &mut Record,
    policy: &ClusterPolicy,
    precedents: Precedents<'_>,
    group: GroupState,
    now: Moment,
) -> Verdict {
    if let Some(verdict) = by_liveness(record, policy, now) {
        return verdict;
    }
    if is_foreign(record, precedents) {
        return FOREIGN;
    }
    let Some(facts) = mysql_facts(record) else {
        return Verdict::UNHEARD;
    };
    if facts.group.is_none() {
        // No member, and no writer of the group: `outside` tells what it is.
        return Verdict::out(ServerState::Starting, StateReason::NotInGroup);
    }
    let published = precedents.published == Some(index);
    let standing = Standing::of(facts, published);
    let writable = facts.writability == Writability::Writable;
    let lost = if writable { ServerState::StalePrimary } else { ServerState::ReplicaBroken };
    if let Some(right) = group.elsewhere {
        return Verdict::out(lost, StateReason::OtherComponent(right));
    }
    if let Some(superseded) = &record.superseded
        && standing != Standing::Outside
        && superseded.loss == Loss::Precedence
    {
        let reason = superseded.by.map_or(StateReason::LostContest, StateReason::OtherComponent);
        return Verdict::out(lost, reason);
    }
    if matches!(standing, Standing::Outside | Standing::Donor { .. }) {
        record.mark_away();
    } else if is_returning(record, policy) {
        return returning(record);
    }
    // The group throttles its writers: a member in good standing is as fresh as the group.
    let late = group.behind.and_then(|lag| {
        let freshness = Freshness::pass(record, policy, Some(Some(lag)), false).attached();
        (freshness.state != ServerState::Replica).then_some(freshness)
    });
    if group.behind.is_none() {
        record.vouch_for_freshness();
    }
    let replica = |reason| {
        let fresh =
            Verdict { read: ReadFitness::Replica, ..Verdict::out(ServerState::Replica, reason) };
        late.unwrap_or(fresh)
    };
    match standing {
        Standing::Writer if record.heart.is_stopped(now) => Verdict {
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::CannotWrite)
        },
        Standing::Writer if !record.is_confirmed_writable() && !published => unconfirmed(record),
        Standing::Writer => Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteFitness::Fit,
            read: ReadFitness::Primary,
            lag: None,
        },
        Standing::Follower(reason) => replica(reason),
        standing => kept_out(standing, group.joining),
    }
}

/// The verdict on a member that its group or its administrator keeps from work.
pub(super) fn kept_out(standing: Standing, joining: bool) -> Verdict {
    let late = |state, reason, write| Verdict {
        read: ReadFitness::LastResort,
        write,
        ..Verdict::out(state, reason)
    };
    let refused_or = |writable, write| if writable { write } else { WriteFitness::Refused };
    match standing {
        Standing::KeptAway => Verdict::out(ServerState::Maintenance, StateReason::ClientsKeptAway),
        Standing::Late { queue, writable } => late(
            ServerState::ReplicaLagging,
            StateReason::Backlog(queue),
            refused_or(writable, WriteFitness::Open),
        ),
        Standing::Donor { writable } => late(
            ServerState::Starting,
            if joining { StateReason::Donor } else { StateReason::Desynced },
            refused_or(writable, WriteFitness::Gone),
        ),
        Standing::Outside | Standing::Writer | Standing::Follower(_) => {
            Verdict::out(ServerState::Starting, StateReason::NotInGroup)
        }
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

/// The identity of the group that a server belongs to.
pub(in crate::engine::judge) fn group_identity(facts: &MySqlFacts) -> Option<Identity> {
    match &facts.group {
        // A node that has not joined yet carries a UUID of zeros.
        Some(Group::Galera(galera))
            if galera.cluster_uuid.bytes().any(|b| b.is_ascii_hexdigit() && b != b'0') =>
        {
            Some(Identity::Group(galera.cluster_uuid.clone()))
        }
        Some(Group::Replication(member)) if member.online => {
            Some(Identity::Group(member.group_name.clone()?))
        }
        _ => None,
    }
}
