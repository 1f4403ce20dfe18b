//! The sample's cluster by names.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    answers::sample::{healthy, table, write},
    engine::{
        ClusterKind, Decision, Degradation, FailureKind, Lag, Moment, ReadReason, ServerIndex,
        ServerState, Stability, Standing, StateReason, WriteReason,
    },
    report::{ClusterReport, NameReason, Reports, ServerReport},
};

const START: WallTime = WallTime::from_unix_millis(1_795_240_800_000);

fn standing(state: ServerState, reason: StateReason, lag: Option<u64>) -> ServerReport {
    let lag = lag.map(|millis| Lag(Duration::from_millis(millis)));
    let since = Moment::from_millis(2_000);
    ServerReport {
        standing: Standing { state, reason, since, lag },
        failure: None,
        upstream: None,
        extent: None,
        progress: None,
        witnesses: [].into(),
        added: false,
    }
}

fn snapshot(decision: &Decision) -> Snapshot {
    Snapshot { table: table(decision), reports: Reports::new(vec![report(decision)]) }
}

fn report(decision: &Decision) -> ClusterReport {
    let mut down = standing(ServerState::Down, StateReason::Fails(FailureKind::Refused), None);
    down.failure = Some("refused".into());
    ClusterReport {
        decision: decision.clone(),
        servers: [
            standing(ServerState::Primary, StateReason::SaysWritable, None),
            standing(ServerState::Replica, StateReason::Fresh, Some(250)),
            down,
        ]
        .into(),
        overrides: [].into(),
        events: Arc::new([]),
        start: START,
    }
}

#[test]
fn a_snapshot_is_told_name_by_name_and_server_by_server() {
    let process = Process { started: START, queries: 7, ..Process::default() };
    let status = Status::new(&snapshot(&healthy()), process);
    assert_eq!((status.generation, status.serial), (1, 1000));
    assert!(status.is_ready() && !status.isolated);
    let [cluster] = status.clusters.as_slice() else { panic!("one cluster") };
    assert_eq!((&*cluster.name, cluster.kind), ("orders", ClusterKind::Postgres));
    assert_eq!(cluster.stability, Stability::Stable);
    let [write, read, _] = cluster.names.as_slice() else { panic!("three names") };
    assert_eq!((&*write.name, write.reason.role()), ("db-write.internal.", "write"));
    assert_eq!((&write.servers[..], write.ttl), (&["db1".into()][..], 1));
    assert_eq!(write.reason, NameReason::Write(WriteReason::Primary));
    assert_eq!((read.reason, read.ttl), (NameReason::Read(ReadReason::Eligible), 2));
    assert_eq!(read.servers, ["db2".into(), "db3".into()]);
    let [db1, db2, db3] = cluster.servers.as_slice() else { panic!("three servers") };
    assert_eq!(db1.state, ServerState::Primary);
    assert_eq!(db1.names, ["db-write.internal.".into()]);
    let lag = Some(Lag(Duration::from_millis(250)));
    assert_eq!((db2.lag, db2.addresses.len(), db2.port), (lag, 4, 5432));
    assert_eq!(db2.since, START.at(Moment::from_millis(2_000)));
    assert_eq!(db3.reason, StateReason::Fails(FailureKind::Refused));
    assert_eq!(db3.failure.as_deref(), Some("refused"));
}

#[test]
fn what_is_not_ready_or_not_known_is_told_as_such() {
    let faults = vec!["orders: not ready".to_owned()];
    let told = Status::new(&snapshot(&healthy()), Process { faults, ..Process::default() });
    assert!(!told.is_ready());
    let partless = Decision { write: None, reads: Vec::new(), ..healthy() };
    let view = cluster(&snapshot(&partless), ClusterId(0), WallTime::default()).expect("a cluster");
    assert!(view.names.iter().all(|name| {
        name.reason.degradation() == Degradation::NotReady && name.servers.is_empty()
    }));
    assert!(cluster(&snapshot(&partless), ClusterId(1), WallTime::default()).is_none());
    let held = Decision { write: Some(write(Some(0), WriteReason::HeldIsolated)), ..healthy() };
    assert!(Status::new(&snapshot(&held), Process::default()).isolated);
}

#[test]
fn why_says_of_each_name_why_the_server_is_in_it_or_not() {
    let id = |server| ServerId { cluster: ClusterId(0), server: ServerIndex::new(server) };
    let why_db3 = why(&snapshot(&healthy()), id(2), WallTime::default()).expect("a server");
    assert_eq!((&*why_db3.cluster, &*why_db3.server.name), ("orders", "db3"));
    let [write, read, _] = why_db3.names.as_slice() else { panic!("three names") };
    assert_eq!(
        (write.is_included(), &*write.to_string()),
        (false, "it is Down: connection refused; published is db1: it is the one writable primary")
    );
    assert_eq!((read.is_included(), &*read.to_string()), (true, "the eligible replicas"));
    assert!(why(&snapshot(&healthy()), id(3), WallTime::default()).is_none());
}
