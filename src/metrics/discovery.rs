//! What discovery last told of each cluster: for the API, the page and `/metrics`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, engine::Moment, report::DiscoveryReport};

/// The last report of each cluster that discovers its servers. A clone has the same.
#[derive(Clone, Debug)]
pub struct DiscoveryReports {
    clock: Clock,
    reports: Arc<Mutex<BTreeMap<Box<str>, Told>>>,
}

#[derive(Clone, Debug)]
struct Told {
    at: Moment,
    report: Arc<DiscoveryReport>,
}

impl Default for DiscoveryReports {
    fn default() -> Self {
        Self { clock: Clock::start(), reports: Arc::default() }
    }
}

impl DiscoveryReports {
    /// Takes the report of a cluster.
    pub fn tell(&self, report: DiscoveryReport) {
        let told = Told { at: self.clock.now(), report: Arc::new(report) };
        self.slot().insert(told.report.cluster.clone(), told);
    }

    /// A cluster discovers nothing any more.
    pub fn forget(&self, cluster: &str) {
        self.slot().remove(cluster);
    }

    /// All reports by the names of their clusters, and how old each is.
    pub fn all(&self) -> Vec<(Arc<DiscoveryReport>, Duration)> {
        let now = self.clock.now();
        let age = |told: &Told| (Arc::clone(&told.report), now.since(told.at));
        self.slot().values().map(age).collect()
    }

    fn slot(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Told>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
