//! One `GET` of a running service, as a client without any library sends it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status line and headers, in lower case.
    pub head: String,
    /// What is below them.
    pub body: String,
}

/// Asks for `path`, with this `Accept` unless it is empty. Nobody there is an empty answer.
///
/// # Panics
/// When the socket cannot be set up.
pub fn get(service: SocketAddr, path: &str, accept: &str) -> Answer {
    let mut text = String::new();
    let accept = if accept.is_empty() { String::new() } else { format!("Accept: {accept}\r\n") };
    if let Ok(mut stream) = TcpStream::connect(service) {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {service}\r\n{accept}\r\n");
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.read_to_string(&mut text);
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer { head: head.to_lowercase(), body: body.to_owned() }
}

/// How long a reply may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
