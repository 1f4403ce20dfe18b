//! The first seconds: who is believed when nothing is known yet.

use super::{
    Bench, ClusterKind, FailureKind, Outcome, ServerState, WriteReason, detached_standby, fails,
    foreign, mariadb, primary, replica, says, standby, writable,
};
use crate::engine::ReadReason;

fn healthy() -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]
}

fn start() -> Bench {
    Bench::new(ClusterKind::Postgres, 3)
}

#[test]
fn nothing_is_said_before_everybody_has_spoken() {
    let mut bench = start();
    let [zero, one, two] = healthy();
    bench.hear([(0, zero.clone()), (1, one)]);
    bench.hear([(0, zero)]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotReady));
    bench.hear([(2, two)]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
}

#[test]
fn the_first_round_ends_without_those_who_say_nothing() {
    let mut bench = start();
    let [zero, one, _] = healthy();
    for _ in 0..4 {
        bench.hear([(0, zero.clone()), (1, one.clone())]);
        assert_eq!(bench.writer(), None);
    }
    bench.hear([(0, zero), (1, one)]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1]));
}

#[test]
fn an_unreachable_primary_leaves_the_write_name_empty_and_the_replicas_readable() {
    let mut bench = start();
    let alone = || detached_standby(1, 100);
    bench.seconds(5, &[fails(FailureKind::TimedOut), alone(), alone()]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NoPrimaryKnown));
    assert_eq!(bench.readers(), [1, 2]);
    bench.seconds(1, &healthy());
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_cluster_that_lets_nobody_in_recovers_when_the_password_is_right_again() {
    let mut bench = start();
    let locked = || fails(FailureKind::Misconfigured);
    bench.seconds(600, &[locked(), locked(), locked()]);
    assert_eq!(bench.write_reason(), WriteReason::NoPrimaryKnown);
    assert_eq!(bench.read().reason, ReadReason::NobodyKnown);
    bench.seconds(1, &healthy());
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
}

#[test]
fn a_stale_primary_is_seen_through_by_what_others_have_received() {
    let mut bench = start();
    bench.seconds(5, &[primary(1, 100), fails(FailureKind::TimedOut), standby(2, 1, 120)]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::StalePrimary));
    bench.seconds(1, &[primary(1, 100), primary(2, 120), standby(2, 1, 120)]);
    assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![2]));
}

#[test]
fn a_stale_mysql_primary_is_seen_through_by_its_history() {
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    let newer = mariadb(&[(0, 100), (1, 110)]);
    bench.seconds(5, &[says(writable(0, mariadb(&[(0, 100)]))), says(writable(1, newer))]);
    assert_eq!(bench.writers_so_far(), [Some(1)]);
    assert_eq!(bench.state(0), ServerState::StalePrimary);
}

#[test]
fn diverged_histories_are_settled_by_who_is_followed() {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    let ours = mariadb(&[(0, 105)]);
    let theirs = mariadb(&[(0, 100), (1, 110)]);
    bench.seconds(
        3,
        &[says(writable(0, ours)), says(writable(1, theirs.clone())), says(replica(2, 1, theirs))],
    );
    assert_eq!((bench.writer(), bench.write_reason()), (Some(1), WriteReason::HeldSplitBrain));
}

#[test]
fn the_first_to_answer_does_not_decide_which_cluster_this_is() {
    let mut bench = start();
    let [zero, one, _] = healthy();
    let stranger = foreign(primary(1, 100));
    bench.hear([(2, stranger.clone())]);
    bench.hear([(2, stranger.clone()), (1, one.clone())]);
    bench.seconds(2, &[zero, one, stranger]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1]));
    assert_eq!(bench.state(2), ServerState::WrongCluster);
}

#[test]
fn a_foreign_server_that_was_alone_for_long_gives_way_to_the_majority() {
    let mut bench = start();
    let [zero, one, _] = healthy();
    let stranger = || foreign(primary(1, 100));
    let refused = || fails(FailureKind::Refused);
    bench.seconds(60, &[refused(), refused(), stranger()]);
    assert_eq!(bench.writer(), Some(2));
    bench.seconds(2, &[zero, one, stranger()]);
    assert_eq!((bench.writer(), bench.state(2)), (Some(0), ServerState::WrongCluster));
}

#[test]
fn half_of_all_servers_are_no_majority() {
    let mut bench = Bench::new(ClusterKind::Postgres, 4);
    let refused = || fails(FailureKind::Refused);
    let ours = || [primary(1, 100), standby(1, 2, 100)];
    let [zero, one] = ours();
    bench.seconds(4, &[refused(), refused(), zero, one]);
    assert_eq!(bench.writer(), Some(2));
    let [zero, one] = ours();
    let strangers = [foreign(primary(1, 5)), foreign(standby(1, 0, 5)), zero, one];
    bench.seconds(20, &strangers);
    assert_eq!((bench.writer(), bench.state(0)), (Some(2), ServerState::WrongCluster));
    // What half of them carried was never settled: it gives way to a majority.
    let [zero, one, _, last] = strangers;
    bench.seconds(4, &[zero, one, foreign(standby(1, 0, 5)), last]);
    assert_eq!((bench.state(0), bench.state(3)), (ServerState::Primary, ServerState::WrongCluster));
}

#[test]
fn a_cluster_that_was_made_anew_is_known_again_although_one_old_server_stays_dead() {
    let mut bench = start();
    bench.seconds(5, &healthy());
    let refused = || fails(FailureKind::Refused);
    bench.seconds(5, &[refused(), refused(), refused()]);
    // As after an upgrade: the first alone is another cluster yet, with the second it is the
    // cluster.
    bench.seconds(60, &[foreign(primary(1, 5)), refused(), refused()]);
    assert_eq!((bench.state(0), bench.writer()), (ServerState::WrongCluster, None));
    bench.seconds(2, &[foreign(primary(1, 5)), foreign(standby(1, 0, 5)), refused()]);
    assert_eq!((bench.state(0), bench.writer()), (ServerState::Primary, Some(0)));
    assert_eq!(bench.readers(), [1]);
}

#[test]
fn a_majority_of_strangers_does_not_take_the_name_from_a_living_cluster() {
    let mut bench = start();
    bench.seconds(5, &healthy());
    let strangers = [primary(1, 100), foreign(primary(1, 5)), foreign(standby(1, 1, 5))];
    bench.seconds(60, &strangers);
    assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::WrongCluster));
}
