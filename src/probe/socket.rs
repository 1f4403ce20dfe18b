//! Reaching a server: name resolution, TCP connect, and what a broken socket proves.
//!
//! Host names are resolved anew at each connect, because providers move names to other addresses. A
//! resolver that does not answer holds one lookup per server, never more: the lookup goes on in the
//! background and the next connect waits for it again.

use std::{
    fmt::Write as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    tls,
    trail::{Step, Trail},
};
use crate::{
    config::{ProbeConfig, ProbeTarget, TargetHost},
    engine::{Failure, FailureKind},
};

/// One server and how to reach it.
#[derive(Debug)]
pub struct Dial {
    /// Where it listens.
    pub(super) target: ProbeTarget,
    /// How its cluster is probed.
    pub(super) config: Arc<ProbeConfig>,
    /// Made at the first login that needs it.
    tls: OnceLock<Arc<ClientConfig>>,
    /// A lookup that outlived the connect that started it.
    lookup: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
    /// Where the steps of a probe are noted.
    pub(super) trail: Trail,
}

impl Dial {
    /// Nothing is resolved or connected yet.
    pub fn new(target: ProbeTarget, config: Arc<ProbeConfig>) -> Self {
        Self { target, config, tls: OnceLock::new(), lookup: None, trail: Trail::default() }
    }

    /// The settings of TLS, the same for every login.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        if let Some(settings) = self.tls.get() {
            return Ok(Arc::clone(settings));
        }
        let settings = Arc::new(tls::client_config(&self.config.tls, &self.trail)?);
        Ok(Arc::clone(self.tls.get_or_init(|| settings)))
    }

    /// The host as certificates and error texts name it, without the port.
    pub(super) fn host(&self) -> String {
        match &self.target.host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.to_string(),
        }
    }

    /// Connects by `deadline`, trying the resolved addresses in the resolver's order.
    ///
    /// When several addresses fail in different ways, the weakest evidence counts: a host is only
    /// refusing when all of its addresses refuse.
    pub(super) async fn connect(&mut self, deadline: Instant) -> Result<TcpStream, Failure> {
        self.trail.begin(Step::Resolve);
        let addresses = self.resolve(deadline).await?;
        self.trail.say(|| resolved(&addresses));
        self.trail.begin(Step::Connect);
        let mut failures = Vec::with_capacity(addresses.len());
        for (tried, address) in addresses.iter().enumerate() {
            let share = share_of(deadline, addresses.len() - tried);
            match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => match prepare(&stream, self.config.timeout) {
                    Ok(()) => {
                        self.trail.say(|| format!("{address}: connected"));
                        return Ok(stream);
                    }
                    Err(error) => failures.push(failure_of(&error, &address.to_string())),
                },
                Ok(Err(error)) => failures.push(failure_of(&error, &address.to_string())),
                Err(_) => failures.push(Failure::new(
                    FailureKind::TimedOut,
                    format!("{address}: no TCP connection"),
                )),
            }
            self.trail.say(|| failures.last().map(Failure::to_string).unwrap_or_default());
        }
        Err(weakest(failures))
    }

    async fn resolve(&mut self, deadline: Instant) -> Result<Vec<SocketAddr>, Failure> {
        let port = self.target.port;
        let name = match &self.target.host {
            TargetHost::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            TargetHost::Name(name) => name.clone(),
        };
        let unresolved = |why: &str| {
            let detail = format!("{}: {why}", self.target);
            Failure::new(FailureKind::Unresolved, detail)
        };
        let lookup = self.lookup.get_or_insert_with(|| {
            tokio::spawn(async move {
                let found = tokio::net::lookup_host((&*name, port)).await?;
                Ok(found.collect())
            })
        });
        let found = timeout_at(deadline, lookup).await;
        if found.is_ok() {
            self.lookup = None;
        }
        match found {
            Ok(Ok(Ok(addresses))) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(Ok(_))) => Err(unresolved("the name has no address")),
            Ok(Ok(Err(error))) => Err(unresolved(&error.to_string())),
            Ok(Err(_)) => Err(unresolved("the lookup was cut off")),
            Err(_) => Err(unresolved("the resolver does not answer")),
        }
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(lookup) = &self.lookup {
            lookup.abort();
        }
    }
}

/// What an error of a socket proves about the host at the other end.
///
/// Everything unknown is `Unreachable`: soft, and possibly our own fault. A process that is out of
/// file descriptors or ports must suspect itself, not the databases.
pub(super) fn kind_of(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => FailureKind::Closed,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => FailureKind::Garbled,
        _ => FailureKind::Unreachable,
    }
}

/// A failure from an error of a socket, in the system's words.
pub(super) fn failure_of(error: &io::Error, context: &str) -> Failure {
    Failure::new(kind_of(error), format!("{context}: {error}"))
}

/// A connection that counts what it receives and remembers how it ended.
///
/// The count stops an endless or monstrous reply long before it fills the memory; the memory of the
/// end tells a closed connection from a reply that merely does not parse, which the protocol
/// library reports alike.
pub(super) struct Metered {
    stream: TcpStream,
    meter: Arc<Meter>,
}

/// What a [`Metered`] stream has seen, shared with the one who reads its errors.
pub(super) struct Meter {
    allowance: AtomicUsize,
    end: OnceLock<Failure>,
}

impl Metered {
    /// Wraps `stream`, with the allowance of one reply.
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Meter>) {
        let meter =
            Arc::new(Meter { allowance: AtomicUsize::new(REPLY_OCTETS_MAX), end: OnceLock::new() });
        let metered = Self { stream, meter: Arc::clone(&meter) };
        (metered, meter)
    }
}

impl Meter {
    /// Allows one more reply.
    pub(super) fn refill(&self) {
        self.allow(REPLY_OCTETS_MAX);
    }

    /// Allows so many octets more, whatever was left.
    pub(super) fn allow(&self, octets: usize) {
        self.allowance.store(octets, Ordering::Relaxed);
    }

    /// Whether the server has said anything yet, since the last allowance.
    pub(super) fn has_heard(&self) -> bool {
        self.allowance.load(Ordering::Relaxed) < REPLY_OCTETS_MAX
    }

    /// How the connection ended, if it did.
    pub(super) fn end(&self) -> Option<&Failure> {
        self.end.get()
    }

    /// Counts `octets`; the end of a stream is a read of none.
    fn count(&self, octets: usize) {
        if octets == 0 {
            self.ended(Failure::new(FailureKind::Closed, "the server closed the connection"));
        }
        let left = self.allowance.load(Ordering::Relaxed);
        self.allowance.store(left.saturating_sub(octets), Ordering::Relaxed);
    }

    fn ended(&self, failure: Failure) {
        self.end.get_or_init(|| failure);
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.meter.allowance.load(Ordering::Relaxed) == 0 {
            let text = format!("reply longer than {REPLY_OCTETS_MAX} octets");
            self.meter.ended(Failure::new(FailureKind::Garbled, text.as_str()));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match &polled {
            Poll::Ready(Ok(())) if buffer.capacity() > before => {
                self.meter.count(buffer.filled().len() - before);
            }
            Poll::Ready(Err(error)) => self.meter.ended(failure_of(error, "receiving")),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Err(error)) = &polled {
            self.meter.ended(failure_of(error, "sending"));
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Sets what a probe's socket needs and refuses a connection to itself.
///
/// `TCP_USER_TIMEOUT` ends a connection whose data nobody acknowledges after the probe's own
/// timeout instead of the kernel's quarter of an hour (tcp(7)).
fn prepare(stream: &TcpStream, timeout: Duration) -> io::Result<()> {
    // With nobody listening on a port of the ephemeral range, the kernel may pick that very port as
    // the local one and connect the socket to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(timeout))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))
}

/// The addresses of a host, as they are shown.
fn resolved(addresses: &[SocketAddr]) -> String {
    let addresses = addresses.iter().map(|address| address.ip().to_string());
    addresses.collect::<Vec<_>>().join(", ")
}

/// An equal share of the time left, for the first of `addresses` untried addresses.
fn share_of(deadline: Instant, addresses: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    now + left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

/// All the details with the least that any of the failures proves.
fn weakest(mut failures: Vec<Failure>) -> Failure {
    if failures.len() == 1
        && let Some(only) = failures.pop()
    {
        return only;
    }
    let kind = failures
        .iter()
        .map(|failure| failure.kind)
        .find(|kind| kind.may_be_ours())
        .or_else(|| failures.first().map(|failure| failure.kind))
        .unwrap_or(FailureKind::Unresolved);
    let mut detail = String::new();
    for failure in &failures {
        let separator = if detail.is_empty() { "" } else { "; " };
        write!(detail, "{separator}{}", failure.detail).expect("writing to a string succeeds");
    }
    Failure::new(kind, detail)
}

/// The most octets one reply may have. An honest one, login and certificates included, has a few
/// thousand.
const REPLY_OCTETS_MAX: usize = 256 * 1024;

/// Idle time until the first keepalive and between two of them. One second is the shortest Linux
/// knows; the connection is idle for about that long between two calm probes.
const KEEPALIVE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::{io, net::IpAddr, sync::Arc, time::Duration};

    use tokio::{net::TcpListener, time::Instant};

    use super::{Dial, Failure, FailureKind, kind_of, weakest};
    use crate::config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode};

    fn dial(host: TargetHost, port: u16) -> Dial {
        let config = ProbeConfig {
            user: "pointsman".into(),
            password: None,
            database: "postgres".into(),
            tls: TlsMode::Disable,
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(250),
            timeout: Duration::from_secs(5),
            heartbeat_write: false,
        };
        Dial::new(ProbeTarget { host, port }, Arc::new(config))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_free_port_refuses_and_a_listener_accepts() {
        let address: IpAddr = "127.22.0.1".parse().expect("an address");
        let listener = TcpListener::bind((address, 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut there = dial(TargetHost::Address(address), port);
        assert!(there.connect(soon()).await.is_ok());
        drop(listener);
        let failure = there.connect(soon()).await.expect_err("nobody listens");
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_an_invalid_one_is_not() {
        let listener = TcpListener::bind(("localhost", 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut there = dial(TargetHost::Name("localhost".into()), port);
        assert!(there.connect(soon()).await.is_ok());
        // RFC 6761, section 6.4: `invalid.` never resolves. Without any resolver the kind is the
        // same.
        let mut nowhere = dial(TargetHost::Name("db1.invalid".into()), 5432);
        let failure = nowhere.connect(soon()).await.expect_err("no such name");
        assert_eq!(failure.kind, FailureKind::Unresolved, "{failure}");
    }

    #[test]
    fn the_weakest_failure_counts() {
        let refused = Failure::new(FailureKind::Refused, "a");
        let silent = Failure::new(FailureKind::TimedOut, "b");
        assert_eq!(
            weakest(vec![refused.clone(), silent]),
            Failure::new(FailureKind::TimedOut, "a; b")
        );
        assert_eq!(weakest(vec![refused.clone(), refused]).kind, FailureKind::Refused);
    }

    #[test]
    fn our_own_shortage_is_no_evidence_against_the_server() {
        let too_many_open_files = io::Error::from_raw_os_error(24);
        assert_eq!(kind_of(&too_many_open_files), FailureKind::Unreachable);
        let host_unreachable = io::Error::from_raw_os_error(113);
        assert_eq!(kind_of(&host_unreachable), FailureKind::Unreachable);
        let reset = io::Error::from_raw_os_error(104);
        assert_eq!(kind_of(&reset), FailureKind::Closed);
    }
}
