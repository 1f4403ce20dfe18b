//! What becomes of Patroni's JSON, in the words of its versions.

use super::*;

/// The JSON of a primary of Patroni 4.
const PRIMARY: &str = r#"{"state": "running", "postmaster_start_time": "2026-01-01 00:00:00+00:00",
    "role": "primary", "server_version": 160004, "xlog": {"location": 67395656}, "timeline": 3,
    "replication": [{"usename": "replicator", "application_name": "b", "state": "streaming"}],
    "dcs_last_seen": 1692356718, "tags": {"clonefrom": true},
    "database_system_identifier": "18268616322854375442",
    "patroni": {"version": "4.0.0", "scope": "demo", "name": "a"}}"#;

/// The JSON of a replica of Patroni 3.
const REPLICA: &str = r#"{"state": "running", "role": "replica", "server_version": 150004,
    "xlog": {"received_location": 268435456, "replayed_location": 268435000,
    "replayed_timestamp": "2026-01-01 00:00:00+00:00", "paused": false}, "timeline": 4,
    "replication_state": "streaming", "database_system_identifier": "7285361516954819563",
    "patroni": {"version": "3.1.2", "scope": "demo"}}"#;

fn status(json: &str) -> Result<Status, Failure> {
    let answer = Answer { status: 200, body: json.as_bytes().to_vec() };
    read(&answer).map(|(status, _)| status)
}

fn role_of(json: &str) -> PostgresRole {
    facts(&status(json).expect("Patroni's JSON")).expect("facts").role
}

fn failure_of(json: &str) -> FailureKind {
    status(json).and_then(|status| facts(&status)).expect_err("no facts").kind
}

#[test]
fn a_primary_has_its_timeline_and_position() {
    let known = facts(&status(PRIMARY).expect("JSON")).expect("facts");
    assert_eq!(known.system_identifier, 18_268_616_322_854_375_442);
    let expected = PostgresRole::Primary {
        read_only: false,
        timeline: 3,
        position: Position::lsn(67_395_656),
    };
    assert_eq!(known.role, expected);
    let older = PRIMARY.replace("\"primary\"", "\"master\"");
    assert_eq!(role_of(&older), expected);
}

#[test]
fn a_replica_has_its_receiver_and_positions() {
    let receiver = |json: &str| match role_of(json) {
        PostgresRole::Standby { receiver, timeline, received, replayed, paused, .. } => {
            assert_eq!((timeline, paused), (Some(4), json.contains("\"paused\": true")));
            assert_eq!(received, Some(Position::lsn(268_435_456)));
            assert_eq!(replayed, Some(Position::lsn(268_435_000)));
            receiver
        }
        primary => panic!("{primary:?}"),
    };
    assert_eq!(receiver(REPLICA), Receiver::Streaming);
    assert_eq!(
        receiver(&REPLICA.replace("\"paused\": false", "\"paused\": true")),
        Receiver::Streaming
    );
    let silent = REPLICA.replace("\"replication_state\": \"streaming\",", "");
    assert_eq!(receiver(&silent), Receiver::Hidden);
    assert_eq!(receiver(&silent.replace("running", "streaming")), Receiver::Streaming);
    let archive = REPLICA.replace("\"streaming\"", "\"in archive recovery\"");
    assert_eq!(receiver(&archive), Receiver::Absent);
    assert_eq!(receiver(&REPLICA.replace("replica\"", "standby_leader\"")), Receiver::Streaming);
}

#[test]
fn a_database_that_does_not_run_is_no_facts() {
    for (state, kind) in [
        ("starting", FailureKind::Starting),
        ("restarting", FailureKind::Starting),
        ("creating replica", FailureKind::Starting),
        ("stopping", FailureKind::ShuttingDown),
        ("stopped", FailureKind::ShuttingDown),
        ("crashed", FailureKind::ShuttingDown),
        ("start failed", FailureKind::ShuttingDown),
    ] {
        let json = format!("{{\"state\": \"{state}\", \"role\": \"replica\"}}");
        assert_eq!(failure_of(&json), kind, "{state}");
    }
}

#[test]
fn an_odd_reply_is_no_reply() {
    for (of, to) in [
        ("\"timeline\": 3", "\"timeline\": 0"),
        ("\"timeline\": 3", "\"timeline\": -1"),
        ("\"timeline\": 3", "\"timeline\": \"3\""),
        ("{\"location\": 67395656}", "{}"),
        ("{\"location\": 67395656}", "null"),
        ("18268616322854375442", "x"),
        ("\"database_system_identifier\"", "\"other\""),
        ("\"role\": \"primary\",", ""),
        ("\"state\": \"running\"", "\"state\": 7"),
        ("{\"state\"", "[{\"state\""),
    ] {
        assert!(PRIMARY.contains(of), "{of}");
        assert_eq!(failure_of(&PRIMARY.replacen(of, to, 1)), FailureKind::Garbled, "{to}");
    }
    for odd in ["", "null", "[]", "\"running\"", "<html>", "{\"state\": \"running\"}"] {
        assert_eq!(failure_of(odd), FailureKind::Garbled, "{odd}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(failure_of(&deep), FailureKind::Garbled);
}

#[test]
fn hard_evidence_against_patroni_is_none_against_the_database() {
    for kind in FailureKind::ALL {
        let seen = beside_the_database(&Failure::new(kind, "why"));
        assert_ne!(seen.kind.evidence(), Evidence::Hard, "{kind}");
    }
    let silent = beside_the_database(&Failure::new(FailureKind::TimedOut, ""));
    assert_eq!(silent.kind, FailureKind::TimedOut);
}
