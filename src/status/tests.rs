//! The sample's cluster in the words of the API.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    answers::{
        Balance, Reports, ServerReport,
        sample::{directory, healthy, layout, table, write},
    },
    engine::{FailureKind, ServerState, Standing, StateReason},
};

const START: WallTime = WallTime::from_unix_millis(1_795_240_800_000);

fn standing(state: ServerState, reason: StateReason, lag: Option<u64>) -> ServerReport {
    let lag = lag.map(|millis| Lag(Duration::from_millis(millis)));
    let since = Moment::from_millis(2_000);
    ServerReport {
        standing: Standing { state, reason, since, lag },
        failure: None,
        witnesses: [].into(),
        added: false,
    }
}

fn snapshot(decision: &Decision) -> Snapshot {
    let mut down = standing(ServerState::Down, StateReason::Fails(FailureKind::Refused), None);
    down.failure = Some("refused".into());
    let report = ClusterReport {
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
    };
    Snapshot { table: table(decision), reports: Reports::new(vec![report]) }
}

#[test]
fn a_snapshot_is_told_name_by_name_and_server_by_server() {
    let process = Process { started: START, queries: 7, ..Process::default() };
    let status = status(&snapshot(&healthy()), process);
    assert_eq!(status.started, "2026-11-21T06:00:00.000Z");
    assert_eq!((status.generation, status.serial, status.queries), (1, 1000, 7));
    assert!(status.ready && !status.isolated);
    let [cluster] = status.clusters.as_slice() else { panic!("one cluster") };
    assert_eq!((&*cluster.name, &*cluster.engine), ("orders", "postgres"));
    assert_eq!(cluster.stability, "calm");
    let [write, read, _] = cluster.names.as_slice() else { panic!("three names") };
    assert_eq!((&*write.name, write.role), ("db-write.internal.", api::NameRole::Write));
    assert_eq!((&write.servers[..], write.ttl), (&["db1".to_owned()][..], 1));
    assert_eq!((&*write.reason, &*write.degradation), ("it is the one writable primary", "none"));
    assert_eq!((read.role, read.ttl), (api::NameRole::Read, 2));
    assert_eq!(read.servers, ["db2", "db3"]);
    let [db1, db2, db3] = cluster.servers.as_slice() else { panic!("three servers") };
    assert_eq!((&*db1.state, &db1.names[..]), ("Primary", &["db-write.internal.".to_owned()][..]));
    assert_eq!((db2.lag_ms, db2.addresses.len(), db2.port), (Some(250), 4, 5432));
    assert_eq!(db2.since, "2026-11-21T06:00:02.000Z");
    assert_eq!((&*db3.reason, db3.failure.as_deref()), ("connection refused", Some("refused")));
}

#[test]
fn what_is_not_ready_or_not_known_is_told_as_such() {
    let faults = vec!["orders: not ready".to_owned()];
    let told = status(&snapshot(&healthy()), Process { faults, ..Process::default() });
    assert!(!told.ready);
    let partless = Decision { write: None, reads: Vec::new(), ..healthy() };
    let cluster = published(&snapshot(&partless), ClusterId(0)).expect("a cluster");
    assert!(cluster.names.iter().all(|name| {
        name.degradation == "not-ready"
            && name.servers.is_empty()
            && name.reason.contains("not ready")
    }));
    assert!(published(&snapshot(&partless), ClusterId(1)).is_none());
    let held = Decision { write: Some(write(Some(0), WriteReason::HeldIsolated)), ..healthy() };
    assert!(status(&snapshot(&held), Process::default()).isolated);
}

#[test]
fn why_says_of_each_name_why_the_server_is_in_it_or_not() {
    let id = |server| ServerId { cluster: ClusterId(0), server: ServerIndex(server) };
    let why_db3 = why(&snapshot(&healthy()), id(2)).expect("a server");
    assert_eq!((&*why_db3.cluster, &*why_db3.server.name), ("orders", "db3"));
    let [write, read, _] = why_db3.names.as_slice() else { panic!("three names") };
    assert_eq!(
        (write.included, &*write.because),
        (false, "it is Down: connection refused; published is db1: it is the one writable primary")
    );
    assert_eq!((read.included, &*read.because), (true, "the fit replicas"));
    assert!(why(&snapshot(&healthy()), id(3)).is_none());
}

#[test]
fn an_override_is_told_with_its_server_its_term_and_who_wants_it() {
    let directory = directory(ClusterKind::Postgres);
    let pin = Override {
        wish: Wish::Pin { server: ServerIndex(1), even_if_not_writable: true },
        author: "ann@desk".into(),
        reason: "move".into(),
        since: Moment::from_millis(1_000),
        until: Some(Moment::from_millis(61_000)),
    };
    let told = laid(&directory.clusters[0], &pin, START);
    assert_eq!((told.kind, told.server.as_deref()), (OverrideKind::Pin, Some("db2")));
    assert_eq!((&*told.cluster, told.force), ("orders", true));
    assert_eq!((&*told.author, &*told.reason), ("ann@desk", "move"));
    assert_eq!(told.since, "2026-11-21T06:00:01.000Z");
    assert_eq!(told.until.as_deref(), Some("2026-11-21T06:01:01.000Z"));
    let freeze = Override { wish: Wish::Freeze, until: None, ..pin };
    let told = laid(&directory.clusters[0], &freeze, START);
    assert_eq!((told.kind, told.server, told.until), (OverrideKind::Freeze, None, None));
    assert_eq!(layout(Balance::Shuffle).clusters().len(), 1);
}

#[test]
fn what_should_pass_is_overdue_after_a_minute_and_what_is_on_purpose_never_is() {
    use FailureKind::Starting as StartsUp;
    use ServerState::{Down, Maintenance, Replica, Starting};
    for (state, reason, should_pass) in [
        (Starting, StateReason::Fails(StartsUp), true),
        (Starting, StateReason::NotInGroup, true),
        (Starting, StateReason::Donor, false),
        (Maintenance, StateReason::ReplayPaused, true),
        (Maintenance, StateReason::DelayedOnPurpose, false),
        (Maintenance, StateReason::ClientsKeptAway, false),
        (Replica, StateReason::Fresh, false),
        // An alarm of its own, from the first moment on.
        (Down, StateReason::Fails(FailureKind::Refused), false),
    ] {
        let standing = standing(state, reason, None).standing;
        assert_eq!(is_transient(standing), should_pass, "{state}: {reason}");
        let begun = Moment::from_millis(2_000);
        assert!(!is_overdue(standing, begun + (PASSES_WITHIN - Duration::from_millis(1))));
        assert_eq!(is_overdue(standing, begun + PASSES_WITHIN), should_pass, "{state}: {reason}");
    }
}
