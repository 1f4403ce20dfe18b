//! Settings of one cluster (`[[cluster]]`) and of each of its servers (`[[cluster.server]]`).

use std::{collections::BTreeSet, net::IpAddr};

use super::{Checks, KickConfig, ProbeConfig, ProbeTarget, TargetHost};
use crate::{
    answers::{ClusterListing, PublishedServer, ServedName},
    engine::{ClusterKind, ClusterPolicy, ReadPolicy, ServerPolicy, Thresholds, WritePolicy},
};

/// One replication group.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Its name, unique among the clusters.
    pub name: Box<str>,
    /// What its servers speak.
    pub kind: ClusterKind,
    /// At least one. Their place is their [`crate::engine::ServerIndex`].
    pub servers: Vec<ServerConfig>,
    /// Rules of its write name; `None` when it has none.
    pub write: Option<WritePolicy>,
    /// Rules of its read names, in the order of the file.
    pub reads: Vec<ReadPolicy>,
    /// The names that follow this cluster, the write name first. At least one.
    pub names: Vec<ServedName>,
    /// How to ask.
    pub probe: ProbeConfig,
    /// When evidence turns into a judgement.
    pub thresholds: Thresholds,
    /// Whose sessions are ended on a server that has lost the write name.
    pub kick: Option<KickConfig>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, unique among the servers of all clusters.
    pub name: Box<str>,
    /// The published addresses; at least one.
    pub addresses: Vec<IpAddr>,
    /// The database port.
    pub port: u16,
    /// Lower is preferred, where the choice is free.
    pub priority: u32,
    /// Its share of the clients of a weighted read name; 0 keeps it for last.
    pub weight: u32,
    /// Where it is asked.
    pub target: ProbeTarget,
    /// Who is asked about it.
    pub checks: Checks,
}

impl ClusterConfig {
    /// The server `name`, in any case of letters.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.servers.iter().find(|server| server.name.eq_ignore_ascii_case(name))
    }

    /// Its rules, for the engine.
    pub fn policy(&self) -> ClusterPolicy {
        ClusterPolicy {
            name: self.name.clone(),
            kind: self.kind,
            servers: self.servers.iter().map(ServerConfig::policy).collect(),
            write: self.write,
            reads: self.reads.clone(),
            thresholds: self.thresholds,
        }
    }

    /// What answers say of it.
    pub fn listing(&self) -> ClusterListing {
        ClusterListing {
            name: self.name.clone(),
            kind: self.kind,
            servers: self.servers.iter().map(ServerConfig::published).collect(),
        }
    }
}

impl ServerConfig {
    fn policy(&self) -> ServerPolicy {
        let witnesses = self.checks.witnesses.iter();
        ServerPolicy {
            name: self.name.clone(),
            priority: self.priority,
            aliases: self.aliases(),
            addresses: self.addresses.clone(),
            port: self.port,
            witnesses: witnesses.map(|witness| witness.check()).collect(),
        }
    }

    fn published(&self) -> PublishedServer {
        PublishedServer {
            name: self.name.clone(),
            addresses: self.addresses.clone(),
            port: self.port,
            weight: self.weight,
        }
    }

    /// Every text under which a replica may name this server as its source, without repetition.
    fn aliases(&self) -> Vec<Box<str>> {
        let host = match &self.target.host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.to_string(),
        };
        let mut known = BTreeSet::new();
        let addresses = self.addresses.iter().map(ToString::to_string);
        let texts = addresses.chain([host, self.name.to_string()]);
        texts.filter(|text| known.insert(text.clone())).map(Into::into).collect()
    }
}
