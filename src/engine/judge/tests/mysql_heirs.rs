//! Whose inheritance counts: errant transactions, and what an heir writes itself.

use super::{
    Bench, ClusterKind, FailureKind, GtidState, MySqlFacts, ServerState, cut, executed, fails,
    mariadb, replica, says, with_channel, writable,
};

/// The first server is dead; the second, writable, and the third have these transactions.
fn after_a_death(before: GtidState, second: GtidState, third: GtidState) -> Bench {
    let facts = |at: usize, facts: MySqlFacts| {
        let mut facts = facts;
        facts.identity.uuid = Some(super::uuid(at).into());
        facts
    };
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(
        2,
        &[
            says(facts(0, writable(0, before.clone()))),
            says(facts(1, replica(1, 0, before.clone()))),
            says(facts(2, replica(2, 0, before))),
        ],
    );
    let gone = fails(FailureKind::Refused);
    let third = facts(2, with_channel(replica(2, 0, third), cut));
    bench.seconds(4, &[gone, says(facts(1, writable(1, second))), says(third)]);
    bench
}

#[test]
fn errant_transactions_of_a_replica_outdate_no_heir() {
    let mysql = executed(&[(0, 100)]);
    let bench = after_a_death(mysql.clone(), mysql, executed(&[(0, 100), (2, 3)]));
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
    let maria = mariadb(&[(0, 100)]);
    let bench = after_a_death(maria.clone(), maria, mariadb(&[(0, 100), (2, 101)]));
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}

#[test]
fn what_an_heir_writes_itself_replaces_nothing_that_it_has_not_inherited() {
    let before = executed(&[(0, 100)]);
    let bench = after_a_death(before, executed(&[(0, 110), (1, 5)]), executed(&[(0, 120)]));
    assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::StalePrimary));
    let before = mariadb(&[(0, 100)]);
    let second = mariadb(&[(0, 110), (1, 115)]);
    let bench = after_a_death(before, second, mariadb(&[(0, 120)]));
    assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::StalePrimary));
}

#[test]
fn who_was_the_writer_before_is_not_behind_its_own_old_transactions() {
    let before = executed(&[(1, 50), (0, 100)]);
    let second = executed(&[(1, 50), (0, 100)]);
    let bench = after_a_death(before, second.clone(), second);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}
