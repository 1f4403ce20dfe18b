//! The hook for chats as it is packaged, run by the real binary against a server of HTTP.
//!
//! The one for PgBouncer is in `tests/databases/pgbouncer.rs`.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::Value;

use crate::{
    hooks::{Scene, events, says, wait_for_writes_at},
    patience::{PATIENCE, until},
    process::Service,
};

/// What a chat was sent.
struct Post {
    request: String,
    headers: Vec<String>,
    body: Value,
}

/// A chat that takes everything but the first message.
fn chat(address: &str) -> (SocketAddr, Receiver<Post>) {
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    let at = listener.local_addr().expect("an address");
    let (send, posts) = mpsc::channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
            let lines = reader.by_ref().lines().map(|line| line.expect("a line"));
            let mut head = lines.take_while(|line| !line.is_empty());
            let request = head.next().expect("a request");
            let headers: Vec<_> = head.map(|line| line.to_ascii_lowercase()).collect();
            let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.and_then(|text| text.parse().ok()).expect("a length")];
            reader.read_exact(&mut body).expect("a body");
            let status = if number == 0 { "503 Later" } else { "200 OK" };
            let reply =
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            stream.write_all(reply.as_bytes()).expect("it listens");
            let body = serde_json::from_slice(&body).expect("JSON");
            // The test may have seen enough.
            _ = send.send(Post { request, headers, body });
        }
    });
    (at, posts)
}

#[test]
fn the_packaged_hook_writes_a_line_into_a_chat() {
    let scene = Scene::new(21);
    let (chat, posts) = chat("127.63.6.1");
    let url = scene.notes().join("chat.url");
    fs::write(&url, format!("http://{chat}/services/T0/S3cr3t\n")).expect("a file can be written");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/hooks/chat");
    let hook = format!(
        "[[hook]]\nname = \"chat\"\nevents = [\"write_changed\", \"no_writer\"]\n\
         command = [{program:?}, {url:?}]\ntimeout = \"30s\"\n"
    );
    let settings = scene.settings(&hook);
    let (service, _) = Service::serve(&settings, &[]);
    wait_for_writes_at(&service, "db1");
    let notes = scene.fail_over();
    wait_for_writes_at(&service, "db2");
    let mut told = Vec::new();
    while !told.iter().any(|post: &Post| post.body["text"].to_string().contains("-> db2 (")) {
        told.push(posts.recv_timeout(PATIENCE).expect("the chat is told"));
    }
    let lines: Vec<_> =
        told.iter().map(|post| post.body["text"].as_str().expect("a text")).collect();
    assert_eq!(lines[0], lines[1], "what the chat did not take is told again");
    let expected: Vec<_> =
        events(notes.path(), &["write_changed", "no_writer"]).iter().map(line).collect();
    assert_eq!(lines[1..], expected[..lines.len() - 1]);
    for post in &told {
        assert_eq!(post.request, "POST /services/T0/S3cr3t HTTP/1.1");
        assert!(post.headers.iter().any(|line| line == "content-type: application/json"));
    }
    assert!(!says(&service, "not told"), "{}", service.output());
    assert!(!service.output().contains("S3cr3t"), "{}", service.output());
    until("nothing of it fails", || {
        let settled = crate::hooks::asks(notes.path(), "GET", "/v1/status")["hooks"][0].clone();
        settled["failures"] == 0 && settled["pending"] == 0
    });
    assert_eq!(service.stop().code, Some(0));
}

/// The line about an event.
fn line(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let kind = text("kind");
    let mark = if kind == "no_writer" { "red_circle" } else { "information_source" };
    let [from, to] = ["from", "to"].map(|side| match text(side) {
        "" => "nobody",
        server => server,
    });
    let (cluster, name, reason, at) = (text("cluster"), text("name"), text("reason"), text("at"));
    format!(":{mark}: {kind} {cluster} {name}: {from} -> {to} ({reason}), {at}")
}
