//! Groups that elect their own writer: MySQL Group Replication and Galera.
//!
//! The members know who may write, as long as they have a quorum; a member without one is of no use
//! to anybody, whatever it says. Where several members may write (Galera always, Group Replication
//! in multi-primary mode), one is chosen and kept.

use super::{
    HIDDEN, Standpoint, component::Components, history::is_writable_replica, mysql_facts, replica,
    streams, topology::member_channels,
};
use crate::engine::{
    ClusterPolicy, Facts, Failback, Galera, Group, GroupMember, GroupRole, IoThread, Loss, Moment,
    MySqlFacts, ServerIndex, ServerState, StateReason, Thresholds, Writability,
    judge::{
        FOREIGN, HISTORY_LOST, Identity, Judgement, Precedents, WriterRule, by_liveness,
        is_foreign, is_returning, office::has_rival, returning, unconfirmed,
    },
    positions::Positions,
    record::Record,
    trouble::Liveness,
    verdict::{ReadFitness, Verdict, WriteFitness},
    write::elect,
};

/// Transactions waiting to be applied beyond which a member counts as late. Groups throttle their
/// writers long before a healthy member collects so many.
const QUEUE_LIMIT: u64 = 1000;

/// Whether a group decides who writes.
///
/// It does when the last writer was one of its members, or has left it and follows one. A server
/// outside of it that is the writer, or that claims to be one, is overruled only by a group that most
/// of the servers belong to: a single foreign node, or a group that is only being built, does not
/// take the name. Asynchronous replicas have no say, however many there are.
pub(super) fn decides(
    policy: &ClusterPolicy,
    records: &[Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let known = || records.iter().filter_map(mysql_facts);
    let members = known().filter(|facts| facts.group.is_some()).count();
    if members == 0 {
        return false;
    }
    let in_group = |index: ServerIndex| {
        mysql_facts(&records[index.0]).is_some_and(|facts| facts.group.is_some())
    };
    let last = precedents.last_writer.filter(|last| mysql_facts(&records[last.0]).is_some());
    if let Some(last) = last {
        let writes = records[last.0].facts.as_ref().is_some_and(Facts::claims_writable);
        let follows = || {
            let mut channels = member_channels(last, policy, records).into_iter();
            channels.any(|it| it.channel.io == IoThread::Running && in_group(it.source))
        };
        return in_group(last) || !writes && follows();
    }
    let loner = |index: ServerIndex| {
        let record = &records[index.0];
        mysql_facts(record).is_some_and(|facts| facts.group.is_none())
            && record.facts.as_ref().is_some_and(Facts::claims_writable)
            && !record.history.lost
            && !is_writable_replica(index, policy, records, precedents, now)
    };
    let follow = known().filter(|facts| facts.channels.iter().flatten().next().is_some()).count();
    let independent = known().count() - follow.min(known().count() - members);
    !(0..records.len()).map(ServerIndex).any(loner) || members * 2 >= independent
}

/// Whether a server says itself that its group has no quorum, or does not count it in.
pub(super) fn is_shut_out(facts: &MySqlFacts) -> bool {
    match &facts.group {
        Some(Group::Galera(node)) => !node.ready || !node.primary_component,
        Some(Group::Replication(member)) => !member.online || !member.majority,
        None => false,
    }
}

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    positions: &mut Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    let components = Components::of(policy, records, precedents, now);
    components.note(records, precedents);
    streams::note(policy, records, positions, precedents, components.main(), now);
    let joining = records.iter().filter_map(mysql_facts).any(is_joining);
    let mut verdicts: Vec<_> = (0..records.len())
        .map(|index| {
            let server = ServerIndex(index);
            let elsewhere = components.outside_of(server);
            verdict(server, &mut records[index], policy, precedents, elsewhere, joining, now)
        })
        .collect();
    let (writer, rule) = choose_writer(policy, records, precedents, &mut verdicts, now);
    let standpoint =
        Standpoint { champion: writer, members: components.main(), stale: &[], positions };
    for index in (0..records.len()).map(ServerIndex) {
        if is_outside(&records[index.0], policy, now) {
            verdicts[index.0] = outside(index, policy, records, standpoint, precedents, now);
        }
    }
    let rivals = has_rival(writer.or(precedents.last_writer), records);
    let split_brain = components.are_split() || rivals;
    Judgement { verdicts, split_brain, writer: rule }
}

/// Chooses the writer among those that may write, and makes followers of the others.
fn choose_writer(
    policy: &ClusterPolicy,
    records: &[Record],
    precedents: Precedents<'_>,
    verdicts: &mut [Verdict],
    now: Moment,
) -> (Option<ServerIndex>, WriterRule) {
    let writers: Vec<_> = (0..verdicts.len())
        .map(ServerIndex)
        .filter(|index| verdicts[index.0].write == WriteFitness::Fit)
        .collect();
    let rule = writer_rule(records);
    if rule == WriterRule::Elected
        && let Some(published) = precedents.published
        && writers.iter().any(|&writer| outlasts(writer, published, records, policy, now))
    {
        verdicts[published.0].write = WriteFitness::Refused;
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
        verdicts[published.0].write == WriteFitness::Open && !left
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
        let follower = &mut verdicts[index.0];
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
    record.liveness(&policy.thresholds, now) == Liveness::Answering
        && mysql_facts(record).is_some_and(|facts| facts.group.is_none())
}

/// The verdict on a server outside the group: a replica by the rules of replicas, whichever member
/// it follows.
fn outside(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &mut [Record],
    standpoint: Standpoint<'_>,
    precedents: Precedents<'_>,
    now: Moment,
) -> Verdict {
    let record = &records[index.0];
    let writable = record.facts.as_ref().is_some_and(Facts::claims_writable);
    let replicates = is_writable_replica(index, policy, records, precedents, now);
    if record.history.lost {
        return HISTORY_LOST;
    }
    if writable && !replicates {
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
fn writer_rule(records: &[Record]) -> WriterRule {
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
    records: &[Record],
    policy: &ClusterPolicy,
    now: Moment,
) -> bool {
    let unheard = matches!(
        records[published.0].liveness(&policy.thresholds, now),
        Liveness::Alive(_) | Liveness::ProbeSilent
    );
    let elected = records[writer.0].writable;
    unheard
        && elected.is_some_and(|elected| now.since(elected.since) >= Thresholds::SATURATED_GRACE)
}

fn verdict(
    index: ServerIndex,
    record: &mut Record,
    policy: &ClusterPolicy,
    precedents: Precedents<'_>,
    elsewhere: Option<ServerIndex>,
    joining: bool,
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
    let published = precedents.published == Some(index);
    let standing = Standing::of(facts, published);
    let writable = facts.writability == Writability::Writable;
    if let Some(right) = elsewhere {
        let state = if writable { ServerState::StalePrimary } else { ServerState::ReplicaBroken };
        return Verdict::out(state, StateReason::OtherComponent(right));
    }
    if let Some(superseded) = &record.superseded
        && standing != Standing::Outside
        && superseded.loss == Loss::Precedence
    {
        let reason = superseded.by.map_or(StateReason::LostContest, StateReason::OtherComponent);
        return Verdict::out(ServerState::StalePrimary, reason);
    }
    if matches!(standing, Standing::Outside | Standing::Donor { .. }) {
        record.mark_away();
    } else if is_returning(record, policy) {
        return returning(record);
    }
    // The group throttles its writers: a member in good standing is fresh.
    record.vouch_for_freshness();
    let replica = |reason| Verdict {
        read: ReadFitness::Replica,
        ..Verdict::out(ServerState::Replica, reason)
    };
    match standing {
        Standing::Outside => Verdict::out(ServerState::Starting, StateReason::NotInGroup),
        Standing::KeptAway => Verdict::out(ServerState::Maintenance, StateReason::ClientsKeptAway),
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
        Standing::Late { queue, writable } => Verdict {
            state: ServerState::ReplicaLagging,
            write: if writable { WriteFitness::Open } else { WriteFitness::Refused },
            read: ReadFitness::LastResort,
            ..replica(StateReason::Backlog(queue))
        },
        Standing::Donor { writable } => Verdict {
            state: ServerState::Starting,
            write: if writable { WriteFitness::Gone } else { WriteFitness::Refused },
            read: ReadFitness::LastResort,
            ..replica(if joining { StateReason::Donor } else { StateReason::Desynced })
        },
    }
}

/// What a member is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Writer,
    /// It does not write, for this reason.
    Follower(StateReason),
    /// So many transactions wait to be applied that it should not be read, nor begin to write.
    Late {
        queue: u64,
        writable: bool,
    },
    /// A Galera node that another one copies. Depending on the method it goes on as usual, lags or
    /// blocks: it may stay when nobody else can do its work.
    Donor {
        writable: bool,
    },
    /// A member that its administrator keeps clients away from.
    KeptAway,
    /// Not counted in by its group, or in a part without quorum.
    Outside,
}

impl Standing {
    fn of(facts: &MySqlFacts, published: bool) -> Self {
        match &facts.group {
            Some(Group::Galera(galera)) => Self::of_node(galera, facts, published),
            Some(Group::Replication(member)) => Self::of_member(member, facts),
            None => Self::Outside,
        }
    }

    fn of_node(galera: &Galera, facts: &MySqlFacts, published: bool) -> Self {
        const DONOR: u8 = 2;
        const SYNCED: u8 = 4;
        let writable = facts.writability == Writability::Writable;
        let queue = galera.receive_queue;
        match galera.local_state {
            _ if !galera.ready || !galera.primary_component => Self::Outside,
            _ if galera.refuses_clients => Self::KeptAway,
            DONOR => Self::Donor { writable },
            SYNCED if queue > QUEUE_LIMIT && !(writable && published) => {
                Self::Late { queue, writable }
            }
            SYNCED if writable => Self::Writer,
            SYNCED => Self::Follower(StateReason::ReadOnly(facts.writability)),
            _ => Self::Outside,
        }
    }

    fn of_member(member: &GroupMember, facts: &MySqlFacts) -> Self {
        let writable = facts.writability == Writability::Writable;
        let queue = member.queue;
        match member.role {
            _ if !member.online || !member.majority => Self::Outside,
            GroupRole::Primary if writable => Self::Writer,
            _ if queue > QUEUE_LIMIT => Self::Late { queue, writable: false },
            GroupRole::Primary => Self::Follower(StateReason::ReadOnly(facts.writability)),
            GroupRole::Secondary => Self::Follower(StateReason::GroupSecondary),
        }
    }
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
