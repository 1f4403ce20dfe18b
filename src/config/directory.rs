//! What the names beside the served ones need to know of the configuration.

use super::{ClusterConfig, Config, ExposeConfig, Networks};
use crate::answers::{CompanionKind, Directory};

impl Config {
    /// The clusters, and which names there are beside those that they serve: of each kind, unless
    /// nobody may see it.
    pub fn directory(&self) -> Directory {
        let ExposeConfig { srv, servers, status, why, events, .. } = &self.dns.expose;
        let kinds = [
            (CompanionKind::Service, srv),
            (CompanionKind::Server, servers),
            (CompanionKind::Status, status),
            (CompanionKind::Why, why),
            (CompanionKind::Events, events),
        ];
        let placed = kinds.into_iter().filter(|(_, networks)| **networks != Networks::Nobody);
        Directory {
            clusters: self.clusters.iter().map(ClusterConfig::listing).collect(),
            placed: placed.map(|(kind, _)| kind).collect(),
        }
    }
}
