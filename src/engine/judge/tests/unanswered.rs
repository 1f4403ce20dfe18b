//! Servers that do not answer: silence of all kinds, and what it leaves of a verdict.

use super::{
    Bench, ClusterKind, FailureKind, Outcome, ReadEligibility, ServerState, StateReason,
    WriteEligibility, WriteReason, fails, primary, standby,
};
use crate::engine::{Moment, ReadReason};

fn healthy() -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]
}

fn settled() -> Bench {
    let mut bench = Bench::new(ClusterKind::Postgres, 3);
    bench.seconds(2, &healthy());
    bench
}

#[test]
fn a_missed_reply_changes_nothing_that_is_published() {
    for kind in [FailureKind::TimedOut, FailureKind::Refused, FailureKind::Garbled] {
        let mut bench = settled();
        let before = bench.cluster.decision();
        bench.rounds(1, &[fails(kind), fails(kind), fails(kind)]);
        assert_eq!(bench.cluster.decision(), before, "{kind}");
        bench.rounds(1, &healthy());
        assert_eq!(bench.cluster.decision(), before, "{kind}");
    }
}

#[test]
fn a_silent_probe_makes_its_server_unknown_and_moves_nothing() {
    let mut bench = settled();
    let [zero, one, two] = healthy();
    for _ in 0..18 {
        bench.hear([(1, one.clone()), (2, two.clone())]);
    }
    assert_eq!((bench.state(0), bench.reason(0)), (ServerState::Unknown, StateReason::ProbeSilent));
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Unknown));
    for _ in 0..18 {
        bench.hear([(0, zero.clone()), (2, two.clone())]);
    }
    assert_eq!((bench.state(0), bench.state(1)), (ServerState::Primary, ServerState::Unknown));
    assert_eq!(bench.eligibility(1), (WriteEligibility::Refused, ReadEligibility::LastResort));
    assert_eq!(bench.readers(), [2]);
}

#[test]
fn silence_is_judged_at_its_deadline_without_an_observation() {
    let bench = settled();
    let last_word = Moment::from_millis(1500);
    let deadline = bench.cluster.next_deadline(bench.now).expect("a deadline");
    assert!(deadline.since(last_word) > super::thresholds().stale_after);
}

#[test]
fn a_full_server_that_is_slow_to_say_so_loses_its_grace_all_the_same() {
    let mut bench = settled();
    let [zero, one, _] = healthy();
    for _ in 0..35 {
        bench.rounds(1, &[zero.clone(), one.clone(), fails(FailureKind::Saturated)]);
        bench.rounds(1, &[zero.clone(), one.clone(), fails(FailureKind::TimedOut)]);
    }
    assert_eq!((bench.state(2), bench.readers()), (ServerState::Saturated, vec![1]));
    assert_eq!(bench.states_so_far(2), [ServerState::Replica, ServerState::Saturated]);
}

#[test]
fn a_full_replica_is_taken_when_there_is_nobody_else() {
    let mut bench = settled();
    let full = || fails(FailureKind::Saturated);
    bench.seconds(60, &[full(), full(), full()]);
    assert_eq!((bench.writer(), bench.read().reason), (Some(0), ReadReason::WithPrimary));
    assert_eq!(bench.readers(), [0]);
}

#[test]
fn a_replica_that_was_gone_must_answer_well_twice_and_may_be_late_at_once() {
    let mut bench = settled();
    let [zero, one, two] = healthy();
    bench.rounds(2, &[zero.clone(), one.clone(), fails(FailureKind::Refused)]);
    assert_eq!((bench.state(2), bench.readers()), (ServerState::Down, vec![1]));
    bench.rounds(1, &[zero.clone(), one.clone(), two.clone()]);
    assert_eq!((bench.state(2), bench.reason(2)), (ServerState::Starting, StateReason::Returning));
    bench.rounds(1, &[zero.clone(), one.clone(), fails(FailureKind::TimedOut)]);
    bench.rounds(1, &[zero.clone(), one.clone(), two.clone()]);
    assert_eq!(bench.state(2), ServerState::Starting, "twice in a row");
    bench.rounds(1, &[zero, one, two]);
    assert_eq!(bench.readers(), [1, 2]);
}

#[test]
fn what_was_not_ready_is_no_claimant_for_being_silent_now() {
    let mut bench = settled();
    let [_, _, two] = healthy();
    // The second is promoted and confirmed while the first is only locked, then it crashes and
    // restarts slowly.
    let other = || [fails(FailureKind::Misconfigured), primary(1, 100), two.clone()];
    bench.rounds(4, &other());
    let [zero, ..] = healthy();
    bench.rounds(1, &[zero.clone(), fails(FailureKind::Starting), two.clone()]);
    bench.rounds(1, &[zero, fails(FailureKind::TimedOut), two]);
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::Primary));
}
