//! The simulated servers in operation: every event of the story happens to the model and to the
//! sockets together.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::{net::TcpListener, sync::watch};

use super::{
    cluster::Cluster,
    server::{Member, Server},
};
use crate::{
    clock::Clock,
    engine::{PostgresFacts, ServerIndex, Servers},
};

/// The password of the probe's role, until the story changes it.
pub const PASSWORD: &str = "simulated";

/// Simulated PostgreSQL servers that listen on addresses of their own and on one port. Dropping the
/// stage ends them.
#[derive(Debug)]
pub struct Stage {
    clock: Clock,
    cluster: watch::Sender<Cluster>,
    addresses: Servers<SocketAddr>,
    /// One per address; `None` while it is stopped.
    servers: Servers<Option<Server>>,
}

/// Why the servers cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct StageError {
    /// The address.
    address: IpAddr,
    /// What the system says.
    source: io::Error,
}

impl Stage {
    /// Starts a primary on the first of `hosts` and a standby on each other, on a port that is free
    /// on all of them. Needs a running tokio runtime.
    ///
    /// # Errors
    ///
    /// The first address that cannot be listened on.
    pub async fn start(hosts: &[IpAddr]) -> Result<Self, StageError> {
        let listeners = bind_on_one_port(hosts).await?;
        let addresses: Servers<_> = listeners.iter().map(|(address, _)| *address).collect();
        let clock = Clock::start();
        let cluster = Cluster::new(addresses.as_slice(), PASSWORD, clock.now());
        let servers = listeners.iter().map(|_| None).collect();
        let mut stage = Self { clock, cluster: watch::Sender::new(cluster), addresses, servers };
        for (index, (_, listener)) in stage.servers.indices().zip(listeners) {
            stage.servers[index] = Some(Server::serve(listener, stage.member(index)));
        }
        Ok(stage)
    }

    /// Where the servers listen, in the order of their [`ServerIndex`].
    pub fn addresses(&self) -> &[SocketAddr] {
        self.addresses.as_slice()
    }

    /// What a server would say of itself now.
    pub fn facts(&self, server: ServerIndex) -> PostgresFacts {
        self.cluster.borrow().facts(server, self.clock.now())
    }

    /// The process ends, by a crash or on purpose: its port refuses, its connections break.
    pub async fn stop(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.stop(server, now));
        if let Some(process) = self.servers[server].take() {
            process.close().await;
        }
    }

    /// The process starts again with the data that it had.
    ///
    /// # Errors
    ///
    /// When another program has taken its port meanwhile.
    pub async fn resume(&mut self, server: ServerIndex) -> Result<(), StageError> {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.start(server, now));
        if self.servers[server].is_none() {
            let address = self.addresses[server];
            let process = Server::open(address, self.member(server))
                .await
                .map_err(|source| StageError { address: address.ip(), source })?;
            self.servers[server] = Some(process);
        }
        Ok(())
    }

    /// The process stands still (SIGSTOP).
    pub fn freeze(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.freeze(server, now));
    }

    /// The process goes on (SIGCONT).
    pub fn thaw(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.thaw(server, now));
    }

    /// The standby is promoted.
    pub fn promote(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.promote(server, now));
    }

    /// The server follows `source` from now on.
    pub fn follow(&mut self, server: ServerIndex, source: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.follow(server, source, now));
    }

    /// A query on the standby holds its replay back.
    pub fn hold_replay_back(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.hold_replay(server, false, now));
    }

    /// An administrator pauses replay on the standby.
    pub fn pause_replay(&mut self, server: ServerIndex) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.hold_replay(server, true, now));
    }

    /// Replay on the standby goes on.
    pub fn release_replay(&mut self, server: ServerIndex) {
        self.cluster.send_modify(|cluster| cluster.release_replay(server));
    }

    /// Sets `default_transaction_read_only` on the primary.
    pub fn set_read_only(&mut self, server: ServerIndex, on: bool) {
        let now = self.clock.now();
        self.cluster.send_modify(|cluster| cluster.set_read_only(server, on, now));
    }

    /// Changes the password of the probe's role and ends its sessions.
    pub async fn set_password(&mut self, server: ServerIndex, password: &str) {
        self.cluster.send_modify(|cluster| cluster.set_password(server, password));
        if let Some(process) = &self.servers[server] {
            process.end_sessions().await;
        }
    }

    /// Ends all servers, and returns when every socket is closed.
    pub async fn close(self) {
        for server in self.servers.into_values().flatten() {
            server.close().await;
        }
    }

    fn member(&self, index: ServerIndex) -> Member {
        Member { index, cluster: self.cluster.subscribe(), clock: self.clock }
    }
}

/// One listener per host. The kernel chooses the port on the first one; where that is taken on
/// another, it chooses again.
async fn bind_on_one_port(hosts: &[IpAddr]) -> Result<Vec<(SocketAddr, TcpListener)>, StageError> {
    let mut attempts = PORT_ATTEMPTS;
    loop {
        attempts -= 1;
        match bind_once(hosts).await {
            Err(StageError { source, .. })
                if source.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
            bound => return bound,
        }
    }
}

async fn bind_once(hosts: &[IpAddr]) -> Result<Vec<(SocketAddr, TcpListener)>, StageError> {
    let mut listeners = Vec::new();
    let mut port = 0;
    for &address in hosts {
        let failed = |source| StageError { address, source };
        let listener = TcpListener::bind((address, port)).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        port = bound.port();
        listeners.push((bound, listener));
    }
    Ok(listeners)
}

/// How often another port is tried.
const PORT_ATTEMPTS: usize = 32;
