//! Whom a server replicates from, and what is being counted of it: told, and never judged by.

use super::{
    Bench, ClusterId, ClusterKind, ClusterPolicy, Endpoint, FailureKind, MySqlFacts, SourceId,
    channel, cut, detached_standby, fails, mariadb, policy, postgres::settled, primary, replica,
    says, standby, with_channel, writable,
};
use crate::engine::{Progress, ServerIndex, Towards, Upstream};

/// Whom each of three servers replicates from.
fn upstreams(bench: &Bench) -> [Option<Upstream<ServerIndex>>; 3] {
    [0, 1, 2].map(|index| bench.cluster.conclusion(ServerIndex::new(index)).upstream)
}

fn member(index: usize) -> Option<Upstream<ServerIndex>> {
    Some(Upstream::Member(ServerIndex::new(index)))
}

fn progress(bench: &Bench, index: usize) -> Option<(Towards, u32, u32)> {
    let progress = bench.cluster.progress(ServerIndex::new(index));
    progress.map(|Progress { towards, done, of }| (towards, done, of))
}

#[test]
fn a_standby_names_its_sender_also_one_that_is_no_primary_or_no_member() {
    let mut bench = settled();
    assert_eq!(upstreams(&bench), [None, member(0), member(0)]);
    bench.hear([(2, standby(1, 1, 100))]);
    assert_eq!(upstreams(&bench), [None, member(0), member(1)]);
    bench.hear([(1, standby(1, 7, 100)), (2, detached_standby(1, 100))]);
    assert_eq!(upstreams(&bench), [None, Some(Upstream::Outside), None]);
    // What has failed said so in its last good reply.
    bench.rounds(9, &[primary(1, 100), standby(1, 0, 100), standby(1, 1, 100)]);
    bench.rounds(9, &[primary(1, 100), standby(1, 0, 100), fails(FailureKind::Refused)]);
    assert_eq!(upstreams(&bench), [None, member(0), member(1)]);
}

#[test]
fn a_replica_names_a_member_before_an_outside_and_nobody_when_it_follows_nobody() {
    let history = || mariadb(&[(0, 100)]);
    let outside = || SourceId {
        uuid: None,
        server_id: 77,
        endpoint: Endpoint { host: "192.0.2.1".into(), port: 3306 },
    };
    let foreign = || {
        let mut channel = channel(0);
        (channel.name, channel.source) = ("migration".into(), outside());
        channel
    };
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    let both =
        MySqlFacts { channels: Some(vec![foreign(), channel(0)]), ..replica(1, 0, history()) };
    let away = MySqlFacts { channels: Some(vec![foreign()]), ..replica(2, 0, history()) };
    let broken = with_channel(replica(1, 0, history()), cut);
    bench.rounds(4, &[says(writable(0, history())), says(both), says(away.clone())]);
    assert_eq!(upstreams(&bench), [None, member(0), Some(Upstream::Outside)]);
    // A member that it does not reach is still its source; an outside that it does not reach is not.
    let alone = with_channel(away, cut);
    bench.rounds(4, &[says(writable(0, history())), says(broken), says(alone)]);
    assert_eq!(upstreams(&bench), [None, member(0), None]);
}

#[test]
fn what_is_counted_is_told_until_it_has_come() {
    let mut bench = settled();
    let [first, second, _] = super::postgres::healthy();
    assert_eq!([0, 1, 2].map(|index| progress(&bench, index)), [None; 3]);
    let mut told = Vec::new();
    for _ in 0..4 {
        bench.hear([(0, first.clone()), (1, second.clone()), (2, fails(FailureKind::TimedOut))]);
        told.push(progress(&bench, 2));
    }
    let down = |done| Some((Towards::Down, done, 3));
    assert_eq!(told, [down(1), down(2), None, None]);
    let mut told = Vec::new();
    for _ in 0..3 {
        bench.hear([(0, first.clone()), (1, second.clone()), (2, standby(1, 0, 100))]);
        told.push(progress(&bench, 2));
    }
    assert_eq!(told, [Some((Towards::Back, 1, 2)), None, None]);
    // One word of a promoted server is not enough.
    bench.hear([(0, fails(FailureKind::Refused)), (1, primary(2, 110))]);
    assert_eq!(progress(&bench, 0), Some((Towards::Down, 1, 2)));
    assert_eq!(progress(&bench, 1), Some((Towards::Writable, 1, 2)));
}

#[test]
fn another_configuration_moves_an_upstream_and_forgets_one_that_has_left() {
    let mut bench = settled();
    bench.hear([(2, standby(1, 1, 100))]);
    let moved = |bench: &Bench, keep: &[usize]| {
        let before = policy(ClusterKind::Postgres, 3);
        let servers = keep.iter().map(|place| before.servers[*place].clone()).collect();
        let policy = ClusterPolicy { servers, ..before };
        let (cluster, _) = bench.cluster.reconfigured(ClusterId(0), policy, bench.now);
        let places = 0..keep.len();
        let upstreams = places.map(|place| cluster.conclusion(ServerIndex::new(place)).upstream);
        upstreams.collect::<Vec<_>>()
    };
    assert_eq!(moved(&bench, &[2, 1, 0]), [member(1), member(2), None]);
    assert_eq!(moved(&bench, &[0, 2]), [None, None]);
}
