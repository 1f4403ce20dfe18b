//! What the discovery of a cluster works with, and what it is told.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    app::ears::Ears,
    chronicle::Chronicle,
    config::{ClusterConfig, Config, DiscoveryConfig},
    control::Control,
    metrics::DiscoveryReports,
    publish::Reader,
    state::Keeper,
};

/// Who lets servers come and go.
pub const AUTHOR: &str = "discovery";

/// What every cluster's discovery works with.
#[derive(Clone, Debug)]
pub struct Around {
    pub control: Control,
    pub reader: Reader,
    pub chronicle: Chronicle,
    pub keeper: Keeper,
    pub reports: DiscoveryReports,
    pub ears: Ears,
}

/// What a cluster's discovery is told by operators.
#[derive(Debug)]
pub enum Told {
    /// A server was removed.
    Removed(Box<str>),
    /// A server that was removed may be taken in again; whether there was one.
    Revive(Box<str>, oneshot::Sender<bool>),
}

/// The configuration as the discovery of one cluster sees it.
#[derive(Clone, Debug)]
pub struct Configured {
    pub config: Arc<Config>,
    /// The names of all servers, in lower case.
    pub names: Arc<BTreeSet<Box<str>>>,
    /// The place of the cluster: where there are thousands, nobody looks for it.
    pub place: usize,
}

impl Configured {
    /// The cluster.
    pub fn cluster(&self) -> &ClusterConfig {
        &self.config.clusters[self.place]
    }

    /// How its servers are discovered.
    pub fn discovery(&self) -> Option<&DiscoveryConfig> {
        self.cluster().discovery.as_deref()
    }
}

/// The names of all servers, in lower case: one set for all clusters.
pub fn names(config: &Config) -> Arc<BTreeSet<Box<str>>> {
    let servers = config.clusters.iter().flat_map(|cluster| &cluster.servers);
    Arc::new(servers.map(|server| server.name.to_ascii_lowercase().into()).collect())
}
