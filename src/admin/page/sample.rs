//! A service to look at: one cluster after a failover, one in split brain, one that is well.

use std::sync::Arc;

use crate::api::{
    ClusterStatus, EventEntry, EventKind, HookStatus, NameRole, NameStatus, OverrideKind,
    OverrideStatus, ServerStatus, StateStatus, Status, WitnessStatus,
};

/// 2026-11-21T15:00:00Z in milliseconds since 1970.
pub(in crate::admin) const NOW: u64 = 1_795_273_200_000;

/// All is well with one cluster.
pub(in crate::admin) fn well() -> Status {
    Status {
        version: "0.1.0".into(),
        started: "2026-11-18T12:00:00.000Z".into(),
        generation: 17,
        serial: 1_795_000_017,
        ready: true,
        faults: Vec::new(),
        isolated: false,
        warnings: Vec::new(),
        state: None,
        hooks: Vec::new(),
        queries: 123_456,
        clusters: vec![cluster("billing")],
    }
}

/// A failover with a drain, a split brain, and one that is well.
pub(in crate::admin) fn troubled() -> Status {
    let mut orders = cluster("orders");
    orders.stability = "unrest".into();
    let names = ["db-write.internal.", "db-read.internal."].map(str::to_owned);
    for (name, said) in orders.names.iter_mut().zip(&names) {
        name.name.clone_from(said);
    }
    orders.names[0].servers = vec!["db2".into()];
    orders.names[1].servers = vec!["db2".into()];
    orders.names[1].degradation = "fallback".into();
    orders.names[1].reason = "too few fit replicas, so the primary helps out".into();
    orders.servers = vec![
        server("db1", "Down", &[], None),
        server("db2", "Primary", &[&names[0], &names[1]], None),
        server("db3", "ReplicaLagging", &[], Some(45_200)),
    ];
    orders.servers[0].failure = Some("connection refused (127.0.1.1:5432)".into());
    orders.servers[2].drained = true;
    orders.servers[2].witnesses = vec![WitnessStatus {
        check: "patroni".into(),
        word: Some("up".into()),
        detail: "running, timeline 2".into(),
    }];
    orders.overrides = vec![laid(OverrideKind::Drain, "orders", Some("db3"))];
    let mut users = cluster("users");
    users.names[0].reason =
        "held: two servers are writable and nothing tells which is right".into();
    users.names[0].degradation = "stale".into();
    users.servers[1].state = "StalePrimary".into();
    users.overrides =
        vec![OverrideStatus { until: None, ..laid(OverrideKind::Freeze, "users", None) }];
    let hook = HookStatus {
        name: "chat".into(),
        runs: 12,
        failures: 3,
        dropped: 1,
        pending: 4,
        failing_since: Some("2026-11-21T14:56:00.000Z".into()),
    };
    let state = StateStatus {
        saved: false,
        fault: Some("the state cannot be saved: the disk is full".into()),
        unsaved_since: Some("2026-11-21T14:57:00.000Z".into()),
        serial_limited: true,
        set_aside: None,
        set_aside_why: None,
    };
    Status {
        clusters: vec![cluster("billing"), orders, users],
        warnings: vec!["the state cannot be saved".into(), "the hook chat fails".into()],
        state: Some(state),
        hooks: vec![hook],
        ..well()
    }
}

/// So many clusters that are well, and one that is not.
pub(in crate::admin) fn many(count: usize) -> Status {
    let mut status = troubled();
    status.clusters.extend((0..count).map(|number| cluster(&format!("shop{number:04}"))));
    status
}

/// What has happened.
pub(in crate::admin) fn events() -> Vec<Arc<EventEntry>> {
    let entry = |id, kind, from: &str, to: &str, reason: &str| EventEntry {
        id,
        at: format!("2026-11-21T14:5{id}:07.250Z"),
        kind,
        cluster: Some("orders".into()),
        server: (kind == EventKind::ServerState).then(|| "db1".into()),
        name: None,
        from: Some(from.into()),
        to: Some(to.into()),
        reason: reason.into(),
        detail: String::new(),
    };
    vec![
        entry(1, EventKind::ServerState, "Primary", "Down", "refuses connections"),
        entry(2, EventKind::NoWriter, "db1", "", "no address: the last primary is not writable"),
        entry(3, EventKind::WriteChanged, "", "db2", "it is the one writable primary"),
    ]
    .into_iter()
    .map(Arc::new)
    .collect()
}

/// A cluster that is well.
pub(in crate::admin) fn cluster(name: &str) -> ClusterStatus {
    let names = [format!("{name}-write.internal."), format!("{name}-read.internal.")];
    let said = |role, name: &String, servers: &[&str]| NameStatus {
        name: name.clone(),
        role,
        servers: servers.iter().map(|server| (*server).to_owned()).collect(),
        reason: match role {
            NameRole::Write => "it is the one writable primary".into(),
            NameRole::Read => "the fit replicas".into(),
        },
        degradation: "none".into(),
        since: "2026-11-18T12:00:01.000Z".into(),
        ttl: 1,
    };
    let called = |number: usize| format!("{name}{number}");
    ClusterStatus {
        name: name.into(),
        engine: "postgres".into(),
        stability: "calm".into(),
        names: vec![
            said(NameRole::Write, &names[0], &[&called(1)]),
            said(NameRole::Read, &names[1], &[&called(2), &called(3)]),
        ],
        servers: vec![
            server(&called(1), "Primary", &[&names[0]], None),
            server(&called(2), "Replica", &[&names[1]], Some(0)),
            server(&called(3), "Replica", &[&names[1]], Some(212)),
        ],
        overrides: Vec::new(),
    }
}

fn server(name: &str, state: &str, names: &[&str], lag_ms: Option<u64>) -> ServerStatus {
    ServerStatus {
        name: name.into(),
        addresses: vec!["10.0.0.1".into(), "fd00::1".into()],
        port: 5432,
        state: state.into(),
        reason: "it says that it is so".into(),
        since: "2026-11-21T14:55:00.000Z".into(),
        lag_ms,
        failure: None,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        witnesses: Vec::new(),
        added: false,
        drained: false,
        transient: false,
    }
}

fn laid(kind: OverrideKind, cluster: &str, server: Option<&str>) -> OverrideStatus {
    OverrideStatus {
        kind,
        cluster: cluster.into(),
        server: server.map(str::to_owned),
        force: false,
        author: "ada".into(),
        reason: "new disk".into(),
        since: "2026-11-21T14:30:00.000Z".into(),
        until: Some("2026-11-21T15:30:00.000Z".into()),
    }
}
