//! The MySQL probe against peers that are no MySQL server, or an evil one.
//!
//! Whatever they do, the probe fails within the deadline its caller sets, with a kind that fits,
//! without a panic that leaves it and without a task of its own that lives on.

use std::{future::Future, time::Duration};

use pointsman::{
    config::TlsMode,
    engine::{Failure, FailureKind},
    probe::{
        Trouble,
        mysql::{KeptLogin, Session},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{
    fake_mysql::{Answer, FakeMySql, Script, error, greeting, rows},
    mysql_versions::{Version::MySql84, dial},
};

const HOST: &str = "127.23.8.1";
/// For peers that may keep the probe waiting.
const SHORT: Duration = Duration::from_millis(100);
/// For peers that end the probe themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// One frame of the protocol.
fn frame(sequence: u8, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).expect("small").to_le_bytes();
    [&[length[0], length[1], length[2], sequence], packet].concat()
}

/// Probes a peer that treats each connection with `behave`; a probe that is not done by `deadline`
/// is dropped.
async fn probe<F, R>(deadline: Duration, tls: TlsMode, behave: F) -> Failure
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((HOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let peer = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // One at a time: the probe has one connection.
            behave(socket).await;
        }
    })
    .abort_handle();
    let mut dial = dial(address, tls);
    let whole = async {
        let mut session = Session::connect(&mut dial, &mut KeptLogin::default(), later()).await?;
        session.probe(later(), false).await.map_err(Trouble::into_failure)
    };
    let outcome = timeout(deadline, whole).await;
    peer.abort();
    nothing_lives().await;
    match outcome {
        Err(_) => Failure::new(FailureKind::TimedOut, "the caller's deadline"),
        Ok(Err(failure)) => failure,
        Ok(Ok(facts)) => panic!("{facts:?}"),
    }
}

/// A deadline that the caller's own comes before.
fn later() -> Instant {
    Instant::now() + PATIENCE
}

/// Waits until no task is left on the runtime, whose only own one is the test itself.
async fn nothing_lives() {
    timeout(PATIENCE, async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the probe left a task behind");
}

async fn say(mut socket: TcpStream, bytes: &[u8]) {
    // The probe may have left already.
    let _ = socket.write_all(bytes).await;
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn garbage_instead_of_a_greeting() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        &[0; 64],
        &[0xFF; 64],
        &[1, 0, 0, 0, 10],
        &[5, 0, 0, 0, 9, b'3', b'.', b'2', 0],
        &[0, 0, 0, 0],
        &[3, 0, 0, 7, 10, 0, 0],
    ] {
        for tls in [TlsMode::Disable, TlsMode::Prefer] {
            let failure = probe(SHORT, tls, move |socket| say(socket, bytes)).await;
            let fits = matches!(
                failure.kind,
                FailureKind::Garbled | FailureKind::TimedOut | FailureKind::Closed
            );
            assert!(fits, "{bytes:?}: {failure:?}");
        }
    }
}

#[tokio::test]
async fn an_endless_banner() {
    let failure = probe(PATIENCE, TlsMode::Disable, |mut socket| async move {
        while socket.write_all(&[b'A'; 4096]).await.is_ok() {}
    })
    .await;
    assert_eq!(failure.kind, FailureKind::Garbled, "{failure:?}");
}

#[tokio::test]
async fn silence_and_a_trickle_end_at_the_deadline() {
    let silent = probe(SHORT, TlsMode::Disable, |socket| say(socket, b"")).await;
    assert_eq!(silent.kind, FailureKind::TimedOut);
    let trickle = probe(SHORT, TlsMode::Disable, |mut socket| async move {
        for byte in frame(0, &greeting("8.4.3")) {
            if socket.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(trickle.kind, FailureKind::TimedOut);
}

#[tokio::test]
async fn a_peer_that_closes_at_each_stage() {
    let hello = frame(0, &greeting("8.4.3"));
    let accepted = frame(2, &[0, 0, 0, 2, 0, 0, 0]);
    for stage in 0..4 {
        let (hello, accepted) = (hello.clone(), accepted.clone());
        let failure = probe(PATIENCE, TlsMode::Disable, move |mut socket| {
            let (hello, accepted) = (hello.clone(), accepted.clone());
            async move {
                let mut scratch = [0; 1024];
                if stage >= 1 {
                    let half = if stage == 1 { hello.len() / 2 } else { hello.len() };
                    let _ = socket.write_all(&hello[..half]).await;
                }
                if stage >= 3 {
                    let _ = socket.read(&mut scratch).await;
                    let _ = socket.write_all(&accepted).await;
                    let _ = socket.read(&mut scratch).await;
                }
            }
        })
        .await;
        assert_eq!(failure.kind, FailureKind::Closed, "stage {stage}: {failure:?}");
    }
}

#[tokio::test]
async fn evil_answers_to_the_login() {
    let switch_without_nonce = b"\xFEcaching_sha2_password\0".to_vec();
    for packets in [
        vec![vec![]],
        vec![vec![0xFE]],
        vec![vec![0x42; 300]],
        vec![b"\xFEmysql_clear_password\0".to_vec()],
        vec![b"\xFEdialog\0".to_vec()],
        vec![b"\xFEclient_ed25519\0short".to_vec()],
        vec![b"\xFEparsec\0short".to_vec(), vec![1, b'P', 0]],
        // Full authentication without TLS: the probe asks for an RSA key and gets none, or an odd
        // one.
        vec![switch_without_nonce.clone(), vec![1, 4], vec![]],
        vec![switch_without_nonce.clone(), vec![1, 4], b"\x01no key".to_vec()],
        vec![switch_without_nonce.clone(), vec![1, 4], vec![1]],
        vec![switch_without_nonce, vec![1, 9]],
        vec![error(1045, "28000", "no")],
    ] {
        let all = packets.clone();
        let failure = probe(SHORT, TlsMode::Disable, move |mut socket| {
            let packets = all.clone();
            async move {
                let _ = socket.write_all(&frame(0, &greeting("8.4.3"))).await;
                let mut sequence = 2;
                for packet in packets {
                    let mut scratch = [0; 1024];
                    let _ = socket.read(&mut scratch).await;
                    let _ = socket.write_all(&frame(sequence, &packet)).await;
                    sequence += 2;
                }
                say(socket, b"").await;
            }
        })
        .await;
        let fits = matches!(
            failure.kind,
            FailureKind::Garbled
                | FailureKind::Misconfigured
                | FailureKind::TimedOut
                | FailureKind::Closed
        );
        assert!(fits, "{packets:?}: {failure:?}");
    }
}

#[tokio::test]
async fn tls_that_is_none_leaves_nothing_behind() {
    for (tls, deadline, expected) in [
        (TlsMode::Require, PATIENCE, FailureKind::Misconfigured),
        // Tried again in plain text, which the peer does not speak either.
        (TlsMode::Prefer, PATIENCE, FailureKind::Garbled),
    ] {
        // The greeting promises TLS (CLIENT_SSL is bit 11 of the capabilities), and then there is
        // none.
        let mut hello = greeting("8.4.3");
        let capabilities = 1 + "8.4.3\0".len() + 4 + 9;
        hello[capabilities + 1] |= 0x08;
        let failure = probe(deadline, tls, move |mut socket| {
            let hello = hello.clone();
            async move {
                let _ = socket.write_all(&frame(0, &hello)).await;
                let mut scratch = [0; 64];
                let _ = socket.read(&mut scratch).await;
                say(socket, b"no TLS here, sorry").await;
            }
        })
        .await;
        assert_eq!(failure.kind, expected, "{failure:?}");
    }
}

#[tokio::test]
async fn evil_results() {
    let hello = rows(&["v", "c"], &[&["8.4.3", "MySQL"]]);
    for packet in [
        vec![],
        vec![0xFB],
        b"\xFB/etc/passwd".to_vec(),
        vec![0xFE; 9],
        vec![0xFF],
        vec![0xFF, 1],
        vec![3, 1, 2],
        vec![0; 3],
        vec![0x41; 5_000],
    ] {
        let script = Script::new("8.4.3")
            .on("SELECT @@version", hello.clone())
            .on("SHOW GLOBAL VARIABLES", Answer::Raw(packet.clone()));
        let server = FakeMySql::start(HOST, script).await;
        let mut dial = dial(server.address, TlsMode::Disable);
        let mut session =
            Session::connect(&mut dial, &mut KeptLogin::default(), later()).await.expect("a login");
        let outcome = timeout(SHORT, session.probe(later(), false)).await;
        drop((session, server));
        nothing_lives().await;
        if let Ok(Ok(facts)) = outcome {
            panic!("{packet:?}: {facts:?}");
        }
    }
}

#[tokio::test]
async fn an_endless_result_is_cut_off() {
    let rows: Vec<_> = (0..5_000).map(|_| vec![Some("x".to_owned())]).collect();
    let script = Script::new("8.4.3").on("SELECT @@version", Answer::Rows(vec!["v".into()], rows));
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let Err(failure) = Session::connect(&mut dial, &mut KeptLogin::default(), later()).await else {
        panic!("took it all");
    };
    assert_eq!(failure.kind, FailureKind::Garbled, "{failure:?}");
}

#[tokio::test]
async fn a_probe_dropped_within_a_result_leaves_nothing_behind() {
    let script = Script::new("8.4.3")
        .on("SELECT @@version", rows(&["v", "c"], &[&["8.4.3", "MySQL"]]))
        .on("SHOW GLOBAL VARIABLES", Answer::Unfinished("Variable_name"));
    let server = FakeMySql::start(HOST, script).await;
    let mut dial = dial(server.address, TlsMode::Disable);
    let mut session =
        Session::connect(&mut dial, &mut KeptLogin::default(), later()).await.expect("a login");
    assert!(timeout(SHORT, session.probe(later(), false)).await.is_err());
    drop(session);
    // The peer still lives, and would keep anyone waiting who went on to read.
    let only_the_peer = timeout(PATIENCE, async {
        while Handle::current().metrics().num_alive_tasks() > 1 {
            tokio::task::yield_now().await;
        }
    });
    assert!(only_the_peer.await.is_ok(), "the probe left a task behind");
    drop(server);
    nothing_lives().await;
}

/// A megabyte that is well-formed and no honest server's: it must not come out as facts, which wait in the
/// one queue for all clusters and are compared with those of each other server.
#[tokio::test]
async fn facts_without_measure_are_a_fault_of_their_server() {
    let intervals: String = (1..60_000).map(|at| format!(":{}", 2 * at)).collect();
    let set = format!("3e11fa47-71ca-11e1-9e33-c80aa9429562{intervals}");
    let addresses: String = (0..60_000).map(|at| format!("db{at}:3306,")).collect();
    let on = |name: &str, value: &str| vec![Some(name.to_owned()), Some(value.to_owned())];
    let columns = || vec!["Variable_name".to_owned(), "Value".to_owned()];
    let galera = [("read_only", "OFF"), ("wsrep_on", "ON"), ("wsrep_provider", "galera.so")];
    let galera = galera.iter().map(|(name, value)| on(name, value)).collect();
    let primary = MySql84.primary();
    for (script, words) in [
        (primary.clone().on("SELECT @@GLOBAL.gtid", rows(&["gtid_executed"], &[&[&set]])), "8192"),
        (
            primary.on("SHOW GLOBAL VARIABLES", Answer::Rows(columns(), galera)).on(
                "SHOW GLOBAL STATUS",
                {
                    let addresses = on("wsrep_incoming_addresses", &addresses);
                    Answer::Rows(columns(), vec![addresses])
                },
            ),
            "octets of facts",
        ),
    ] {
        let server = FakeMySql::start(HOST, script).await;
        let mut dial = dial(server.address, TlsMode::Disable);
        let mut session =
            Session::connect(&mut dial, &mut KeptLogin::default(), later()).await.expect("a login");
        let failure = session.probe(later(), false).await.expect_err("too much").into_failure();
        assert_eq!(failure.kind, FailureKind::Garbled, "{failure}");
        assert!(failure.detail.contains(words), "{failure}");
    }
}
