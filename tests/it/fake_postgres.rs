//! A PostgreSQL server that does what a script says, octet by octet. It runs on a thread and
//! runtime of its own, so that the tasks of the runtime under test are only the prober's.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    demo::wire,
    engine::{ClusterKind, ProbeKey},
    metrics::ProbeMeter,
    probe::Target,
};
pub(crate) use pointsman::{
    demo::wire::{complete, description, error, message, ready, row},
    probe::POSTGRES_COLUMNS as COLUMNS,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
};
use tokio_rustls::TlsAcceptor;

/// One thing a fake server does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Only as the first: agrees to TLS and plays the rest of the script encrypted.
    Encrypt(Arc<rustls::ServerConfig>),
    /// Only as the first: to a client that only looks whether a server is there, says that it is;
    /// plays the rest of the script to all others.
    TakeLooks,
    /// Reads one message without a tag: the startup packet or the request for TLS.
    ReadStartup,
    /// Reads one tagged message.
    ReadMessage,
    /// Sends all of it at once.
    Send(Vec<u8>),
    /// Sends one octet each 100 ms.
    Trickle(Vec<u8>),
    /// Sends it again and again.
    Endless(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Waits until there is a permit, and leaves it to the next one.
    Until(Arc<Semaphore>),
    /// Says nothing and reads on until the client leaves.
    Silence,
}

/// A listening fake; dropping it closes everything.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Fake {
    /// Plays `script` to every client on a free port of `ip` and then closes the connection.
    pub(crate) fn start(ip: &str, script: Vec<Step>) -> Self {
        Self::start_each(ip, vec![script])
    }

    /// Plays the first script to the first client, and so on; the last one to all that follow.
    pub(crate) fn start_each(ip: &str, scripts: Vec<Vec<Step>>) -> Self {
        Self::start_on(std::net::TcpListener::bind((ip, 0)).expect("a free port"), scripts)
    }

    /// The same behind a port that listens already.
    pub(crate) fn start_on(listener: std::net::TcpListener, scripts: Vec<Vec<Step>>) -> Self {
        listener.set_nonblocking(true).expect("a socket option");
        let address = listener.local_addr().expect("bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let looks = Arc::new(AtomicUsize::new(0));
        let looked = Arc::clone(&looks);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, scripts, count, looked) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, accepted, looks, stop: Some(stop), thread: Some(thread) }
    }

    /// How many clients have come so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many of them only looked, at a script that takes looks.
    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    /// A target that probes this fake, with `tls = "disable"`.
    pub(crate) fn target(&self) -> Target {
        target(self.address, config())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the fake does not panic");
        }
    }
}

/// A target at `address`.
pub(crate) fn target(address: SocketAddr, config: ProbeConfig) -> Target {
    Target {
        key: ProbeKey(0),
        target: ProbeTarget { host: TargetHost::Address(address.ip()), port: address.port() },
        kind: ClusterKind::Postgres,
        config: Arc::new(config),
        meter: ProbeMeter::default(),
        listener: None,
    }
}

/// Short deadlines; an interval so long that no probe within a test is due by itself.
pub(crate) fn config() -> ProbeConfig {
    ProbeConfig {
        user: "pointsman".into(),
        password: Some(Secret::new(PASSWORD)),
        database: "postgres".into(),
        tls: TlsMode::Disable,
        auth: AuthConfig::default(),
        interval: Duration::from_secs(600),
        fast_interval: Duration::from_millis(50),
        candidate_interval: Duration::from_millis(15),
        timeout: Duration::from_millis(500),
        heartbeat_write: false,
    }
}

pub(crate) const PASSWORD: &str = "correct horse";

async fn accept(
    listener: std::net::TcpListener,
    scripts: Vec<Vec<Step>>,
    count: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
) {
    let listener = TcpListener::from_std(listener).expect("a listening socket");
    loop {
        let (stream, _) = listener.accept().await.expect("a client");
        let client = count.fetch_add(1, Ordering::SeqCst);
        let script = scripts[client.min(scripts.len() - 1)].clone();
        let looks = Arc::clone(&looks);
        tokio::spawn(async move {
            // The client may leave at any time.
            let _ = greet(stream, script, &looks).await;
        });
    }
}

async fn greet(
    mut stream: TcpStream,
    mut script: Vec<Step>,
    looks: &AtomicUsize,
) -> std::io::Result<()> {
    if let Some(Step::TakeLooks) = script.first() {
        script.remove(0);
        let mut start = [0; 8];
        stream.peek(&mut start).await?;
        // The code of GSSENCRequest.
        if start == [0, 0, 0, 8, 4, 210, 22, 48] {
            looks.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"N").await?;
            return play(stream, vec![Step::Silence]).await;
        }
    }
    let Some(Step::Encrypt(config)) = script.first() else {
        return play(stream, script).await;
    };
    let acceptor = TlsAcceptor::from(Arc::clone(config));
    script.remove(0);
    // The code of SSLRequest; whoever begins otherwise gets the script in plain text.
    let mut start = [0; 8];
    stream.peek(&mut start).await?;
    if start != [0, 0, 0, 8, 4, 210, 22, 47] {
        return play(stream, script).await;
    }
    stream.read_exact(&mut start).await?;
    stream.write_all(b"S").await?;
    play(acceptor.accept(stream).await?, script).await
}

async fn play<S>(mut stream: S, script: Vec<Step>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for step in script {
        match step {
            Step::Encrypt(_) | Step::TakeLooks => unreachable!("only as the first step"),
            Step::ReadStartup => read_rest(&mut stream).await?,
            Step::ReadMessage => {
                stream.read_u8().await?;
                read_rest(&mut stream).await?;
            }
            Step::Send(octets) => {
                stream.write_all(&octets).await?;
                stream.flush().await?;
            }
            Step::Trickle(octets) => {
                for octet in octets {
                    stream.write_u8(octet).await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Step::Endless(octets) => loop {
                stream.write_all(&octets).await?;
            },
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Until(gate) => drop(gate.acquire().await.expect("open")),
            Step::Silence => {
                let mut sink = [0; 1024];
                while stream.read(&mut sink).await? > 0 {}
            }
        }
    }
    Ok(())
}

async fn read_rest(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let length = stream.read_u32().await?.saturating_sub(4);
    let mut body = vec![0; usize::try_from(length).expect("a small message")];
    stream.read_exact(&mut body).await.map(|_| ())
}

/// AuthenticationOk, a parameter, the key and ReadyForQuery: a whole login without a password.
pub(crate) fn login() -> Vec<u8> {
    wire::login("15.18")
}

/// Logs in, reads the question, sends `octets`, then stays and says nothing.
pub(crate) fn at_question(octets: Vec<u8>) -> Vec<Step> {
    vec![
        Step::ReadStartup,
        Step::Send(login()),
        Step::ReadMessage,
        Step::Send(octets),
        Step::Silence,
    ]
}

/// The whole reply of a writable primary.
pub(crate) fn primary_reply() -> Vec<u8> {
    reply(&PRIMARY)
}

/// A whole reply with one row.
pub(crate) fn reply(texts: &[Option<&str>]) -> Vec<u8> {
    [description(&COLUMNS), row(texts), complete(), ready()].concat()
}

/// What a writable primary says in the columns that the probe asks for.
pub(crate) const PRIMARY: [Option<&str>; COLUMNS.len()] = [
    Some("7319245698132145678"),
    Some("f"),
    Some("f"),
    Some("00000001"),
    Some("0/3000148"),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    Some("3"),
];

/// What a streaming standby says in them.
pub(crate) const STANDBY: [Option<&str>; COLUMNS.len()] = [
    Some("7319245698132145678"),
    Some("t"),
    None,
    None,
    None,
    Some("t"),
    Some("streaming"),
    Some("2"),
    Some("1"),
    Some("0/3000148"),
    Some("0/3000148"),
    Some("0.1"),
    Some("f"),
    Some("0"),
    Some("127.0.0.9"),
    Some("5432"),
    Some("1763719100250000"),
    Some("3"),
];
