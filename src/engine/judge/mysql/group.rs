//! Groups that elect their own writer: MySQL Group Replication and Galera.
//!
//! The members know who may write, as long as they have a quorum; a member without one is of no use
//! to anybody, whatever it says. Where several members may write (Galera always, Group Replication
//! in multi-primary mode), one is chosen and kept.

use super::mysql_facts;
use crate::engine::{
    ClusterPolicy, Failback, Galera, Group, GroupMember, GroupRole, Moment, MySqlFacts,
    ServerIndex, ServerState, StateReason, Thresholds, Writability,
    judge::{
        FOREIGN, Identity, Judgement, Precedents, WriterRule, by_liveness, is_foreign,
        is_returning, returning, unconfirmed,
    },
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict, WriteFitness},
    write::elect,
};

/// Transactions waiting to be applied beyond which a member counts as late. Groups throttle their
/// writers long before a healthy member collects so many.
const QUEUE_LIMIT: u64 = 1000;

/// Whether the cluster is a group: at least half of the servers that have shown what they are
/// belong to one. A single foreign node, or a group that is only being built, does not make it one.
pub(super) fn is_group(records: &[Record]) -> bool {
    let known = || records.iter().filter_map(mysql_facts);
    let members = known().filter(|facts| facts.group.is_some()).count();
    members > 0 && members * 2 >= known().count()
}

pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    let mut verdicts: Vec<_> = records
        .iter_mut()
        .enumerate()
        .map(|(index, record)| verdict(ServerIndex(index), record, policy, precedents, now))
        .collect();
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
    let writer = wanted.or(held);
    let writer =
        writer.or_else(|| elect(&open, precedents.published, precedents.blocked, failback, policy));
    for index in writers.iter().filter(|index| Some(**index) != writer) {
        let follower = &mut verdicts[index.0];
        (follower.state, follower.reason) = (ServerState::Replica, StateReason::Fresh);
        follower.read = ReadFitness::Replica;
        if rule == WriterRule::Elected {
            follower.write = WriteFitness::Open;
        }
    }
    Judgement { verdicts, split_brain: false, heir_unasked: false, writer: rule }
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
    if matches!(standing, Standing::Outside | Standing::Donor { .. }) {
        record.mark_away();
    } else if is_returning(record, policy) {
        return returning(record);
    }
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
            ..replica(StateReason::Donor)
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

/// The identity of the Galera cluster that a server belongs to.
pub(in crate::engine::judge) fn galera_identity(facts: &MySqlFacts) -> Option<Identity> {
    match &facts.group {
        // A node that has not joined yet carries a UUID of zeros.
        Some(Group::Galera(galera))
            if galera.cluster_uuid.bytes().any(|b| b.is_ascii_hexdigit() && b != b'0') =>
        {
            Some(Identity::Galera(galera.cluster_uuid.clone()))
        }
        _ => None,
    }
}
