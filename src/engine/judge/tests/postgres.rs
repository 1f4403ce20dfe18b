//! Table 11.1, and what follows from it.

use std::time::Duration;

use super::{
    Bench, ClusterKind, FailureKind, OnNotWritable, Outcome, Position, PostgresRole,
    ReadEligibility, Receiver, ServerState, StateReason, Verdict, WriteEligibility, WriteReason,
    answers, detached_standby, edited_standby, fails, foreign, policy, postgres, primary, standby,
};
use crate::engine::Lag;

use ReadEligibility::{LastResort, Never, No, Replica};
use WriteEligibility::{Eligible, Gone, Open, Refused};

/// A healthy round: a primary and two standbys.
pub fn healthy() -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]
}

/// A bench on which a primary and two standbys have answered for some seconds.
pub fn settled() -> Bench {
    let mut bench = Bench::new(ClusterKind::Postgres, 3);
    bench.seconds(2, &healthy());
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    bench
}

fn read_only(timeline: u32) -> Outcome {
    answers(postgres(PostgresRole::Primary {
        read_only: true,
        timeline,
        position: Position::lsn(100),
    }))
}

/// One row: for how long these outcomes are played to a settled cluster, and what the server is
/// then.
struct Row {
    observed: &'static str,
    server: usize,
    seconds: usize,
    outcomes: [Outcome; 3],
    expected: (ServerState, WriteEligibility, ReadEligibility),
}

#[test]
fn table_of_primaries() {
    let [_, one, two] = healthy();
    let row = |observed, seconds, outcomes, expected| Row {
        observed,
        server: 0,
        seconds,
        outcomes,
        expected,
    };
    check(vec![
        row(
            "writable, highest timeline",
            1,
            healthy(),
            (ServerState::Primary, Eligible, ReadEligibility::Primary),
        ),
        row(
            "writable, lower timeline than a confirmed primary",
            1,
            [primary(1, 100), primary(2, 110), standby(2, 1, 110)],
            (ServerState::StalePrimary, Refused, No),
        ),
        row(
            "writable, lower timeline than a primary that nobody follows",
            1,
            [primary(1, 100), primary(2, 110), two.clone()],
            (ServerState::Primary, Eligible, ReadEligibility::Primary),
        ),
        row(
            "writable, lower timeline than a standby receives",
            1,
            [primary(1, 100), standby(2, 1, 110), two.clone()],
            (ServerState::Primary, Eligible, ReadEligibility::Primary),
        ),
        row(
            "read-only by setting",
            1,
            [read_only(1), one.clone(), two.clone()],
            (ServerState::ReadOnlyPrimary, Refused, LastResort),
        ),
        row(
            "read-only by setting, on a timeline that was left",
            1,
            [read_only(1), primary(2, 110), two.clone()],
            (ServerState::StalePrimary, Refused, No),
        ),
        row(
            "writable, and another one too, on the same timeline",
            1,
            [primary(1, 100), primary(1, 100), two.clone()],
            (ServerState::Primary, Eligible, ReadEligibility::Primary),
        ),
        row(
            "system identifier differs",
            1,
            [foreign(primary(1, 100)), one, two],
            (ServerState::WrongCluster, Refused, Never),
        ),
    ]);
}

#[test]
fn table_of_standbys() {
    let [zero, one, _] = healthy();
    let row = |observed, seconds, third, expected| Row {
        observed,
        server: 2,
        seconds,
        outcomes: [zero.clone(), one.clone(), third],
        expected,
    };
    let broken = (ServerState::ReplicaBroken, Refused, No);
    let away = (ServerState::OutOfService, Refused, No);
    let attached = (ServerState::Replica, Refused, Replica);
    let detached = |read| (ServerState::ReplicaDetached, Refused, read);
    let hidden = edited_standby(1, 0, 100, |standby| standby.receiver = Receiver::Hidden);
    let paused = edited_standby(1, 0, 100, |standby| standby.paused = true);
    let delayed =
        edited_standby(1, 0, 100, |standby| standby.apply_delay = Duration::from_secs(3600));
    let nothing = edited_standby(1, 0, 100, |standby| standby.replayed = None);
    let stale = (ServerState::StalePrimary, Refused, No);
    check(vec![
        row("streaming, caught up", 1, standby(1, 0, 100), attached),
        row("receiver's status hidden", 1, hidden, attached),
        row("no receiver for 4 s", 4, detached_standby(1, 100), attached),
        row("no receiver for 6 s", 6, detached_standby(1, 100), detached(Replica)),
        row("no receiver for 31 s", 31, detached_standby(1, 100), detached(LastResort)),
        row("replay paused", 1, paused, away),
        row("delayed on purpose", 1, delayed, away),
        row("has replayed nothing", 3, nothing, (ServerState::ReplicaLagging, Refused, Replica)),
        row("in recovery, of another system", 1, foreign(standby(1, 0, 100)), FOREIGN),
        row("writable, same timeline as the published one", 1, primary(1, 100), stale),
        row("writable, of another system", 1, foreign(primary(9, 100)), FOREIGN),
    ]);
    let dead = || fails(FailureKind::Refused);
    let promoted = || [dead(), primary(2, 110), standby(1, 0, 100)];
    check(vec![
        Row {
            observed: "follows the timeline that was left, for 8 s",
            server: 2,
            seconds: 8,
            outcomes: promoted(),
            expected: attached,
        },
        Row {
            observed: "follows the timeline that was left, for 31 s",
            server: 2,
            seconds: 31,
            outcomes: promoted(),
            expected: broken,
        },
    ]);
}

const FOREIGN: (ServerState, WriteEligibility, ReadEligibility) =
    (ServerState::WrongCluster, Refused, Never);

#[test]
fn table_of_failures() {
    let [zero, one, two] = healthy();
    let primary = |observed, seconds, kind, expected| Row {
        observed,
        server: 0,
        seconds,
        outcomes: [fails(kind), one.clone(), two.clone()],
        expected,
    };
    let standby = |observed, seconds, kind, expected| Row {
        observed,
        server: 2,
        seconds,
        outcomes: [zero.clone(), one.clone(), fails(kind)],
        expected,
    };
    let down = (ServerState::Down, Gone, No);
    let as_primary = |state, write| (state, write, ReadEligibility::Primary);
    let as_replica = |state, read| (state, Refused, read);
    check(vec![
        primary("57P03 starting", 1, FailureKind::Starting, (ServerState::Starting, Gone, No)),
        primary("57P03 shutting down, twice", 1, FailureKind::ShuttingDown, down),
        primary("refused twice", 1, FailureKind::Refused, down),
        primary("EOF twice", 1, FailureKind::Closed, down),
        primary("no reply twice", 1, FailureKind::TimedOut, as_primary(ServerState::Primary, Open)),
        primary("no reply for 2 s", 2, FailureKind::TimedOut, down),
        primary("garbled for 2 s", 2, FailureKind::Garbled, down),
        primary("in trouble for 2 s", 2, FailureKind::Troubled, down),
        primary(
            "53300 for 29 s",
            29,
            FailureKind::Saturated,
            as_primary(ServerState::Saturated, Open),
        ),
        primary(
            "53300 for 31 s",
            31,
            FailureKind::Saturated,
            as_primary(ServerState::Saturated, Gone),
        ),
        primary(
            "28P01 for an hour",
            3600,
            FailureKind::Misconfigured,
            as_primary(ServerState::Misconfigured, Open),
        ),
        standby("57P03 starting", 1, FailureKind::Starting, (ServerState::Starting, Gone, No)),
        standby("refused twice", 1, FailureKind::Refused, down),
        standby("53300 for 29 s", 29, FailureKind::Saturated, SATURATED_REPLICA),
        standby(
            "53300 for 31 s",
            31,
            FailureKind::Saturated,
            as_replica(ServerState::Saturated, LastResort),
        ),
        standby(
            "28P01 for an hour",
            3600,
            FailureKind::Misconfigured,
            as_replica(ServerState::Misconfigured, Replica),
        ),
    ]);
}

const SATURATED_REPLICA: (ServerState, WriteEligibility, ReadEligibility) =
    (ServerState::Saturated, Refused, Replica);

fn check(rows: Vec<Row>) {
    for Row { observed, server, seconds, outcomes, expected } in rows {
        let mut bench = settled();
        bench.seconds(seconds, &outcomes);
        let Verdict { state, write, read, .. } = bench.verdict(server);
        assert_eq!((state, write, read), expected, "{observed}: {:?}", bench.reason(server));
    }
}

#[test]
fn lag_closes_after_three_replies_and_opens_under_four_fifths() {
    let mut bench = settled();
    let mut position = 100;
    let mut round = |bench: &mut Bench, behind: u64| {
        position += 10;
        // Ten octets per round of half a second.
        let late = position - 20 * behind;
        bench.rounds(1, &[primary(1, position), standby(1, 0, position), standby(1, 0, late)]);
    };
    for _ in 0..40 {
        round(&mut bench, 0);
    }
    for _ in 0..2 {
        round(&mut bench, 15);
        assert_eq!(bench.state(2), ServerState::Replica, "a peak is no lag");
    }
    round(&mut bench, 15);
    assert_eq!(bench.state(2), ServerState::ReplicaLagging);
    assert!(matches!(bench.reason(2), StateReason::Behind(Lag(lag)) if lag.as_secs() == 14));
    assert_eq!(bench.readers(), [1]);
    round(&mut bench, 9);
    round(&mut bench, 9);
    assert_eq!(bench.state(2), ServerState::ReplicaLagging, "not under four fifths of the limit");
    round(&mut bench, 3);
    round(&mut bench, 3);
    assert_eq!((bench.state(2), bench.readers()), (ServerState::Replica, vec![1, 2]));
}

#[test]
fn without_a_primary_replicas_keep_their_verdict() {
    let mut bench = settled();
    let alone = detached_standby(1, 100);
    bench.seconds(120, &[fails(FailureKind::Refused), alone.clone(), alone]);
    assert_eq!(bench.state(1), ServerState::Replica);
    assert_eq!(bench.reason(1), StateReason::LacksNothingShown);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Down));
}

#[test]
fn what_an_heir_had_shown_before_it_was_known_as_the_heir_counts() {
    let mut bench = settled();
    bench.hear([(0, fails(FailureKind::TimedOut)), (1, primary(2, 200))]);
    bench.hear([(0, fails(FailureKind::TimedOut)), (1, primary(2, 200))]);
    bench.hear([(0, fails(FailureKind::TimedOut))]);
    assert_eq!(bench.writer(), Some(1));
    for _ in 0..30 {
        bench.hear([
            (0, fails(FailureKind::TimedOut)),
            (1, fails(FailureKind::Refused)),
            (2, detached_standby(1, 100)),
        ]);
    }
    assert_eq!(bench.state(2), ServerState::ReplicaLagging);
}

/// A bench on which server 2 has come further than the primary, on a timeline of the same number.
fn beyond_the_primary() -> Bench {
    let mut bench = settled();
    bench.seconds(1, &[fails(FailureKind::Refused), primary(2, 200), standby(2, 2, 300)]);
    assert_eq!((bench.writer(), bench.reason(2)), (Some(1), StateReason::Diverged));
    bench
}

/// Only positions tell the two timelines apart, and only when the primary was asked after the standby.
#[test]
fn who_was_beyond_the_primary_stays_broken_while_it_receives_from_elsewhere() {
    let mut bench = beyond_the_primary();
    bench.hear([(2, standby(2, 2, 300))]);
    assert_eq!((bench.reason(2), bench.readers()), (StateReason::Diverged, vec![1]));
    bench.hear([(1, primary(2, 400)), (2, standby(2, 2, 300))]);
    assert_eq!((bench.reason(2), bench.readers()), (StateReason::Diverged, vec![1]));
    bench.hear([(2, standby(2, 1, 400))]);
    assert_eq!(bench.readers(), [2]);
}

#[test]
fn who_was_beyond_the_primary_and_away_may_have_been_built_anew() {
    let mut bench = beyond_the_primary();
    let round = |last| [fails(FailureKind::Refused), primary(2, 400), last];
    bench.seconds(2, &round(fails(FailureKind::Refused)));
    bench.seconds(2, &round(standby(2, 9, 400)));
    assert_eq!(bench.readers(), [2]);
}

#[test]
fn a_primary_that_standbys_still_receive_from_is_kept() {
    let mut bench = settled();
    for position in (110..400).step_by(10) {
        let silent = fails(FailureKind::TimedOut);
        bench.rounds(1, &[silent, standby(1, 0, position), standby(1, 0, position)]);
    }
    assert_eq!(bench.state(0), ServerState::Primary);
    assert_eq!(bench.reason(0), StateReason::UnreachableFromHere);
    assert_eq!(bench.write_reason(), WriteReason::HeldUnreachable);
    // Then it dies in fact: nothing arrives any more.
    let silent = fails(FailureKind::TimedOut);
    bench.seconds(12, &[silent, detached_standby(1, 390), detached_standby(1, 390)]);
    assert_eq!(bench.state(0), ServerState::Down);
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Down));
}

#[test]
fn an_idle_primary_lives_by_its_keepalives() {
    let mut bench = settled();
    let silent = || fails(FailureKind::TimedOut);
    let heard = |micros| edited_standby(1, 0, 100, |standby| standby.heard = Some(micros));
    bench.seconds(40, &[primary(1, 100), heard(1), heard(1)]);
    bench.seconds(10, &[silent(), heard(1), heard(1)]);
    assert_eq!(bench.state(0), ServerState::Down, "nothing came after the silence began");
    for keepalive in 2..5 {
        bench.seconds(30, &[silent(), heard(keepalive), heard(1)]);
        assert_eq!(bench.reason(0), StateReason::UnreachableFromHere, "{keepalive}");
    }
    // The third one knows that its receiver has given up; the second has yet to notice.
    bench.seconds(14, &[silent(), heard(4), detached_standby(1, 100)]);
    assert_eq!(bench.reason(0), StateReason::UnreachableFromHere);
    bench.seconds(2, &[silent(), heard(4), detached_standby(1, 100)]);
    assert_eq!(bench.state(0), ServerState::Down, "the next keepalive is overdue");
    let path = [ServerState::Primary, ServerState::Down, ServerState::Primary, ServerState::Down];
    assert_eq!(bench.states_so_far(0), path);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn keepalives_between_two_standbys_say_nothing_of_the_primary() {
    let mut bench = settled();
    for micros in 0..60 {
        let silent = fails(FailureKind::TimedOut);
        let behind_one = edited_standby(1, 1, 100, |standby| standby.heard = Some(micros));
        bench.seconds(1, &[silent, standby(1, 0, 100), behind_one]);
    }
    assert_eq!(bench.state(0), ServerState::Down);
}

#[test]
fn a_primary_is_not_down_before_its_standbys_can_have_told() {
    let silent = || (0, fails(FailureKind::Unreachable));
    let told = |position| (1, standby(1, 0, position));
    for (position, state) in [(120, ServerState::Primary), (110, ServerState::Down)] {
        let mut bench = settled();
        bench.hear([silent()]);
        bench.hear([silent()]);
        bench.hear([silent(), told(110)]);
        assert_eq!(bench.state(0), ServerState::Primary, "110 may have come before the silence");
        bench.hear([silent(), told(position), (2, fails(FailureKind::TimedOut))]);
        assert_eq!(bench.state(0), state, "{position}");
    }
}

#[test]
fn nobody_waits_for_ever_for_the_word_of_a_standby_that_is_mute_itself() {
    let mut bench = settled();
    for _ in 0..80 {
        bench.hear([(0, fails(FailureKind::TimedOut)), (1, fails(FailureKind::Refused))]);
    }
    assert_eq!(bench.state(0), ServerState::Down);
}

#[test]
fn a_primary_whose_standbys_have_lost_it_is_down_at_once() {
    let mut bench = settled();
    for position in (110..400).step_by(10) {
        let silent = fails(FailureKind::TimedOut);
        bench.rounds(1, &[silent, standby(1, 0, position), standby(1, 0, position)]);
    }
    assert_eq!(bench.reason(0), StateReason::UnreachableFromHere);
    let silent = fails(FailureKind::TimedOut);
    bench.rounds(1, &[silent, detached_standby(1, 390), detached_standby(1, 390)]);
    assert_eq!(bench.state(0), ServerState::Down);
}

#[test]
fn a_refused_connection_is_not_overruled_by_what_standbys_received() {
    let mut bench = settled();
    for position in (110..200).step_by(10) {
        let refused = fails(FailureKind::Refused);
        bench.rounds(1, &[refused, standby(1, 0, position), standby(1, 0, position)]);
    }
    assert_eq!(bench.state(0), ServerState::Down);
}

#[test]
fn a_saturated_or_locked_primary_is_overtaken_by_a_proven_newer_timeline() {
    for kind in [FailureKind::Saturated, FailureKind::Misconfigured, FailureKind::TimedOut] {
        let mut bench = settled();
        bench.rounds(1, &[fails(kind), standby(1, 0, 100), standby(1, 0, 100)]);
        assert_eq!(bench.writer(), Some(0));
        if kind != FailureKind::TimedOut {
            bench.rounds(2, &[fails(kind), primary(2, 110), standby(1, 0, 100)]);
            assert_eq!(bench.writer(), Some(0), "{kind:?}: the other one follows it");
        }
        bench.rounds(2, &[fails(kind), primary(2, 110), standby(2, 1, 110)]);
        assert_eq!(bench.writer(), Some(1), "{kind:?}");
    }
}

#[test]
fn one_reply_withdraws_and_two_publish() {
    let mut bench = settled();
    bench.hear([(0, read_only(1))]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotWritable));
    bench.hear([(0, primary(1, 100))]);
    assert_eq!(bench.writer(), None);
    bench.hear([(0, primary(1, 100))]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_promotion_needs_two_replies_and_the_old_one_is_held_meanwhile() {
    let mut bench = settled();
    bench.rounds(2, &[fails(FailureKind::Refused), standby(1, 0, 100), standby(1, 0, 100)]);
    bench.hear([(1, primary(2, 110)), (2, standby(2, 1, 110))]);
    assert_eq!((bench.writer(), bench.reason(1)), (Some(0), StateReason::WritableUnconfirmed));
    bench.hear([(1, primary(2, 110))]);
    assert_eq!(bench.writer(), Some(1));
    assert_eq!(bench.writers_so_far(), [Some(0), Some(1)]);
}

#[test]
fn a_foreign_server_stays_foreign_while_it_does_not_answer() {
    let mut bench = settled();
    bench.seconds(1, &[primary(3, 100), standby(3, 0, 100), foreign(primary(1, 5))]);
    assert_eq!(bench.state(2), ServerState::WrongCluster);
    bench.hear([(2, fails(FailureKind::TimedOut))]);
    assert_eq!((bench.state(2), bench.verdict(2).read), (ServerState::WrongCluster, Never));
    bench.seconds(3, &[primary(3, 100), standby(3, 0, 100), fails(FailureKind::TimedOut)]);
    assert_eq!((bench.state(2), bench.verdict(2).read), (ServerState::Down, Never));
}

#[test]
fn hold_keeps_what_refuses_writes_and_never_what_takes_and_loses_them() {
    let bench_that_holds = || {
        let mut rules = policy(ClusterKind::Postgres, 3);
        rules.write.as_mut().expect("a write name").on_not_writable = OnNotWritable::Hold;
        let mut bench = Bench::with(rules);
        bench.seconds(2, &healthy());
        bench
    };
    let mut bench = bench_that_holds();
    bench.hear([(0, read_only(1))]);
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::HeldNotWritable));
    let mut bench = bench_that_holds();
    bench.hear([(0, foreign(primary(1, 100)))]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotWritable));
    let mut bench = bench_that_holds();
    bench.rounds(2, &[fails(FailureKind::Refused), primary(2, 110), standby(2, 1, 110)]);
    let gone = || fails(FailureKind::Refused);
    bench.rounds(4, &[primary(1, 100), gone(), gone()]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::StalePrimary));
}
