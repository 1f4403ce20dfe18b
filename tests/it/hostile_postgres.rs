//! Servers that garble, stall, flood and hang up at each stage. None may make the probe panic,
//! outlast its deadline, leave a task behind, or come out as facts.

use std::time::{Duration, Instant};

use pointsman::{
    config::TlsMode,
    engine::{Facts, FailureKind, Outcome},
    probe::{self, Target},
};

use crate::fake_postgres::{
    COLUMNS, Fake, PASSWORD, PRIMARY, Step, at_question, complete, config, description, error,
    login, message, primary_reply, ready, row, target,
};

/// What the scheduler of a busy machine may add to the deadline of half a second.
const SLACK: Duration = Duration::from_millis(1500);

/// Probes once; whatever comes out, it comes in time and leaves no task behind.
async fn outcome_of(target: &Target) -> Outcome {
    let tasks = tokio::runtime::Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    // The clock ban is for the crate: a test measures real time.
    #[expect(clippy::disallowed_methods, reason = "this measures the real deadline")]
    let start = Instant::now();
    let outcome = probe::once(target).await;
    let took = start.elapsed();
    assert!(took < target.config.timeout + SLACK, "{took:?}: {outcome:?}");
    assert_eq!(tasks.num_alive_tasks(), before, "{outcome:?}");
    outcome
}

/// Plays `script` to one probe and wants one of `kinds`.
async fn check(what: &str, script: Vec<Step>, kinds: &[FailureKind]) {
    let fake = Fake::start("127.22.1.1", script);
    match outcome_of(&fake.target()).await {
        Outcome::Failed(failure) => {
            assert!(kinds.contains(&failure.kind), "{what}: {failure:?}");
            assert!(failure.detail.chars().count() <= 300, "{what}: {failure:?}");
        }
        other => panic!("{what} came out as {other:?}"),
    }
}

/// Reads the startup packet, then sends `octets`, then closes.
fn at_login(octets: Vec<u8>) -> Vec<Step> {
    vec![Step::ReadStartup, Step::Send(octets)]
}

#[tokio::test]
async fn an_honest_reply_is_facts() {
    let fake = Fake::start("127.22.1.2", at_question(primary_reply()));
    let outcome = outcome_of(&fake.target()).await;
    let Outcome::Answered(facts @ Facts::Postgres(_)) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(facts.claims_writable(), "{facts:?}");
}

#[tokio::test]
async fn closing_at_each_stage() {
    use FailureKind::{Closed, Garbled};
    check("close after connect", vec![], &[Closed]).await;
    check("close after startup", vec![Step::ReadStartup], &[Closed]).await;
    let scram = [&10_u32.to_be_bytes()[..], b"SCRAM-SHA-256\0\0"].concat();
    let script = at_login(message(b'R', &scram));
    check("close after the request for a password", script, &[Closed]).await;
    let script = vec![Step::ReadStartup, Step::Send(message(b'R', &scram)), Step::ReadMessage];
    check("close after the first SCRAM message", script, &[Closed]).await;
    let ok = message(b'R', &0_u32.to_be_bytes());
    check("close before ReadyForQuery", at_login(ok), &[Closed]).await;
    check("close after login", at_login(login()), &[Closed]).await;
    let script = vec![Step::ReadStartup, Step::Send(login()), Step::ReadMessage];
    check("close after the question", script, &[Closed]).await;

    // Every octet of an otherwise honest reply may be the last one.
    let reply = primary_reply();
    for cut in 1..reply.len() {
        let mut script = at_question(reply[..cut].to_vec());
        script.pop();
        check(&format!("close after {cut} octets"), script, &[Closed, Garbled]).await;
    }
}

#[tokio::test]
async fn closing_while_encryption_is_negotiated() {
    for (answer, kinds) in [
        (&b""[..], &[FailureKind::Closed][..]),
        (b"N", &[FailureKind::Closed, FailureKind::Misconfigured]),
        (b"S", &[FailureKind::Closed, FailureKind::Misconfigured]),
        (b"Shello, I am no TLS", &[FailureKind::Misconfigured]),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", &[FailureKind::Closed, FailureKind::Misconfigured]),
    ] {
        for tls in [TlsMode::Prefer, TlsMode::Require] {
            let fake = Fake::start("127.22.1.3", at_login(answer.to_vec()));
            let mut config = config();
            config.tls = tls;
            match outcome_of(&target(fake.address, config)).await {
                Outcome::Failed(failure) => {
                    assert!(kinds.contains(&failure.kind), "{answer:?}: {failure:?}");
                }
                other => panic!("{answer:?} came out as {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn garbage_at_each_stage() {
    use FailureKind::{Closed, Garbled, Misconfigured};
    let http = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec();
    check("HTTP", at_login(http), &[Closed, Garbled]).await;
    let mysql = b"\x4a\0\0\0\x0a8.0.36\0".to_vec();
    check("MySQL", vec![Step::Send(mysql), Step::Silence], &[Garbled]).await;
    for (what, octets) in [
        ("unknown tag", message(b'?', b"")),
        ("length below four", b"R\0\0\0\x03".to_vec()),
        ("unknown authentication", message(b'R', &99_u32.to_be_bytes())),
        ("short authentication", message(b'R', b"\0")),
        ("parameter without end", message(b'S', b"server_version")),
        ("error without fields", message(b'E', b"\0")),
        ("error without end", message(b'E', b"SFATAL\0C57P01")),
        ("reply before login", primary_reply()),
    ] {
        check(what, at_login(octets), &[Garbled]).await;
    }
    for (what, octets) in [
        ("Kerberos", message(b'R', &2_u32.to_be_bytes())),
        ("unknown SASL", message(b'R', b"\0\0\0\x0aNOPE\0\0")),
    ] {
        check(what, at_login(octets), &[Misconfigured]).await;
    }
    let scram = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    for first in ["r=x,s=AAAA,i=4096", "i=4294967295", ""] {
        let first = [&11_u32.to_be_bytes()[..], first.as_bytes()].concat();
        let script = vec![
            Step::ReadStartup,
            Step::Send(scram.clone()),
            Step::ReadMessage,
            Step::Send(message(b'R', &first)),
            Step::Silence,
        ];
        check("SCRAM nonsense", script, &[Misconfigured, Garbled]).await;
    }
}

#[tokio::test]
async fn replies_of_another_shape() {
    let columns = description(&COLUMNS);
    let whole = row(&PRIMARY);
    let end = [complete(), ready()].concat();
    let mut renamed = COLUMNS;
    renamed[1] = "is_in_recovery";
    let mut many = COLUMNS.to_vec();
    many.push("extra");
    let mut many_texts = PRIMARY.to_vec();
    many_texts.push(Some("t"));
    let mut null = PRIMARY;
    null[1] = None;
    let mut empty = PRIMARY;
    empty[2] = Some("");
    let reply = |parts: &[&[u8]]| [&parts.concat()[..], &end[..]].concat();
    for (what, octets) in [
        ("no row", reply(&[&columns])),
        ("nothing", ready()),
        ("two rows", reply(&[&columns, &whole, &whole])),
        ("three rows", reply(&[&columns, &whole, &whole, &whole])),
        ("row without columns", reply(&[&whole])),
        ("renamed column", reply(&[&description(&renamed), &whole])),
        ("one column more", reply(&[&description(&many), &row(&many_texts)])),
        ("one text less", reply(&[&columns, &row(&PRIMARY[..16])])),
        ("one text more", reply(&[&columns, &row(&many_texts)])),
        ("no role", reply(&[&columns, &row(&null)])),
        ("empty text", reply(&[&columns, &row(&empty)])),
        ("no UTF-8", reply(&[&columns, &not_utf8()])),
        ("COPY", message(b'H', &[0, 0, 0])),
        ("other columns twice", reply(&[&description(&renamed), &columns])),
    ] {
        check(what, at_question(octets), &[FailureKind::Garbled]).await;
    }
    let thousands: Vec<&str> = std::iter::repeat_n("c", 20_000).collect();
    check("too many columns", at_question(description(&thousands)), &[FailureKind::Garbled]).await;
}

#[tokio::test]
async fn floods_and_silence() {
    use FailureKind::{Garbled, Unresponsive};
    check("silence after connect", vec![Step::Silence], &[Unresponsive]).await;
    check("silence after login", at_question(vec![]), &[Unresponsive]).await;
    let unfinished = [description(&COLUMNS), row(&PRIMARY), complete()].concat();
    check("no ReadyForQuery", at_question(unfinished), &[Unresponsive]).await;
    let trickle = vec![Step::ReadStartup, Step::Trickle(login()), Step::Silence];
    check("a trickle", trickle, &[Unresponsive]).await;
    for (what, octets) in [
        ("banner", b"220 welcome to this server\r\n".to_vec()),
        ("NUL", vec![0; 4096]),
        ("parameters", message(b'S', b"a\0b\0")),
        ("notices", notice()),
        ("half a giant", [b"S\x7f\xff\xff\xff", &[0; 60_000][..]].concat()),
    ] {
        let login_flood = vec![Step::ReadStartup, Step::Endless(octets.clone())];
        check(&format!("endless {what} at login"), login_flood, &[Garbled]).await;
        let mut reply_flood = at_question(vec![]);
        reply_flood.pop();
        reply_flood.push(Step::Endless(octets));
        check(&format!("endless {what} as a reply"), reply_flood, &[Garbled]).await;
    }
    let rows = [description(&COLUMNS), row(&PRIMARY).repeat(100)].concat();
    let mut endless_rows = at_question(rows);
    endless_rows.pop();
    endless_rows.push(Step::Endless(row(&PRIMARY)));
    check("endless rows", endless_rows, &[Garbled]).await;
}

#[tokio::test]
async fn octets_at_random() {
    for seed in 1..200_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut octets = Vec::new();
        for _ in 0..256 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            octets.push(state.to_le_bytes()[3]);
        }
        let mut script = at_question(octets.clone());
        script.pop();
        for (stage, script) in [("login", at_login(octets)), ("reply", script)] {
            let kinds = [FailureKind::Garbled, FailureKind::Closed];
            check(&format!("seed {seed} at {stage}"), script, &kinds).await;
        }
    }
}

#[tokio::test]
async fn what_the_server_says_never_shows_the_password_nor_breaks_the_line() {
    let text = format!("no,\nnot {PASSWORD}, {}", "x".repeat(5000));
    let fake = Fake::start(
        "127.22.1.4",
        vec![
            Step::ReadStartup,
            Step::Send(message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])),
            Step::ReadMessage,
            Step::Send(error("FATAL", "28P01", &text)),
        ],
    );
    let Outcome::Failed(failure) = outcome_of(&fake.target()).await else {
        panic!("a refused login came out as facts");
    };
    assert_eq!(failure.kind, FailureKind::Misconfigured);
    assert!(failure.detail.starts_with("28P01 no, not ***, xxx"), "{failure}");
    assert_eq!(failure.detail.chars().count(), 300);
}

/// A row whose second text is no UTF-8.
fn not_utf8() -> Vec<u8> {
    let mut octets = row(&PRIMARY);
    // Tag and length, the number of columns, the first text with its length, the second's length.
    let second = 5 + 2 + 4 + 19 + 4;
    octets[second] = 0xFF;
    octets
}

fn notice() -> Vec<u8> {
    message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
}
