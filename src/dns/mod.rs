//! DNS over UDP, TCP and TLS, answered from the published snapshot.
//!
//! ```text
//! udp ───────────query──▶ responder { rules } ──▶ fast ──▶ reply
//! tcp ◀─ tls ────query──▶     └─────────────────▶ slow ──▶ reply
//! ```
//!
//! Each UDP socket has a thread of its own, outside of tokio: it makes two system calls for a batch
//! of queries, and nobody else's work holds it up. Each TCP or TLS connection is a task. The
//! transports know no more of a message than its length. `docs/DNS.md` has the rules of answering
//! one by one.

mod cookie;
mod error;
mod fast;
mod identity;
mod rate;
mod responder;
mod rules;
mod slow;
mod socket;
mod tcp;
mod tls;
mod udp;

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};

pub use self::{
    cookie::{CookieReply, CookieVerdict, Cookies, MalformedCookie},
    error::{BindError, ServeError, Transport},
    responder::{Responder, Turn},
    rules::Rules,
    tls::CertificateError,
};
use self::{
    responder::Responders,
    rules::Admission,
    socket::{Bound, Sockets, open_tls},
    tcp::{Listener, Places},
    tls::{Certificate, Renewal},
};
use crate::{
    config::DnsConfig,
    inherited::Inherited,
    metrics::DnsCounters,
    publish::Reader,
    transfer::Transfers,
    watchdog::{Part, Pulse},
};

/// A running DNS server. Dropping it closes its TCP and TLS sockets at once, those of UDP within a
/// fraction of a second.
#[derive(Debug)]
pub struct DnsServer {
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    /// One for each socket.
    parts: Vec<Part>,
    /// For the threads.
    stop: Arc<AtomicBool>,
    /// For the tasks.
    stopping: watch::Sender<bool>,
    /// One for each socket; each ends with it.
    served: JoinSet<Result<(), ServeError>>,
    /// At most one task.
    renewal: JoinSet<()>,
    counters: DnsCounters,
}

/// Binds every address of `config` by UDP and TCP, those of DNS over TLS too if there is a
/// certificate, and starts to answer from `reader`.
///
/// Needs a running tokio runtime. All or nothing: on an error no socket stays open.
///
/// # Errors
/// [`BindError`], which says what to do.
pub fn bind(config: &DnsConfig, reader: &Reader) -> Result<DnsServer, BindError> {
    open(config, reader, Transfers::default(), &mut Inherited::none())
}

/// [`bind`], but what `inherited` has for an address is used and not bound, and who may gets `transfers`.
///
/// # Errors
/// [`BindError`], which says what to do.
pub fn open(
    config: &DnsConfig,
    reader: &Reader,
    transfers: Transfers,
    inherited: &mut Inherited,
) -> Result<DnsServer, BindError> {
    if config.listen.is_empty() {
        return Err(BindError::NoAddress);
    }
    let (renewal, certificate) = config.tls.clone().map(Renewal::start).transpose()?.unzip();
    let bound: Vec<_> = config
        .listen
        .iter()
        .map(|&address| Sockets::open(address, config.workers, inherited))
        .collect::<Result<_, _>>()?;
    let tls: Vec<_> = config
        .tls
        .iter()
        .flat_map(|tls| &tls.listen)
        .map(|&address| open_tls(address, inherited))
        .collect::<Result<_, _>>()?;
    let mut server = DnsServer {
        addresses: bound.iter().map(|sockets| sockets.address).collect(),
        tls_addresses: tls.iter().map(|(address, _)| *address).collect(),
        parts: Vec::new(),
        stop: Arc::default(),
        stopping: watch::Sender::new(false),
        served: JoinSet::new(),
        renewal: renewal.into_iter().map(Renewal::run).collect(),
        counters: DnsCounters::new(reader.load().table.layout().slots().len()),
    };
    let responders = Responders {
        reader: reader.clone(),
        rules: Arc::new(Rules::new(config).with_transfers(transfers)),
        counters: server.counters.clone(),
    };
    let places = Places::new(config.tcp.clone());
    for Sockets { address, udp, tcp } in bound {
        for (number, socket) in (1..).zip(udp) {
            server.serve_udp(number, socket, address, responders.clone())?;
        }
        server.serve_tcp(tcp, address, None, &places, &responders);
    }
    for (address, listener) in tls {
        server.serve_tcp(listener, address, certificate.clone(), &places, &responders);
    }
    Ok(server)
}

impl DnsServer {
    /// The addresses bound for UDP and TCP in the order of the configuration, with the ports that
    /// were found for port 0.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses bound for DNS over TLS, likewise; empty without a certificate.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// What serves the sockets, each with its sign of life: `dns worker 127.0.0.1:53/1`, a thread
    /// for UDP; `dns listener 127.0.0.1:53 (TCP)`, which accepts connections.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What all of them count.
    pub fn counters(&self) -> DnsCounters {
        self.counters.clone()
    }

    /// Waits until a socket stops being served by itself. While all is well it never returns.
    pub async fn failed(&mut self) -> ServeError {
        loop {
            match self.served.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Ok(Ok(())) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Takes no more questions, answers those that have arrived, and returns when every socket is
    /// closed: within a fraction of a second, or a little over one when clients are slow to read.
    pub async fn shutdown(mut self) {
        self.tell_all_to_stop();
        while self.served.join_next().await.is_some() {}
        self.renewal.shutdown().await;
    }

    fn tell_all_to_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.stopping.send_replace(true);
    }

    /// A sign of life for one more part.
    fn watched(&mut self, name: String) -> Pulse {
        let pulse = Pulse::default();
        self.parts.push(Part { name: name.into(), pulse: pulse.clone() });
        pulse
    }

    fn serve_udp(
        &mut self,
        number: usize,
        socket: UdpSocket,
        address: SocketAddr,
        responders: Responders,
    ) -> Result<(), BindError> {
        let stop = Arc::clone(&self.stop);
        let pulse = self.watched(format!("dns worker {address}/{number}"));
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name(format!("dns-udp-{}", self.parts.len()))
            .spawn(move || {
                let responder = || responders.one_alone();
                _ = ended.send(udp::serve(socket, address, responder, &stop, &pulse));
            })
            .map_err(|error| BindError::new(address, Transport::Udp, error))?;
        self.served.spawn(async move {
            let source = match end.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => Some(error),
                Err(_panicked) => None,
            };
            Err(ServeError { address, transport: Transport::Udp, source })
        });
        Ok(())
    }

    fn serve_tcp(
        &mut self,
        bound: Bound,
        address: SocketAddr,
        certificate: Option<Certificate>,
        places: &Places,
        responders: &Responders,
    ) {
        let transport = if certificate.is_some() { Transport::Tls } else { Transport::Tcp };
        let listener = Listener {
            bound,
            address,
            certificate,
            places: places.clone(),
            responders: responders.clone(),
            stopping: self.stopping.subscribe(),
            pulse: self.watched(format!("dns listener {address} ({transport})")),
        };
        self.served.spawn(async move {
            // A set, for it ends its task when it is dropped.
            let mut task = JoinSet::from_iter([listener.serve()]);
            match task.join_next().await {
                Some(Err(_panicked)) => Err(ServeError { address, transport, source: None }),
                _ => Ok(()),
            }
        });
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.tell_all_to_stop();
    }
}

/// Octets of a message header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;

/// Whether QR is set.
fn is_reply(message: &[u8]) -> bool {
    message[2] & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::OwnedFd, time::Duration};

    use tokio::time::timeout;

    use crate::{
        answers::{Layout, Serial, build},
        publish::{Publisher, Snapshot},
    };

    use super::*;

    /// A socket that is none cannot be read.
    #[tokio::test]
    async fn a_thread_that_ends_is_a_failure() {
        let layout = Arc::new(Layout::new(&[], Vec::new()).unwrap());
        let table = build(&layout, &[], 1, Serial::MIN);
        let reader = Publisher::new(Snapshot::from(table)).reader();
        let address = "127.31.12.2:0".parse().unwrap();
        let config = DnsConfig::on(vec![address], 1);
        let mut server = bind(&config, &reader).unwrap();
        let no_socket = UdpSocket::from(OwnedFd::from(File::open("/dev/null").unwrap()));
        let rules = Arc::new(Rules::new(&config));
        let responders = Responders { reader, rules, counters: server.counters.clone() };
        server.serve_udp(1, no_socket, address, responders).unwrap();
        let failure = timeout(Duration::from_secs(5), server.failed()).await.unwrap();
        assert_eq!(failure.to_string(), "no longer answering on 127.31.12.2:0 (UDP)");
        assert!(failure.source.is_some());
    }
}
