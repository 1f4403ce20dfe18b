//! A service to look at: one cluster after a failover, one in split brain, one that is well.

use std::{sync::Arc, time::Duration};

use crate::{
    chronicle::Entry,
    engine::{
        Check, ClusterKind, FailureKind, Lag, ReadReason, ServerState, Stability, StateReason,
        Upstream, Word, WriteReason,
    },
    hooks::HookTally,
    push::{Block, PushState, PushView},
    report::{
        Change, ClusterView, DiscoveredServer, DiscoveryReport, DiscoverySource, FindStanding,
        NameReason, NameView, Override, ServerView, Severity, What, Wish, WitnessReport,
    },
    state::StateReport,
    status::{Process, Status},
    transfer::SecondaryView,
    wall_time::WallTime,
};

/// 2026-11-21T15:00:00Z.
pub const NOW: WallTime = WallTime::from_unix_millis(1_795_273_200_000);

/// All is well with one cluster.
pub fn well() -> Status {
    let process =
        Process { started: at("2026-11-18T12:00:00Z"), queries: 123_456, ..Process::default() };
    Status {
        process,
        generation: 17,
        serial: 1_795_000_017,
        isolated: false,
        warnings: Vec::new(),
        clusters: vec![cluster("billing")],
    }
}

/// A cluster that finds more than is shown, among that a stranger.
pub fn discovery() -> Vec<(Arc<DiscoveryReport>, Duration)> {
    let find =
        |name: Option<&str>, at: &str, state: &str, reason: &str, standing| DiscoveredServer {
            name: name.map(Into::into),
            at: at.into(),
            state: state.into(),
            reason: reason.into(),
            sources: vec!["file".into()],
            standing,
        };
    let member = find(Some("db5"), "10.0.0.5:5432", "member", "follows db1", FindStanding::Member);
    let member = DiscoveredServer { sources: vec!["replication".into(), "file".into()], ..member };
    let why = "a stranger carries our identity";
    let stranger = find(None, "10.0.0.9:5432", "examined", why, FindStanding::Stranger);
    let why = "the cluster has `max_servers` already";
    let more = |number| {
        find(None, &format!("10.0.1.{number}:5432"), "sighted", why, FindStanding::Outside)
    };
    let mut finds: Vec<_> = (0..18).map(more).collect();
    finds.push(stranger);
    // Fifteen do not fit.
    finds.extend((18..33).map(more));
    finds.push(member);
    let source = |source: &str, age_seconds, fault: Option<&str>| DiscoverySource {
        source: source.into(),
        age_seconds,
        fault: fault.map(Into::into),
    };
    let sources =
        vec![source("replication", Some(10), None), source("file", None, Some("no JSON <b>"))];
    let report = DiscoveryReport { cluster: "orders".into(), mode: "join".into(), sources, finds };
    vec![(Arc::new(report), Duration::from_secs(2))]
}

/// A failover with a drain, a split brain, and one that is well.
pub fn troubled() -> Status {
    let mut orders = cluster("orders");
    orders.stability = Stability::Settling;
    let names = ["db-write.internal.", "db-read.internal."];
    for (name, said) in orders.names.iter_mut().zip(names) {
        name.name = said.into();
    }
    orders.names[0].servers = vec!["db2".into()];
    orders.names[1].servers = vec!["db2".into()];
    orders.names[1].reason = NameReason::Read(ReadReason::WithPrimary);
    orders.servers = vec![
        server("db1", ServerState::Down, &[], None),
        server("db2", ServerState::Primary, &names, None),
        server("db3", ServerState::ReplicaLagging, &[], Some(45_200)),
    ];
    orders.servers[2].upstream = Some(Upstream::Member("db2".into()));
    let stray = server("db4", ServerState::Replica, &[], Some(0));
    orders.servers.push(ServerView { upstream: Some(Upstream::Member("db1".into())), ..stray });
    orders.servers[0].failure = Some("connection refused (127.0.1.1:5432)".into());
    orders.servers[2].drained = true;
    let (check, word) = (Check::Patroni, Some(Word::Up));
    let patroni = WitnessReport { check, word, detail: "running, timeline 2".into() };
    orders.servers[2].witnesses = [patroni].into();
    orders.overrides = vec![laid(Wish::Drain { server: "db3".into(), force: false })];
    let mut users = cluster("users");
    users.names[0].reason = NameReason::Write(WriteReason::HeldSplitBrain);
    users.servers[1].state = ServerState::StalePrimary;
    users.overrides = vec![Override { until: None, ..laid(Wish::Freeze) }];
    let hook = HookTally {
        name: "chat".into(),
        runs: 12,
        failures: 3,
        dropped: 1,
        pending: 4,
        failing_since: Some(at("2026-11-21T14:56:00Z")),
    };
    let fault = "the state cannot be saved: the disk is full".into();
    let state = StateReport {
        fault: Some((fault, at("2026-11-21T14:57:00Z"))),
        is_serial_limited: true,
        set_aside: None,
    };
    let secondary = SecondaryView {
        zone: "db.internal.".into(),
        name: "ns3".into(),
        address: "10.0.0.53:53".parse().expect("an address"),
        serial: Some(1_795_240_801),
        ours: Some(1_795_240_809),
        lag: Duration::from_secs(7),
        fault: None,
    };
    let secondaries = vec![secondary];
    let well = well();
    Status {
        clusters: vec![cluster("billing"), orders.assessed(), users.assessed()],
        warnings: vec!["the state cannot be saved".into(), "the hook chat fails".into()],
        process: Process {
            state: Some(state),
            hooks: vec![hook],
            secondaries,
            pushes: vec![pushed()],
            ..well.process
        },
        ..well
    }
}

/// A name in somebody else's zone that is not ours to change.
fn pushed() -> PushView {
    PushView {
        publish: "corp-bind".into(),
        from: "db-write.internal.".into(),
        to: "db-write.corp.example.".into(),
        state: PushState::Blocked(Block::NotOurs),
        epoch: 42,
        written: 1,
        astray: Vec::new(),
    }
}

/// So many clusters that are well, and one that is not.
pub fn many(count: usize) -> Status {
    let mut status = troubled();
    status.clusters.extend((0..count).map(|number| cluster(&format!("shop{number:04}"))));
    status
}

/// What has happened.
pub fn events() -> Vec<Arc<Entry>> {
    let entry = |id, what| {
        let at = at(&format!("2026-11-21T14:5{id}:07.250Z"));
        let change = Change { at, cluster: Some("orders".into()), what };
        Arc::new(Entry { id, change: change.into() })
    };
    let write = |from: Option<&str>, to: Option<&str>, reason| {
        let [from, to] = [from, to].map(|server| server.map(Box::from));
        What::Write { name: "db-write.internal.".into(), from, to, reason }
    };
    let down = What::State {
        server: "db1".into(),
        from: ServerState::Primary,
        to: ServerState::Down,
        reason: StateReason::Fails(FailureKind::Refused),
        detail: "".into(),
    };
    vec![
        entry(1, down),
        entry(2, write(Some("db1"), None, WriteReason::NotWritable)),
        entry(3, write(None, Some("db2"), WriteReason::Primary)),
    ]
}

/// A cluster that is well.
pub fn cluster(name: &str) -> ClusterView {
    let [write, read] = [format!("{name}-write.internal."), format!("{name}-read.internal.")];
    let said = |name: &str, servers: &[&str], reason| NameView {
        name: name.into(),
        servers: servers.iter().map(|server| (*server).into()).collect(),
        reason,
        since: at("2026-11-18T12:00:01Z"),
        ttl: 1,
        severity: Severity::Ok,
    };
    let called = |number: usize| format!("{name}{number}");
    let replica = |number, lag| ServerView {
        upstream: Some(Upstream::Member(called(1).into())),
        ..server(&called(number), ServerState::Replica, &[&read], Some(lag))
    };
    ClusterView {
        name: name.into(),
        kind: ClusterKind::Postgres,
        stability: Stability::Stable,
        names: vec![
            said(&write, &[&called(1)], NameReason::Write(WriteReason::Primary)),
            said(&read, &[&called(2), &called(3)], NameReason::Read(ReadReason::Eligible)),
        ],
        servers: vec![
            server(&called(1), ServerState::Primary, &[&write], None),
            replica(2, 0),
            replica(3, 212),
        ],
        overrides: Vec::new(),
        severity: Severity::Ok,
    }
    .assessed()
}

fn server(name: &str, state: ServerState, names: &[&str], lag_ms: Option<u64>) -> ServerView {
    ServerView {
        name: name.into(),
        addresses: ["10.0.0.1", "fd00::1"].map(|one| one.parse().expect("an address")).into(),
        port: 5432,
        state,
        reason: StateReason::SaysWritable,
        since: at("2026-11-21T14:55:00Z"),
        lag: lag_ms.map(|millis| Lag(Duration::from_millis(millis))),
        upstream: None,
        extent: None,
        progress: None,
        failure: None,
        names: names.iter().map(|name| (*name).into()).collect(),
        witnesses: [].into(),
        added: false,
        drained: false,
        transient: false,
        overdue: false,
        severity: Severity::Ok,
    }
}

fn laid(wish: Wish) -> Override {
    Override {
        wish,
        author: "ada".into(),
        reason: "new disk".into(),
        since: at("2026-11-21T14:30:00Z"),
        until: Some(at("2026-11-21T15:30:00Z")),
    }
}

fn at(text: &str) -> WallTime {
    WallTime::parse(text).expect("a test's time")
}
