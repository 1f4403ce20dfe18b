//! Groups that replicate from a server outside of them: none of their members is a writer.

use super::{
    Bench, ClusterKind, FailureKind, GtidState, MySqlFacts, Outcome, ServerState, StateReason,
    Writability, cut, fails, mariadb, replica, says, with_channel, writable,
};
use crate::engine::{Galera, Group, GroupMember, GroupRole};

fn history() -> GtidState {
    mariadb(&[(0, 100)])
}

fn node(facts: MySqlFacts) -> MySqlFacts {
    let galera = Galera {
        cluster_uuid: "5e1f".into(),
        ready: true,
        primary_component: true,
        local_state: 4,
        refuses_clients: false,
        receive_queue: 0,
        members: vec!["a".into(), "b".into(), "c".into()],
    };
    let (writability, group) = (Writability::Writable, Some(Group::Galera(galera)));
    MySqlFacts { writability, group, ..facts }
}

fn member(facts: MySqlFacts, role: GroupRole, name: &str) -> MySqlFacts {
    let member = GroupMember {
        online: true,
        role,
        majority: true,
        queue: 0,
        group_name: Some(name.into()),
        members: vec![name.into()],
    };
    let (writability, group) = (Writability::SuperReadOnly, Some(Group::Replication(member)));
    MySqlFacts { writability, group, ..facts }
}

/// A primary, and three nodes of which the first replicates from it.
fn fed() -> [Outcome; 4] {
    [
        says(writable(0, history())),
        says(node(replica(1, 0, history()))),
        says(node(writable(2, history()))),
        says(node(writable(3, history()))),
    ]
}

fn settled() -> Bench {
    let mut bench = Bench::new(ClusterKind::MySql, 4);
    bench.seconds(3, &fed());
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2, 3]));
    bench
}

#[test]
fn the_nodes_of_a_group_that_follows_the_primary_are_replicas() {
    let bench = settled();
    assert_eq!(bench.state(2), ServerState::Replica);
    assert_eq!(bench.reason(2), StateReason::WritableReplica);
    assert_eq!(bench.writers_so_far(), [Some(0)], "no split brain, and no other on the way");
}

#[test]
fn the_group_inherits_nothing_by_the_death_of_its_source() {
    let mut bench = settled();
    let [_, _, two, three] = fed();
    let waiting = says(node(with_channel(replica(1, 0, history()), cut)));
    let gone = || fails(FailureKind::Refused);
    bench.seconds(20, &[gone(), waiting, two.clone(), three.clone()]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2, 3]));
    // Whoever has removed its channel has promoted it.
    bench.seconds(5, &[gone(), says(node(writable(1, history()))), two, three]);
    assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![2, 3]));
}

#[test]
fn all_nodes_are_as_late_as_the_one_that_receives() {
    let mut bench = settled();
    let [_, _, two, three] = fed();
    for offset in (110..600).step_by(10) {
        let mut first = writable(0, mariadb(&[(0, offset)]));
        first.position = Some(super::Position { segment: 1, offset });
        bench.rounds(
            1,
            &[says(first), says(node(replica(1, 0, history()))), two.clone(), three.clone()],
        );
    }
    for node in 1..4 {
        assert_eq!(bench.state(node), ServerState::ReplicaLagging, "{node}");
    }
    assert_eq!(bench.readers(), [0]);
}

#[test]
fn a_group_behind_another_site_is_as_late_as_its_channel_says() {
    let mut bench = Bench::new(ClusterKind::MySql, 2);
    let from_afar = |late: u64| {
        with_channel(replica(0, 9, GtidState::Unknown), |channel| {
            channel.source.endpoint.host = "192.0.2.1".into();
            channel.seconds_behind = Some(late);
        })
    };
    let group = |late| {
        [
            says(member(from_afar(late), GroupRole::Primary, "here")),
            says(member(writable(1, GtidState::Unknown), GroupRole::Secondary, "here")),
        ]
    };
    bench.seconds(3, &group(0));
    assert_eq!((bench.writer(), bench.readers()), (None, vec![0, 1]));
    bench.seconds(3, &group(3600));
    assert_eq!(bench.state(0), ServerState::ReplicaLagging);
    assert_eq!(bench.state(1), ServerState::ReplicaLagging);
}

#[test]
fn another_group_that_follows_ours_is_read() {
    let mut bench = Bench::new(ClusterKind::MySql, 4);
    let mut ours = member(writable(0, GtidState::Unknown), GroupRole::Primary, "here");
    ours.writability = Writability::Writable;
    bench.seconds(
        3,
        &[
            says(ours),
            says(member(writable(1, GtidState::Unknown), GroupRole::Secondary, "here")),
            says(member(replica(2, 0, GtidState::Unknown), GroupRole::Primary, "there")),
            says(member(writable(3, GtidState::Unknown), GroupRole::Secondary, "there")),
        ],
    );
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2, 3]));
}

/// Two members of a group, and a replica of the second.
fn with_a_replica(last: u64) -> [Outcome; 3] {
    let history = || mariadb(&[(0, last)]);
    let mut writer = member(writable(0, history()), GroupRole::Primary, "here");
    writer.writability = Writability::Writable;
    let secondary = member(writable(1, history()), GroupRole::Secondary, "here");
    [says(writer), says(secondary), says(replica(2, 1, history()))]
}

fn promoted() -> Outcome {
    says(writable(2, mariadb(&[(0, 100), (2, 110)])))
}

#[test]
fn a_replica_that_is_promoted_when_the_group_is_lost_inherits() {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(3, &with_a_replica(100));
    let gone = || fails(FailureKind::TimedOut);
    let waiting = says(with_channel(replica(2, 1, history()), cut));
    bench.seconds(10, &[gone(), gone(), waiting]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![2]));
    bench.seconds(2, &[gone(), gone(), promoted()]);
    assert_eq!(bench.writer(), Some(2));
    // The group is back as it was.
    let [writer, secondary, _] = with_a_replica(100);
    bench.seconds(5, &[writer, secondary, promoted()]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(2), ServerState::StalePrimary));
}

#[test]
fn one_that_was_writable_beside_the_group_inherits_nothing_by_its_end() {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(3, &with_a_replica(100));
    let [writer, secondary, _] = with_a_replica(120);
    bench.seconds(5, &[writer, secondary, promoted()]);
    assert_eq!((bench.writer(), bench.state(2)), (Some(0), ServerState::StalePrimary));
    let gone = || fails(FailureKind::TimedOut);
    bench.seconds(60, &[gone(), gone(), promoted()]);
    assert_eq!((bench.writer(), bench.state(2)), (Some(0), ServerState::StalePrimary));
}
