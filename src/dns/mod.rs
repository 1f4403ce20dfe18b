//! DNS over UDP and TCP, answered from the published snapshot.
//!
//! hickory-server carries the messages, `handler` and `reply` decide what they say. What
//! hickory-server does before our handler is called is not ours to change: a message shorter than a
//! header and a well-formed one with QR set get no reply, one that cannot be parsed gets FORMERR
//! (also with QR set).
//!
//! A TCP connection may ask any number of questions without waiting for replies, which come in
//! order (RFC 7766 section 6.2.1.1); one that is silent, or does not read, for [`TCP_IDLE`] is
//! closed.

mod edns;
mod error;
mod handler;
mod reply;
mod socket;

use std::{net::SocketAddr, time::Duration};

use hickory_server::Server;
use tokio::{sync::watch, task::JoinSet};

pub use self::error::{BindError, ServeError, Transport};
use self::{handler::Handler, socket::Sockets};
use crate::{config::DnsConfig, publish::Reader};

/// How long a TCP connection may be silent.
pub const TCP_IDLE: Duration = Duration::from_secs(10);

/// Replies that may wait for a TCP client to read. One at a time is under way, so this never fills.
const TCP_QUEUE: usize = 32;

/// A running DNS server. Dropping it closes its sockets at once.
#[derive(Debug)]
pub struct DnsServer {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<(), ServeError>>,
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
    let mut server =
        DnsServer { addresses: Vec::new(), stop: watch::Sender::new(false), tasks: JoinSet::new() };
    for Sockets { address, udp, tcp } in bound {
        server.addresses.push(address);
        for socket in udp {
            let mut shell = Server::new(Handler::new(reader.clone()));
            shell.register_socket(socket);
            server.spawn(shell, address, Transport::Udp);
        }
        let mut shell = Server::new(Handler::new(reader.clone()));
        shell.register_listener(tcp, TCP_IDLE, TCP_QUEUE);
        server.spawn(shell, address, Transport::Tcp);
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
            match self.tasks.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Ok(Ok(())) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Takes no more questions, and returns when every socket is closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    fn spawn(&mut self, shell: Server<Handler>, address: SocketAddr, transport: Transport) {
        let stop = self.stop.subscribe();
        self.tasks.spawn(serve(shell, stop, address, transport));
    }
}

/// Serves one socket until it fails or is told to stop.
async fn serve(
    mut shell: Server<Handler>,
    mut stop: watch::Receiver<bool>,
    address: SocketAddr,
    transport: Transport,
) -> Result<(), ServeError> {
    let ended = tokio::select! {
        ended = shell.block_until_done() => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    match ended {
        None => {
            // Only a failure of the socket could be told here, and the socket is about to be
            // closed.
            let _closed = shell.shutdown_gracefully().await;
            Ok(())
        }
        Some(ended) => Err(ServeError { address, transport, source: ended.err() }),
    }
}
