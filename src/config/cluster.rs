//! Settings of one cluster (`[[cluster]]`), split by who needs them.

use super::{Checks, KickConfig, ProbeConfig, ProbeTarget};
use crate::{
    answers::{PublishedServer, ServedName},
    engine::ClusterPolicy,
};

/// One replication group. `policy.servers`, `targets`, `checks` and `published` are in the same
/// order: the file's.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// For the engine: the rules.
    pub policy: ClusterPolicy,
    /// For the probes: how to ask.
    pub probe: ProbeConfig,
    /// For the probes: whom to ask, one per server.
    pub targets: Vec<ProbeTarget>,
    /// For the probes: who is asked about each server.
    pub checks: Vec<Checks>,
    /// For the answers: what to say of each server.
    pub published: Vec<PublishedServer>,
    /// For the answers: the names that follow this cluster, the write name first. At least one.
    pub names: Vec<ServedName>,
    /// Whose sessions are ended on a server that has lost the write name.
    pub kick: Option<KickConfig>,
}
