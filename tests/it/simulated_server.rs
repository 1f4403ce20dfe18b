//! The demo's simulated servers, asked by the real prober over the real protocol.

use std::{net::IpAddr, sync::Arc, time::Duration};

use pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    demo::{PASSWORD, Stage},
    engine::{
        ClusterKind, Endpoint, Facts, FailureKind, Outcome, PostgresFacts, PostgresRole, ProbeKey,
        Receiver, ServerIndex,
    },
    metrics::ProbeMeter,
    probe::{self, Target},
};
use tokio::time::{Instant, sleep};

const DB1: ServerIndex = ServerIndex::new(0);
const DB2: ServerIndex = ServerIndex::new(1);
const DB3: ServerIndex = ServerIndex::new(2);

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a simulated server says that it is starting up.
const STARTUP: Duration = Duration::from_millis(300);

/// Three servers on addresses of this test's own.
async fn stage(third_octet: u8) -> Stage {
    let host = |last: u8| IpAddr::from([127, 26, third_octet, last]);
    Stage::start(&[host(1), host(2), host(3)]).await.expect("free loopback addresses")
}

fn target(stage: &Stage, server: ServerIndex, password: &str, tls: TlsMode) -> Target {
    let address = stage.addresses()[server.place()];
    Target {
        key: ProbeKey(0),
        target: ProbeTarget { host: TargetHost::Address(address.ip()), port: address.port() },
        kind: ClusterKind::Postgres,
        config: Arc::new(ProbeConfig {
            user: "pointsman".into(),
            password: Some(Secret::new(password)),
            database: "postgres".into(),
            tls,
            auth: AuthConfig::default(),
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(100),
            candidate_interval: Duration::from_millis(15),
            timeout: Duration::from_millis(500),
            heartbeat_write: false,
        }),
        meter: ProbeMeter::default(),
        listener: None,
    }
}

async fn ask(stage: &Stage, server: ServerIndex) -> Outcome {
    probe::once(&target(stage, server, PASSWORD, TlsMode::Disable)).await
}

async fn fails(stage: &Stage, server: ServerIndex) -> FailureKind {
    match ask(stage, server).await {
        Outcome::Failed(failure) => failure.kind,
        other => panic!("{other:?} instead of a failure"),
    }
}

/// The facts of a server, once it is up.
async fn answers(stage: &Stage, server: ServerIndex) -> PostgresFacts {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask(stage, server).await {
            Outcome::Answered(Facts::Postgres(facts)) => return facts,
            other => assert!(Instant::now() < deadline, "{other:?}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// The facts with every position left out: they grow between two looks.
fn without_positions(mut facts: PostgresFacts) -> PostgresFacts {
    match &mut facts.role {
        PostgresRole::Primary { position, .. } => position.offset = 0,
        PostgresRole::Standby { received, replayed, replay_age, .. } => {
            (*received, *replayed, *replay_age) = (None, None, None);
        }
    }
    facts
}

#[tokio::test]
async fn every_role_is_read_as_it_was_meant() {
    let mut stage = stage(1).await;
    stage.hold_replay_back(DB3);
    for server in [DB1, DB2, DB3] {
        let seen = answers(&stage, server).await;
        assert_eq!(without_positions(seen), without_positions(stage.facts(server)));
    }
    let primary = stage.addresses()[0];
    match answers(&stage, DB2).await.role {
        PostgresRole::Standby {
            receiver, timeline, sender, paused, received, replayed, ..
        } => {
            assert_eq!((receiver, timeline, paused), (Receiver::Streaming, Some(1), false));
            let host = primary.ip().to_string().into();
            assert_eq!(sender, Some(Endpoint { host, port: primary.port() }));
            assert!(received.is_some() && received == replayed);
        }
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
    stage.close().await;
}

#[tokio::test]
async fn a_server_that_encrypts_nothing_is_asked_in_plain_text_when_that_is_allowed() {
    let stage = stage(2).await;
    let preferred = probe::once(&target(&stage, DB1, PASSWORD, TlsMode::Prefer)).await;
    assert!(matches!(preferred, Outcome::Answered(_)), "{preferred:?}");
    let required = probe::once(&target(&stage, DB1, PASSWORD, TlsMode::Require)).await;
    assert!(
        matches!(&required, Outcome::Failed(failure) if failure.kind == FailureKind::Misconfigured),
        "{required:?}"
    );
    stage.close().await;
}

#[tokio::test]
async fn each_condition_fails_in_its_own_way() {
    let mut stage = stage(3).await;
    stage.stop(DB1).await;
    assert_eq!(fails(&stage, DB1).await, FailureKind::Refused);
    let resumed = Instant::now();
    stage.resume(DB1).await.expect("its port is still free");
    match ask(&stage, DB1).await {
        Outcome::Failed(failure) => assert_eq!(failure.kind, FailureKind::Starting),
        // A machine that was busy for so long has missed it.
        Outcome::Answered(_) => assert!(resumed.elapsed() >= STARTUP),
        other @ Outcome::Witnessed(..) => panic!("{other:?}"),
    }
    assert!(Facts::Postgres(answers(&stage, DB1).await).claims_writable());
    stage.freeze(DB1);
    assert_eq!(fails(&stage, DB1).await, FailureKind::Unresponsive);
    stage.thaw(DB1);
    answers(&stage, DB1).await;
    stage.set_password(DB1, "another").await;
    match ask(&stage, DB1).await {
        Outcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Misconfigured);
            assert!(failure.detail.starts_with("28P01"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
    stage.close().await;
}

#[tokio::test]
async fn a_failover_is_seen_in_the_facts() {
    let mut stage = stage(4).await;
    stage.stop(DB1).await;
    match answers(&stage, DB2).await.role {
        PostgresRole::Standby { receiver, .. } => assert_eq!(receiver, Receiver::Absent),
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
    stage.promote(DB2);
    stage.follow(DB3, DB2);
    match answers(&stage, DB2).await.role {
        PostgresRole::Primary { timeline, read_only, .. } => {
            assert_eq!((timeline, read_only), (2, false));
        }
        other @ PostgresRole::Standby { .. } => panic!("{other:?}"),
    }
    match answers(&stage, DB3).await.role {
        PostgresRole::Standby { receiver, timeline, .. } => {
            assert_eq!((receiver, timeline), (Receiver::Streaming, Some(2)));
        }
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
    stage.resume(DB1).await.expect("its port is still free");
    assert!(Facts::Postgres(answers(&stage, DB1).await).claims_writable());
    stage.follow(DB1, DB2);
    match answers(&stage, DB1).await.role {
        PostgresRole::Standby { paused, .. } => assert!(!paused),
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
    stage.pause_replay(DB1);
    match answers(&stage, DB1).await.role {
        PostgresRole::Standby { paused, .. } => assert!(paused),
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
    stage.set_read_only(DB2, true);
    assert!(!Facts::Postgres(answers(&stage, DB2).await).claims_writable());
    stage.close().await;
}
