//! What discovery knows: `GET /v1/discovery`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::report;

/// All clusters that discover their servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveryStatus {
    /// By their names.
    pub clusters: Vec<ClusterDiscovery>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterDiscovery {
    /// The cluster.
    pub cluster: String,
    /// `propose`: what has proven itself is drained until somebody says that it is ready; `join`:
    /// it is ready by itself.
    pub mode: String,
    /// Whom it asks, in the order of the configuration.
    pub sources: Vec<DiscoverySource>,
    /// What they name, those that have joined first.
    pub finds: Vec<DiscoveredServer>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverySource {
    /// The word of the configuration.
    pub source: String,
    /// Seconds since it last said anything; `null` when it never did.
    pub age_seconds: Option<u64>,
    /// What is wrong with what it said last, or why it said nothing.
    pub fault: Option<String>,
}

/// One server that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveredServer {
    /// Its name, or what it may be called.
    pub name: Option<String>,
    /// Address and port, or host and port.
    pub at: String,
    /// `sighted`, `examined`, `kin`, `member`, `leaving` or `forgotten`.
    pub state: String,
    /// Why it has come so far, and no further.
    pub reason: String,
    /// Who names it.
    pub sources: Vec<String>,
    /// Whether the cluster has no server yet, so that an operator has to vouch for this one or another.
    #[serde(default)]
    pub needs_a_voucher: bool,
}

impl ClusterDiscovery {
    /// A report that was made so long ago.
    pub fn new(report: &report::DiscoveryReport, age: Duration) -> Self {
        let source = |source: &report::DiscoverySource| DiscoverySource {
            source: source.source.to_string(),
            age_seconds: source.age_seconds.map(|seconds| seconds + age.as_secs()),
            fault: source.fault.as_deref().map(str::to_owned),
        };
        let find = |find: &report::DiscoveredServer| DiscoveredServer {
            name: find.name.as_deref().map(str::to_owned),
            at: find.at.to_string(),
            state: find.state.to_string(),
            reason: find.reason.to_string(),
            sources: find.sources.iter().map(|source| source.to_string()).collect(),
            needs_a_voucher: find.standing == report::FindStanding::WantsAVoucher,
        };
        Self {
            cluster: report.cluster.to_string(),
            mode: report.mode.to_string(),
            sources: report.sources.iter().map(source).collect(),
            finds: report.finds.iter().map(find).collect(),
        }
    }
}
