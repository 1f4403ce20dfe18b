//! What the admin API can see and do: a cheap handle that everybody may have a clone of.
//!
//! It holds no more than ends of channels and a reader of what is published. Nothing that is done
//! with it waits for anybody.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use tracing::info;

use super::page::history::History;
use crate::{
    answers::WallTime,
    api::Status,
    clock::Clock,
    control::Chronicle,
    engine::{ClusterId, Decision, Lag, ReadReason, WriteReason},
    metrics::Metrics,
    publish::Reader,
    status::{self, Process},
    watchdog::Health,
};

/// The handle.
#[derive(Clone, Debug)]
pub struct Operations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clusters: Box<[Cluster]>,
    reader: Reader,
    health: Health,
    metrics: Metrics,
    chronicle: Chronicle,
    /// Of the last minutes, for the status page.
    history: Mutex<History>,
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
        metrics: Metrics,
    ) -> Self {
        let cluster = |(name, hints)| Cluster { name, hints, hint_logged_at: AtomicU64::new(0) };
        let clusters = clusters.into_iter().map(cluster).collect();
        Self(Arc::new(Inner {
            clusters,
            reader,
            health,
            metrics,
            chronicle: Chronicle::default(),
            history: Mutex::default(),
            clock: Clock::start(),
        }))
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Everything, as it is published.
    pub fn status(&self) -> Status {
        let counts = &self.0.metrics;
        let started = WallTime::from_unix_millis(counts.service.started_millis());
        let queries = counts.dns.totals().all_queries();
        let process = Process { started, faults: self.faults(), queries };
        status::status(&self.0.reader.snapshot(), process)
    }

    /// What has happened.
    pub fn chronicle(&self) -> &Chronicle {
        &self.0.chronicle
    }

    /// How many parts stand still.
    pub(super) fn stalled(&self) -> usize {
        self.0.health.stalled()
    }

    /// The served names with their slots, by which replies are counted.
    pub(super) fn slots(&self) -> Vec<(String, u32)> {
        let snapshot = self.0.reader.snapshot();
        let layout = snapshot.table.layout();
        let names = layout.served().iter().map(|served| served.name.to_string());
        names.zip(layout.slots().iter().copied()).collect()
    }

    /// What was in the last minutes. It must be let go of before anything is awaited.
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what is now to the history.
    pub(super) fn remember(&self) {
        let snapshot = self.0.reader.snapshot();
        let queries = self.0.metrics.dns.totals().all_queries();
        let clusters = snapshot.table.layout().clusters().iter().enumerate();
        let servers = clusters.flat_map(|(id, listing)| {
            let report = snapshot.reports.of(ClusterId(id));
            listing.servers.iter().enumerate().map(move |(index, server)| {
                let server_report = report.and_then(|report| report.servers.get(index));
                let lag = server_report.and_then(|server| server.standing.lag);
                let millis = |Lag(lag): Lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
                (&*server.name, lag.map(millis))
            })
        });
        self.history().note(self.0.clock.now(), servers, queries);
    }

    /// The cluster of this name, in any case of letters.
    pub fn cluster(&self, name: &str) -> Option<ClusterId> {
        let mut clusters = self.0.clusters.iter();
        clusters.position(|cluster| cluster.name.eq_ignore_ascii_case(name)).map(ClusterId)
    }

    /// The clusters' names, in config order.
    pub fn clusters(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.clusters.iter().map(|cluster| &*cluster.name)
    }

    /// Asks every server of `cluster` at once, whatever the cadence; a flood of hints is no flood
    /// of questions. `from` says whose hint it is in the log, which has one line about it a second
    /// at most.
    pub fn hint(&self, cluster: ClusterId, from: &str) {
        let Some(cluster) = self.0.clusters.get(cluster.0) else {
            return;
        };
        cluster.hints.send_replace(());
        self.0.metrics.service.hint();
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
    }

    /// Why we are not ready, one line each, in the words of the log; empty when we are: every part
    /// moves, and the first round of probes has ended for every cluster.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.0.health.faults();
        let snapshot = self.0.reader.snapshot();
        let waiting: Vec<_> = self
            .clusters()
            .enumerate()
            .filter(|&(id, _)| {
                let report = snapshot.reports.of(ClusterId(id));
                report.is_none_or(|report| is_unready(&report.decision))
            })
            .collect();
        let lines = waiting.iter().take(NAMED);
        faults.extend(lines.map(|(_, name)| format!("{name}: {}", WriteReason::NotReady)));
        if waiting.len() > NAMED {
            faults.push(format!("and {} more clusters", waiting.len() - NAMED));
        }
        faults
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
