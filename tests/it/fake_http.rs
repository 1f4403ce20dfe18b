//! Services that witnesses ask: HTTP with a reply per path, or a text for everybody who calls.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A listening service; dropping it closes everything.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    replies: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What those who are held hear beside, by path.
    pushed: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The requests so far, head and all.
    requests: Mutex<Vec<String>>,
    tls: Option<Arc<ServerConfig>>,
    stopped: AtomicBool,
}

impl Service {
    /// A service on a free port of `ip`.
    pub(crate) fn start(ip: &str, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            replies: Mutex::default(),
            pushed: Mutex::default(),
            requests: Mutex::default(),
            tls: tls.map(Arc::new),
            stopped: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &ours));
        Self { address, shared, thread: Some(thread) }
    }

    /// Says these octets to everybody who asks for `path`; to everybody who calls if it is `*`.
    pub(crate) fn says(&self, path: &str, octets: impl AsRef<[u8]>) {
        let mut replies = self.shared.replies.lock().expect("no panic");
        replies.insert(path.to_owned(), octets.as_ref().to_vec());
    }

    /// Says this, too, to everybody who is [held](HOLD) at `path`.
    pub(crate) fn pushes(&self, path: &str, octets: impl AsRef<[u8]>) {
        let mut pushed = self.shared.pushed.lock().expect("no panic");
        pushed.entry(path.to_owned()).or_default().extend_from_slice(octets.as_ref());
    }

    /// Replies to `path` with a status and a body.
    pub(crate) fn replies(&self, path: &str, status: u16, body: &str) {
        // As Patroni, which ends a body with the connection.
        self.says(path, format!("HTTP/1.0 {status} x\r\nServer: fake\r\n\r\n{body}"));
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the service does not panic");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut clients = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopped.load(Ordering::SeqCst) {
            break;
        }
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket option");
        let shared = Arc::clone(shared);
        // The client may leave at any time.
        clients.push(std::thread::spawn(move || match &shared.tls {
            None => _ = serve(stream, &shared),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).expect("settings");
                _ = serve(StreamOwned::new(session, stream), &shared);
            }
        }));
    }
    for client in clients {
        client.join().expect("no panic");
    }
}

fn serve(mut stream: impl Read + Write, shared: &Shared) -> std::io::Result<()> {
    let to_all = shared.replies.lock().expect("no panic").get("*").cloned();
    if let Some(reply) = to_all {
        return say(&mut stream, "*", &reply, shared);
    }
    let mut request = Vec::new();
    let mut some = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&some[..read]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    shared.requests.lock().expect("no panic").push(request);
    let reply = shared.replies.lock().expect("no panic").get(&path).cloned();
    say(&mut stream, &path, &reply.unwrap_or_default(), shared)
}

/// Says it once; again and again if it ends with [`AGAIN`], with what is pushed if it ends with [`HOLD`];
/// says nothing and waits for [`SILENCE`].
fn say(
    stream: &mut (impl Read + Write),
    path: &str,
    reply: &[u8],
    shared: &Shared,
) -> std::io::Result<()> {
    if reply == SILENCE {
        return stream.read_exact(&mut [0; 1]);
    }
    if let Some(head) = reply.strip_suffix(HOLD) {
        stream.write_all(head)?;
        let mut said = 0;
        while !shared.stopped.load(Ordering::SeqCst) {
            let pushed = shared.pushed.lock().expect("no panic").get(path).cloned();
            let pushed = pushed.unwrap_or_default();
            stream.write_all(&pushed[said..])?;
            stream.flush()?;
            said = pushed.len();
            std::thread::sleep(Duration::from_millis(10));
        }
        return Ok(());
    }
    let Some(head) = reply.strip_suffix(AGAIN) else {
        stream.write_all(reply)?;
        return stream.flush();
    };
    while !shared.stopped.load(Ordering::SeqCst) {
        stream.write_all(head)?;
    }
    Ok(())
}

/// At the end of a reply: it has no end.
pub(crate) const AGAIN: &[u8] = b"<again>";

/// At the end of a reply: it goes on with what is pushed.
pub(crate) const HOLD: &[u8] = b"<hold>";

/// As a reply: none.
pub(crate) const SILENCE: &[u8] = b"<silence>";
