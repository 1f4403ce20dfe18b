//! The order in which two writable servers are told apart (section 8).

use std::collections::BTreeSet;

use super::{ClusterKind, StateReason, policy};
use crate::engine::{
    Relation, ServerIndex,
    judge::contest::{Contest, Evidence, settle},
};

/// Settles a contest among the first `servers`. `newer` lists who has all that the other has, and
/// more; all other pairs have diverged.
fn contest(
    servers: usize,
    incumbent: Option<usize>,
    newer: &[(usize, usize)],
    attached: &[usize],
    priorities: &[u32],
) -> Contest {
    let order: Vec<_> = (0..servers).collect();
    contest_heard(&order, incumbent, newer, attached, priorities)
}

/// The same with the claimants in another order.
fn contest_heard(
    order: &[usize],
    incumbent: Option<usize>,
    newer: &[(usize, usize)],
    attached: &[usize],
    priorities: &[u32],
) -> Contest {
    let claimants: Vec<_> = order.iter().copied().map(ServerIndex::new).collect();
    let mut policies = policy(ClusterKind::MySql, order.len()).servers;
    for (policy, priority) in policies.iter_mut().zip(priorities) {
        policy.priority = *priority;
    }
    let evidence = Evidence {
        relation: &|one, other| {
            let (one, other) = (one.place(), other.place());
            if newer.contains(&(one, other)) {
                Relation::Ahead
            } else if newer.contains(&(other, one)) {
                Relation::Behind
            } else {
                Relation::Diverged
            }
        },
        following: &|one| attached.get(one.place()).copied().unwrap_or(0),
        priority: &|one| policies[one.place()].priority,
        older: &|_, newer| StateReason::OlderHistory(newer),
        precedes: &|_, _| true,
        asked_since: &|_, _| true,
        is_awaited: &|_| false,
        hold: false,
    };
    settle(&claimants, incumbent.map(ServerIndex::new), &evidence)
}

fn champion(contest: &Contest) -> Option<usize> {
    contest.champion.map(|champion| champion.place())
}

fn losers(contest: &Contest) -> BTreeSet<usize> {
    contest.losers.iter().map(|loser| loser.server.place()).collect()
}

#[test]
fn nobody_or_one_is_no_contest() {
    assert_eq!(contest(0, Some(3), &[], &[], &[]), Contest::default());
    let alone = contest(1, None, &[], &[], &[]);
    assert_eq!((champion(&alone), alone.losers.len(), alone.split_brain), (Some(0), 0, false));
}

#[test]
fn the_newer_history_beats_everything_else() {
    let upheld = contest(2, Some(0), &[(1, 0)], &[2, 0], &[1, 100]);
    assert_eq!((champion(&upheld), upheld.split_brain), (Some(0), false), "the others follow it");
    assert_eq!(
        upheld.against(ServerIndex::new(1)),
        Some(StateReason::Unfollowed(ServerIndex::new(0)))
    );
    let settled = contest(2, Some(0), &[(1, 0)], &[1, 2], &[1, 100]);
    assert_eq!((champion(&settled), settled.split_brain), (Some(1), false));
    let reason = StateReason::OlderHistory(ServerIndex::new(1));
    assert_eq!(settled.against(ServerIndex::new(0)), Some(reason));
    assert_eq!(settled.against(ServerIndex::new(1)), None);
}

#[test]
fn the_published_one_beats_replicas_priority_and_order() {
    let settled = contest(2, Some(1), &[], &[5, 0], &[1, 100]);
    assert_eq!((champion(&settled), settled.split_brain), (Some(1), true));
    let reason = StateReason::SecondWriter(ServerIndex::new(1));
    assert_eq!(settled.against(ServerIndex::new(0)), Some(reason));
}

#[test]
fn without_a_published_one_more_replicas_then_priority_then_order_decide() {
    assert_eq!(champion(&contest(2, None, &[], &[0, 1], &[1, 100])), Some(1));
    assert_eq!(champion(&contest(2, None, &[], &[1, 1], &[100, 1])), Some(1));
    assert_eq!(champion(&contest(2, None, &[], &[1, 1], &[100, 100])), Some(0));
}

#[test]
fn an_outdated_incumbent_gives_way_only_to_those_that_have_all_it_has() {
    // The third has diverged from all, and more replicas follow it.
    let settled = contest(3, Some(0), &[(1, 0)], &[0, 0, 4], &[]);
    assert_eq!((champion(&settled), settled.split_brain), (Some(1), true));
    let reason = StateReason::SecondWriter(ServerIndex::new(1));
    assert_eq!(settled.against(ServerIndex::new(2)), Some(reason));
}

#[test]
fn of_a_chain_of_histories_the_newest_is_right() {
    let settled = contest(3, Some(0), &[(1, 0), (2, 1), (2, 0)], &[], &[]);
    assert_eq!((champion(&settled), settled.split_brain), (Some(2), false));
    assert!(
        settled.against(ServerIndex::new(0)).is_some()
            && settled.against(ServerIndex::new(1)).is_some()
    );
}

#[test]
fn an_incumbent_that_does_not_claim_has_no_say() {
    assert_eq!(champion(&contest(2, Some(7), &[], &[0, 1], &[])), Some(1));
}

#[test]
fn two_instances_that_have_published_nothing_agree() {
    for newer in [&[][..], &[(0, 1)], &[(1, 0)], &[(1, 0), (2, 0)], &[(0, 1), (1, 2), (0, 2)]] {
        for attached in [[0, 0, 0], [0, 1, 1], [2, 0, 1]] {
            for priorities in [[1, 1, 1], [3, 2, 1]] {
                let one = contest(3, None, newer, &attached, &priorities);
                for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1]] {
                    let other = contest_heard(&order, None, newer, &attached, &priorities);
                    assert_eq!(losers(&one), losers(&other), "{newer:?} {attached:?}");
                    assert_eq!(champion(&one), champion(&other), "{newer:?} {attached:?}");
                }
                assert!(one.champion.is_some());
            }
        }
    }
}
