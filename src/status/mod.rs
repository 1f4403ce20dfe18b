//! The whole service at one moment: a snapshot in, everything by names out.
//!
//! Pure: whoever has a snapshot can tell, without asking anybody. Servers and names are in config
//! order. What somebody should look at beside the clusters keeps no name from being answered, so it
//! makes nothing unready.

mod headline;
mod secondaries;
#[cfg(test)]
mod tests;
mod warnings;

pub use self::secondaries::{severity_of_push, severity_of_secondary};
use crate::{
    engine::{ClusterId, ServerId},
    hooks::HookTally,
    publish::Snapshot,
    push::PushView,
    report::{ClusterView, Why},
    state::StateReport,
    transfer::SecondaryView,
    wall_time::WallTime,
};

/// Pointsman's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What is not of the snapshot.
    pub process: Process,
    /// The published generation of answers: grows with every change.
    pub generation: u64,
    /// The SOA serial of all zones.
    pub serial: u32,
    /// Whether every server of every cluster is silent, so that our own network is suspected and
    /// answers stand still.
    pub isolated: bool,
    /// What somebody should look at beside the clusters, one line each: the state file, the
    /// log, hooks, secondaries.
    pub warnings: Vec<String>,
    /// All clusters, in config order.
    pub clusters: Vec<ClusterView>,
}

/// What a snapshot does not hold of the whole service.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// When it started.
    pub started: WallTime,
    /// The time now.
    pub now: WallTime,
    /// Why it is not ready, one line each; empty when it is.
    pub faults: Vec<String>,
    /// DNS queries answered since the start.
    pub queries: u64,
    /// How the state file is; `None` when there is none.
    pub state: Option<StateReport>,
    /// Why lines of the log cannot be written, in the system's words; `None` when they can.
    pub log_fault: Option<String>,
    /// Why changes by people cannot be written to the audit file; `None` when they can.
    pub audit_fault: Option<String>,
    /// What each hook has done, in the order of the configuration.
    pub hooks: Vec<HookTally>,
    /// How far those are who have copies of our zones, in the order of the configuration.
    pub secondaries: Vec<SecondaryView>,
    /// How far names in zones of others are, in the order of the configuration.
    pub pushes: Vec<PushView>,
}

impl Status {
    /// What is published, and how the process is.
    pub fn new(snapshot: &Snapshot, process: Process) -> Self {
        let ids = (0..snapshot.table.layout().clusters().len()).map(ClusterId);
        let clusters: Vec<_> = ids.filter_map(|id| cluster(snapshot, id, process.now)).collect();
        let mut names = clusters.iter().flat_map(|cluster| &cluster.names);
        Self {
            generation: snapshot.table.generation(),
            serial: snapshot.table.serial().value(),
            isolated: names.any(|name| name.reason.is_isolated()),
            warnings: warnings::warnings(&process),
            clusters,
            process,
        }
    }

    /// Whether every part moves and every name has its first decision.
    pub fn is_ready(&self) -> bool {
        self.process.faults.is_empty()
    }
}

/// One cluster as it is published, at `now`; `None` when there is none at this place.
pub fn cluster(snapshot: &Snapshot, id: ClusterId, now: WallTime) -> Option<ClusterView> {
    ClusterView::new(snapshot.table.layout(), id, snapshot.reports.of(id)?, now)
}

/// What one server is, and why it is in each name or not; `None` when there is none at this place.
pub fn why(snapshot: &Snapshot, id: ServerId, now: WallTime) -> Option<Why> {
    let listing = snapshot.table.layout().clusters().get(id.cluster.0)?;
    cluster(snapshot, id.cluster, now)?.why(&listing.servers.get(id.server.place())?.name)
}
