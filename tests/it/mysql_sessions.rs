//! What happens to a MySQL probe's connection beside questions and answers: it ends while it is
//! idle, is interrupted, arrives in pieces, or is let in only after an exchange.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, ServerPublicKey, TargetHost, TlsMode},
    engine::{ClusterKind, Facts, Failure, FailureKind, Pace, ProbeAdvice, ProbeKey, Writability},
    metrics::ProbeMeter,
    probe::{
        Dial, Sign, Target, Trouble,
        mysql::{KeptLogin, Session},
    },
};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use crate::{
    fake_mysql::{Answer, FakeMySql, Login, Parting, Script, error, greeting, rows},
    fake_postgres,
    mysql_versions::{Version::MySql84, config, dial, target},
    probe_cadence::Running,
};

const HOST: &str = "127.31.1.1";
/// Far more than any of these exchanges takes, far less than the interval of the probes.
const PATIENCE: Duration = Duration::from_secs(10);

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// A primary that leaves its client after each whole probe.
fn leaving(parting: Parting) -> Script {
    let mut script = MySql84.primary();
    // The last statement of a probe.
    script.parting = Some(("SHOW BINARY LOG STATUS", parting));
    script
}

/// A task that probes so rarely that only events make it probe again.
fn running(server: &FakeMySql) -> Running {
    let mut config = config(TlsMode::Disable);
    config.interval = Duration::from_secs(60);
    config.fast_interval = Duration::from_secs(60);
    Running::start(Target {
        key: ProbeKey(0),
        target: target(server.address),
        kind: ClusterKind::MySql,
        config: Arc::new(config),
        meter: ProbeMeter::default(),
        listener: None,
    })
}

fn logins(server: &FakeMySql) -> usize {
    server.statements().iter().filter(|text| text.starts_with("SELECT @@version")).count()
}

#[tokio::test]
async fn an_idle_connection_that_ends_is_noticed_and_checked_at_once() {
    for (parting, expected) in [
        (Parting::Close, FailureKind::Closed),
        (Parting::Reset, FailureKind::Closed),
        (Parting::Say(error(1053, "08S01", "Server shutdown")), FailureKind::ShuttingDown),
        (Parting::Say(error(1927, "70100", "Connection was killed")), FailureKind::Closed),
        (Parting::Say(error(3169, "HY000", "Session was killed")), FailureKind::Closed),
        (Parting::Say(vec![0, 0, 0, 2, 0, 0, 0]), FailureKind::Garbled),
    ] {
        let server = FakeMySql::start(HOST, leaving(parting)).await;
        let mut running = running(&server);
        running.next_is_writable().await;
        assert_eq!(running.next_failure().await, expected);
        running.next_is_writable().await;
        assert_eq!(logins(&server), 2, "checked over a fresh connection");
    }
}

#[tokio::test]
async fn an_idle_timeout_of_the_server_is_no_news() {
    let expired = error(4031, "HY000", "The client was disconnected because of inactivity");
    let server = FakeMySql::start(HOST, leaving(Parting::Say(expired))).await;
    let mut running = running(&server);
    running.next_is_writable().await;
    // The second look, over a fresh connection.
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    assert_eq!(logins(&server), 2);
}

const GLANCE: &str = "SELECT @@GLOBAL.read_only";

/// A task as [`running`], at the published writer, which says this to a glance.
fn glancing(server: &FakeMySql) -> Running {
    let running = running(server);
    running.advice.send(ProbeAdvice { pace: Pace::Normal, heartbeat: true });
    running
}

fn glances(server: &FakeMySql) -> usize {
    server.statements().iter().filter(|text| *text == GLANCE).count()
}

#[tokio::test]
async fn a_glance_that_shows_a_change_brings_the_next_probe() {
    let denied = Answer::Error(1290, "HY000", "The server is running with an option");
    for shown in [rows(&["v"], &[&["1"]]), rows(&["v"], &[&["NO_LOCK"]]), rows(&["v"], &[]), denied]
    {
        let server = FakeMySql::start(HOST, MySql84.primary().on(GLANCE, shown)).await;
        let mut running = glancing(&server);
        // The second is the second look at the first; for the others nothing else calls.
        for _ in 0..4 {
            running.next_is_writable().await;
        }
        assert_eq!(logins(&server), 1);
    }
}

#[tokio::test]
async fn a_glance_that_shows_the_same_is_no_news() {
    for shown in ["0", "OFF"] {
        let server =
            FakeMySql::start(HOST, MySql84.primary().on(GLANCE, rows(&["v"], &[&[shown]])));
        let server = server.await;
        let mut running = glancing(&server);
        running.next_is_writable().await;
        running.next_is_writable().await;
        let until = soon();
        while glances(&server) < 3 {
            assert!(Instant::now() < until, "three glances in {PATIENCE:?}");
            running.nothing_more_comes().await;
        }
        assert_eq!(logins(&server), 1);
    }
}

#[tokio::test]
async fn a_glance_that_ends_the_connection_says_why() {
    let shutdown = Answer::Error(1053, "08S01", "Server shutdown in progress");
    for (shown, expected) in
        [(Answer::Close, FailureKind::Closed), (shutdown, FailureKind::ShuttingDown)]
    {
        let server = FakeMySql::start(HOST, MySql84.primary().on(GLANCE, shown)).await;
        let mut running = glancing(&server);
        running.next_is_writable().await;
        running.next_is_writable().await;
        assert_eq!(running.next_failure().await, expected);
    }
}

#[tokio::test]
async fn a_glance_without_a_reply_is_the_silence_of_the_next_probe() {
    let server = FakeMySql::start(HOST, MySql84.primary().on(GLANCE, Answer::Silence)).await;
    let mut running = glancing(&server);
    running.next_is_writable().await;
    running.next_is_writable().await;
    let until = soon();
    while glances(&server) == 0 {
        assert!(Instant::now() < until, "a glance in {PATIENCE:?}");
        running.nothing_more_comes().await;
    }
    running.hints.send_replace(());
    assert_eq!(running.next_failure().await, FailureKind::TimedOut);
}

#[tokio::test]
async fn replies_in_pieces_of_one_octet_are_facts() {
    let mut script = MySql84.primary();
    script.trickles = true;
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    let facts = session.probe(soon(), false).await.expect("facts");
    assert!(facts.claims_writable(), "{facts:?}");
}

#[tokio::test]
async fn a_server_by_name_is_reached_by_any_of_its_addresses() {
    let server = FakeMySql::start("127.0.0.1", MySql84.primary()).await;
    let host = TargetHost::Name("localhost".into());
    let target = ProbeTarget { host, port: server.address.port() };
    let mut dial = Dial::new(target, Arc::new(config(TlsMode::Disable)));
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    assert!(matches!(session.probe(soon(), false).await, Ok(Facts::MySql(_))));
}

#[tokio::test]
async fn a_session_whose_probe_was_dropped_is_of_no_more_use() {
    let script = MySql84.primary().on("SHOW GLOBAL STATUS", Answer::Silence);
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    let short = Duration::from_millis(100);
    assert!(timeout(short, session.probe(soon(), false)).await.is_err());
    let trouble = session.probe(soon(), false).await.expect_err("no connection");
    assert_eq!(trouble.into_failure().kind, FailureKind::Closed);
    let Sign::Ended(trouble) = session.sign().await else { panic!("nobody asked for a glance") };
    assert_eq!(trouble.into_failure().kind, FailureKind::Closed);
}

#[tokio::test]
async fn a_probe_ends_by_itself_at_its_deadline() {
    let script = MySql84.primary().on("SHOW GLOBAL STATUS", Answer::Silence);
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    let now = Instant::now() + Duration::from_millis(100);
    let trouble = session.probe(now, false).await.expect_err("no reply");
    assert_eq!(trouble.into_failure().kind, FailureKind::TimedOut);
}

/// `offline_mode` ends the sessions of all ordinary users, perhaps also the one that has just begun,
/// and tells the reason to the next.
#[tokio::test]
async fn a_server_that_goes_offline_was_never_gone() {
    let offline = MySql84.primary().login(Login::Refuse(3032, "The server is in offline mode"));
    let ended = leaving(Parting::Close);
    let ended_at_once = MySql84.primary().on("SELECT @@version", Answer::Close);
    for scripts in [
        vec![ended.clone(), offline.clone()],
        vec![ended.clone(), ended_at_once.clone(), offline.clone()],
    ] {
        let server = FakeMySql::start_each(HOST, scripts).await;
        let mut running = running(&server);
        running.next_is_writable().await;
        assert_eq!(running.next_failure().await, FailureKind::Offline);
    }
    // Whoever goes on ending sessions is told as it is.
    let server = FakeMySql::start_each(HOST, vec![ended, ended_at_once]).await;
    let mut running = running(&server);
    running.next_is_writable().await;
    for _ in 0..3 {
        assert_eq!(running.next_failure().await, FailureKind::Closed);
    }
}

/// The own coordinate waits for the lock of a binary log whose disk is full.
#[tokio::test]
async fn a_coordinate_that_hangs_leaves_everything_else_known() {
    let script = MySql84.primary().on("SHOW BINARY LOG STATUS", Answer::Silence);
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    let deadline = Instant::now() + Duration::from_millis(500);
    match session.probe(deadline, false).await.expect("facts") {
        Facts::MySql(facts) => {
            assert_eq!((facts.position, facts.writability), (None, Writability::Writable));
        }
        other => panic!("{other:?}"),
    }
    assert!(session.is_spent());
    drop(session);

    let mut config = config(TlsMode::Disable);
    config.interval = Duration::from_millis(50);
    config.timeout = Duration::from_millis(500);
    let mut target = fake_postgres::target(server.address, config);
    target.kind = ClusterKind::MySql;
    let mut running = Running::start(target);
    for _ in 0..4 {
        running.next_is_writable().await;
    }
    let asked = server.statements();
    let asked = asked.iter().filter(|text| text.starts_with("SHOW BINARY LOG STATUS"));
    assert_eq!(asked.count(), 2, "once by each session and not again");
}

/// A server that refuses a statement, and one whose answer is no facts, are left in order.
#[tokio::test]
async fn a_failed_probe_says_goodbye() {
    for answer in [Answer::Error(1047, "08S01", "not prepared"), Answer::Done { affected: 0 }] {
        let server = FakeMySql::start(HOST, MySql84.primary().on("SHOW GLOBAL", answer)).await;
        let mut dial = dial(server.address, TlsMode::Disable);
        let mut session =
            Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
        assert!(session.probe(soon(), false).await.is_err());
        let goodbye = timeout(PATIENCE, async {
            while server.goodbyes() == 0 {
                tokio::task::yield_now().await;
            }
        });
        goodbye.await.expect("COM_QUIT");
    }
}

/// Sends each of `packets` after one of the client, and says what the client sent.
async fn converse(packets: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, FailureKind) {
    let (said, failure) = converse_with(ServerPublicKey::default(), packets).await;
    (said, failure.kind)
}

async fn converse_with(
    server_public_key: ServerPublicKey,
    packets: Vec<Vec<u8>>,
) -> (Vec<Vec<u8>>, Failure) {
    let listener = TcpListener::bind((HOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let peer = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.ok()?;
        let mut number = 0;
        for packet in packets {
            socket.write_all(&frame(number, &packet)).await.ok()?;
            let (reply, last) = read(&mut socket).await?;
            number = last.wrapping_add(1);
            heard.lock().expect("not poisoned").push(reply);
        }
        Some(())
    });
    let auth = AuthConfig { server_public_key, ..AuthConfig::default() };
    let config = ProbeConfig { auth, ..config(TlsMode::Disable) };
    let mut dial = Dial::new(target(address), Arc::new(config));
    let outcome = Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await;
    let failure = outcome.err().expect("the peer hangs up");
    peer.await.expect("the peer does not panic");
    let said = said.lock().expect("not poisoned").clone();
    (said, failure)
}

fn frame(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_le_bytes();
    [&[length[0], length[1], length[2], number], payload].concat()
}

async fn read(socket: &mut TcpStream) -> Option<(Vec<u8>, u8)> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
    socket.read_exact(&mut payload).await.ok()?;
    Some((payload, head[3]))
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const QUESTION: &[u8] = b"\x03SELECT @@version, @@version_comment";

#[tokio::test]
async fn a_login_goes_the_way_that_the_server_asks_for() {
    let nonce: &[u8] = b"abcdefghijklmnopqrst\0";
    let switch = |name: &str, nonce: &[u8]| [b"\xFE", name.as_bytes(), b"\0", nonce].concat();
    for (packets, lengths) in [
        (vec![OK.to_vec()], vec![]),
        (vec![switch("mysql_native_password", nonce), OK.to_vec()], vec![20]),
        (vec![switch("client_ed25519", &[5; 32]), OK.to_vec()], vec![64]),
        (
            vec![switch("parsec", &[5; 32]), [&b"\x01P\x03"[..], &[6; 18]].concat(), OK.to_vec()],
            vec![0, 96],
        ),
        // One plugin refused, another accepted, as for an account of MariaDB that has two.
        (
            vec![
                switch("client_ed25519", &[5; 32]),
                switch("mysql_native_password", nonce),
                OK.to_vec(),
            ],
            vec![64, 20],
        ),
    ] {
        let (said, kind) = converse([vec![greeting("8.4.3")], packets].concat()).await;
        assert_eq!(kind, FailureKind::Closed);
        let (last, proofs) = said.split_last().expect("a login");
        assert_eq!(last, QUESTION, "let in");
        let lengths_said: Vec<_> = proofs[1..].iter().map(Vec::len).collect();
        assert_eq!(lengths_said, lengths);
        // Protocol::HandshakeResponse41: flags, size, collation, filler, and the user's name.
        assert_eq!(&proofs[0][32..42], b"pointsman\0");
        let without_secret = said.iter().all(|packet| !contains(packet, b"secret"));
        assert!(without_secret, "the password went out in the clear");
    }
}

/// Whoever answers may ask for the password, and send a key of its own to encrypt it with, whatever
/// plugin the account has.
#[tokio::test]
async fn a_password_is_encrypted_for_nobody_but_by_the_operators_word() {
    let key: Arc<[u8]> =
        SubjectPublicKeyInfoDer::from_pem_slice(PEM).expect("a key").as_ref().into();
    for (key, proofs) in [
        (ServerPublicKey::Unknown, &[32][..]),
        (ServerPublicKey::Pinned(key), &[32, 256]),
        (ServerPublicKey::Requested, &[32, 1, 256]),
    ] {
        let packets = vec![
            greeting("8.4.3"),
            b"\xFEcaching_sha2_password\0abcdefghijklmnopqrst\0".to_vec(),
            b"\x01\x04".to_vec(),
            [b"\x01", PEM].concat(),
            OK.to_vec(),
        ];
        let (said, failure) = converse_with(key.clone(), packets).await;
        let lengths: Vec<_> = said.iter().skip(1).map(Vec::len).take(proofs.len()).collect();
        assert_eq!(lengths, proofs, "{key:?}");
        assert!(said.iter().all(|packet| !contains(packet, b"secret")), "{key:?}");
        if key == ServerPublicKey::Unknown {
            assert_eq!(said.len(), 2, "the rogue got more: {said:?}");
            assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
            assert!(failure.detail.contains("get_server_public_key"), "{failure}");
        }
    }
}

const PEM: &[u8] = include_bytes!("../fixtures/mysql/rsa-public-key.pem");

fn contains(octets: &[u8], word: &[u8]) -> bool {
    octets.windows(word.len()).any(|window| window == word)
}

/// 201 packets that say "wait", for a login that never ends.
#[tokio::test]
async fn a_login_without_end_is_cut_off() {
    let switch = b"\xFEmysql_native_password\0abcdefghijklmnopqrst\0".to_vec();
    let packets = [vec![greeting("8.4.3")], vec![switch; 200]].concat();
    let (said, kind) = converse(packets).await;
    assert_eq!(kind, FailureKind::Garbled);
    assert!(said.len() < 30, "{} packets", said.len());
}

#[tokio::test]
async fn octets_at_random_at_each_stage_are_no_facts() {
    for seed in 1..100_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut octets = Vec::new();
        for _ in 0..64 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            octets.push(state.to_le_bytes()[3]);
        }
        let stages = [vec![], vec![greeting("8.4.3")], vec![greeting("8.4.3"), OK.to_vec()]];
        for mut packets in stages {
            packets.push(octets.clone());
            let (_, kind) = converse(packets).await;
            assert!(kind != FailureKind::TimedOut, "seed {seed}: {kind:?}");
        }
    }
}

#[tokio::test]
async fn what_a_server_says_while_it_is_asked_counts_as_its_last_word() {
    let script = MySql84.primary().on("SHOW GLOBAL", Answer::Error(4031, "HY000", "idle"));
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    let trouble = session.probe(soon(), false).await.expect_err("expired");
    assert_eq!(trouble, Trouble::Expired, "the next one asks over a fresh connection");
}
