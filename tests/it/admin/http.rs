//! HTTP octet by octet: what a test sends is what goes over the wire.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 when the connection ended without a status.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The words of a refusal.
    pub(crate) fn error(&self) -> String {
        let object: Value = serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"));
        object["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

/// The head of a request with a body of so many octets.
pub(crate) fn head(method: &str, path: &str, octets: usize) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {octets}\r\n\r\n")
}

/// A whole hint for `cluster`.
pub(crate) fn hint(cluster: &str) -> (String, Vec<u8>) {
    let body = serde_json::json!({ "cluster": cluster }).to_string().into_bytes();
    (head("POST", "/v1/hint", body.len()), body)
}

/// One exchange over TCP.
pub(crate) fn over_tcp(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    exchange(stream, head, body)
}

/// One exchange over a Unix socket.
pub(crate) fn over_unix(path: &Path, head: &str, body: &[u8]) -> Answer {
    let stream = UnixStream::connect(path).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    exchange(stream, head, body)
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &[u8]) -> Answer {
    // A refusal may come before all is sent.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
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

/// Longer than any deadline of the server.
const PATIENCE: Duration = Duration::from_secs(20);
