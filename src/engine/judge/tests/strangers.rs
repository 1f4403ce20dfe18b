//! Servers that were found: what their claim to be writable is worth.

use super::{
    Bench, ClusterKind, FailureKind, MayWrite, Outcome, ServerState, StateReason, detached_standby,
    fails, foreign, policy, primary, standby,
};
use crate::engine::ServerIndex;

/// Three PostgreSQL servers of which the last was found.
fn found(may_write: MayWrite) -> Bench {
    let mut policy = policy(ClusterKind::Postgres, 3);
    policy.servers[2].may_write = may_write;
    Bench::with(policy)
}

const REFUSED: FailureKind = FailureKind::Refused;

#[test]
fn a_promoted_restore_never_becomes_the_writer() {
    for newer in [2, 9] {
        let mut bench = found(MayWrite::SeenFollowing);
        bench.seconds(5, &[primary(1, 100), standby(1, 0, 100), primary(newer, 900)]);
        assert_eq!(bench.writer(), Some(0));
        let known = (bench.state(2), bench.reason(2));
        assert_eq!(known, (ServerState::WrongCluster, StateReason::Stranger));
        assert!(!bench.readers().contains(&2));
        // Nor when everybody else is gone, for however long.
        bench.seconds(120, &[fails(REFUSED), fails(REFUSED), primary(newer, 900)]);
        assert!(!bench.writers_so_far().contains(&Some(2)), "{:?}", bench.writers_so_far());
        // It takes nothing from who is promoted rightly, on a lower timeline.
        bench.seconds(5, &[fails(REFUSED), primary(2, 110), primary(newer, 900)]);
        assert_eq!(bench.writer(), Some(1));
    }
}

#[test]
fn alone_at_the_start_a_stranger_is_nobody() {
    let mut bench = found(MayWrite::SeenFollowing);
    let alone: [Outcome; 3] = [fails(REFUSED), fails(REFUSED), primary(1, 100)];
    bench.seconds(60, &alone);
    assert_eq!(bench.writers_so_far(), []);
    // One that the file has is believed.
    let mut bench = found(MayWrite::Always);
    bench.seconds(60, &alone);
    assert_eq!(bench.writer(), Some(2));
}

#[test]
fn one_that_was_seen_following_may_be_promoted() {
    let mut bench = found(MayWrite::SeenFollowing);
    bench.seconds(5, &[primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]);
    assert!(bench.readers().contains(&2));
    bench.seconds(5, &[fails(REFUSED), standby(2, 2, 110), primary(2, 110)]);
    assert_eq!(bench.writer(), Some(2));
}

#[test]
fn following_nobody_or_another_system_is_not_following() {
    for before in [detached_standby(1, 100), foreign(standby(1, 0, 100))] {
        let mut bench = found(MayWrite::SeenFollowing);
        bench.seconds(5, &[primary(1, 100), standby(1, 0, 100), before.clone()]);
        bench.seconds(5, &[fails(REFUSED), standby(1, 0, 100), primary(2, 110)]);
        assert_ne!(bench.writer(), Some(2), "{before:?}");
    }
}

#[test]
fn never_means_never() {
    let mut bench = found(MayWrite::Never);
    bench.seconds(5, &[primary(1, 100), standby(1, 0, 100), standby(1, 0, 100)]);
    assert!(bench.readers().contains(&2));
    bench.seconds(60, &[fails(REFUSED), fails(REFUSED), primary(2, 110)]);
    assert!(!bench.writers_so_far().contains(&Some(2)));
    let known = (bench.state(2), bench.reason(2));
    assert_eq!(known, (ServerState::StalePrimary, StateReason::MayNotWrite));
    let standing = bench.cluster.standing(ServerIndex::new(2));
    assert!(standing.state.is_alarming());
}
