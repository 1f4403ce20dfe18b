//! Two servers of one cluster say that they are writable. Who is right?
//!
//! The one in office stays, unless another one has a newer history and the other members do not
//! follow the one in office. With nobody in office: the newer history; more replicas attached;
//! `priority`; config order. All of that are facts that any other instance sees too, so two
//! instances that have published nothing yet come to the same answer.

use std::cmp::Reverse;

use crate::engine::{Loss, Relation, ServerIndex, StateReason};

/// What came out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contest {
    /// The server that is right, if any is.
    pub champion: Option<ServerIndex>,
    /// The others, each with what speaks against it.
    pub losers: Vec<Loser>,
    /// The champion stands on no evidence but on precedence.
    pub split_brain: bool,
}

/// A server that is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loser {
    pub server: ServerIndex,
    /// Whom it lost against; `None` when that is the last writer, which has left the configuration.
    pub against: Option<ServerIndex>,
    /// How; `None` when the next reply may disprove it, so that nothing is remembered.
    pub loss: Option<Loss>,
    pub reason: StateReason,
}

/// What the contest asks about the claimants.
pub struct Evidence<'a> {
    /// How the history of the first lies to that of the second.
    pub(super) relation: &'a dyn Fn(ServerIndex, ServerIndex) -> Relation,
    /// How many other members follow it.
    pub(super) following: &'a dyn Fn(ServerIndex) -> usize,
    /// Its `priority`: the lowest is the most preferred.
    pub(super) priority: &'a dyn Fn(ServerIndex) -> u32,
    /// Why the first is older than the second.
    pub(super) older: &'a dyn Fn(ServerIndex, ServerIndex) -> StateReason,
    /// Whether the one in office was there before the other claimed to be writable.
    pub(super) precedes: &'a dyn Fn(ServerIndex, ServerIndex) -> bool,
    /// Whether the one in office has said that it is writable since the other one does. Until then
    /// nobody knows whether there are two.
    pub(super) asked_since: &'a dyn Fn(ServerIndex, ServerIndex) -> bool,
    /// Whether any member that answers has not been asked since a server says that it is writable:
    /// it may go over to it.
    pub(super) is_awaited: &'a dyn Fn(ServerIndex) -> bool,
    /// A newer history takes nothing from one in office that lives.
    pub(super) hold: bool,
}

/// Settles it among `claimants`, of which `incumbent` may be one.
pub fn settle(
    claimants: &[ServerIndex],
    incumbent: Option<ServerIndex>,
    evidence: &Evidence<'_>,
) -> Contest {
    match incumbent.filter(|incumbent| claimants.contains(incumbent)) {
        Some(incumbent) => in_office(claimants, incumbent, evidence),
        None => vacant(claimants, evidence),
    }
}

fn in_office(
    claimants: &[ServerIndex],
    incumbent: ServerIndex,
    evidence: &Evidence<'_>,
) -> Contest {
    let others = || claimants.iter().copied().filter(|&one| one != incumbent);
    let followed = |one: ServerIndex| (evidence.following)(one);
    let newer = |one: &ServerIndex| (evidence.relation)(*one, incumbent) == Relation::Ahead;
    let challengers: Vec<_> = others().filter(newer).collect();
    let most = challengers.iter().map(|&one| followed(one)).max().unwrap_or(0);
    let upheld = challengers.is_empty()
        || evidence.hold
        || followed(incumbent) > 0 && followed(incumbent) >= most;
    // What was said before the newer one turned writable speaks for nobody.
    let awaited = most == 0 && challengers.iter().any(|&one| (evidence.is_awaited)(one));
    if awaited {
        let known: Vec<_> =
            claimants.iter().copied().filter(|one| !challengers.contains(one)).collect();
        return against(incumbent, &known, evidence);
    }
    if !upheld {
        // It gives way to those that have all it has, not to just anybody.
        return among(&challengers, claimants, evidence);
    }
    // Two that turned writable at about the same time are told apart by facts, not by who was heard
    // first.
    let at_once: Vec<_> = others()
        .filter(|one| !challengers.contains(one) && !(evidence.precedes)(incumbent, *one))
        .filter(|&one| (evidence.asked_since)(incumbent, one))
        .filter(|&one| (evidence.relation)(incumbent, one) != Relation::Ahead)
        .chain([incumbent])
        .collect();
    let champion = best(&at_once, evidence).unwrap_or(incumbent);
    let mut contest = against(champion, claimants, evidence);
    for loser in &mut contest.losers {
        if challengers.contains(&loser.server) {
            // A rule of the operator's is no evidence: with the one in office the reason goes.
            let evident = followed(incumbent) > 0 && followed(incumbent) >= most;
            loser.loss = evident.then_some(Loss::Following);
            loser.reason = StateReason::Unfollowed(champion);
        }
    }
    contest
}

fn vacant(claimants: &[ServerIndex], evidence: &Evidence<'_>) -> Contest {
    among(claimants, claimants, evidence)
}

/// The best of `chosen`, against all `claimants`.
fn among(chosen: &[ServerIndex], claimants: &[ServerIndex], evidence: &Evidence<'_>) -> Contest {
    let outdated = |one: &ServerIndex| {
        chosen.iter().any(|other| (evidence.relation)(*other, *one) == Relation::Ahead)
    };
    let leaders: Vec<_> = chosen.iter().copied().filter(|one| !outdated(one)).collect();
    match best(&leaders, evidence) {
        Some(champion) => against(champion, claimants, evidence),
        None => Contest::default(),
    }
}

fn best(leaders: &[ServerIndex], evidence: &Evidence<'_>) -> Option<ServerIndex> {
    leaders
        .iter()
        .copied()
        .min_by_key(|&one| (Reverse((evidence.following)(one)), (evidence.priority)(one), one))
}

/// The contest that `champion` has won.
fn against(champion: ServerIndex, claimants: &[ServerIndex], evidence: &Evidence<'_>) -> Contest {
    let mut contest = Contest { champion: Some(champion), ..Contest::default() };
    for &server in claimants.iter().filter(|server| **server != champion) {
        let older = (evidence.relation)(champion, server) == Relation::Ahead;
        let newer = (evidence.relation)(server, champion) == Relation::Ahead;
        if !older && !newer {
            if !(evidence.asked_since)(champion, server) {
                continue;
            }
            contest.split_brain = true;
        }
        // Being behind the last word of one that may be dead by now is what a promotion costs.
        let both_there = (evidence.asked_since)(champion, server);
        let (loss, reason) = match older {
            true if !both_there => (None, (evidence.older)(server, champion)),
            true => (Some(Loss::Age), (evidence.older)(server, champion)),
            false => (Some(Loss::Precedence), StateReason::SecondWriter(champion)),
        };
        contest.losers.push(Loser { server, against: Some(champion), loss, reason });
    }
    contest
}

impl Contest {
    /// What speaks against `server`, if it is a loser.
    pub fn against(&self, server: ServerIndex) -> Option<StateReason> {
        self.losers.iter().find(|loser| loser.server == server).map(|loser| loser.reason)
    }
}
