//! What the engine tells of one server.

use super::Engine;
use crate::engine::{
    Extent, ProbeAdvice, Progress, ServerId, ServerIndex, Standing, Upstream, WitnessStanding,
};

impl Engine {
    /// What a server is now, and why.
    pub fn standing(&self, server: ServerId) -> Standing {
        self.clusters[server.cluster.0].standing(server.server)
    }

    /// Whom a server replicates from, by its last good reply; `None` when it does not, or does not
    /// tell.
    pub fn upstream(&self, server: ServerId) -> Option<Upstream<ServerIndex>> {
        self.clusters[server.cluster.0].conclusion(server.server).upstream
    }

    /// How far a server has come towards what its next probes may make of it; `None` when nothing
    /// is being counted.
    pub fn progress(&self, server: ServerId) -> Option<Progress> {
        self.clusters[server.cluster.0].progress(server.server)
    }

    /// The words of a server's present failure, if it fails.
    pub fn failure_detail(&self, server: ServerId) -> Option<&str> {
        self.clusters[server.cluster.0].failure_detail(server.server)
    }

    /// What the witnesses of a server say now, in the order of its checks.
    pub fn witnesses(&self, server: ServerId) -> impl Iterator<Item = WitnessStanding<'_>> {
        self.clusters[server.cluster.0].witnesses(server.server)
    }

    /// How the probes of a server should go on.
    pub fn advice(&self, server: ServerId) -> ProbeAdvice {
        self.clusters[server.cluster.0].advice(server.server)
    }

    /// How far what a server has reaches, by its last good reply, while the write name of its cluster
    /// misses a writer; `None` while it does not, and for a server that does not tell.
    pub fn extent(&self, server: ServerId) -> Option<Extent> {
        self.clusters[server.cluster.0].extent(server.server)
    }
}
