//! What the driver needs of a configuration: the first one, and every later one.
//!
//! Clusters and servers are known again by their names, tasks by their keys; places may change.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    answers::{Layout, PublishedServer},
    config::AddedServer,
    control::Signed,
    engine::{ClusterPolicy, ProbeKey},
    probe::advice::AdviceSender,
};

/// All of it.
#[derive(Debug)]
pub struct Plan {
    /// In config order.
    pub clusters: Vec<PlannedCluster>,
    /// Where their names lie.
    pub layout: Layout,
    /// Tasks that the plan before did not have, with the ends for their advice. A task that is in
    /// no list of this plan any more is told to end: its advice has no sender then.
    pub fresh: Vec<(ProbeKey, AdviceSender)>,
    /// Servers that were added while the service ran and are not in the configuration file.
    pub added: Arc<[AddedServer]>,
}

/// One cluster.
#[derive(Debug)]
pub struct PlannedCluster {
    /// Its rules.
    pub policy: ClusterPolicy,
    /// What to say of each server, in config order.
    pub published: Arc<[PublishedServer]>,
    /// The tasks that ask about each server, in config order.
    pub probes: Vec<Vec<ProbeKey>>,
}

/// Another plan takes the place of the one before.
#[derive(Debug)]
pub struct Replan {
    /// The plan.
    pub plan: Plan,
    /// Servers that join drained. Their drains last until somebody ends them.
    pub newcomers: Vec<Newcomer>,
    /// Is told when the plan is in force and published.
    pub in_force: oneshot::Sender<()>,
    /// Is told when it has been saved, or could not be.
    pub settled: oneshot::Sender<Settled>,
}

/// A plan is in force, and nothing more is going to happen to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Why it could not be saved, if it could not: a restart would forget servers that were added.
    pub unsaved: Option<Box<str>>,
}

/// A server that joins drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its name.
    pub server: Box<str>,
    /// Who lets it join, and why it is drained.
    pub signed: Signed,
}
