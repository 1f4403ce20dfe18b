//! Who replicates from whom: cascades, rings, replicas of a former primary, our own way cut.

use super::{
    Bench, ClusterKind, FailureKind, MySqlFacts, Outcome, Position, ServerState, StateReason,
    Writability, WriteReason, channel, cut, fails, mariadb, replica, says, stopped, with_channel,
    writable,
};
use crate::engine::GtidState;

fn history() -> GtidState {
    mariadb(&[(0, 100)])
}

fn newer() -> GtidState {
    mariadb(&[(0, 100), (1, 110)])
}

fn settled(outcomes: &[Outcome]) -> Bench {
    let mut bench = Bench::new(ClusterKind::MySql, outcomes.len());
    bench.seconds(2, outcomes);
    assert_eq!(bench.writer(), Some(0));
    bench
}

/// A primary, a replica, and a replica of that.
fn chain() -> [MySqlFacts; 3] {
    [writable(0, history()), replica(1, 0, history()), replica(2, 1, history())]
}

#[test]
fn a_cascade_is_as_late_as_all_of_its_links() {
    // With GTIDs each of them would be measured by itself.
    let chain = || chain().map(|facts| MySqlFacts { gtid: GtidState::Unknown, ..facts });
    let mut bench = settled(&chain().map(says));
    assert_eq!(bench.readers(), [1, 2]);
    for offset in (110..600).step_by(10) {
        let [mut zero, one, two] = chain();
        zero.position = Some(Position { segment: 1, offset });
        // The middle applies nothing any more; the last has all that the middle has.
        let one = with_channel(one, |channel| channel.sql_errno = 1062);
        bench.rounds(1, &[says(zero), says(one), says(two)]);
    }
    assert_eq!(bench.state(1), ServerState::ReplicaBroken);
    assert_eq!(bench.state(2), ServerState::ReplicaLagging);
    assert_eq!(bench.readers(), [0]);
}

#[test]
fn a_replica_whose_source_died_is_detached_while_the_primary_lives() {
    let mut bench = settled(&chain().map(says));
    let [zero, _, two] = chain();
    let two = with_channel(two, cut);
    bench.seconds(4, &[says(zero.clone()), fails(FailureKind::Refused), says(two.clone())]);
    assert_eq!(bench.state(2), ServerState::Replica);
    bench.seconds(2, &[says(zero), fails(FailureKind::Refused), says(two)]);
    assert_eq!(bench.state(2), ServerState::ReplicaDetached);
}

#[test]
fn a_replica_of_a_former_primary_is_no_replica() {
    // The second takes over; the third goes on following the first, which is still writable.
    let mut bench = settled(&[
        says(writable(0, history())),
        says(replica(1, 0, history())),
        says(replica(2, 0, history())),
    ]);
    let gone = fails(FailureKind::Refused);
    let cut_off = says(with_channel(replica(2, 0, history()), cut));
    bench.seconds(4, &[gone, says(writable(1, newer())), cut_off]);
    assert_eq!((bench.writer(), bench.state(2)), (Some(1), ServerState::Replica));
    let after =
        [says(writable(0, history())), says(writable(1, newer())), says(replica(2, 0, history()))];
    bench.rounds(4, &after);
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::StalePrimary));
    assert_eq!(bench.state(2), ServerState::ReplicaBroken, "no grace: it receives what is lost");
    let stale = StateReason::FollowsStale(crate::engine::ServerIndex::new(0));
    assert_eq!((bench.reason(2), bench.readers()), (stale, vec![1]));
    // Re-pointed, it is back at once.
    bench.rounds(
        1,
        &[says(writable(0, history())), says(writable(1, newer())), says(replica(2, 1, newer()))],
    );
    assert_eq!(bench.readers(), [2]);
}

#[test]
fn a_replica_of_a_former_primary_that_follows_the_new_one_is_a_cascade() {
    let mut bench = settled(&chain().map(says));
    let orphan = MySqlFacts { writability: Writability::ReadOnly, ..writable(0, history()) };
    bench.seconds(2, &[says(orphan), says(writable(1, newer())), says(replica(2, 0, history()))]);
    let through =
        [says(replica(0, 1, newer())), says(writable(1, newer())), says(replica(2, 0, newer()))];
    bench.seconds(60, &through);
    assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![0, 2]));
}

#[test]
fn a_replica_behind_one_that_hides_its_channels_is_given_the_benefit_of_the_doubt() {
    let [zero, one, two] = chain();
    let hidden = MySqlFacts { channels: None, ..one };
    let mut bench = settled(&[says(zero.clone()), says(hidden.clone()), says(two.clone())]);
    bench.seconds(60, &[says(zero), says(hidden), says(two)]);
    assert_eq!(
        (bench.state(1), bench.state(2)),
        (ServerState::Misconfigured, ServerState::Replica)
    );
}

/// Two servers that replicate from each other.
fn ring(first: Writability, second: Writability) -> [MySqlFacts; 2] {
    [
        MySqlFacts { writability: first, ..replica(0, 1, history()) },
        MySqlFacts { writability: second, ..replica(1, 0, history()) },
    ]
}

const RW: Writability = Writability::Writable;
const RO: Writability = Writability::ReadOnly;

#[test]
fn in_a_ring_the_writable_one_is_the_primary() {
    let bench = settled(&ring(RW, RO).map(says));
    assert_eq!((bench.state(0), bench.state(1)), (ServerState::Primary, ServerState::Replica));
    assert_eq!(bench.readers(), [1]);
}

#[test]
fn a_ring_whose_passive_side_stops_replicating_keeps_its_primary() {
    let mut bench = settled(&ring(RW, RO).map(says));
    let [zero, one] = ring(RW, RO);
    bench.seconds(60, &[says(zero), says(with_channel(one, stopped))]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
    assert_eq!(bench.state(1), ServerState::ReplicaBroken);
}

#[test]
fn a_ring_whose_passive_side_turns_writable_keeps_its_primary() {
    let mut bench = settled(&ring(RW, RO).map(says));
    bench.seconds(60, &ring(RW, RW).map(says));
    assert_eq!((bench.writer(), bench.state(0)), (Some(0), ServerState::Primary));
    assert_eq!((bench.state(1), bench.reason(1)), WRITABLE_REPLICA);
    assert_eq!(bench.readers(), [1]);
}

const WRITABLE_REPLICA: (ServerState, StateReason) =
    (ServerState::Replica, StateReason::WritableReplica);

#[test]
fn a_ring_fails_over_to_its_other_writable_side_and_the_first_returns_as_a_replica() {
    let mut bench = settled(&ring(RW, RO).map(says));
    bench.seconds(5, &ring(RW, RW).map(says));
    let [_, one] = ring(RW, RW);
    bench.seconds(2, &[fails(FailureKind::Refused), says(with_channel(one, cut))]);
    assert_eq!(bench.writer(), Some(1));
    bench.seconds(60, &ring(RW, RW).map(says));
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::Replica));
    assert_eq!(bench.writers_so_far(), [Some(0), Some(1)]);
}

#[test]
fn a_ring_of_three_has_one_primary() {
    let links = |first| {
        [
            says(MySqlFacts { writability: first, ..replica(0, 2, history()) }),
            says(replica(1, 0, history())),
            says(replica(2, 1, history())),
        ]
    };
    let bench = settled(&links(RW));
    assert_eq!((bench.state(0), bench.readers()), (ServerState::Primary, vec![1, 2]));
}

#[test]
fn both_sides_of_a_ring_writable_from_the_start_are_a_split_brain_that_config_order_settles() {
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    bench.seconds(2, &ring(RW, RW).map(says));
    assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::Replica));
}

/// A round in which the monitor cannot reach the first server, and the third has received up to
/// `offset` from `of`.
fn cut_off(of: usize, offset: u64, one: MySqlFacts) -> [Outcome; 3] {
    let two = with_channel(replica(2, of, history()), |channel| {
        channel.received = Some(Position { segment: 1, offset });
    });
    [fails(FailureKind::TimedOut), says(one), says(two)]
}

#[test]
fn an_unreachable_primary_is_kept_only_while_replicas_go_on_receiving_from_it() {
    let mut bench = settled(&chain().map(says));
    for offset in (110..300).step_by(10) {
        bench.rounds(1, &cut_off(0, offset, replica(1, 0, history())));
    }
    assert_eq!(bench.write_reason(), WriteReason::HeldUnreachable);
    // It dies in fact; the second is promoted, and the third follows that one and receives from it.
    bench.seconds(11, &cut_off(0, 290, with_channel(replica(1, 0, history()), cut)));
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Down));
    for offset in (300..500).step_by(10) {
        bench.rounds(1, &cut_off(1, offset, writable(1, newer())));
    }
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::Down));
}

#[test]
fn an_unreachable_primary_is_left_when_its_replicas_follow_another() {
    let mut bench = settled(&chain().map(says));
    for offset in (110..300).step_by(10) {
        bench.rounds(1, &cut_off(0, offset, replica(1, 0, history())));
    }
    // No pause: the third receives all the time, from then on from the second.
    for offset in (300..350).step_by(10) {
        bench.rounds(1, &cut_off(1, offset, writable(1, newer())));
    }
    assert_eq!(bench.writer(), Some(1));
}

#[test]
fn heartbeats_tell_of_the_direct_source_and_of_nobody_beyond() {
    let beats = |of: usize, at: usize, heartbeats| {
        says(with_channel(replica(at, of, history()), |channel| {
            channel.heartbeats = Some(heartbeats);
        }))
    };
    let mut bench = settled(&chain().map(says));
    bench.seconds(40, &[says(writable(0, history())), beats(0, 1, 1), beats(1, 2, 1)]);
    let silent = || fails(FailureKind::TimedOut);
    bench.seconds(30, &[silent(), beats(0, 1, 1), beats(1, 2, 2)]);
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Down), "its replica lives");
    bench.seconds(30, &[silent(), beats(0, 1, 2), beats(1, 2, 3)]);
    assert_eq!(bench.write_reason(), WriteReason::HeldUnreachable);
}

#[test]
fn what_a_migration_receives_says_nothing_of_the_primary() {
    let mut bench = settled(&chain().map(says));
    for offset in (110..400).step_by(10) {
        let mut outside = channel(9);
        outside.name = "migration".into();
        outside.source.endpoint.host = "192.0.2.1".into();
        outside.received = Some(Position { segment: 1, offset });
        let one = replica(1, 0, history());
        let one = MySqlFacts { channels: Some(vec![channel(0), outside]), ..one };
        bench.rounds(1, &[fails(FailureKind::TimedOut), says(one), says(replica(2, 0, history()))]);
    }
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Down));
}

#[test]
fn a_replica_that_was_promoted_without_stopping_its_channel_is_no_primary() {
    let mut bench = settled(&chain().map(says));
    let one = MySqlFacts { writability: RW, ..with_channel(replica(1, 0, history()), cut) };
    bench.seconds(60, &[fails(FailureKind::Refused), says(one), says(replica(2, 1, history()))]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn a_channel_that_was_left_behind_takes_nothing_from_a_published_server() {
    // The source is gone for good, and the server was published with its applier broken.
    let left = |sql_running| {
        says(MySqlFacts {
            writability: RW,
            ..with_channel(replica(1, 0, history()), |channel| {
                cut(channel);
                channel.sql_running = sql_running;
            })
        })
    };
    let mut bench = settled(&chain().map(says));
    let two = || says(replica(2, 1, history()));
    bench.seconds(2, &[fails(FailureKind::Refused), left(false), two()]);
    assert_eq!(bench.writer(), Some(1));
    // Somebody mends the applier: still nothing is received.
    bench.seconds(60, &[fails(FailureKind::Refused), left(true), two()]);
    assert_eq!((bench.writer(), bench.state(1)), (Some(1), ServerState::Primary));
    // The source is back and is received from, so it is the primary again.
    let following = says(MySqlFacts { writability: RW, ..replica(1, 0, history()) });
    bench.seconds(1, &[says(writable(0, history())), following, two()]);
    assert_eq!((bench.writer(), bench.reason(1)), (Some(0), StateReason::WritableReplica));
}

#[test]
fn the_top_of_a_standby_site_does_not_follow_its_own_replica() {
    // Its source outside carries the number of the second, and has a binary log of its own.
    let top = |offset| {
        with_channel(replica(0, 1, history()), |channel| {
            channel.source.endpoint.host = "192.0.2.1".into();
            channel.applied = Some(Position { segment: 1, offset });
        })
    };
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    for offset in (10..900).step_by(10) {
        let mut below = replica(1, 0, history());
        below.position = Some(Position { segment: 7, offset });
        bench.rounds(1, &[says(top(offset)), says(below)]);
    }
    assert_eq!((bench.state(0), bench.readers()), (ServerState::Replica, vec![0, 1]));
}

#[test]
fn of_several_channels_that_only_numbers_tell_of_none_breaks_a_replica() {
    let private = |channel: &mut crate::engine::Channel| {
        channel.source.endpoint.host = "10.0.0.1".into();
    };
    let mut migration = channel(2);
    migration.name = "migration".into();
    stopped(&mut migration);
    private(&mut migration);
    let mut one = with_channel(replica(1, 0, history()), private);
    one.channels.as_mut().expect("shown").push(migration);
    let bench = settled(&[
        says(writable(0, history())),
        says(one),
        says(with_channel(replica(2, 0, history()), private)),
    ]);
    assert_eq!(bench.readers(), [1, 2]);
}
