//! Groups that elect their own writer: MySQL Group Replication and Galera.
//!
//! The members know who may write, as long as they have a quorum; a member without one is of no use to anybody,
//! whatever it says. Where several members may write (Galera always, Group Replication in multi-primary mode), one
//! is chosen and kept.

use super::mysql_facts;
use crate::engine::{
    ClusterPolicy, Facts, Galera, Group, GroupMember, GroupRole, Moment, MySqlFacts, ServerIndex,
    ServerState, StateReason,
    judge::{
        FOREIGN, Identity, Judgement, Precedents, RETURNING, by_liveness, is_foreign, is_returning,
        unconfirmed,
    },
    record::Record,
    verdict::{ReadFitness, Verdict, WriteFitness},
    write::elect,
};

/// Transactions waiting to be applied beyond which a member counts as late. Groups throttle their writers long before
/// a healthy member collects so many.
const QUEUE_LIMIT: u64 = 1000;

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
    let writer = elect(&writers, precedents.published, precedents.blocked, policy);
    for index in writers.iter().filter(|index| Some(**index) != writer) {
        let follower = &mut verdicts[index.0];
        (follower.state, follower.reason) = (ServerState::Replica, StateReason::Fresh);
        follower.read = ReadFitness::Replica;
    }
    Judgement { verdicts, split_brain: false, free_choice: true }
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
    let Some(facts) = mysql_facts(record).cloned() else {
        return Verdict::UNHEARD;
    };
    let standing = match &facts.group {
        Some(Group::Galera(galera)) => galera_standing(galera, &facts),
        Some(Group::Replication(member)) => member_standing(member, &facts),
        None => Standing::Outside,
    };
    if standing != Standing::Outside && is_returning(record, policy) {
        return RETURNING;
    }
    match standing {
        Standing::Outside => {
            record.mark_away();
            Verdict::out(ServerState::Starting, StateReason::NotInGroup)
        }
        Standing::KeptAway => Verdict::out(ServerState::Maintenance, StateReason::NotInGroup),
        Standing::Writer if record.cannot_write(&policy.thresholds) => Verdict {
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::CannotWrite)
        },
        Standing::Writer
            if !record.is_confirmed_writable() && precedents.published != Some(index) =>
        {
            unconfirmed(record)
        }
        Standing::Writer => Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteFitness::Fit,
            read: ReadFitness::Primary,
            lag: None,
        },
        Standing::Follower => Verdict {
            state: ServerState::Replica,
            reason: StateReason::GroupSecondary,
            write: WriteFitness::Refused,
            read: ReadFitness::Replica,
            lag: None,
        },
        Standing::Late => Verdict {
            write: WriteFitness::Open,
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReplicaLagging, StateReason::LagUnknown)
        },
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Writer,
    Follower,
    Late,
    /// A member that its administrator keeps clients away from.
    KeptAway,
    /// Not counted in by its group, or in a part without quorum.
    Outside,
}

fn galera_standing(galera: &Galera, facts: &MySqlFacts) -> Standing {
    const SYNCED: u8 = 4;
    let writable = Facts::MySql(facts.clone()).claims_writable();
    match galera {
        Galera { ready: false, .. } | Galera { primary_component: false, .. } => Standing::Outside,
        Galera { refuses_clients: true, .. } => Standing::KeptAway,
        Galera { local_state, .. } if *local_state != SYNCED => Standing::Outside,
        Galera { receive_queue, .. } if *receive_queue > QUEUE_LIMIT => Standing::Late,
        _ if writable => Standing::Writer,
        _ => Standing::Follower,
    }
}

fn member_standing(member: &GroupMember, facts: &MySqlFacts) -> Standing {
    let writable = Facts::MySql(facts.clone()).claims_writable();
    match member {
        GroupMember { online: false, .. } | GroupMember { majority: false, .. } => {
            Standing::Outside
        }
        GroupMember { role: GroupRole::Primary, .. } if writable => Standing::Writer,
        GroupMember { queue, .. } if *queue > QUEUE_LIMIT => Standing::Late,
        _ => Standing::Follower,
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
