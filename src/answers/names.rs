//! Which DNS names are served for which cluster.

use std::{net::IpAddr, sync::Arc};

use hickory_proto::rr::LowerName;

use crate::engine::{ClusterId, Stability};

/// A name that follows a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedName {
    /// The name; it lies in exactly one zone and has no static records.
    pub name: LowerName,
    /// Whose decision it follows.
    pub cluster: ClusterId,
    /// Which part of that decision.
    pub role: NameRole,
    /// TTL of its records in seconds while the cluster is stable, at least 1.
    pub ttl: u32,
    /// TTL of its records in seconds from the first doubt until the cluster is stable again, 1 to
    /// `ttl`.
    pub ttl_unstable: u32,
}

impl ServedName {
    /// TTL of its records in seconds: the lesser one while another answer is likely soon, and never
    /// 0, which some resolvers keep for long and others refuse.
    pub fn ttl_while(&self, stability: Stability) -> u32 {
        let ttl = match stability {
            Stability::Stable => self.ttl,
            Stability::Settling => self.ttl.min(self.ttl_unstable),
        };
        ttl.max(1)
    }
}

/// What a served name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRole {
    /// The writable primary.
    Write,
    /// The fresh replicas.
    Read {
        /// Which read decision of the cluster, in config order.
        index: usize,
        /// In which order they are named.
        balance: Balance,
        /// At most so many servers in one answer; `None` for all of them.
        max_answers: Option<usize>,
    },
}

/// How an answer orders the servers of a read name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Every order is equally likely, drawn for each answer.
    Shuffle,
    /// Drawn for each answer; a server is first in proportion to its weight.
    Weighted,
    /// Fewest client sessions first, equal ones shuffled.
    LeastConnections,
    /// By client address: a client sees the same order while the set is stable, and a change moves few clients.
    ClientHash,
}

/// What answers need to know of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedServer {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its published addresses.
    pub addresses: Arc<[IpAddr]>,
    /// Its database port as configured, never 0: what SRV records say (RFC 2782).
    pub port: u16,
    /// Its share under [`Balance::Weighted`]; 0 keeps it for last.
    pub weight: u32,
}
