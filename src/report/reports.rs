//! The reports of all clusters, as they are published.

use std::sync::Arc;

use super::ClusterReport;
use crate::engine::ClusterId;

/// The reports of all clusters, by [`ClusterId`]. A clone is cheap, and so is a change: clusters
/// lie in groups, and a change copies the pointers of one group and those to all groups.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    groups: Arc<[Arc<[Arc<ClusterReport>]>]>,
}

/// Clusters in one group: the square root of the ten thousand that we are made for.
const GROUP: usize = 100;

impl Reports {
    /// The first report of each cluster.
    pub fn new(reports: Vec<ClusterReport>) -> Self {
        let reports: Vec<_> = reports.into_iter().map(Arc::new).collect();
        Self { groups: reports.chunks(GROUP).map(Arc::from).collect() }
    }

    /// The report of one cluster.
    pub fn of(&self, cluster: ClusterId) -> Option<&Arc<ClusterReport>> {
        self.groups.get(cluster.0 / GROUP)?.get(cluster.0 % GROUP)
    }

    /// These reports with some of them replaced. Those of unknown clusters are left out.
    #[must_use]
    pub fn with(&self, changes: impl IntoIterator<Item = (ClusterId, ClusterReport)>) -> Self {
        let mut next = self.clone();
        let groups = Arc::make_mut(&mut next.groups);
        for (ClusterId(index), report) in changes {
            let group = groups.get_mut(index / GROUP).map(Arc::make_mut);
            if let Some(place) = group.and_then(|group| group.get_mut(index % GROUP)) {
                *place = Arc::new(report);
            }
        }
        next
    }
}
