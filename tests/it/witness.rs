//! What witnesses make of the replies they get: honest, odd and hostile ones.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pointsman::{
    config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode, WitnessConfig},
    engine::{
        Check, Facts, FailureKind, Outcome, Pace, PostgresFacts, PostgresRole, ProbeAdvice,
        ProbeKey, Testimony, Word,
    },
    metrics::ProbeMeter,
    probe::{
        Crowd, Finding, Names, Orders, WitnessTarget,
        advice::{AdviceSender, advice_channel},
        watch,
    },
};
use tokio::{
    sync::{mpsc, watch as channel},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    fake_http::{AGAIN, SILENCE, Service},
    fake_postgres::config,
    probe_tls::{AUTHORITY, HOST, OTHER_HOST, SERVER, server_config, verify_full},
};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running task and both ends of what it is connected to.
pub(crate) struct Running {
    task: JoinHandle<()>,
    advice: AdviceSender,
    hints: channel::Sender<()>,
    observations: mpsc::Receiver<Finding>,
}

impl Running {
    pub(crate) fn start(target: WitnessTarget) -> Self {
        let normal = ProbeAdvice { pace: Pace::Normal, heartbeat: false };
        let (advice, advised) = advice_channel(normal);
        let (hints, hinted) = channel::channel(());
        let (send, observations) = mpsc::channel(4);
        let orders = Orders { advice: advised, hints: hinted, crowd: Crowd::default() };
        let task = tokio::spawn(watch(target, orders, send));
        Self { task, advice, hints, observations }
    }

    pub(crate) async fn next(&mut self) -> Outcome {
        let observation = timeout(PATIENCE, self.observations.recv()).await;
        observation.expect("an observation in time").expect("the task is alive").outcome
    }

    /// What the witness says next: its word, or how it could not be asked.
    pub(crate) async fn said(&mut self) -> Result<Testimony, FailureKind> {
        match self.next().await {
            Outcome::Witnessed(_, said) => said.map_err(|failure| failure.kind),
            other => panic!("{other:?} is no word of a witness"),
        }
    }

    /// Asks for a question at once, whose outcome is next.
    pub(crate) fn ask(&self) {
        self.hints.send_replace(());
    }

    /// Ends the task in the middle of whatever it does.
    pub(crate) async fn abort(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("it was ended").is_cancelled());
    }

    /// Ends the task by hanging up.
    pub(crate) async fn end(self) {
        drop(self.observations);
        timeout(PATIENCE, self.task).await.expect("it ends").expect("it does not panic");
        drop(self.advice);
    }
}

pub(crate) fn target(address: SocketAddr, witness: WitnessConfig) -> WitnessTarget {
    WitnessTarget {
        key: ProbeKey(0),
        names: Names { cluster: "orders".into(), server: "db1".into() },
        target: ProbeTarget { host: TargetHost::Address(address.ip()), port: 5432 },
        witness: Arc::new(witness),
        config: Arc::new(ProbeConfig { timeout: Duration::from_secs(1), ..config() }),
        speaks: false,
        meter: ProbeMeter::default(),
    }
}

async fn once(target: WitnessTarget) -> Result<Testimony, FailureKind> {
    let mut running = Running::start(target);
    let said = running.said().await;
    running.end().await;
    said
}

async fn word(target: WitnessTarget) -> Result<Word, FailureKind> {
    once(target).await.map(|said| said.word)
}

fn http(service: &Service, expect: &[u16], tls: TlsMode) -> WitnessTarget {
    let port = service.address.port();
    let (path, host) = ("/health?deep=1".into(), None);
    let witness = WitnessConfig::Http { port, path, host, expect: expect.into(), tls };
    target(service.address, witness)
}

fn agent(service: &Service) -> WitnessTarget {
    target(service.address, WitnessConfig::Agent { port: service.address.port() })
}

fn patroni(service: &Service, replica_lag: Option<u64>) -> WitnessTarget {
    let (port, tls) = (service.address.port(), TlsMode::Disable);
    target(service.address, WitnessConfig::Patroni { port, tls, replica_lag })
}

#[tokio::test]
async fn a_status_is_expected_or_it_is_not() {
    let service = Service::start("127.34.1.1", None);
    for (status, expect, expected) in [
        (200, &[][..], Word::Up),
        (204, &[], Word::Up),
        (302, &[], Word::Down),
        (404, &[], Word::Down),
        (503, &[], Word::Down),
        (503, &[200, 503], Word::Up),
        (204, &[200, 503], Word::Down),
    ] {
        service.replies("/health?deep=1", status, "Location: /");
        let said = once(http(&service, expect, TlsMode::Disable)).await.expect("a word");
        assert_eq!(said.word, expected, "{status}");
        assert_eq!(*said.detail, format!("GET /health?deep=1: {status}"));
    }
    let port = service.address.port();
    for request in service.requests() {
        let (line, headers) = request.split_once("\r\n").expect("a head");
        assert_eq!(line, "GET /health?deep=1 HTTP/1.1");
        assert!(headers.contains(&format!("host: 127.34.1.1:{port}\r\n")), "{headers}");
    }
}

#[tokio::test]
async fn the_host_is_what_the_operator_says() {
    let service = Service::start("127.34.1.2", None);
    service.replies("/", 200, "");
    let (port, tls) = (service.address.port(), TlsMode::Disable);
    let (path, host, expect) = ("/".into(), Some("db.example".into()), vec![]);
    let witness = WitnessConfig::Http { port, path, host, expect, tls };
    assert_eq!(word(target(service.address, witness)).await, Ok(Word::Up));
    assert!(service.requests()[0].contains("host: db.example\r\n"));
}

#[tokio::test]
async fn hostile_http_is_no_word() {
    let service = Service::start("127.34.1.3", None);
    let endless = |head: &[u8]| [head, AGAIN].concat();
    for (reply, expected) in [
        (b"".to_vec(), FailureKind::Closed),
        (SILENCE.to_vec(), FailureKind::Unresponsive),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), FailureKind::Garbled),
        (b"\0\xff\xfe\x80".to_vec(), FailureKind::Garbled),
        (b"HTTP/1.1 20".to_vec(), FailureKind::Closed),
        (b"HTTP/1.1 9999 x\r\n\r\n".to_vec(), FailureKind::Garbled),
        (endless(b"x"), FailureKind::Garbled),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n"), FailureKind::Garbled),
    ] {
        service.says("/health?deep=1", &reply);
        let said = word(http(&service, &[], TlsMode::Disable)).await;
        let shown = String::from_utf8_lossy(&reply).into_owned();
        assert_eq!(said, Err(expected), "{shown}");
    }
    // The status has come, and nobody waits for the rest.
    service.says("/health?deep=1", endless(b"HTTP/1.1 200 OK\r\n\r\n"));
    assert_eq!(word(http(&service, &[], TlsMode::Disable)).await, Ok(Word::Up));
    let gone = http(&service, &[], TlsMode::Disable);
    drop(service);
    assert_eq!(word(gone).await, Err(FailureKind::Refused));
}

#[tokio::test]
async fn https_is_checked_as_far_as_asked_for() {
    for (host, tls, expected) in [
        (HOST, TlsMode::Require, Ok(Word::Up)),
        (OTHER_HOST, TlsMode::Require, Ok(Word::Up)),
        (HOST, verify_full(AUTHORITY), Ok(Word::Up)),
        (OTHER_HOST, verify_full(AUTHORITY), Err(FailureKind::Misconfigured)),
    ] {
        let service = Service::start(host, Some(server_config(SERVER)));
        service.replies("/health?deep=1", 200, "");
        assert_eq!(word(http(&service, &[], tls.clone())).await, expected, "{host} {tls:?}");
    }
    let plain = Service::start(HOST, None);
    plain.replies("/health?deep=1", 200, "");
    assert!(word(http(&plain, &[], TlsMode::Require)).await.is_err());
}

#[tokio::test]
async fn an_agent_says_one_line() {
    let service = Service::start("127.34.2.1", None);
    for (text, expected) in [
        ("up\n", Word::Up),
        ("drain\r\ndown\n", Word::Drain),
        ("maint", Word::Maint),
        ("stopped # disk\n", Word::Down),
    ] {
        service.says("*", text);
        assert_eq!(word(agent(&service)).await, Ok(expected), "{text}");
    }
    service.says("*", "60%\n");
    assert_eq!(once(agent(&service)).await.expect("a word").percent, 60);
    for (reply, expected) in [
        (b"".to_vec(), FailureKind::Garbled),
        (b"\nup\n".to_vec(), FailureKind::Garbled),
        (b"hello\n".to_vec(), FailureKind::Garbled),
        (b"\xff\xfe\0\n".to_vec(), FailureKind::Garbled),
        ([b"x", AGAIN].concat(), FailureKind::Garbled),
        (SILENCE.to_vec(), FailureKind::Unresponsive),
    ] {
        service.says("*", &reply);
        let shown = String::from_utf8_lossy(&reply).into_owned();
        assert_eq!(word(agent(&service)).await, Err(expected), "{shown}");
    }
}

const PRIMARY: &str = r#"{"state": "running", "role": "master", "xlog": {"location": 7},
    "timeline": 2, "database_system_identifier": "42"}"#;
const REPLICA: &str = r#"{"state": "streaming", "role": "replica", "timeline": 2,
    "xlog": {"received_location": 7, "replayed_location": 7, "paused": false},
    "replication_state": "streaming", "database_system_identifier": "42"}"#;

#[tokio::test]
async fn patroni_tells_of_the_leader_key_and_of_fit_replicas() {
    let service = Service::start("127.34.3.1", None);
    let paused = PRIMARY.replace("\"timeline\"", "\"pause\": true, \"timeline\"");
    let tagged =
        REPLICA.replace("\"timeline\"", "\"tags\": {\"noloadbalance\": true}, \"timeline\"");
    let stopped = PRIMARY.replace("running", "stopped");
    for (status, json, replica, word, leads) in [
        (200, PRIMARY, 503, Word::Up, Some(true)),
        (503, PRIMARY, 503, Word::NotLeader, Some(false)),
        (503, &paused, 503, Word::Up, None),
        (503, REPLICA, 200, Word::Up, Some(false)),
        (503, REPLICA, 503, Word::Down, Some(false)),
        (503, &tagged, 503, Word::Drain, Some(false)),
        (503, &stopped, 503, Word::Down, Some(false)),
    ] {
        service.replies("/primary", status, json);
        service.replies("/replica?lag=16777216", replica, json);
        let said = once(patroni(&service, Some(16 << 20))).await.expect("a word");
        assert_eq!((said.word, said.leads), (word, leads), "{status} {json} {replica}");
    }
}

#[tokio::test]
async fn hostile_patroni_is_no_word() {
    let service = Service::start("127.34.3.2", None);
    let huge = format!("[\"{}\"]", "x".repeat(100_000));
    for body in ["", "{}", "<html>", &huge, "[[[[[[[[", "\"\\ud800\""] {
        service.replies("/primary", 200, body);
        assert_eq!(word(patroni(&service, None)).await, Err(FailureKind::Garbled));
    }
    service.says("/primary", [b"HTTP/1.0 200 OK\r\n\r\n[", AGAIN].concat());
    assert_eq!(word(patroni(&service, None)).await, Err(FailureKind::Garbled));
    service.says("/primary", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"state\"");
    assert_eq!(word(patroni(&service, None)).await, Err(FailureKind::Closed));
    // A replica whose fitness cannot be asked for.
    service.replies("/primary", 503, REPLICA);
    assert_eq!(word(patroni(&service, None)).await, Err(FailureKind::Closed));
}

/// The facts that a witness which speaks for its server reports after its word.
async fn spoken(running: &mut Running) -> Outcome {
    _ = running.said().await;
    running.next().await
}

#[tokio::test]
async fn patroni_alone_speaks_for_its_server_and_is_looked_at_twice_after_a_promotion() {
    let service = Service::start("127.34.3.3", None);
    service.replies("/primary", 503, REPLICA);
    service.replies("/replica", 200, REPLICA);
    let alone = WitnessTarget { speaks: true, ..patroni(&service, None) };
    let mut running = Running::start(alone);
    let Outcome::Answered(Facts::Postgres(PostgresFacts { role, .. })) = spoken(&mut running).await
    else {
        panic!("no facts");
    };
    assert!(matches!(role, PostgresRole::Standby { timeline: Some(2), .. }), "{role:?}");
    service.replies("/primary", 200, PRIMARY);
    running.ask();
    // The next question after the first writable reply is not asked for: it comes by itself.
    for _ in 0..2 {
        match spoken(&mut running).await {
            Outcome::Answered(facts) if facts.claims_writable() => {}
            other => panic!("{other:?} instead of a primary"),
        }
    }
    let dead = service.address;
    drop(service);
    running.ask();
    match spoken(&mut running).await {
        Outcome::Failed(failure) => assert_eq!(failure.kind, FailureKind::Troubled, "{dead}"),
        other => panic!("{other:?} instead of a failure"),
    }
    running.end().await;
}

#[tokio::test]
async fn an_agent_alone_speaks_for_its_server() {
    let service = Service::start("127.34.2.2", None);
    let alone = || WitnessTarget { speaks: true, ..agent(&service) };
    for (text, answers) in [("up\n", true), ("drain\n", true), ("maint\n", true), ("down\n", false)]
    {
        service.says("*", text);
        let mut running = Running::start(alone());
        match spoken(&mut running).await {
            Outcome::Answered(Facts::Tcp) => assert!(answers, "{text}"),
            Outcome::Failed(failure) => {
                assert_eq!((answers, failure.kind), (false, FailureKind::Troubled), "{text}");
            }
            other => panic!("{other:?}"),
        }
        running.end().await;
    }
}

#[tokio::test]
async fn a_witness_follows_the_advised_pace_and_names_its_check() {
    let service = Service::start("127.34.2.3", None);
    service.says("*", "up\n");
    let mut running = Running::start(agent(&service));
    assert!(matches!(running.next().await, Outcome::Witnessed(Check::Agent, Ok(_))));
    // The normal interval is ten minutes, the fast one 50 ms.
    running.advice.send(ProbeAdvice { pace: Pace::Fast, heartbeat: false });
    for _ in 0..3 {
        assert!(matches!(running.next().await, Outcome::Witnessed(Check::Agent, Ok(_))));
    }
    running.end().await;
}
