//! `POST /v1/hint`: whom it asks, what it refuses, and what a flood of hints comes to.

use crate::{
    admin::{RARE, Scene, http},
    patience::until,
    process::message,
};

#[test]
fn a_hint_asks_every_server_of_its_cluster_and_no_other() {
    let scene = Scene::new("127.33.1", RARE);
    let served = scene.serve(&[]);
    let mut before = scene.settled();
    let (head, body) = http::hint("orders");
    let by_query = http::head("POST", "/v1/hint?cluster=ORDERS", 0);
    for answer in [
        &|| http::over_tcp(served.http, &head, &body),
        &|| http::over_unix(&served.socket, &head, &body),
        &|| http::over_unix(&served.socket, &by_query, b""),
    ] as [&dyn Fn() -> http::Answer; 3]
    {
        let answer = answer();
        assert_eq!((answer.status, answer.body.trim()), (202, "{\"cluster\":\"orders\"}"));
        let asked = |now: [usize; 4]| (0..2).all(|server| now[server] > before[server]);
        until("both are asked at once", || asked(scene.asked()));
        let after = scene.settled();
        assert_eq!(after[2..], before[2..], "the other cluster is left in peace");
        before = after;
    }
    let log = served.service.log();
    let hint = log.iter().find(|line| line["fields"]["event"] == "hint").expect("a line");
    assert_eq!(hint["fields"]["cluster"], "orders", "{hint}");
    assert_eq!(hint["fields"]["from"], "127.0.0.1", "{hint}");
    assert_eq!(message(hint), "a hint: every server is asked at once");
}

#[test]
fn what_is_no_hint_is_refused_with_what_is_expected_and_asks_nobody() {
    let scene = Scene::new("127.33.2", RARE);
    let served = scene.serve(&[]);
    let before = scene.settled();
    let long = format!("{{\"cluster\": \"{}\"}}", "x".repeat(5_000));
    let strange = "{\"cluster\": \"\\u001b[31mx\"}";
    for (method, path, body, status, words) in [
        ("POST", "/v1/hint", "", 400, "no cluster is named; send {\"cluster\": \"NAME\"}"),
        ("POST", "/v1/hint", "orders", 400, "not what it should be"),
        ("POST", "/v1/hint", "{}", 400, "missing field `cluster`"),
        ("POST", "/v1/hint", "{\"cluster\": 7}", 400, "expected a string"),
        ("POST", "/v1/hint", "{\"cluster\": \"orders\", \"x\": 1}", 400, "unknown field `x`"),
        ("POST", "/v1/hint?cluster=orders", "{\"cluster\": \"orders\"}", 400, "a body and a query"),
        ("POST", "/v1/hint?name=orders", "", 400, "the query is not of the form"),
        ("POST", "/v1/hint", &long, 413, "longer than 4096 octets; send"),
        ("POST", "/v1/hint", "{\"cluster\": \"x\"}", 404, "no cluster `x`; known: orders, billing"),
        ("POST", "/v1/hint", strange, 404, "no cluster `\\u{1b}[31mx`"),
        ("GET", "/v1/hint", "", 405, "/v1/hint does not take GET; GET /v1/openapi.json lists"),
        ("POST", "/readyz", "", 405, "/readyz does not take POST"),
        ("GET", "/v2/hint", "", 404, "there is nothing at /v2/hint; GET /v1/openapi.json lists"),
        ("POST", "/", "", 405, "/ does not take POST"),
    ] {
        let head = http::head(method, path, body.len());
        for answer in [
            http::over_tcp(served.http, &head, body.as_bytes()),
            http::over_unix(&served.socket, &head, body.as_bytes()),
        ] {
            assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
            assert!(answer.error().contains(words), "{method} {path} {body}: {answer:?}");
            assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
        }
    }
    let wrong = http::over_tcp(served.http, &http::head("DELETE", "/v1/hint", 0), b"");
    assert!(wrong.head.contains("allow: post"), "{wrong:?}");
    assert_eq!(scene.settled(), before);
}

/// Whatever comes in, a server is asked twenty times a second at most, and the log has one line a
/// second.
#[test]
fn a_flood_of_forged_hints_is_no_flood_of_questions() {
    let scene = Scene::new("127.33.3", RARE);
    let served = scene.serve(&[]);
    let before = scene.settled();
    let (head, body) = http::hint("orders");
    let hints = 1_000;
    let stopwatch = tokio::time::Instant::now();
    for _ in 0..hints {
        assert_eq!(http::over_tcp(served.http, &head, &body).status, 202);
    }
    let after = scene.settled();
    let seconds = stopwatch.elapsed().as_secs_f64();
    for server in 0..2 {
        let asked = after[server] - before[server];
        // Half as many again for a machine whose clocks are late.
        #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
        let bound = (seconds * 30.0) as usize + 2;
        assert!((2..=bound.min(hints)).contains(&asked), "{asked} questions in {seconds} s");
    }
    assert_eq!(after[2..], before[2..]);
    let log = served.service.log();
    let lines = log.iter().filter(|line| line["fields"]["event"] == "hint").count();
    assert!(lines >= 1 && f64::from(u32::try_from(lines).expect("few")) <= seconds + 1.0);
}
