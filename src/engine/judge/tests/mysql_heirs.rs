//! Whose inheritance counts: errant transactions, and what an heir writes itself.

use super::{
    Bench, ClusterKind, FailureKind, GtidState, MySqlFacts, ServerState, cut, executed, fails,
    mariadb, replica, says, with_channel, writable,
};

/// The same facts with the `server_uuid` of the `at`th server.
fn known(at: usize, facts: MySqlFacts) -> MySqlFacts {
    let mut facts = facts;
    facts.identity.uuid = Some(super::uuid(at).into());
    facts
}

/// The first server is dead; the second, writable, and the third have these transactions.
fn after_a_death(before: GtidState, second: GtidState, third: GtidState) -> Bench {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(
        2,
        &[
            says(known(0, writable(0, before.clone()))),
            says(known(1, replica(1, 0, before.clone()))),
            says(known(2, replica(2, 0, before))),
        ],
    );
    let gone = fails(FailureKind::Refused);
    let third = known(2, with_channel(replica(2, 0, third), cut));
    bench.seconds(4, &[gone, says(known(1, writable(1, second))), says(third)]);
    bench
}

#[test]
fn at_a_start_an_empty_server_with_its_old_number_is_no_primary() {
    let alone = |at| says(with_channel(replica(at, 0, mariadb(&[(0, 100)])), cut));
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(10, &[says(writable(0, mariadb(&[(0, 6)]))), alone(1), alone(2)]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::StalePrimary));
    // Its data is given back to it.
    bench.seconds(1, &[fails(FailureKind::Refused), alone(1), alone(2)]);
    bench.seconds(3, &[says(writable(0, mariadb(&[(0, 101)]))), alone(1), alone(2)]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
    // A primary that replicas follow is ahead of them, whatever they are asked first.
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.hear([(0, says(writable(0, mariadb(&[(0, 99)]))))]);
    let follows = |at| says(replica(at, 0, mariadb(&[(0, 100)])));
    bench.seconds(10, &[says(writable(0, mariadb(&[(0, 100)]))), follows(1), follows(2)]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_promotion_makes_no_heir_of_who_shares_nothing_with_the_last_writer() {
    let of = |at, facts| says(known(at, facts));
    let (ours, another) = (|| executed(&[(0, 100)]), || executed(&[(5, 50)]));
    let refused = || fails(FailureKind::Refused);
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(4, &[of(0, writable(0, ours())), refused(), of(2, replica(2, 0, ours()))]);
    assert_eq!(bench.writer(), Some(0));
    let alone = || of(2, with_channel(replica(2, 0, ours()), cut));
    let locked = with_channel(replica(1, 0, another()), cut);
    bench.seconds(4, &[refused(), of(1, locked), alone()]);
    bench.seconds(4, &[refused(), of(1, writable(1, another())), alone()]);
    assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::StalePrimary));
}

#[test]
fn a_lost_end_that_a_dead_replica_had_shown_is_no_mere_end() {
    let of = |at, facts| says(known(at, facts));
    let ours = |last| executed(&[(0, last)]);
    let refused = || fails(FailureKind::Refused);
    for (shown, state) in [(100, ServerState::WrongCluster), (95, ServerState::Primary)] {
        let mut bench = Bench::new(ClusterKind::MySql, 3);
        let [one, two] = [(1, shown), (2, 95)].map(|(at, last)| of(at, replica(at, 0, ours(last))));
        bench.seconds(2, &[of(0, writable(0, ours(100))), one, two]);
        let two = of(2, with_channel(replica(2, 0, ours(95)), cut));
        bench.seconds(2, &[refused(), refused(), two.clone()]);
        bench.seconds(2, &[of(0, writable(0, ours(95))), refused(), two]);
        assert_eq!(bench.state(0), state, "a dead replica had shown {shown}");
    }
}

#[test]
fn an_empty_server_at_the_place_of_a_replica_contests_nothing_after_a_start() {
    let of = |at, facts| says(known(at, facts));
    let ours = || executed(&[(0, 100)]);
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(
        5,
        &[
            of(0, writable(0, ours())),
            of(1, replica(1, 0, ours())),
            of(7, writable(2, executed(&[(7, 3)]))),
        ],
    );
    assert_eq!((bench.writer(), bench.state(2)), (Some(0), ServerState::StalePrimary));
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
fn a_moment_behind_another_one_is_what_a_promotion_costs() {
    let before = executed(&[(0, 100)]);
    let bench = after_a_death(before, executed(&[(0, 110), (1, 5)]), executed(&[(0, 120)]));
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}

/// The second server has received nothing for so many seconds when the first one dies, and is
/// written to when it is promoted. The third has all.
fn after_standing_still(seconds: u64, state: fn(&[(usize, u64)]) -> GtidState) -> Bench {
    let of = |at: usize, facts: MySqlFacts| {
        // Nobody shows a coordinate.
        let facts = MySqlFacts { position: None, ..known(at, facts) };
        says(with_channel(facts, |channel| channel.applied = None))
    };
    let stands = state(&[(0, 100)]);
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    for last in 100..=100 + seconds {
        let all = state(&[(0, last)]);
        let second = with_channel(replica(1, 0, stands.clone()), cut);
        let third = replica(2, 0, all.clone());
        bench.seconds(1, &[of(0, writable(0, all)), of(1, second), of(2, third)]);
    }
    let third = with_channel(replica(2, 0, state(&[(0, 100 + seconds)])), cut);
    let gone = fails(FailureKind::Refused);
    let waiting = of(1, with_channel(replica(1, 0, stands), cut));
    bench.seconds(2, &[gone.clone(), waiting, of(2, third.clone())]);
    let promoted = of(1, writable(1, state(&[(0, 100), (1, 105)])));
    bench.seconds(4, &[gone, promoted, of(2, third)]);
    bench
}

#[test]
fn what_a_late_heir_writes_itself_makes_up_for_nothing() {
    for state in [executed, mariadb] {
        let bench = after_standing_still(30, state);
        assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::StalePrimary));
        let bench = after_standing_still(3, state);
        assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
    }
}

#[test]
fn who_was_the_writer_before_is_not_behind_its_own_old_transactions() {
    let before = executed(&[(1, 50), (0, 100)]);
    let second = executed(&[(1, 50), (0, 100)]);
    let bench = after_a_death(before, second.clone(), second);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}

#[test]
fn a_replica_is_measured_beyond_a_gap_that_stays() {
    let set = |last: u64| {
        let text = format!("{}:1-90:1000000-{last}", super::uuid(0));
        super::GtidSet::parse(&text).expect("a valid set").into()
    };
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    for second in 1_000_000..1_000_030_u64 {
        // The second stands still after ten seconds; nobody shows a coordinate.
        let facts = [
            writable(0, set(second)),
            replica(1, 0, set(second.min(1_000_010))),
            replica(2, 0, set(second)),
        ];
        let bare = facts.map(|facts| {
            says(with_channel(MySqlFacts { position: None, ..facts }, |channel| {
                channel.applied = None;
            }))
        });
        bench.seconds(1, &bare);
    }
    assert_eq!((bench.state(1), bench.readers()), (ServerState::ReplicaLagging, vec![2]));
}

/// The same server with a second channel, from outside, which brought these transactions.
fn with_migration(facts: MySqlFacts) -> MySqlFacts {
    let mut facts = facts;
    let mut migration = super::channel(9);
    migration.name = "migration".into();
    migration.source.endpoint.host = "192.0.2.1".into();
    facts.channels.as_mut().expect("shown").push(migration);
    facts
}

#[test]
fn what_a_migration_brings_makes_no_sibling_late() {
    let before = || executed(&[(0, 100)]);
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    let all = |first, one_more: u64| {
        let migrated = executed(&[(0, 100), (9, 50 + one_more)]);
        [
            first,
            says(with_migration(with_channel(replica(1, 0, migrated), cut))),
            says(with_channel(replica(2, 0, before()), cut)),
        ]
    };
    bench.seconds(2, &all(says(writable(0, before())), 0));
    for more in 0..30 {
        bench.seconds(1, &all(fails(FailureKind::Refused), more));
    }
    assert_eq!(bench.readers(), [1, 2]);
}

#[test]
fn what_a_migration_brought_is_no_heritage() {
    let before = executed(&[(0, 100)]);
    let third = executed(&[(0, 100), (9, 50)]);
    let bench = after_a_death(before.clone(), before, third);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}

#[test]
fn the_top_of_a_site_shows_how_far_the_others_are_behind() {
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    for last in 100..130 {
        let top = with_channel(replica(0, 9, executed(&[(9, last)])), |channel| {
            channel.source.endpoint.host = "192.0.2.1".into();
        });
        let below = with_channel(replica(1, 0, executed(&[(9, last.min(110))])), |channel| {
            channel.applied = None;
        });
        bench.seconds(1, &[says(MySqlFacts { position: None, ..top }), says(below)]);
    }
    assert_eq!((bench.state(1), bench.readers()), (ServerState::ReplicaLagging, vec![0]));
}

#[test]
fn one_that_was_gone_and_says_nothing_now_does_not_claim_against_its_heir() {
    let gone = || fails(FailureKind::Refused);
    let history = || mariadb(&[(0, 100)]);
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    bench.seconds(2, &[says(writable(0, history())), says(replica(1, 0, history()))]);
    let alone = || says(with_channel(replica(1, 0, history()), cut));
    bench.rounds(2, &[gone(), alone()]);
    bench.rounds(1, &[fails(FailureKind::Starting), alone()]);
    bench.rounds(2, &[fails(FailureKind::TimedOut), says(writable(1, history()))]);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
}
