//! What the API tells is what its description promises, and changes over TCP need the token.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    admin::{Scene, Served, TOKEN, http, schema::assert_valid},
    patience::until,
};

impl Served {
    /// A change over the Unix socket.
    pub(super) fn post(&self, path: &str, body: &Value) -> http::Answer {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        http::over_unix(&self.socket, &head, body.as_bytes())
    }

    /// What is at `path`.
    pub(super) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Whether `path` of one method is answered as the description says; the answer.
    fn described(&self, document: &Value, method: &str, path: &str, asked: &str) -> Value {
        let answer = match method {
            "get" => self.get(asked),
            _ => self.post(asked, &json!({})),
        };
        fits(document, method, path, &answer)
    }
}

/// The JSON of `answer`, which is as the description says.
fn fits(document: &Value, method: &str, path: &str, answer: &http::Answer) -> Value {
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path} may not answer {answer:?}");
    let schema = &response["content"]["application/json"]["schema"];
    let told: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_valid(&told, schema, document, path);
    told
}

#[test]
fn what_is_told_is_what_the_description_promises() {
    let scene = Scene::console("127.54.1");
    let served = scene.serve(&[]);
    let document = served.json("/v1/openapi.json");
    let status = served.described(&document, "get", "/v1/status", "/v1/status");
    assert_eq!(status["clusters"][0]["names"][0]["servers"], json!(["orders1"]));
    assert_eq!(status["ready"], true);
    let told = |path: &str, asked: &str| served.described(&document, "get", path, asked);
    assert_eq!(told("/v1/clusters/{name}", "/v1/clusters/ORDERS")["name"], "orders");
    assert_eq!(told("/v1/servers/{name}", "/v1/servers/orders2")["server"]["state"], "Up");
    for (path, asked, words) in [
        ("/v1/clusters/{name}", "/v1/clusters/%1b%5b31m", "no cluster `\\u{1b}[31m`"),
        ("/v1/servers/{name}", "/v1/servers/x", "no server `x`"),
        ("/v1/events", "/v1/events?since=yesterday", "write how long ago"),
        ("/v1/events", "/v1/events?limit=0", "`limit` is 1 to 1000"),
        ("/v1/events", "/v1/events?cluster=x", "no cluster `x`"),
        ("/v1/events", "/v1/events?before=1h", "unknown field `before`"),
        ("/v1/what-if", "/v1/what-if?server=orders1&suppose=rain", "cannot be supposed"),
        ("/v1/explain", "/v1/explain", "missing field `name`"),
        ("/v1/explain", "/v1/explain?name=x.internal.", "no served name `x.internal.`"),
        ("/v1/events/stream", "/v1/events/stream?cluster=x", "no cluster `x`"),
    ] {
        let refused = told(path, asked);
        let error = refused["error"].as_str().expect("an error");
        assert!(error.contains(words), "{asked}: {error}");
    }
    let explained = told("/v1/explain", "/v1/explain?name=orders.internal.");
    assert_eq!(explained["candidates"].as_array().map(Vec::len), Some(2));
    let what_if = told("/v1/what-if", "/v1/what-if?server=orders1&suppose=down");
    assert_eq!(what_if["now"]["names"][0]["servers"], json!(["orders1"]));
    assert_eq!(what_if["then"]["names"][0]["servers"], json!(["orders2"]));
    let signed = |target: &str, name: &str| json!({target: name, "author": "t", "reason": "r"});
    for (path, body) in [
        ("/v1/drain", signed("server", "orders2")),
        ("/v1/undrain", signed("server", "orders2")),
        ("/v1/freeze", signed("cluster", "orders")),
        ("/v1/thaw", signed("cluster", "orders")),
        ("/v1/thaw", signed("cluster", "orders")),
        ("/v1/maintenance", signed("cluster", "nobody")),
        ("/v1/drain", json!({"server": "orders2", "autor": "t"})),
        (
            "/v1/accept",
            json!({"cluster": "orders", "server": "orders2", "author": "t", "reason": "r"}),
        ),
        ("/v1/accept", signed("cluster", "orders")),
    ] {
        let told = fits(&document, "post", path, &served.post(path, &body));
        assert!(told["done"].is_string() || told["error"].is_string(), "{told}");
    }
    let events = told("/v1/events", "/v1/events?since=1h&cluster=orders");
    let events = events["events"].as_array().expect("a list").clone();
    let count = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
    assert_eq!(count("override"), 4, "{events:?}");
    let ids: Vec<_> = events.iter().filter_map(|event| event["id"].as_u64()).collect();
    assert!(ids.is_sorted() && ids.len() == events.len(), "{ids:?}");
}

#[test]
fn over_tcp_changes_need_the_token_and_our_own_name() {
    let scene = Scene::console("127.54.2");
    let served = scene.serve(&[]);
    let body = json!({"server": "orders2", "author": "t", "reason": "r"}).to_string();
    let post = |headers: &str| {
        let head = format!(
            "POST /v1/drain HTTP/1.1\r\nContent-Type: application/json\r\n{headers}\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        http::over_tcp(served.http, &head, body.as_bytes())
    };
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    for (headers, status, words) in [
        ("Host: localhost\r\n", 401, "send one header `Authorization: Bearer TOKEN`"),
        ("Host: localhost\r\nAuthorization: Bearer x\r\n", 401, "no token of [admin]"),
        (&format!("Host: evil.example\r\n{bearer}"), 421, "add the name to `hosts`"),
        (&format!("Host: localhost\r\nOrigin: http://evil.example\r\n{bearer}"), 403, "web page"),
    ] {
        let answer = post(headers);
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        assert!(answer.error().contains(words), "{answer:?}");
        let challenged = answer.head.contains("www-authenticate: bearer");
        assert_eq!(challenged, status == 401, "{answer:?}");
    }
    assert_eq!(served.json("/v1/status")["clusters"][0]["overrides"], json!([]));
    for headers in [
        format!("Host: localhost:8053\r\n{bearer}"),
        format!("Host: pointsman.example.\r\n{bearer}"),
        format!("Host: [::1]:8053\r\nOrigin: http://[::1]:8053\r\n{bearer}"),
    ] {
        assert_eq!(post(&headers).status, 200, "{headers}");
    }
    let laid = &served.json("/v1/status")["clusters"][0]["overrides"][0];
    assert_eq!((&laid["kind"], &laid["server"]), (&json!("drain"), &json!("orders2")));
    // Reading needs no token; the name of the host counts all the same, save for health checks.
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(http::over_tcp(served.http, &head("/v1/status"), b"").status, 421);
    assert_eq!(http::over_tcp(served.http, &head("/healthz"), b"").status, 200);
    // A tunnel may put the Unix socket behind a port.
    assert_eq!(http::over_unix(&served.socket, &head("/v1/status"), b"").status, 421);
}

#[test]
fn without_a_token_file_tcp_is_for_reading() {
    let scene = Scene::new("127.54.3", crate::admin::RARE);
    let served = scene.serve(&[]);
    let answer = http::over_tcp(served.http, &http::head("POST", "/v1/reload", 0), b"");
    assert_eq!(answer.status, 403, "{answer:?}");
    let error = answer.error();
    assert!(error.contains("set `token_file` or [[admin.token]] in [admin], or"), "{error}");
    assert_eq!(served.json("/v1/status")["ready"], true);
}

/// Reads the stream until `wanted` is in it.
fn heard(stream: &mut impl Read, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(wanted) {
        let count = stream.read(&mut buffer).expect("it goes on in time");
        assert!(count > 0, "it ended: {text}");
        text += &String::from_utf8_lossy(&buffer[..count]);
    }
    text
}

#[test]
fn a_stream_tells_each_change_and_goes_on_where_it_was_cut_off() {
    let scene = Scene::console("127.54.4");
    let served = scene.serve(&[]);
    let follow = |last: &str| {
        let mut stream = UnixStream::connect(&served.socket).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a socket option");
        let head = format!(
            "GET /v1/events/stream?cluster=orders HTTP/1.1\r\nHost: localhost\r\n{last}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("an open connection");
        let begin = heard(&mut stream, "retry: 1000");
        (stream, begin)
    };
    let override_of = |path: &str, cluster: &str| {
        let body = json!({"cluster": cluster, "author": "t", "reason": "to be heard"});
        let answer = served.post(path, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let (mut stream, _) = follow("");
    override_of("/v1/freeze", "billing");
    override_of("/v1/freeze", "orders");
    let text = heard(&mut stream, "to be heard");
    assert!(text.contains("event: override\n") && !text.contains("billing"), "{text}");
    let id: u64 = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("id: "))
        .and_then(|id| id.trim().parse().ok())
        .expect("a number");
    drop(stream);
    override_of("/v1/thaw", "orders");
    let (mut stream, mut text) = follow(&format!("Last-Event-ID: {id}\r\n"));
    if !text.contains("event: override") {
        text += &heard(&mut stream, "event: override");
    }
    assert!(!text.contains(&format!("id: {id}\n")), "not twice: {text}");
    // There are no more places for streams than half of those for all.
    let streams: Vec<_> = (0..31).map(|_| follow("")).collect();
    let head = http::head("GET", "/v1/events/stream", 0);
    until("there is no further place", || {
        http::over_unix(&served.socket, &head, b"").status == 503
    });
    assert_eq!(served.get("/healthz").status, 200);
    drop((stream, streams));
    let mut tcp = TcpStream::connect(served.http).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(15))).expect("a socket option");
    tcp.write_all(head.as_bytes()).expect("an open connection");
    heard(&mut tcp, "retry: 1000");
    assert_eq!(served.service.stop().code, Some(0), "a stream keeps nobody from stopping");
}
