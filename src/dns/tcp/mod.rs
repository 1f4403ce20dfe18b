//! DNS over TCP (RFC 7766), and the same over TLS.
//!
//! ```text
//! listener ──connection──▶ places ──▶ conversation { frames } ──message──▶ responder
//! ```
//!
//! A connection is one task. It answers all questions that came together in one turn and writes the
//! replies at once.

mod conversation;
mod frames;
mod places;

use std::{io, net::SocketAddr, os::fd::AsFd, time::Duration};

use nix::errno::Errno;
use rustls::{ProtocolVersion, ServerConnection};
use tokio::{
    net::TcpStream,
    select,
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};

pub use self::places::Places;
use self::{conversation::Conversation, places::Place};
use super::{
    Transport,
    responder::{Responder, Responders},
    socket::Bound,
    tls::{Certificate, DOT},
};
use crate::watchdog::Pulse;

/// A listening socket and what its connections need.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub bound: Bound,
    /// What it is bound to.
    pub address: SocketAddr,
    /// The certificate, for DNS over TLS.
    pub certificate: Option<Certificate>,
    /// Shared by all listeners.
    pub places: Places,
    /// The answers.
    pub responders: Responders,
    /// Turns true when it is time to stop.
    pub stopping: watch::Receiver<bool>,
    /// Its sign of life.
    pub pulse: Pulse,
}

impl Listener {
    /// Accepts connections until told to stop, and then answers what has arrived. Dropping it
    /// closes all its connections.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        let mut complaint = None;
        let mut stopping = self.stopping.clone();
        let mut beats = interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.pulse.beat();
            let accepted = select! {
                _ = stopping.wait_for(|&is_stopping| is_stopping) => break,
                Some(ended) = connections.join_next() => {
                    note_panic(self.address, ended);
                    continue;
                }
                _ = beats.tick() => continue,
                accepted = self.bound.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, client)) => self.seat(&mut connections, stream, client),
                Err(error) if concerns_one_client(&error) => {}
                Err(error) => self.cannot_accept(&error, &mut complaint).await,
            }
        }
        self.stop(connections).await;
    }

    fn seat(&self, connections: &mut JoinSet<()>, stream: TcpStream, client: SocketAddr) {
        let place = self.places.take(client.ip());
        let seat = place.seat();
        let visit = Visit {
            client,
            place,
            certificate: self.certificate.clone(),
            responder: self.responders.one(),
            stopping: self.stopping.clone(),
        };
        let task = connections.spawn(visit.attend(stream));
        self.places.seated(seat, task);
    }

    /// Waits a little, for the reason is likely to last and accepting would fail again at once.
    /// Without file descriptors, the longest idle connection gives up its own.
    async fn cannot_accept(&self, error: &io::Error, complaint: &mut Option<Instant>) {
        if complaint.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            *complaint = Some(Instant::now());
            warn!(
                address = %self.address, %error,
                "cannot accept TCP connections; raise LimitNOFILE or lower \
                 dns.tcp.max_connections if files are short"
            );
        }
        let is_short_of_files = matches!(
            error.raw_os_error().map(Errno::from_raw),
            Some(Errno::EMFILE | Errno::ENFILE)
        );
        let is_room_made = is_short_of_files && self.places.clear_longest_idle();
        sleep(if is_room_made { UNTIL_CLOSED } else { AFTER_ERROR }).await;
    }

    /// Seats who stands in the queue, closes the socket, and gives all connections a moment to be
    /// answered. The queue of a socket that outlives us is for the process that comes after us.
    async fn stop(self, mut connections: JoinSet<()>) {
        // By the system's own call: tokio may not have noticed yet who arrived.
        if !self.bound.outlives_us
            && let Ok(queue) = self.bound.socket.as_fd().try_clone_to_owned()
        {
            let queue = std::net::TcpListener::from(queue);
            while let Ok((stream, client)) = queue.accept() {
                if stream.set_nonblocking(true).is_ok()
                    && let Ok(stream) = TcpStream::from_std(stream)
                {
                    self.seat(&mut connections, stream, client);
                }
            }
        }
        drop(self);
        let all_left = async { while connections.join_next().await.is_some() {} };
        _ = timeout(LAST_WORDS, all_left).await;
        connections.shutdown().await;
    }
}

/// Who is connected, and with what they are served.
struct Visit {
    client: SocketAddr,
    place: Place,
    certificate: Option<Certificate>,
    responder: Responder,
    stopping: watch::Receiver<bool>,
}

impl Visit {
    /// Serves the connection until it ends. A handshake counts as idle time.
    async fn attend(self, stream: TcpStream) {
        let Self { client, place, certificate, responder, stopping } = self;
        // Replies are written whole; there is nothing to wait for.
        _ = stream.set_nodelay(true);
        let Some(certificate) = certificate else {
            let conversation =
                Conversation::new(stream, client, Transport::Tcp, responder, place, stopping);
            return conversation.run().await;
        };
        let handshake = TlsAcceptor::from(certificate.current()).accept(stream);
        if let Ok(Ok(stream)) = timeout_at(place.idle_until(), handshake).await {
            let is_private = is_private(stream.get_ref().1);
            let conversation =
                Conversation::new(stream, client, Transport::Tls, responder, place, stopping);
            conversation.private(is_private).run().await;
        }
    }
}

/// Whether zones that must be encrypted may go this way: TLS 1.3, and a client that knows whom it
/// talks to (RFC 9103 sections 7.1 and 7.2).
fn is_private(session: &ServerConnection) -> bool {
    session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
        && session.alpn_protocol() == Some(DOT)
}

/// Whether only one connection is lost and the next may be accepted at once (accept(2): errors of
/// the network are passed on from the new connection).
fn concerns_one_client(error: &io::Error) -> bool {
    let of_one_client = [
        Errno::ECONNABORTED,
        Errno::EINTR,
        Errno::EPROTO,
        Errno::ENOPROTOOPT,
        Errno::ENETDOWN,
        Errno::ENETUNREACH,
        Errno::ENONET,
        Errno::EHOSTDOWN,
        Errno::EHOSTUNREACH,
        Errno::EOPNOTSUPP,
        Errno::ETIMEDOUT,
        Errno::EPERM,
    ];
    error.raw_os_error().is_some_and(|code| of_one_client.contains(&Errno::from_raw(code)))
}

fn note_panic(address: SocketAddr, ended: Result<(), JoinError>) {
    if ended.is_err_and(|ended| ended.is_panic()) {
        error!(%address, "answering a TCP connection panicked; the connection is closed");
    }
}

/// How often a listener shows that it moves, whether or not anybody comes.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// Pause after an error of accepting.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// How long a connection that gives way takes to close.
const UNTIL_CLOSED: Duration = Duration::from_millis(1);

/// How often such an error is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// How long connections may take to read their last replies.
const LAST_WORDS: Duration = Duration::from_secs(1);
