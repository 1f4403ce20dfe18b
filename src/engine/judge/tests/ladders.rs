//! Each rung of the two ladders.

use std::time::Duration;

use super::{
    Bench, ClusterKind, ClusterPolicy, Facts, Failback, FailureKind, Moment, OnSplitBrain, Outcome,
    PostgresFacts, ServerState, StateReason, Verdict, WriteEligibility, WriteReason, answers,
    detached_standby, edited_standby, fails, foreign, policy, primary, standby,
};
use crate::engine::{
    Check, ReadReason, Word,
    judgement::{Judgement, WriterRule},
    steering::Steering,
    write::WriteLadder,
};

fn healthy() -> [Outcome; 3] {
    [primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]
}

/// A settled PostgreSQL cluster with other rules.
fn settled(edit: impl Fn(&mut ClusterPolicy)) -> Bench {
    let mut rules = policy(ClusterKind::Postgres, 3);
    edit(&mut rules);
    let mut bench = Bench::with(rules);
    bench.seconds(2, &healthy());
    bench
}

fn gone() -> Outcome {
    fails(FailureKind::Refused)
}

fn said(bench: &Bench) -> (Vec<usize>, ReadReason) {
    (bench.readers(), bench.read().reason)
}

#[test]
fn read_rungs_in_order() {
    let [zero, one, _] = healthy();
    let mut bench = settled(|_| {});
    assert_eq!(said(&bench), (vec![1, 2], ReadReason::Eligible));
    bench.rounds(2, &[zero.clone(), one, gone()]);
    assert_eq!(said(&bench), (vec![1], ReadReason::Eligible));
    bench.rounds(2, &[zero, gone(), gone()]);
    assert_eq!(said(&bench), (vec![0], ReadReason::WithPrimary));
    bench.rounds(2, &[gone(), gone(), gone()]);
    assert_eq!(said(&bench), (vec![0], ReadReason::LastKnown));
    bench.seconds(2, &healthy());
    assert_eq!(said(&bench), (vec![1, 2], ReadReason::Eligible));
}

#[test]
fn lagging_and_detached_ones_help_when_the_primary_cannot_least_lag_first() {
    let mut bench = settled(|_| {});
    let detached = [gone(), detached_standby(1, 100), detached_standby(1, 100)];
    bench.rounds(2, &detached);
    assert_eq!(said(&bench), (vec![1, 2], ReadReason::Eligible), "there is nobody to compare with");

    let mut bench = settled(|rules| rules.reads[0].max_lag = Duration::from_secs(2));
    // Ten octets per round of half a second: the second server is five seconds behind, the third
    // three.
    for position in (200..400).step_by(10) {
        let [one, two] = [100, 60].map(|behind| standby(1, 0, position - behind));
        bench.rounds(1, &[primary(1, position), one, two]);
    }
    assert_eq!(said(&bench), (vec![0], ReadReason::WithPrimary));
    let [one, two] = [290, 330].map(|position| standby(1, 0, position));
    bench.seconds(1, &[fails(FailureKind::Starting), one, two]);
    assert!(matches!(said(&bench), (readers, ReadReason::WithLagging(Some(_))) if readers == [2]));
}

#[test]
fn min_servers_counts_the_set_and_says_when_it_is_short() {
    let [zero, one, two] = healthy();
    let mut bench = settled(|rules| rules.reads[0].min_servers = 2);
    assert_eq!(said(&bench), (vec![1, 2], ReadReason::Eligible));
    bench.rounds(2, &[zero.clone(), one, gone()]);
    assert_eq!(said(&bench), (vec![0, 1], ReadReason::WithPrimary));
    bench.rounds(2, &[gone(), detached_standby(1, 100), gone()]);
    assert_eq!(said(&bench), (vec![1], ReadReason::Few));

    let bench = settled(|rules| rules.reads[0].min_servers = 3);
    assert_eq!(said(&bench), (vec![0, 1, 2], ReadReason::WithPrimary));
    let mut bench = settled(|rules| rules.reads[0].min_servers = 4);
    assert_eq!(said(&bench), (vec![0, 1, 2], ReadReason::WithPrimary));
    let paused = edited_standby(1, 0, 100, |standby| standby.paused = true);
    bench.rounds(1, &[zero, paused, two]);
    assert_eq!(bench.readers(), [0, 2], "paused ones help nobody");
}

#[test]
fn include_primary_always_does() {
    let [_, one, two] = healthy();
    let mut bench = settled(|rules| rules.reads[0].include_primary = true);
    assert_eq!(said(&bench), (vec![0, 1, 2], ReadReason::Eligible));
    bench.rounds(2, &[gone(), one, two]);
    assert_eq!(said(&bench), (vec![1, 2], ReadReason::Eligible));
}

#[test]
fn a_last_known_set_never_holds_a_server_of_another_cluster() {
    let mut bench = settled(|_| {});
    bench.rounds(2, &[gone(), standby(1, 0, 100), foreign(standby(1, 0, 100))]);
    bench.rounds(3, &[gone(), gone(), gone()]);
    assert_eq!(said(&bench), (vec![1], ReadReason::LastKnown));
}

#[test]
fn nobody_known_is_said_only_until_somebody_was_fit() {
    let mut bench = Bench::new(ClusterKind::Postgres, 3);
    bench.rounds(6, &[gone(), gone(), gone()]);
    assert_eq!(said(&bench), (vec![], ReadReason::NobodyKnown));
    bench.rounds(3, &[gone(), detached_standby(1, 100), gone()]);
    bench.rounds(6, &[gone(), gone(), gone()]);
    assert_eq!(said(&bench), (vec![1], ReadReason::LastKnown));
}

#[test]
fn each_read_name_has_its_own_limit() {
    let mut bench = settled(|rules| {
        let mut patient = rules.reads[0];
        patient.max_lag = Duration::from_secs(3600);
        rules.reads[0].max_lag = Duration::from_secs(2);
        rules.reads.push(patient);
    });
    bench.seconds(10, &[primary(1, 200), standby(1, 0, 200), standby(1, 0, 150)]);
    let reads = bench.cluster.decision().reads;
    let sets: Vec<Vec<usize>> = reads
        .iter()
        .map(|read| read.servers.iter().map(|server| server.server.place()).collect())
        .collect();
    assert_eq!(sets, [vec![1], vec![1, 2]]);
    assert_eq!(bench.state(2), ServerState::Replica, "fresh enough for one of them");
}

#[test]
fn session_counts_are_decided_only_where_they_balance() {
    let busy = |sessions| {
        let Outcome::Answered(Facts::Postgres(facts)) = standby(1, 0, 100) else {
            panic!("a standby answers");
        };
        answers(PostgresFacts { sessions: Some(sessions), ..facts })
    };
    for (by_sessions, expected) in [(true, Some(7)), (false, None)] {
        let mut bench = settled(|rules| rules.reads[0].by_sessions = by_sessions);
        let before = bench.cluster.decision();
        bench.rounds(1, &[primary(1, 100), busy(7), busy(9)]);
        assert_eq!(bench.read().servers[0].sessions, expected);
        assert_eq!(bench.cluster.decision() == before, !by_sessions, "a count alone is no news");
    }
}

#[test]
fn write_rungs_when_roles_are_known() {
    let [zero, one, two] = healthy();
    let mut bench = settled(|_| {});
    assert_eq!(bench.write_reason(), WriteReason::Primary);
    for (kind, rounds, reason) in [
        (FailureKind::TimedOut, 2, WriteReason::Primary),
        (FailureKind::TimedOut, 1, WriteReason::Held(ServerState::Down)),
        (FailureKind::Starting, 1, WriteReason::Held(ServerState::Starting)),
        (FailureKind::Saturated, 100, WriteReason::Held(ServerState::Saturated)),
        (FailureKind::Misconfigured, 1, WriteReason::Held(ServerState::Misconfigured)),
    ] {
        bench.rounds(rounds, &[fails(kind), one.clone(), two.clone()]);
        assert_eq!((bench.writer(), bench.write_reason()), (Some(0), reason), "{kind}");
    }
    bench.rounds(1, &[fails(FailureKind::Offline), one.clone(), two.clone()]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotWritable));
    bench.rounds(2, &[gone(), one.clone(), two.clone()]);
    assert_eq!(bench.write_reason(), WriteReason::NotWritable, "a withdrawn one is not held");
    bench.rounds(2, &[zero, one, two]);
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::Primary));
}

#[test]
fn split_brain_is_kept_or_emptied_and_its_reason_ends_with_it() {
    let twins = || [primary(1, 100), primary(1, 100), standby(1, 0, 100)];
    let mut bench = settled(|_| {});
    bench.rounds(2, &twins());
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::HeldSplitBrain));

    let mut bench = settled(|rules| {
        rules.write.as_mut().expect("a write name").on_split_brain = OnSplitBrain::Empty;
    });
    bench.rounds(2, &twins());
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::SplitBrain));
    bench.rounds(3, &[gone(), gone(), gone()]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotWritable));
    bench.rounds(2, &healthy());
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn where_the_choice_is_free_order_failback_and_the_block_decide() {
    let up = || Outcome::Answered(Facts::Tcp);
    let tcp = |failback| {
        let mut rules = policy(ClusterKind::Tcp, 3);
        rules.servers[1].priority = 1;
        rules.write.as_mut().expect("a write name").failback = failback;
        let mut bench = Bench::with(rules);
        bench.seconds(2, &[up(), up(), up()]);
        assert_eq!((bench.writer(), bench.write_reason()), (Some(1), WriteReason::MostPreferred));
        bench.rounds(2, &[up(), gone(), up()]);
        assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::MostPreferred));
        bench.seconds(10, &[up(), up(), up()]);
        bench
    };
    let mut stays = tcp(Failback::Stay);
    assert_eq!((stays.writer(), stays.write_reason()), (Some(0), WriteReason::Incumbent));
    stays.seconds(60, &[up(), up(), up()]);
    assert_eq!(stays.writer(), Some(0));
    let mut returns = tcp(Failback::Preferred);
    assert_eq!((returns.writer(), returns.write_reason()), (Some(0), WriteReason::HeldFlapping));
    returns.seconds(60, &[up(), up(), up()]);
    assert_eq!((returns.writer(), returns.write_reason()), (Some(1), WriteReason::MostPreferred));
    // The block binds the own choice, not the need.
    let mut needed = tcp(Failback::Preferred);
    needed.rounds(3, &[gone(), up(), gone()]);
    assert_eq!(needed.writer(), Some(1));
}

#[test]
fn a_server_whose_probe_was_silent_keeps_the_name_when_its_probe_speaks_again() {
    let up = || Outcome::Answered(Facts::Tcp);
    let mut bench = Bench::new(ClusterKind::Tcp, 3);
    bench.seconds(2, &[up(), up(), up()]);
    for _ in 0..20 {
        bench.hear([(1, up()), (2, up())]);
    }
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Unknown));
    bench.seconds(10, &[up(), up(), up()]);
    assert_eq!(bench.writers_so_far(), [Some(0)]);
}

#[test]
fn every_server_that_was_left_lately_is_blocked_not_just_the_last() {
    let up = || Outcome::Answered(Facts::Tcp);
    let mut rules = policy(ClusterKind::Tcp, 3);
    rules.write.as_mut().expect("a write name").failback = Failback::Preferred;
    let mut bench = Bench::with(rules);
    bench.seconds(2, &[up(), up(), up()]);
    bench.seconds(10, &[gone(), up(), up()]);
    bench.seconds(10, &[gone(), gone(), up()]);
    assert_eq!(bench.writer(), Some(2));
    // The first was left about 20 s ago, the second about 10 s ago.
    bench.seconds(38, &[up(), up(), up()]);
    assert_eq!((bench.writer(), bench.write_reason()), (Some(2), WriteReason::HeldFlapping));
    bench.seconds(3, &[up(), up(), up()]);
    assert_eq!(bench.writers_so_far(), [Some(0), Some(1), Some(2), Some(0)]);
}

/// What becomes of a published server that others say is outdated, while `reason` is what is said of
/// the one that takes over.
fn overtaken_beside(reason: StateReason) -> Option<usize> {
    let rules = policy(ClusterKind::Postgres, 2);
    let write = rules.write.as_ref().expect("a write name");
    let (steering, now) = (Steering::default(), Moment::START);
    let with = |verdicts: [Verdict; 2]| Judgement {
        verdicts: verdicts.into_iter().collect(),
        split_brain: false,
        writer: WriterRule::History,
    };
    let primary = Verdict { write: WriteEligibility::Eligible, ..Verdict::UNHEARD };
    let mut ladder = WriteLadder::new();
    ladder.decide(&with([primary, Verdict::UNHEARD]), &rules, write, &steering, now);
    let overtaken = Verdict::out(ServerState::StalePrimary, StateReason::NotRejoined);
    let heir = Verdict::UNHEARD.because(reason);
    ladder.decide(&with([overtaken, heir]), &rules, write, &steering, now);
    ladder.decision.server.map(|server| server.place())
}

#[test]
fn an_outdated_server_stays_for_the_moment_that_its_heir_needs_to_be_confirmed() {
    assert_eq!(overtaken_beside(StateReason::Returning), None);
    assert_eq!(overtaken_beside(StateReason::WritableUnconfirmed), Some(0));
    let leaderless = StateReason::Witness(Check::Patroni, Word::NotLeader);
    assert_eq!(overtaken_beside(leaderless), Some(0));
}
