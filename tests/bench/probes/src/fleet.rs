//! The simulated servers: clusters of a primary and two standbys, some of them in trouble.

use std::net::{Ipv4Addr, SocketAddr};

/// What a simulated server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Answers.
    Well,
    /// Accepts connections and says nothing.
    Silent,
    /// Does not listen.
    Refusing,
}

/// All servers of one measurement, cluster by cluster.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    clusters: usize,
    servers_per_cluster: usize,
    troubled: bool,
}

impl Fleet {
    /// One server.
    pub(crate) fn alone() -> Self {
        Self { clusters: 1, servers_per_cluster: 1, troubled: false }
    }

    /// So many clusters, all of them well.
    pub(crate) fn well(clusters: usize) -> Self {
        Self { clusters, servers_per_cluster: SERVERS_PER_CLUSTER, troubled: false }
    }

    /// One server in ten is silent and one refuses: the last standby of three clusters in ten each.
    pub(crate) fn troubled(clusters: usize) -> Self {
        Self { troubled: true, ..Self::well(clusters) }
    }

    pub(crate) fn clusters(&self) -> usize {
        self.clusters
    }

    pub(crate) fn servers_per_cluster(&self) -> usize {
        self.servers_per_cluster
    }

    pub(crate) fn servers(&self) -> usize {
        self.clusters * self.servers_per_cluster
    }

    /// The cluster of a server.
    pub(crate) fn cluster_of(&self, server: usize) -> usize {
        server / self.servers_per_cluster
    }

    /// The primary of a server's cluster: its first server.
    pub(crate) fn primary_of(&self, server: usize) -> usize {
        server - server % self.servers_per_cluster
    }

    pub(crate) fn health(&self, server: usize) -> Health {
        let last = server % self.servers_per_cluster + 1 == self.servers_per_cluster;
        match self.cluster_of(server) % 10 {
            0..=2 if self.troubled && last => Health::Silent,
            3..=5 if self.troubled && last => Health::Refusing,
            _ => Health::Well,
        }
    }
}

/// Where a server listens: an address of its own.
pub(crate) fn address(server: usize) -> SocketAddr {
    let octet = |number: usize| u8::try_from(number).expect("fewer than 62,000 servers");
    let ip = Ipv4Addr::new(127, 32, octet(1 + server / 250), octet(1 + server % 250));
    SocketAddr::from((ip, PORT))
}

/// The port of all servers: none that the kernel gives to clients.
const PORT: u16 = 15_432;

const SERVERS_PER_CLUSTER: usize = 3;
