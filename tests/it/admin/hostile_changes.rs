//! A thousand requests that mean harm: each is refused and says why, and none changes anything.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::admin::{Scene, Served, TOKEN, http::Answer};

/// What is sent, and how it may be answered; 0 for a connection that ends without a word, which only
/// what is no HTTP may get.
struct Attack {
    name: &'static str,
    octets: Vec<u8>,
    statuses: &'static [u16],
    /// The client sends no more after that.
    half_closed: bool,
}

/// A request with the right token but for `headers`.
fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n{headers}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const HOST: &str = "Host: localhost\r\n";
const JSON: &str = "Host: localhost\r\nContent-Type: application/json\r\n";

/// What would drain a server, were it well asked for.
fn drain() -> String {
    json!({"server": "orders2", "author": "mallory", "reason": "harm"}).to_string()
}

fn attack(name: &'static str, octets: Vec<u8>, statuses: &'static [u16]) -> Attack {
    Attack { name, octets, statuses, half_closed: false }
}

/// Wrong token, host or origin.
fn not_allowed() -> Vec<Attack> {
    let body = drain();
    let of = |headers: &str| request("POST", "/v1/drain", headers, body.as_bytes());
    let without = |authorization: &str, path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\n{JSON}{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        head.into_bytes()
    };
    let near = format!("Authorization: Bearer {}\r\n", TOKEN.replace('f', "e"));
    let basic = format!("Authorization: Basic {TOKEN}\r\n");
    let in_path = format!("/v1/drain?access_token={TOKEN}");
    vec![
        attack("no token", without("", "/v1/drain"), &[401]),
        attack("a wrong token", without(&near, "/v1/drain"), &[401]),
        attack("an empty token", without("Authorization: Bearer \r\n", "/v1/drain"), &[401]),
        attack("another scheme", without(&basic, "/v1/drain"), &[401]),
        attack("a token in the path", without("", &in_path), &[401]),
        attack("two tokens", of(&format!("{JSON}Authorization: Bearer x\r\n")), &[401]),
        attack("a foreign host", of(&JSON.replace("localhost", "evil.example")), &[421]),
        attack(
            "a host like ours",
            of(&JSON.replace("localhost", "localhost.evil.example")),
            &[421],
        ),
        attack(
            "a user in the host",
            of(&JSON.replace("localhost", "localhost@evil.example")),
            &[400, 421],
        ),
        attack("no host", of(&JSON.replace("Host: localhost\r\n", "")), &[400]),
        attack("two hosts", of(&format!("{JSON}Host: evil.example\r\n")), &[400]),
        attack(
            "a foreign target",
            request("POST", "http://evil.example/v1/drain", JSON, body.as_bytes()),
            &[421],
        ),
        attack("a foreign origin", of(&format!("{JSON}Origin: https://evil.example\r\n")), &[403]),
        attack("no origin", of(&format!("{JSON}Origin: null\r\n")), &[403]),
        attack("another port", of(&format!("{JSON}Origin: http://localhost:81\r\n")), &[403]),
        attack("another site", of(&format!("{JSON}Sec-Fetch-Site: cross-site\r\n")), &[403]),
    ]
}

/// Bodies that are not what they should be.
fn bad_bodies() -> Vec<Attack> {
    let of = |body: &[u8]| request("POST", "/v1/drain", JSON, body);
    let with = |field: &str, value: Value| {
        let mut wish: Value = serde_json::from_str(&drain()).expect("JSON");
        wish[field] = value;
        of(wish.to_string().as_bytes())
    };
    let deep = "[".repeat(20_000);
    let announced = |length: &str| {
        let head = format!("POST /v1/drain HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n{JSON}");
        format!("{head}Content-Length: {length}\r\n\r\n{{").into_bytes()
    };
    let chunked = format!(
        "POST /v1/drain HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n{JSON}Transfer-Encoding: \
         chunked\r\n\r\n11000\r\n{}\r\n0\r\n\r\n",
        " ".repeat(0x11000)
    );
    let cut_off =
        Attack { half_closed: true, ..attack("a cut body", announced("90"), &[400, 408, 0]) };
    let doubled = drain().replacen('{', "{\"server\": \"orders1\", ", 1);
    vec![
        attack("another type", request("POST", "/v1/drain", HOST, drain().as_bytes()), &[415]),
        attack(
            "a form",
            request(
                "POST",
                "/v1/drain",
                &JSON.replace("application/json", "text/plain"),
                drain().as_bytes(),
            ),
            &[415],
        ),
        attack("a long body", announced("10000000"), &[413]),
        attack("an endless body", announced("99999999999999999999999"), &[400]),
        attack("a negative body", announced("-1"), &[400]),
        attack("a long body in chunks", chunked.into_bytes(), &[413]),
        attack(
            "no body",
            format!("POST /v1/drain HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n{JSON}\r\n")
                .into_bytes(),
            &[411],
        ),
        attack("an empty body", of(b""), &[400]),
        attack("half an object", of(&drain().as_bytes()[..20]), &[400]),
        attack("an array", of(b"[]"), &[400]),
        attack("deep arrays", of(deep.as_bytes()), &[400]),
        attack("a deep field", of(format!("{{\"server\": {deep}").as_bytes()), &[400]),
        attack("no text", of(&[0xff; 60]), &[400]),
        attack("an unknown field", with("farce", json!(true)), &[400]),
        attack("a field twice", of(doubled.as_bytes()), &[400]),
        attack("a wrong type", with("force", json!("yes")), &[400]),
        attack("too long", with("for", json!("99999d")), &[400]),
        attack("no time at all", with("for", json!("0s")), &[400]),
        attack("a long reason", with("reason", json!("x".repeat(400))), &[400]),
        attack("no reason", with("reason", json!("  ")), &[400]),
        attack("lines in a reason", with("reason", json!("one\nlevel=ERROR two")), &[400]),
        attack("a turned author", with("author", json!("ann\u{202e}")), &[400]),
        attack("a server that is none", with("server", json!("x".repeat(300))), &[400]),
        attack("an unknown server", with("server", json!("\u{7f}../../etc")), &[400, 404]),
        cut_off,
    ]
}

/// Methods and paths that are not there, and what is no HTTP.
fn bad_requests() -> Vec<Attack> {
    let body = drain();
    let of = |method: &str, path: &str| request(method, path, JSON, body.as_bytes());
    let second = String::from_utf8(of("POST", "/v1/drain")).expect("text");
    let smuggled = format!(
        "POST /v1/drain HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n{JSON}Content-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}"
    );
    let followed = [request("GET", "/v1/drain", HOST, b""), second.into_bytes()].concat();
    let heads = format!("GET /v1/status HTTP/1.1\r\n{HOST}{}", "X: y\r\n".repeat(5_000));
    let override_method = format!("{HOST}X-HTTP-Method-Override: POST\r\n");
    vec![
        attack("a change by GET", request("GET", "/v1/drain?server=orders2", HOST, b""), &[405]),
        attack("a change by HEAD", request("HEAD", "/v1/drain", HOST, b""), &[405]),
        attack("a GET that says POST", request("GET", "/v1/drain", &override_method, b""), &[405]),
        attack("PUT", of("PUT", "/v1/drain"), &[405]),
        attack("PATCH", of("PATCH", "/v1/servers/orders2"), &[405]),
        attack("OPTIONS", of("OPTIONS", "/v1/drain"), &[405]),
        attack("TRACE", of("TRACE", "/v1/drain"), &[405]),
        attack("a new method", of("DRAIN", "/v1/drain"), &[405]),
        attack("a dot in the path", of("POST", "/v1/./drain"), &[404]),
        attack("two slashes", of("POST", "//v1/drain"), &[404]),
        attack("a slash more", of("POST", "/v1/drain/"), &[404]),
        attack("upper case", of("POST", "/V1/DRAIN"), &[404]),
        attack("an encoded path", of("POST", "/v1/%64rain"), &[404]),
        attack("a way up", of("POST", "/v1/servers/%2e%2e%2fdrain"), &[404, 405]),
        attack("no UTF-8 in the path", of("POST", "/v1/servers/%ff/ready"), &[400]),
        attack("a long path", of("POST", &format!("/v1/{}", "x".repeat(6_000))), &[404]),
        attack(
            "a server of the file",
            request("DELETE", "/v1/servers/orders2?author=m", HOST, b""),
            &[409],
        ),
        attack("nobody asks", request("DELETE", "/v1/servers/orders2", HOST, b""), &[400]),
        attack("a request in a body", smuggled.into_bytes(), &[400, 411]),
        attack("a second request", followed, &[405]),
        attack("too many headers", format!("{heads}\r\n").into_bytes(), &[431, 400]),
        attack("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[0, 400]),
        attack("another protocol", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400, 505]),
    ]
}

/// Sends all of it and reads to the end.
fn play(attack: &Attack, address: SocketAddr) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
    // A refusal may come before all is sent.
    let _ = stream.write_all(&attack.octets);
    if attack.half_closed || attack.statuses.contains(&0) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut octets = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        octets.extend(&buffer[..count]);
    }
    let text = String::from_utf8_lossy(&octets);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// All that a change would change.
fn state(served: &Served) -> Value {
    let mut status = served.json("/v1/status");
    for cluster in status["clusters"].as_array_mut().expect("a list") {
        cluster["stability"] = Value::Null;
        for name in cluster["names"].as_array_mut().expect("a list") {
            name["ttl"] = Value::Null;
        }
    }
    let events = served.json("/v1/events");
    json!([status["clusters"], status["serial"], events])
}

#[test]
fn a_thousand_hostile_requests_are_refused_and_change_nothing() {
    let scene = Scene::console("127.54.10");
    let served = scene.serve(&[]);
    let before = state(&served);
    let begin = Instant::now();
    // Half of the places are held by clients that never come to the point.
    let idle: Vec<_> = (0..32)
        .map(|number| {
            let mut stream = TcpStream::connect(served.http).expect("it listens");
            let beginning = &request("POST", "/v1/drain", JSON, drain().as_bytes());
            stream.write_all(&beginning[..20 + number]).expect("an open connection");
            stream
        })
        .collect();
    let attacks: Vec<_> =
        [not_allowed(), bad_bodies(), bad_requests()].into_iter().flatten().collect();
    let rounds = 1_000_usize.div_ceil(attacks.len());
    thread::scope(|scope| {
        for part in 0..4 {
            let (attacks, address) = (&attacks, served.http);
            scope.spawn(move || {
                for attack in
                    attacks.iter().cycle().take(rounds * attacks.len()).skip(part).step_by(4)
                {
                    let answer = play(attack, address);
                    assert!(
                        attack.statuses.contains(&answer.status),
                        "{}: {answer:?}",
                        attack.name
                    );
                    // What is no HTTP is refused by the library, which says no more than the status.
                    let is_ours =
                        ![0, 431, 505].contains(&answer.status) && !answer.body.is_empty();
                    if is_ours {
                        assert!(answer.error().len() > 20, "{}: {answer:?}", attack.name);
                    }
                    assert!(!answer.head.contains("access-control"), "{answer:?}");
                }
            });
        }
    });
    assert!(rounds * attacks.len() >= 1_000);
    drop(idle);
    assert_eq!(state(&served), before);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    let log = served.service.log();
    let refused = log.iter().filter(|line| line["fields"]["event"] == "admin_refused").count();
    assert!((1..=31).contains(&refused), "one line a second at most: {refused}");
    assert_eq!(served.service.stop().code, Some(0));
}
