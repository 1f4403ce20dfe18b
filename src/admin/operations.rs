//! What the admin API can see and do: a cheap handle that everybody may have a clone of.
//!
//! It holds no more than ends of channels and a reader of what is published. Nothing that is done
//! with it waits for anybody, but for the copy of a pointer.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use tracing::info;

use crate::{
    clock::Clock,
    engine::{ClusterId, Decision, ReadReason, WriteReason},
    publish::Reader,
    watchdog::Health,
};

/// The handle.
#[derive(Clone, Debug)]
pub struct Operations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Replaced when the configuration changes.
    clusters: Mutex<Arc<[Cluster]>>,
    reader: Reader,
    health: Health,
    clock: Clock,
}

#[derive(Debug)]
struct Cluster {
    name: Box<str>,
    /// Asks all of its probes for a probe at once.
    hints: watch::Sender<()>,
    /// In milliseconds of the clock; 0 for never.
    hint_logged_at: AtomicU64,
}

impl Operations {
    /// For clusters with these names, in config order, each with what asks its probes to probe.
    pub fn new(
        clusters: impl IntoIterator<Item = (Box<str>, watch::Sender<()>)>,
        reader: Reader,
        health: Health,
    ) -> Self {
        let clusters = Mutex::new(Cluster::all(clusters));
        Self(Arc::new(Inner { clusters, reader, health, clock: Clock::start() }))
    }

    /// From now on these are the clusters: the configuration has changed.
    pub fn follow(&self, clusters: impl IntoIterator<Item = (Box<str>, watch::Sender<()>)>) {
        *self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner) = Cluster::all(clusters);
    }

    /// The clusters' names, in config order.
    pub fn clusters(&self) -> Vec<Box<str>> {
        self.all().iter().map(|cluster| cluster.name.clone()).collect()
    }

    /// Asks every server of the cluster of this name, in any case of letters, at once, whatever the
    /// cadence; a flood of hints is no flood of questions. `from` says whose hint it is in the log,
    /// which has one line about it a second at most. Returns the name as the configuration writes
    /// it; `None` when there is no such cluster.
    pub fn hint(&self, cluster: &str, from: &str) -> Option<Box<str>> {
        let clusters = self.all();
        let cluster = clusters.iter().find(|known| known.name.eq_ignore_ascii_case(cluster))?;
        cluster.hints.send_replace(());
        let now = self.0.clock.now().since_start() + LOG_HINTS_APART;
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let last = &cluster.hint_logged_at;
        let due = |last: u64| {
            let apart = u64::try_from(LOG_HINTS_APART.as_millis()).unwrap_or(u64::MAX);
            (now >= last.saturating_add(apart)).then_some(now)
        };
        if last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok() {
            let cluster = &*cluster.name;
            info!(event = "hint", cluster, from, "a hint: every server is asked at once");
        }
        Some(cluster.name.clone())
    }

    fn all(&self) -> Arc<[Cluster]> {
        Arc::clone(&self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why we are not ready, one line each, in the words of the log; empty when we are: every part
    /// moves, and the first round of probes has ended for every cluster.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.0.health.faults();
        let snapshot = self.0.reader.snapshot();
        let clusters = snapshot.table.layout().clusters().iter().enumerate();
        let waiting: Vec<_> = clusters
            .filter(|&(id, _)| {
                let report = snapshot.reports.of(ClusterId(id));
                report.is_none_or(|report| is_unready(&report.decision))
            })
            .collect();
        let names = waiting.iter().take(NAMED).map(|(_, listing)| &listing.name);
        faults.extend(names.map(|name| format!("{name}: {}", WriteReason::NotReady)));
        if waiting.len() > NAMED {
            faults.push(format!("and {} more clusters", waiting.len() - NAMED));
        }
        faults
    }
}

impl Cluster {
    fn all(clusters: impl IntoIterator<Item = (Box<str>, watch::Sender<()>)>) -> Arc<[Self]> {
        let cluster = |(name, hints)| Self { name, hints, hint_logged_at: AtomicU64::new(0) };
        clusters.into_iter().map(cluster).collect()
    }
}

fn is_unready(decision: &Decision) -> bool {
    let write = decision.write.is_some_and(|write| write.reason == WriteReason::NotReady);
    write || decision.reads.iter().any(|read| read.reason == ReadReason::NotReady)
}

/// Between two lines of the log about hints for one cluster.
const LOG_HINTS_APART: Duration = Duration::from_secs(1);

/// Clusters that are named one by one.
const NAMED: usize = 50;
