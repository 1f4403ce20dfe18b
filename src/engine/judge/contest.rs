//! Two servers of one cluster say that they are writable. Who is right?
//!
//! In this order: the newer history; the server published so far; more replicas attached;
//! `priority`; config order. The first and the last three are facts that any other instance sees
//! too, so two instances that have published nothing yet come to the same answer.

use crate::engine::{Relation, ServerIndex, ServerPolicy, StateReason};

/// What came out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contest {
    /// The server that is right, if any is.
    pub(super) champion: Option<ServerIndex>,
    /// The others, each with what speaks against it.
    pub(super) losers: Vec<(ServerIndex, StateReason)>,
    /// The champion stands on no evidence but on having been there first.
    pub(super) split_brain: bool,
}

/// What the contest asks about the claimants.
pub(super) struct Evidence<'a> {
    /// How the history of the first lies to that of the second.
    pub(super) relation: &'a dyn Fn(ServerIndex, ServerIndex) -> Relation,
    /// How many replicas receive from it.
    pub(super) attached: &'a dyn Fn(ServerIndex) -> usize,
    /// Why the first is older than the second.
    pub(super) older: &'a dyn Fn(ServerIndex, ServerIndex) -> StateReason,
}

/// Settles it among `claimants`, of which `incumbent` may be one.
pub(super) fn settle(
    claimants: &[ServerIndex],
    incumbent: Option<ServerIndex>,
    servers: &[ServerPolicy],
    evidence: &Evidence<'_>,
) -> Contest {
    let newer_than = |one: ServerIndex| {
        claimants
            .iter()
            .copied()
            .find(|&other| other != one && (evidence.relation)(other, one) == Relation::Ahead)
    };
    let (outdated, leaders): (Vec<_>, Vec<_>) =
        claimants.iter().copied().partition(|&one| newer_than(one).is_some());
    let incumbent = incumbent.filter(|incumbent| claimants.contains(incumbent));
    // An outdated incumbent gives way to those that have all it has, not to just anybody.
    let succeeds = |one: ServerIndex| {
        incumbent.is_none_or(|incumbent| (evidence.relation)(one, incumbent) == Relation::Ahead)
    };
    let champion = match incumbent.filter(|incumbent| leaders.contains(incumbent)) {
        Some(incumbent) => Some(incumbent),
        None => leaders.iter().copied().filter(|&one| succeeds(one)).min_by_key(|&one| {
            let attached = (evidence.attached)(one);
            (std::cmp::Reverse(attached), servers[one.0].priority, one)
        }),
    };
    let mut losers: Vec<_> = outdated
        .into_iter()
        .filter_map(|one| newer_than(one).map(|newer| (one, (evidence.older)(one, newer))))
        .collect();
    if let Some(champion) = champion {
        let rivals = leaders.iter().copied().filter(|&one| one != champion);
        losers.extend(rivals.map(|one| (one, StateReason::SecondWriter(champion))));
    }
    Contest { champion, losers, split_brain: leaders.len() > 1 }
}

impl Contest {
    /// What speaks against `server`, if it is a loser.
    pub(super) fn against(&self, server: ServerIndex) -> Option<StateReason> {
        self.losers.iter().find(|(loser, _)| *loser == server).map(|&(_, reason)| reason)
    }
}
