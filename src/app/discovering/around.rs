//! What the discovery of a cluster works with, and what it is told.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    app::ears::Ears, chronicle::Chronicle, config::Config, control::Control,
    metrics::DiscoveryReports, publish::Reader, state::Keeper,
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

/// The configuration, and what of it all clusters need.
#[derive(Clone, Debug)]
pub struct Configured {
    pub config: Arc<Config>,
    /// The names of all servers, in lower case.
    pub names: Arc<BTreeSet<Box<str>>>,
}

impl Configured {
    /// With the names of this configuration: once for all clusters, of which there may be thousands.
    pub fn of(config: &Arc<Config>) -> Self {
        let servers = config.clusters.iter().flat_map(|cluster| &cluster.servers);
        let names = servers.map(|server| server.name.to_ascii_lowercase().into()).collect();
        Self { config: Arc::clone(config), names: Arc::new(names) }
    }
}
