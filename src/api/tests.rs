//! Typed views in the words of the API.

use std::time::Duration;

use super::*;
use crate::{
    engine::{
        self, Check, ClusterKind, FailureKind, Lag, ServerState, StateReason, Towards, Word,
        WriteReason,
    },
    report::{self, ClusterView, NameReason, NameView, Override, ServerView, Wish, WitnessReport},
};

/// 2026-11-21T06:00:01Z.
const SINCE: WallTime = WallTime::from_unix_millis(1_795_240_801_000);

fn view() -> ClusterView {
    let write = NameView {
        name: "db-write.internal.".into(),
        servers: vec!["db1".into()],
        reason: NameReason::Write(WriteReason::HeldUnreachable),
        since: SINCE,
        ttl: 1,
        severity: report::Severity::default(),
    };
    let (check, word) = (Check::Patroni, Some(Word::NotLeader));
    let server = ServerView {
        name: "db2".into(),
        addresses: [[10, 0, 0, 2].into()].into(),
        port: 5432,
        state: ServerState::Down,
        reason: StateReason::Fails(FailureKind::Refused),
        since: SINCE,
        lag: Some(Lag(Duration::from_millis(250))),
        upstream: Some(engine::Upstream::Member("db1".into())),
        extent: None,
        progress: Some(engine::Progress { towards: Towards::Back, done: 1, of: 2 }),
        failure: Some("refused".into()),
        names: Vec::new(),
        witnesses: [WitnessReport { check, word, detail: "replica".into() }].into(),
        added: true,
        drained: false,
        transient: false,
        overdue: false,
        severity: report::Severity::default(),
    };
    let pin = Override {
        wish: Wish::Pin { server: "db2".into(), even_if_not_writable: true },
        author: "ann@desk".into(),
        reason: "move".into(),
        since: SINCE,
        until: Some(WallTime::from_unix_millis(1_795_240_861_000)),
    };
    let freeze = Override { wish: Wish::Freeze, until: None, ..pin.clone() };
    ClusterView {
        name: "orders".into(),
        kind: ClusterKind::Postgres,
        stability: engine::Stability::Stable,
        names: vec![write],
        servers: vec![server],
        overrides: vec![pin, freeze],
        severity: report::Severity::default(),
    }
    .assessed()
}

#[test]
fn a_cluster_is_told_name_by_name_and_server_by_server() {
    let cluster = ClusterStatus::from(&view());
    let words = (&*cluster.name, &*cluster.engine, cluster.stability);
    assert_eq!(words, ("orders", "postgres", Stability::Stable));
    assert_eq!(cluster.severity, Severity::Outage);
    let [write] = cluster.names.as_slice() else { panic!("one name") };
    assert_eq!((&*write.name, write.role), ("db-write.internal.", NameRole::Write));
    assert_eq!((&write.servers[..], write.ttl), (&["db1".to_owned()][..], 1));
    assert_eq!(
        (write.degradation, &*write.since),
        (Degradation::Stale, "2026-11-21T06:00:01.000Z")
    );
    assert_eq!(write.reason, WriteReason::HeldUnreachable.to_string());
    let [db2] = cluster.servers.as_slice() else { panic!("one server") };
    assert_eq!((&*db2.state, &*db2.reason), ("Down", "connection refused"));
    assert_eq!(
        (db2.lag_ms, db2.addresses.concat(), db2.port),
        (Some(250), "10.0.0.2".into(), 5432)
    );
    assert_eq!((db2.failure.as_deref(), db2.added), (Some("refused"), true));
    let json = serde_json::to_value(db2).expect("JSON");
    assert_eq!(json["upstream"], serde_json::json!({ "server": "db1", "group": false }));
    assert_eq!(json["progress"], serde_json::json!({ "towards": "back", "done": 1, "of": 2 }));
    let [patroni] = db2.witnesses.as_slice() else { panic!("one witness") };
    assert_eq!((&*patroni.check, patroni.word.as_deref()), ("patroni", Some("not the leader")));
}

#[test]
fn an_override_is_told_with_its_server_its_term_and_who_wants_it() {
    let overrides = ClusterStatus::from(&view()).overrides;
    let [told, freeze] = overrides.as_slice() else { panic!("two overrides") };
    assert_eq!((told.kind, told.server.as_deref()), (OverrideKind::Pin, Some("db2")));
    assert_eq!((&*told.cluster, told.force), ("orders", true));
    assert_eq!((&*told.author, &*told.reason), ("ann@desk", "move"));
    assert_eq!(told.since, "2026-11-21T06:00:01.000Z");
    assert_eq!(told.until.as_deref(), Some("2026-11-21T06:01:01.000Z"));
    assert_eq!(freeze.kind, OverrideKind::Freeze);
    assert_eq!((&freeze.server, &freeze.until), (&None, &None));
}

#[test]
fn why_says_of_each_name_why_the_server_is_in_it_or_not() {
    let why = Why::from(&view().why("db2").expect("a server"));
    assert_eq!((&*why.cluster, &*why.server.name), ("orders", "db2"));
    let [write] = why.names.as_slice() else { panic!("one name") };
    let reason = WriteReason::HeldUnreachable;
    let because = format!("it is Down: connection refused; published is db1: {reason}");
    assert_eq!((write.included, &write.because), (false, &because));
    assert_eq!(why.overrides.len(), 2);
}

/// An older service says `calm` and `unrest`.
#[test]
fn the_former_words_of_stability_are_understood() {
    for (former, stability) in [("calm", Stability::Stable), ("unrest", Stability::Settling)] {
        let read: Stability = serde_json::from_value(former.into()).expect("a word of /v1");
        assert_eq!(read, stability, "{former}");
    }
    assert_eq!(serde_json::json!(Stability::Settling), serde_json::json!("settling"));
}
