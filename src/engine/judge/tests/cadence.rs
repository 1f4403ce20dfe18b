//! How fast servers are asked: from the first doubt all of a cluster's, never the long dead.

use std::time::Duration;

use super::{
    Bench, ClusterId, ClusterKind, FailureKind, Moment, Observation, Outcome, STEP, ServerId,
    ServerIndex, ServerState, Thresholds, detached_standby, fails, policy, primary, standby,
};
use crate::engine::{
    Engine,
    Pace::{self, Fast, Normal, Slow, Sprint, Urgent},
};

fn healthy() -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]
}

fn settled() -> Bench {
    let mut bench = Bench::new(ClusterKind::Postgres, 3);
    assert_eq!(bench.paces(), [Fast; 3], "the first round");
    bench.seconds(2, &healthy());
    assert_eq!(bench.paces(), [Normal; 3]);
    bench
}

impl Bench {
    fn paces(&self) -> [Pace; 3] {
        [0, 1, 2].map(|index| self.cluster.advice(ServerIndex::new(index)).pace)
    }
}

/// The primary is well, the first standby too, the second one fails so.
fn one_fails(kind: FailureKind) -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), fails(kind)]
}

#[test]
fn one_failure_makes_all_fast_until_it_is_settled() {
    for (kind, rounds) in [(FailureKind::Refused, 1), (FailureKind::TimedOut, 2)] {
        let mut bench = settled();
        bench.rounds(rounds, &one_fails(kind));
        assert_eq!(bench.paces(), [Fast; 3], "{kind}");
        bench.rounds(1, &one_fails(kind));
        assert_eq!((bench.state(2), bench.paces()), (ServerState::Down, [Normal; 3]), "{kind}");
        bench.rounds(1, &healthy());
        assert_eq!(bench.paces(), [Fast; 3], "it has to answer well once more");
        bench.rounds(1, &healthy());
        assert_eq!(bench.paces(), [Normal; 3]);
    }
}

#[test]
fn a_server_that_is_down_for_a_minute_is_slow_and_nobody_else_is() {
    let mut bench = settled();
    bench.seconds(60, &one_fails(FailureKind::Refused));
    assert_eq!(bench.paces(), [Normal; 3]);
    bench.seconds(1, &one_fails(FailureKind::Refused));
    assert_eq!(bench.paces(), [Normal, Normal, Slow]);
    // A doubt elsewhere is none about the long dead.
    let [zero, _, two] = one_fails(FailureKind::Refused);
    bench.rounds(1, &[zero, fails(FailureKind::TimedOut), two]);
    assert_eq!(bench.paces(), [Fast, Fast, Slow]);
    bench.rounds(1, &one_fails(FailureKind::Refused));
    // Another way to be gone is no news for the cluster.
    bench.rounds(1, &one_fails(FailureKind::TimedOut));
    assert_eq!(bench.paces(), [Normal, Normal, Slow]);
    bench.rounds(1, &one_fails(FailureKind::Starting));
    assert_eq!(bench.paces(), [Fast; 3]);
    bench.rounds(2, &healthy());
    assert_eq!(bench.paces(), [Normal; 3]);
}

#[test]
fn the_engine_wants_to_be_woken_when_a_server_becomes_slow() {
    let mut bench = settled();
    bench.rounds(2, &one_fails(FailureKind::Refused));
    let slow_from = bench.cluster.standing(ServerIndex::new(2)).since + Thresholds::LONG_DEAD_AFTER;
    while bench.now + STEP < slow_from {
        bench.rounds(1, &one_fails(FailureKind::Refused));
    }
    let last = bench.now;
    bench.rounds(1, &one_fails(FailureKind::Refused));
    assert_eq!(bench.paces(), [Normal; 3]);
    assert_eq!(bench.cluster.next_deadline(last), Some(slow_from));
    bench.now = slow_from;
    bench.hear([]);
    assert_eq!(bench.paces(), [Normal, Normal, Slow]);
}

#[test]
fn the_published_writer_is_never_slow() {
    let mut bench = settled();
    let [_, one, two] = healthy();
    bench.seconds(90, &[fails(FailureKind::Refused), one, two]);
    assert_eq!((bench.state(0), bench.writer()), (ServerState::Down, Some(0)));
    assert_eq!(bench.paces(), [Fast, Urgent, Urgent]);
    // Once another one took over, it is as dead as any.
    let taken_over = [fails(FailureKind::Refused), primary(2, 200), standby(2, 1, 200)];
    bench.seconds(5, &taken_over);
    assert_eq!((bench.writer(), bench.paces()), (Some(1), [Slow, Normal, Normal]));
}

#[test]
fn a_server_that_starts_is_waited_for_a_minute_long() {
    let mut bench = settled();
    bench.seconds(59, &one_fails(FailureKind::Starting));
    assert_eq!((bench.state(2), bench.paces()), (ServerState::Starting, [Fast; 3]));
    bench.seconds(3, &one_fails(FailureKind::Starting));
    assert_eq!(bench.paces(), [Normal; 3]);
}

#[test]
fn a_standby_that_just_lost_its_source_is_a_doubt() {
    let mut bench = settled();
    let alone = [primary(1, 100), standby(1, 0, 100), detached_standby(1, 100)];
    bench.rounds(2, &alone);
    assert_eq!(bench.paces(), [Fast; 3]);
    bench.seconds(10, &alone);
    assert_eq!(bench.paces(), [Normal; 3]);
}

#[test]
fn the_end_of_isolation_does_not_wake_the_long_dead() {
    let second = Duration::from_secs(1);
    let mut engine = Engine::new(vec![policy(ClusterKind::Postgres, 3)], Moment::START);
    let mut now = Moment::START;
    let mut hear = |rounds: usize, outcomes: &[Outcome; 3]| {
        for _ in 0..rounds {
            for (index, outcome) in outcomes.iter().cloned().enumerate() {
                let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(index) };
                engine.observe(Observation { server, asked: now, outcome }, now);
            }
            engine.decide(now);
            now = now + second;
        }
        let pace = |index| {
            let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(index) };
            engine.advice(server).pace
        };
        (engine.is_isolated(), [pace(0), pace(1), pace(2)])
    };
    hear(2, &healthy());
    let silent = || fails(FailureKind::TimedOut);
    assert_eq!(hear(70, &one_fails(FailureKind::TimedOut)), (false, [Normal, Normal, Slow]));
    let all = [silent(), silent(), silent()];
    assert_eq!(hear(70, &all), (true, [Fast, Fast, Slow]));
    // It was silent long before, and is not forgiven for that.
    assert_eq!(hear(1, &one_fails(FailureKind::TimedOut)).1, [Normal, Normal, Slow]);
}

#[test]
fn who_may_become_the_writer_is_asked_urgently_while_there_is_none() {
    let mut bench = settled();
    let gone = [fails(FailureKind::Refused), standby(1, 0, 100), standby(1, 0, 100)];
    bench.rounds(2, &gone);
    assert_eq!(bench.state(0), ServerState::Down);
    assert_eq!(bench.paces(), [Fast, Sprint, Sprint]);
    let one_left = [fails(FailureKind::Refused), fails(FailureKind::TimedOut), standby(1, 0, 100)];
    bench.rounds(1, &one_left);
    assert_eq!(bench.paces(), [Fast, Fast, Sprint]);
    bench.seconds(Thresholds::SPRINT_FOR.as_secs().try_into().expect("seconds"), &gone);
    assert_eq!(bench.paces(), [Fast, Urgent, Urgent], "a sprint is short");
    bench.seconds(Thresholds::URGENT_FOR.as_secs().try_into().expect("minutes"), &gone);
    assert_eq!(bench.paces(), [Fast; 3], "nobody seems to be about to promote");
}
