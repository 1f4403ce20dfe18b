//! DNS over UDP and TCP, answered from the published snapshot.
//!
//! ```text
//! udp, tcp ──query──▶ responder ──▶ fast ──▶ reply
//!                        └────────▶ slow ──▶ reply
//! ```

mod cookie;
mod error;
mod exposure;
mod fast;
mod responder;
mod slow;
mod socket;
mod tcp;
mod udp;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, task::JoinSet};

pub use self::cookie::{CookieReply, CookieVerdict, Cookies, MalformedCookie};
pub use self::error::{BindError, ServeError, Transport};
use self::{responder::Responder, socket::Sockets};
use crate::{config::DnsConfig, publish::Reader};

/// How long a TCP connection may be silent.
pub const TCP_IDLE: Duration = Duration::from_secs(10);

/// A running DNS server. Dropping it closes its sockets at once.
#[derive(Debug)]
pub struct DnsServer {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<Result<(), ServeError>>,
    listeners: JoinSet<()>,
}

/// Binds every address of `config` by UDP and TCP and starts to answer from `reader`.
///
/// Needs a running tokio runtime. All or nothing: on an error no socket stays open.
pub fn bind(config: &DnsConfig, reader: &Reader) -> Result<DnsServer, BindError> {
    if config.listen.is_empty() {
        return Err(BindError::NoAddress);
    }
    let bound: Vec<_> = config
        .listen
        .iter()
        .map(|&address| Sockets::bind(address, config.workers))
        .collect::<Result<_, _>>()?;
    let mut server = DnsServer {
        addresses: Vec::new(),
        stop: Arc::default(),
        workers: JoinSet::new(),
        listeners: JoinSet::new(),
    };
    let expose = Arc::new(config.expose.clone());
    for Sockets { address, udp, tcp } in bound {
        server.addresses.push(address);
        for socket in udp {
            let responder = Responder::new(reader.clone(), Arc::clone(&expose));
            let stop = Arc::clone(&server.stop);
            let (ended, end) = oneshot::channel();
            thread::spawn(move || _ = ended.send(udp::serve(&socket, responder, &stop)));
            server.workers.spawn(async move {
                let source = match end.await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => Some(error),
                    Err(_panicked) => None,
                };
                Err(ServeError { address, transport: Transport::Udp, source })
            });
        }
        server.listeners.spawn(tcp::serve(
            tcp,
            Responder::new(reader.clone(), Arc::clone(&expose)),
            TCP_IDLE,
        ));
    }
    Ok(server)
}

impl DnsServer {
    /// The bound addresses in the order of the configuration, with the ports that were found for
    /// port 0.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits until a socket stops being served by itself. While all is well it never returns.
    pub async fn failed(&mut self) -> ServeError {
        loop {
            match self.workers.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Ok(Ok(())) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Takes no more questions, and returns when every socket is closed.
    pub async fn shutdown(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.listeners.shutdown().await;
        while self.workers.join_next().await.is_some() {}
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Octets of a message header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;

/// Whether QR is set.
fn is_reply(message: &[u8]) -> bool {
    message[2] & 0x80 != 0
}
