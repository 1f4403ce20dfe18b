//! PostgreSQL: who took over from whom, and how a server that was left returns.

use super::{
    Bench, ClusterKind, FailureKind, Heartbeat, Outcome, PostgresFacts, Receiver, ServerState,
    StateReason, answers, detached_standby, edited_standby, fails, foreign,
    postgres::{healthy, settled},
    primary, standby,
};
use crate::engine::Facts;

#[test]
fn a_standby_of_the_losing_primary_is_out_at_once_even_at_the_same_timeline() {
    let mut bench = settled();
    // The first standby is promoted, much later the second by mistake; the old primary becomes the
    // standby of that one.
    let heir = [fails(FailureKind::Refused), primary(2, 110), standby(2, 1, 110)];
    bench.seconds(10, &heir);
    let twins = [standby(2, 2, 110), primary(2, 110), primary(2, 110)];
    bench.rounds(3, &twins);
    assert_eq!((bench.writer(), bench.state(2)), (Some(1), ServerState::StalePrimary));
    assert_eq!(bench.state(0), ServerState::ReplicaBroken);
    let stale = StateReason::FollowsStale(crate::engine::ServerIndex::new(2));
    assert_eq!(bench.reason(0), stale);
}

/// Facts decide between two that are promoted at once, not who was heard first.
#[test]
fn of_two_that_are_promoted_at_once_the_one_that_is_followed_is_right() {
    for first in [1, 2] {
        let mut bench = settled();
        bench.rounds(2, &[fails(FailureKind::Refused), standby(1, 0, 100), standby(1, 0, 100)]);
        bench.hear([(first, primary(2, 110))]);
        bench.hear([(first, primary(2, 110))]);
        assert_eq!(bench.writer(), Some(first));
        bench.rounds(3, &[standby(2, 2, 110), primary(2, 110), primary(2, 110)]);
        assert_eq!(bench.writer(), Some(2));
    }
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

#[test]
fn hearsay_withdraws_nobody_that_lives_and_publishes_nobody_that_returns() {
    let mut bench = settled();
    bench.seconds(60, &[primary(1, 100), standby(1, 0, 100), standby(2, 1, 110)]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
    assert_eq!(bench.reason(2), StateReason::StrayTimeline(2));
    assert_eq!(bench.readers(), [1]);
    // It was away while somebody out of our sight was promoted, whom the others follow.
    let locked = || fails(FailureKind::Misconfigured);
    let mut bench = settled();
    bench.seconds(2, &[fails(FailureKind::Refused), locked(), standby(2, 1, 110)]);
    bench.seconds(2, &[primary(1, 100), locked(), standby(2, 1, 110)]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::StalePrimary));
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
    // A promotion settles it, and it makes a timeline that is higher than the last one.
    bench.seconds(1, &[primary(2, 120), fails(FailureKind::Refused), standby(2, 0, 120)]);
    assert_eq!((bench.writer(), bench.reason(0)), (Some(1), StateReason::NotPromoted));
    bench.seconds(1, &[primary(3, 130), fails(FailureKind::Refused), standby(3, 0, 130)]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_superseded_server_does_not_return_when_its_successor_has_lost_its_volume() {
    let mut bench = settled();
    bench.seconds(5, &[primary(1, 100), primary(2, 110), standby(2, 1, 110)]);
    bench.seconds(600, &[primary(1, 100), foreign(primary(1, 5)), standby(1, 0, 100)]);
    assert_eq!((bench.writer(), bench.state(1)), (None, ServerState::WrongCluster));
    assert_eq!(bench.reason(0), StateReason::NotRejoined);
    // The volume is there again, or the successor is built anew.
    bench.seconds(3, &[primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]);
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
    let advice = bench.cluster.advice(crate::engine::ServerIndex::new(0));
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

#[test]
fn a_server_that_has_lost_is_not_kept_by_one_that_still_receives_from_it() {
    let mut bench = Bench::new(ClusterKind::Postgres, 5);
    let old = |lsn| standby(1, 0, lsn);
    bench.seconds(3, &[primary(1, 100), old(100), old(100), old(100), old(100)]);
    for lsn in (110..).step_by(10).take(20) {
        bench.hear([
            (0, fails(FailureKind::TimedOut)),
            (1, primary(2, lsn)),
            (2, old(lsn)),
            (3, standby(2, 1, lsn)),
            (4, standby(2, 1, lsn)),
        ]);
    }
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::Down));
}

#[test]
fn what_a_standby_receives_beyond_the_fork_is_another_branch_at_once() {
    let mut bench = settled();
    let gone = || fails(FailureKind::Refused);
    bench.seconds(3, &[gone(), primary(2, 120), standby(2, 1, 120)]);
    assert_eq!(bench.writer(), Some(1));
    // From a server that is none of ours.
    bench.seconds(1, &[gone(), primary(2, 200), standby(1, 9, 150)]);
    assert_eq!(bench.state(2), ServerState::ReplicaBroken);
}

/// A bench on which the primary came back with less than had been on its disk.
fn restored() -> Bench {
    let mut bench = settled();
    bench.seconds(5, &healthy());
    bench.hear([(0, fails(FailureKind::Refused))]);
    bench.hear([(0, primary(1, 50))]);
    assert_eq!((bench.writer(), bench.reason(0)), (None, StateReason::HistoryLost));
    bench
}

#[test]
fn who_followed_before_a_restored_server_came_back_does_not_speak_for_it() {
    let mut bench = restored();
    bench.rounds(4, &[primary(1, 50)]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::WrongCluster));
    bench.rounds(2, &[primary(1, 50), standby(1, 0, 50)]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
}

#[test]
fn a_restored_server_that_starts_as_a_standby_and_receives_from_nobody_has_followed_nobody() {
    let nobody_else = || [fails(FailureKind::Refused), fails(FailureKind::Refused)];
    let with = |first| [vec![first], nobody_else().to_vec()].concat();
    let mut bench = restored();
    bench.seconds(2, &with(detached_standby(1, 50)));
    bench.seconds(2, &with(primary(1, 50)));
    assert_eq!((bench.writer(), bench.reason(0)), (None, StateReason::HistoryLost));
}
