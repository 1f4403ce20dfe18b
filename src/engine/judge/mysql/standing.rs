//! What a member of a group says of its part in it.

use crate::engine::{
    Galera, Group, GroupMember, GroupRole, MySqlFacts, ServerState, StateReason, Writability,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// Transactions waiting to be applied beyond which a member counts as late. Groups throttle their
/// writers long before a healthy member collects so many.
const QUEUE_LIMIT: u64 = 1000;

/// What a member is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
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
    pub(super) fn of(facts: &MySqlFacts, published: bool) -> Self {
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

/// Whether a server says itself that its group has no quorum, or does not count it in.
pub fn is_shut_out(facts: &MySqlFacts) -> bool {
    match &facts.group {
        Some(Group::Galera(node)) => !node.ready || !node.primary_component,
        Some(Group::Replication(member)) => !member.online || !member.majority,
        None => false,
    }
}

/// The verdict on a member that its group or its administrator keeps from work.
pub fn kept_out(standing: Standing, joining: bool) -> Verdict {
    let late = |state, reason, write| Verdict {
        read: ReadEligibility::LastResort,
        write,
        ..Verdict::out(state, reason)
    };
    let refused_or = |writable, write| if writable { write } else { WriteEligibility::Refused };
    match standing {
        Standing::KeptAway => Verdict::out(ServerState::OutOfService, StateReason::ClientsKeptAway),
        Standing::Late { queue, writable } => late(
            ServerState::ReplicaLagging,
            StateReason::Backlog(queue),
            refused_or(writable, WriteEligibility::Open),
        ),
        Standing::Donor { writable } => late(
            ServerState::Starting,
            if joining { StateReason::Donor } else { StateReason::Desynced },
            refused_or(writable, WriteEligibility::Gone),
        ),
        Standing::Outside | Standing::Writer | Standing::Follower(_) => {
            Verdict::out(ServerState::Starting, StateReason::NotInGroup)
        }
    }
}
