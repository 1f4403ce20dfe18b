//! What witnesses take away, and that they give nothing.

use super::*;
use crate::engine::{Check, Testimony, Word, witness::Witnesses};

fn says(check: Check, word: Word) -> Outcome {
    Outcome::Witnessed(check, Ok(Testimony::new(word, "")))
}

fn leads(leads: bool) -> Outcome {
    let word = if leads { Word::Up } else { Word::NotLeader };
    let testimony = Testimony { leads: Some(leads), ..Testimony::new(word, "") };
    Outcome::Witnessed(Check::Patroni, Ok(testimony))
}

fn unreachable(check: Check) -> Outcome {
    Outcome::Witnessed(check, Err(Failure::new(FailureKind::Refused, "nobody listens")))
}

/// A cluster of so many servers, each with these checks.
fn watched(kind: ClusterKind, servers: usize, checks: &[Check]) -> Bench {
    let mut policy = policy(kind, servers);
    policy.servers.iter_mut().for_each(|server| server.witnesses = checks.to_vec());
    Bench::with(policy)
}

impl Bench {
    /// What is shown of a server, witnesses included.
    fn limited(&self, server: usize) -> Verdict {
        self.cluster.conclusion(ServerIndex::new(server)).limited
    }

    /// One round in which the servers say `outcomes` and the witness of one of them `said`.
    fn round(&mut self, outcomes: &[Outcome], (server, said): (usize, Outcome)) {
        let own = outcomes.iter().cloned().enumerate();
        self.hear(own.chain([(server, said)]));
    }
}

#[test]
fn each_word_takes_what_its_row_says_and_no_word_gives() {
    use ReadEligibility as R;
    use WriteEligibility as W;
    let thresholds = Thresholds { fall: 1, ..thresholds() };
    let writes = [W::Eligible, W::Spare, W::Open, W::Gone, W::Refused];
    let reads = [R::Replica, R::Primary, R::LastResort, R::No, R::Never];
    for word in Word::ALL {
        for (write, read) in writes.into_iter().flat_map(|w| reads.map(|r| (w, r))) {
            let own = Verdict { write, read, ..Verdict::UNHEARD };
            let mut witnesses = Witnesses::new(&[Check::Patroni]);
            let leads = (word == Word::NotLeader).then_some(false);
            let said = Testimony { leads, ..Testimony::new(word, "") };
            witnesses.fold(Check::Patroni, Ok(said), &thresholds, Moment::START);
            let limited = witnesses.limit(own, &thresholds, Moment::START);
            let expected = match (word, write, read) {
                (Word::Up, ..) => (write, read),
                (Word::NotLeader, W::Eligible, _) => (W::Open, read),
                (Word::NotLeader, ..) => (write, read),
                (Word::Maint, ..) => (W::Refused, R::No),
                (Word::Drain | Word::Down, ..) => (
                    if write == W::Eligible { W::Spare } else { write },
                    if matches!(read, R::Replica | R::Primary) { R::LastResort } else { read },
                ),
            };
            assert_eq!((limited.write, limited.read), expected, "{word} on {own:?}");
            let taken = (limited.write, limited.read) != (write, read);
            let reason = StateReason::Witness(Check::Patroni, word);
            assert_eq!(limited.reason == reason, taken || word == Word::Maint, "{word} on {own:?}");
        }
    }
}

#[test]
fn a_foreign_or_stale_server_keeps_its_alarm_in_maintenance() {
    let mut witnesses = Witnesses::new(&[Check::Agent]);
    let maint = Testimony::new(Word::Maint, "");
    witnesses.fold(Check::Agent, Ok(maint), &thresholds(), Moment::START);
    for state in [ServerState::StalePrimary, ServerState::WrongCluster] {
        let own = Verdict::out(state, StateReason::OtherCluster);
        assert_eq!(witnesses.limit(own, &thresholds(), Moment::START), own);
    }
}

#[test]
fn down_counts_after_fall_and_ends_after_rise() {
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Http]);
    let all = [primary(1, 100), standby(1, 0, 100)];
    bench.seconds(3, &all);
    for against in 1..=4 {
        bench.round(&all, (1, says(Check::Http, Word::Down)));
        assert_eq!(bench.readers() == [1], against < 3, "{against}");
    }
    bench.round(&all, (1, says(Check::Http, Word::Up)));
    assert_eq!(bench.readers(), [0]);
    bench.round(&all, (1, says(Check::Http, Word::Up)));
    assert_eq!(bench.readers(), [1]);
}

#[test]
fn a_witness_that_cannot_be_reached_says_nothing_and_its_word_expires() {
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Agent]);
    let all = [primary(1, 100), standby(1, 0, 100)];
    for _ in 0..20 {
        bench.round(&all, (1, unreachable(Check::Agent)));
    }
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1]));
    bench.round(&all, (1, says(Check::Agent, Word::Maint)));
    assert_eq!(bench.limited(1).state, ServerState::OutOfService);
    for _ in 0..16 {
        bench.round(&all, (1, unreachable(Check::Agent)));
    }
    assert_eq!(bench.limited(1).state, ServerState::OutOfService);
    bench.round(&all, (1, unreachable(Check::Agent)));
    assert_eq!((bench.limited(1).state, bench.readers()), (ServerState::Replica, vec![1]));
}

#[test]
fn a_word_expires_without_an_observation() {
    let mut bench = watched(ClusterKind::Tcp, 2, &[Check::Agent]);
    let up = || Outcome::Answered(Facts::Tcp);
    bench.hear([(0, up()), (1, up()), (0, unreachable(Check::Agent))]);
    bench.hear([(0, up()), (1, up()), (1, says(Check::Agent, Word::Drain))]);
    let spoken = Moment::from_millis(500);
    let expiry = spoken + thresholds().stale_after + Duration::from_millis(1);
    bench.now = Moment::from_millis(8_400);
    bench.hear([(0, up()), (1, up())]);
    assert_eq!(bench.cluster.next_deadline(Moment::from_millis(8_400)), Some(expiry));
}

#[test]
fn a_drained_primary_stays_and_a_restart_finds_it() {
    let all = [primary(1, 100), standby(1, 0, 100)];
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Agent]);
    for _ in 0..6 {
        let quiet = (1, says(Check::Agent, Word::Up));
        bench.hear([(0, says(Check::Agent, Word::Drain)), quiet]);
        bench.rounds(1, &all);
    }
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::Primary));
    assert_eq!(bench.limited(0).state, ServerState::Primary);
    assert_eq!(bench.limited(0).reason, StateReason::Witness(Check::Agent, Word::Drain));
}

#[test]
fn without_the_leader_key_a_primary_is_not_chosen_and_is_not_left() {
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Patroni]);
    let all = [primary(1, 100), standby(1, 0, 100)];
    bench.hear([(1, says(Check::Patroni, Word::Up))]);
    for _ in 0..10 {
        bench.round(&all, (0, leads(false)));
    }
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NoPrimaryKnown));
    bench.round(&all, (0, leads(true)));
    assert_eq!(bench.writer(), Some(0));
    for _ in 0..10 {
        bench.round(&all, (0, leads(false)));
    }
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::Primary));
}

#[test]
fn a_key_makes_nobody_writable() {
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Patroni]);
    let all = [standby(1, 1, 100), standby(1, 0, 100)];
    for _ in 0..10 {
        bench.round(&all, (0, leads(true)));
    }
    assert_eq!(bench.writer(), None);
}

#[test]
fn the_first_round_waits_for_each_witness() {
    let mut bench = watched(ClusterKind::Postgres, 1, &[Check::Patroni, Check::Agent]);
    bench.rounds(2, &[primary(1, 100)]);
    assert_eq!(bench.write_reason(), WriteReason::NotReady);
    bench.round(&[primary(1, 100)], (0, leads(false)));
    assert_eq!(bench.write_reason(), WriteReason::NotReady);
    bench.round(&[primary(1, 100)], (0, unreachable(Check::Agent)));
    assert_eq!(bench.write_reason(), WriteReason::NoPrimaryKnown);
}

#[test]
fn the_least_weight_is_decided_and_nothing_without_words() {
    let mut bench = watched(ClusterKind::Postgres, 2, &[Check::Agent, Check::Command]);
    let all = [primary(1, 100), standby(1, 0, 100)];
    bench.seconds(3, &all);
    let percent = |bench: &Bench| bench.read().servers[0].percent;
    assert_eq!(percent(&bench), 100);
    // A witness can only take away.
    for (check, part, least) in [
        (Check::Agent, 10_000, 100),
        (Check::Command, u16::MAX, 100),
        (Check::Agent, 50, 50),
        (Check::Command, 70, 50),
    ] {
        let said = Testimony { percent: part, ..Testimony::new(Word::Up, "") };
        bench.round(&all, (1, Outcome::Witnessed(check, Ok(said))));
        assert_eq!(percent(&bench), least);
    }
}

#[test]
fn a_change_of_word_is_told_once_and_a_first_up_is_no_news() {
    let mut bench = watched(ClusterKind::Postgres, 1, &[Check::Agent]);
    for word in [Word::Up, Word::Up, Word::Drain, Word::Drain, Word::Up] {
        bench.round(&[primary(1, 100)], (0, says(Check::Agent, word)));
    }
    bench.seconds(9, &[primary(1, 100)]);
    bench.round(&[primary(1, 100)], (0, says(Check::Agent, Word::Up)));
    let told = bench.events.iter().filter_map(|event| match event {
        Event::Witness { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let (up, drain) = (Some(Word::Up), Some(Word::Drain));
    assert_eq!(told.collect::<Vec<_>>(), [(up, drain), (drain, up), (up, None), (None, up)]);
}
