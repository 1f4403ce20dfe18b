//! PostgreSQL: who took over from whom, and how a server that was left returns.

use super::{
    FailureKind, Heartbeat, Outcome, PostgresFacts, Receiver, ServerState, StateReason, answers,
    edited_standby, fails, foreign,
    postgres::{healthy, settled},
    primary, standby,
};
use crate::engine::Facts;

#[test]
fn a_standby_of_the_losing_primary_is_on_a_dead_branch_even_at_the_same_timeline() {
    let mut bench = settled();
    // Both standbys are promoted, the published one first, and the old primary becomes the standby
    // of the other.
    bench.rounds(2, &[fails(FailureKind::Refused), primary(2, 110), standby(1, 0, 100)]);
    let twins = [standby(2, 2, 110), primary(2, 110), primary(2, 110)];
    bench.rounds(2, &twins);
    assert_eq!((bench.writer(), bench.state(2)), (Some(1), ServerState::StalePrimary));
    bench.seconds(20, &twins);
    assert_eq!(bench.state(0), ServerState::Replica);
    bench.seconds(12, &twins);
    assert_eq!(bench.state(0), ServerState::ReplicaBroken);
}

/// A standby may tell of the promotion before the promoted server is asked again.
#[test]
fn the_word_of_a_standby_alone_withdraws_nobody_before_the_others_are_asked() {
    for trouble in [
        None,
        Some(FailureKind::Closed),
        Some(FailureKind::TimedOut),
        Some(FailureKind::Saturated),
        Some(FailureKind::Misconfigured),
    ] {
        let mut bench = settled();
        bench.hear(trouble.map(|kind| (0, fails(kind))));
        bench.hear([(2, standby(2, 1, 110))]);
        assert_eq!(bench.writer(), Some(0), "{trouble:?}");
        bench.hear([(2, standby(2, 1, 110)), (1, primary(2, 110))]);
        assert_eq!(bench.writer(), Some(0), "{trouble:?}");
        bench.hear([(1, primary(2, 110))]);
        assert_eq!(bench.writer(), Some(1), "{trouble:?}");
        let moves = bench.writers_so_far();
        assert!(!moves[1..].contains(&None), "{trouble:?}: {moves:?}");
    }
}

/// Nobody is waited for in vain: whoever is on the newer timeline, it is not one that we can reach.
#[test]
fn a_server_that_is_outdated_by_somebody_out_of_sight_is_withdrawn() {
    let mut bench = settled();
    bench.hear([(2, standby(2, 1, 110))]);
    assert_eq!(bench.writer(), Some(0));
    bench.hear([(1, standby(1, 0, 100))]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::StalePrimary));

    let mut bench = settled();
    bench.hear([(1, fails(FailureKind::TimedOut)), (2, standby(2, 1, 110))]);
    for _ in 0..2 {
        assert_eq!(bench.writer(), Some(0));
        bench.hear([(1, fails(FailureKind::TimedOut))]);
    }
    assert_eq!((bench.writer(), bench.state(1)), (None, ServerState::Down));
}

#[test]
fn a_superseded_server_returns_when_its_successor_follows_it() {
    let mut bench = settled();
    let stale = [primary(1, 100), primary(2, 110), standby(2, 1, 110)];
    bench.seconds(5, &stale);
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::StalePrimary));
    // The promotion is undone: the second is rebuilt from the first.
    bench.hear([(1, fails(FailureKind::Refused)), (2, standby(1, 0, 100))]);
    bench.hear([(1, fails(FailureKind::Refused)), (2, standby(1, 0, 100))]);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Down));
    bench.seconds(3, &[primary(1, 120), standby(1, 0, 120), standby(1, 0, 120)]);
    assert_eq!(bench.state(0), ServerState::Primary);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
}

#[test]
fn a_superseded_server_does_not_return_while_its_successor_is_only_gone() {
    let mut bench = settled();
    bench.seconds(5, &[primary(1, 100), primary(2, 110), standby(2, 1, 110)]);
    let gone = [primary(1, 100), fails(FailureKind::Refused), standby(1, 0, 100)];
    bench.seconds(600, &gone);
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::StalePrimary));
    // A promotion settles it.
    bench.seconds(1, &[primary(2, 120), fails(FailureKind::Refused), standby(2, 0, 120)]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_superseded_server_returns_when_its_successor_is_replaced_by_another_cluster() {
    let mut bench = settled();
    bench.seconds(5, &[primary(1, 100), primary(2, 110), standby(2, 1, 110)]);
    bench.seconds(3, &[primary(1, 100), foreign(primary(1, 5)), standby(1, 0, 100)]);
    assert_eq!(bench.state(1), ServerState::WrongCluster);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_promoted_server_that_hid_its_timeline_as_a_standby_is_believed() {
    let hidden = |of, position| edited_standby(1, of, position, |standby| standby.timeline = None);
    let mut bench = settled();
    // Demoted before the other is promoted, and promoted again without having been seen attached.
    let detached = edited_standby(1, 0, 100, |standby| {
        (standby.timeline, standby.receiver) = (None, Receiver::Absent);
    });
    bench.hear([(0, detached.clone())]);
    bench.rounds(2, &[detached, primary(2, 110), hidden(1, 110)]);
    assert_eq!(bench.writer(), Some(1));
    bench.rounds(2, &[primary(3, 120), fails(FailureKind::Refused), hidden(0, 120)]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
}

/// A writable primary whose heartbeat write went so.
fn beating(heartbeat: Heartbeat) -> Outcome {
    let Outcome::Answered(Facts::Postgres(facts)) = primary(1, 100) else {
        panic!("a primary answers");
    };
    answers(PostgresFacts { heartbeat, ..facts })
}

#[test]
fn a_primary_that_cannot_write_is_withdrawn_and_returns_after_two_writes() {
    let mut bench = settled();
    bench.hear([(0, beating(Heartbeat::Failed))]);
    bench.hear([(0, beating(Heartbeat::Failed))]);
    assert_eq!(bench.writer(), Some(0));
    bench.hear([(0, beating(Heartbeat::Failed))]);
    assert_eq!((bench.writer(), bench.reason(0)), (None, StateReason::CannotWrite));
    let advice = bench.cluster.advice(crate::engine::ServerIndex(0));
    assert!(advice.heartbeat, "only a write proves that it can write again");
    for heartbeat in [Heartbeat::Written, Heartbeat::Failed, Heartbeat::Written] {
        bench.hear([(0, beating(heartbeat))]);
        assert_eq!(bench.writer(), None, "one write is not enough");
    }
    bench.hear([(0, beating(Heartbeat::Written))]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_heartbeat_that_nobody_can_try_any_more_does_not_shut_a_server_out_for_ever() {
    let mut bench = settled();
    bench.rounds(3, &[beating(Heartbeat::Failed)]);
    assert_eq!(bench.writer(), None);
    bench.seconds(55, &healthy());
    assert_eq!(bench.writer(), None);
    bench.seconds(10, &healthy());
    assert_eq!(bench.writer(), Some(0));
}
