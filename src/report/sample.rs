//! A cluster for tests.

use super::{ClusterView, NameReason, NameView, ServerView, Severity};
use crate::{
    engine::{ClusterKind, ReadReason, ServerState, Stability, StateReason, WriteReason},
    wall_time::WallTime,
};

fn server(name: &str, state: ServerState) -> ServerView {
    ServerView {
        name: name.into(),
        addresses: Vec::new(),
        port: 5432,
        state,
        reason: StateReason::Fresh,
        since: WallTime::default(),
        lag: None,
        upstream: None,
        extent: None,
        progress: None,
        failure: None,
        names: Vec::new(),
        witnesses: [].into(),
        added: false,
        drained: false,
        transient: false,
        overdue: false,
        severity: Severity::default(),
    }
}

fn name(name: &str, servers: &[&str], reason: NameReason) -> NameView {
    NameView {
        name: name.into(),
        servers: servers.iter().map(|server| (*server).into()).collect(),
        reason,
        since: WallTime::default(),
        ttl: 1,
        severity: Severity::default(),
    }
}

/// A primary and two replicas: all is well.
pub fn shop() -> ClusterView {
    ClusterView {
        name: "shop".into(),
        kind: ClusterKind::Postgres,
        stability: Stability::Stable,
        names: vec![
            name("write.internal.", &["shop1"], NameReason::Write(WriteReason::Primary)),
            name("read.internal.", &["shop2", "shop3"], NameReason::Read(ReadReason::Eligible)),
        ],
        servers: vec![
            server("shop1", ServerState::Primary),
            server("shop2", ServerState::Replica),
            server("shop3", ServerState::Replica),
        ],
        overrides: Vec::new(),
        severity: Severity::default(),
    }
}
