//! Connections of admin clients: few, short, and never in the way of others.
//!
//! One connection carries one request, and has [`VISIT`] for all of it, unless it is a stream: of
//! these there may be [`STREAMS`]. When all places of a listener are taken, the oldest connection
//! gives way to the new one: an honest one lasts milliseconds, and who follows a stream comes back.
//! The Unix socket has places of its own, so that nobody on the network keeps the operator on the
//! machine out.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    select,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};
use tracing::{error, warn};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The Unix socket: somebody whom the file's permissions let in.
    Local {
        /// Whose process connected, as the kernel says (`SO_PEERCRED`, unix(7)).
        uid: Option<u32>,
    },
    /// This address. Nothing is known of who it is.
    Network(SocketAddr),
}

/// One connection, for whoever answers its request.
#[derive(Clone, Debug)]
pub struct Visit {
    streams: Arc<Semaphore>,
    stays: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
}

impl Visit {
    /// Lets the connection last as long as its answer does. `None` when there are as many such as
    /// may be; the place is free again when what is returned is dropped.
    pub(super) fn stay(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.streams).try_acquire_owned().ok()?;
        self.stays.store(true, Ordering::Relaxed);
        Some(place)
    }

    /// Becomes true when all ends.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }
}

/// Serves `routes` on both until told to stop, then gives requests under way a moment.
pub async fn serve(
    unix: Option<std::os::unix::net::UnixListener>,
    http: Option<std::net::TcpListener>,
    routes: Router,
    mut stop: watch::Receiver<bool>,
) {
    let mut visits = JoinSet::new();
    let registered =
        (unix.map(UnixListener::from_std).transpose(), http.map(TcpListener::from_std).transpose());
    let (unix, http) = match registered {
        (Ok(unix), Ok(http)) => (unix, http),
        (Err(error), _) | (_, Err(error)) => {
            error!("the admin API cannot serve its sockets: {error}");
            return;
        }
    };
    let stopping = stop.clone();
    let mut local = Places::new(&stopping);
    let mut network = Places::new(&stopping);
    let mut complaint = None;
    loop {
        let accepted = select! {
            _ = stop.wait_for(|&stops| stops) => break,
            Some(ended) = visits.join_next() => {
                if ended.is_err_and(|ended| ended.is_panic()) {
                    error!("answering an admin request panicked; its connection is closed");
                }
                continue;
            }
            accepted = accept_unix(unix.as_ref()) => accepted.map(|(stream, _)| {
                let uid = stream.peer_cred().ok().map(|credentials| credentials.uid());
                let visit = attend(stream, Peer::Local { uid }, local.visit(), routes.clone());
                local.take(visits.spawn(visit));
            }),
            accepted = accept_http(http.as_ref()) => accepted.map(|(stream, client)| {
                let peer = Peer::Network(client);
                let visit = attend(stream, peer, network.visit(), routes.clone());
                network.take(visits.spawn(visit));
            }),
        };
        if let Err(error) = accepted {
            cannot_accept(&error, &mut complaint).await;
        }
    }
    drop((unix, http));
    let all_left = async { while visits.join_next().await.is_some() {} };
    _ = timeout(LAST_WORDS, all_left).await;
    visits.shutdown().await;
}

async fn accept_unix(
    listener: Option<&UnixListener>,
) -> io::Result<(tokio::net::UnixStream, tokio::net::unix::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn accept_http(
    listener: Option<&TcpListener>,
) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// The connections of one listener.
struct Places {
    /// The oldest in front.
    taken: VecDeque<AbortHandle>,
    streams: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Places {
    fn new(stopping: &watch::Receiver<bool>) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self { taken: VecDeque::new(), streams, stopping: stopping.clone() }
    }

    /// What a new connection may know.
    fn visit(&self) -> Visit {
        let (streams, stopping) = (Arc::clone(&self.streams), self.stopping.clone());
        Visit { streams, stays: Arc::default(), stopping }
    }

    /// Keeps a place for a new connection; the oldest one gives way when there is none left.
    fn take(&mut self, visit: AbortHandle) {
        if self.taken.len() >= PLACES {
            self.taken.retain(|visit| !visit.is_finished());
        }
        if self.taken.len() >= PLACES
            && let Some(oldest) = self.taken.pop_front()
        {
            oldest.abort();
        }
        self.taken.push_back(visit);
    }
}

/// Answers one request.
async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    visit: Visit,
    routes: Router,
) {
    let stays = Arc::clone(&visit.stays);
    let routes = routes.layer(Extension(peer)).layer(Extension(visit));
    let service = TowerToHyperService::new(routes);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_OCTETS)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Whatever is wrong with it, it is the client's to notice.
    if timeout(VISIT, &mut connection).await.is_err() && stays.load(Ordering::Relaxed) {
        _ = connection.await;
    }
}

/// Waits a little, for the reason (mostly: out of files) is likely to last.
async fn cannot_accept(error: &io::Error, complaint: &mut Option<Instant>) {
    if complaint.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
        *complaint = Some(Instant::now());
        warn!(%error, "cannot accept admin connections; raise LimitNOFILE if files are short");
    }
    sleep(AFTER_ERROR).await;
}

/// Connections of one listener at a time.
const PLACES: usize = 64;

/// Of these, streams: half of the places are always for those who ask.
const STREAMS: usize = 32;

/// How long a connection may last that is no stream: far more than any answer takes.
const VISIT: Duration = Duration::from_secs(10);

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(3);

/// Octets of a request's head, and of what is read ahead.
const HEAD_OCTETS: usize = 16 * 1024;

/// Header lines of a request.
const HEADERS: usize = 64;

/// How long requests under way may take when all stops.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Pause after an error of accepting.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// How often such an error is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
