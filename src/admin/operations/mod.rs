//! What the admin API can see and do: a cheap handle that everybody may have a clone of.
//!
//! It holds no more than ends of channels and a reader of what is published. Looking waits for
//! nobody; changes and questions wait for the driver or for whoever runs the parts, and not for
//! ever.

mod history;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tracing::info;

use super::{audit::Audit, page::history::History, rejection::Rejection};
use crate::{
    chronicle::Chronicle,
    clock::{self, Clock},
    control::Control,
    engine::{ClusterId, Decision, ReadReason, ServerId, ServerIndex, WriteReason},
    hooks::HooksHandle,
    metrics::Metrics,
    publish::{Reader, Snapshot},
    push::Pushes,
    report::{ClusterView, Effect, Sought, Unknown, Why},
    state::StateHealth,
    status::{self, Process, Status},
    transfer::Transfers,
    wall_time::WallTime,
    watchdog::Health,
};

/// The handle.
#[derive(Clone, Debug)]
pub struct Operations(Arc<Inner>);

/// What goes on beside answering.
#[derive(Clone, Debug)]
pub struct Background {
    /// Those who are told of changes.
    pub hooks: HooksHandle,
    /// Those who have copies of our zones.
    pub transfers: Transfers,
    /// Names in zones of others.
    pub pushes: Pushes,
    /// How saving the state goes; `None` when none is saved.
    pub state: Option<StateHealth>,
}

#[derive(Debug)]
struct Inner {
    /// Replaced when the configuration changes.
    clusters: Mutex<Arc<[Cluster]>>,
    reader: Reader,
    health: Health,
    metrics: Metrics,
    /// Of the last minutes, for the status page.
    history: Mutex<History>,
    clock: Clock,
    control: Control,
    chronicle: Chronicle,
    chores: Background,
    /// Where changes are written down; set when the API begins.
    audit: OnceLock<Audit>,
    /// For those who ask the engine: one after the other.
    question: Arc<Semaphore>,
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
    /// Changes go through `control`; what has happened is in `chronicle`; what goes on beside
    /// answering is told by `chores`.
    pub fn new(
        clusters: impl IntoIterator<Item = (Box<str>, watch::Sender<()>)>,
        reader: Reader,
        health: Health,
        metrics: Metrics,
        control: Control,
        chronicle: Chronicle,
        chores: Background,
    ) -> Self {
        Self(Arc::new(Inner {
            clusters: Mutex::new(Cluster::all(clusters)),
            reader,
            health,
            metrics,
            history: Mutex::default(),
            clock: Clock::start(),
            control,
            chronicle,
            chores,
            audit: OnceLock::new(),
            question: Arc::new(Semaphore::new(1)),
        }))
    }

    /// From now on these are the clusters: the configuration has changed.
    pub fn follow(&self, clusters: impl IntoIterator<Item = (Box<str>, watch::Sender<()>)>) {
        *self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner) = Cluster::all(clusters);
    }

    /// Asks every server of the cluster of this name, in any case of letters, at once, whatever the
    /// cadence; a flood of hints is no flood of questions. `from` says whose hint it is in the log,
    /// which has one line about it a second at most. Returns the name as the configuration writes
    /// it; `None` when there is no such cluster.
    pub fn hint(&self, cluster: &str, from: &str) -> Option<Box<str>> {
        let clusters = self.all();
        let cluster = clusters.iter().find(|known| known.name.eq_ignore_ascii_case(cluster))?;
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
        Some(cluster.name.clone())
    }

    fn all(&self) -> Arc<[Cluster]> {
        Arc::clone(&self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What to say of a name that there is not.
    pub fn unknown(&self, sought: Sought, name: &str) -> Unknown {
        Unknown::new(sought, name, self.0.reader.snapshot().table.layout())
    }

    /// Everything, as it is published.
    pub fn status(&self) -> Status {
        let counts = &self.0.metrics;
        let started = WallTime::from_unix_millis(counts.service.started_millis());
        let queries = counts.dns.totals().all_queries();
        let Background { hooks, transfers, pushes, state } = &self.0.chores;
        let process = Process {
            started,
            now: clock::wall_time(),
            faults: self.faults(),
            queries,
            state: state.as_ref().map(StateHealth::report),
            log_fault: counts.service.log_fault().map(|fault| fault.to_string()),
            audit_fault: self.audit().fault(),
            hooks: hooks.tallies(),
            secondaries: transfers.secondaries(),
            pushes: pushes.views(),
        };
        Status::new(&self.0.reader.snapshot(), process)
    }

    /// What is published.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.reader.snapshot()
    }

    /// What has come of a change between the answers of `before` and those of now: the names of all
    /// clusters that say other servers, and what is dangerous about it.
    pub fn effect_since(&self, before: &Snapshot) -> Effect {
        let now = clock::wall_time();
        let [before, after] = [before, &self.snapshot()].map(|snapshot| {
            let clusters = (0..snapshot.table.layout().clusters().len()).map(ClusterId);
            clusters.filter_map(|id| status::cluster(snapshot, id, now)).collect::<Vec<_>>()
        });
        Effect::of_all(&before, &after)
    }

    /// The cluster of this name, in any case of letters, as it is published.
    pub fn cluster_status(&self, name: &str) -> Option<ClusterView> {
        self.cluster_in(&self.snapshot(), name)
    }

    /// The same, as it is in a snapshot.
    pub fn cluster_in(&self, snapshot: &Snapshot, name: &str) -> Option<ClusterView> {
        let mut clusters = snapshot.table.layout().clusters().iter();
        let id = clusters.position(|cluster| cluster.name.eq_ignore_ascii_case(name))?;
        status::cluster(snapshot, ClusterId(id), clock::wall_time())
    }

    /// The server of this name, in any case of letters, and why it is in each name or not.
    pub fn why(&self, name: &str) -> Option<Why> {
        let snapshot = self.0.reader.snapshot();
        let clusters = snapshot.table.layout().clusters().iter().enumerate();
        let id = clusters.into_iter().find_map(|(cluster, listing)| {
            let mut servers = listing.servers.iter();
            let server = servers.position(|server| server.name.eq_ignore_ascii_case(name))?;
            Some(ServerId { cluster: ClusterId(cluster), server: ServerIndex::new(server) })
        })?;
        status::why(&snapshot, id, clock::wall_time())
    }

    /// The cluster of the server of this name, in any case of letters.
    pub(super) fn cluster_of(&self, server: &str) -> Option<Box<str>> {
        let snapshot = self.0.reader.snapshot();
        let mut clusters = snapshot.table.layout().clusters().iter();
        let cluster = clusters.find(|cluster| {
            let mut servers = cluster.servers.iter();
            servers.any(|known| known.name.eq_ignore_ascii_case(server))
        });
        cluster.map(|cluster| cluster.name.clone())
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
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

    /// From now on changes are written down there.
    pub(super) fn writes_down(&self, audit: Audit) {
        // It begins once.
        _ = self.0.audit.set(audit);
    }

    /// Where changes are written down.
    pub(super) fn audit(&self) -> Audit {
        self.0.audit.get().cloned().unwrap_or_default()
    }

    /// For changes and questions.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// What has happened.
    pub fn chronicle(&self) -> &Chronicle {
        &self.0.chronicle
    }

    /// What comes of `reply`, unless it takes too long: then it may still happen.
    pub(super) async fn within<T, E>(
        &self,
        reply: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Rejection>
    where
        Rejection: From<E>,
    {
        within(PATIENCE, reply).await
    }

    /// What comes of `reply` that waits for a database.
    pub(super) async fn within_patiently<T, E>(
        &self,
        reply: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Rejection>
    where
        Rejection: From<E>,
    {
        within(MUCH_PATIENCE, reply).await
    }

    /// The turn to ask the engine.
    pub(super) async fn question_turn(&self) -> Result<OwnedSemaphorePermit, Rejection> {
        match timeout(PATIENCE, Arc::clone(&self.0.question).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Rejection::unavailable("too many ask at the same time; ask again later")),
        }
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

async fn within<T, E>(
    patience: Duration,
    reply: impl Future<Output = Result<T, E>>,
) -> Result<T, Rejection>
where
    Rejection: From<E>,
{
    match timeout(patience, reply).await {
        Ok(replied) => Ok(replied?),
        Err(_) => Err(Rejection::unavailable(format!(
            "the service has not answered within {} s; GET /readyz may say why, GET /v1/status \
             whether it was done",
            patience.as_secs()
        ))),
    }
}

fn is_unready(decision: &Decision) -> bool {
    let write = decision.write.is_some_and(|write| write.reason == WriteReason::NotReady);
    write || decision.reads.iter().any(|read| read.reason == ReadReason::NotReady)
}

/// How long a change or a question may take: less than a connection lasts, so that there is a
/// reply.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long a probe that is shown may take, and a little more; a connection lasts longer.
const MUCH_PATIENCE: Duration = Duration::from_secs(9);

/// Between two lines of the log about hints for one cluster.
const LOG_HINTS_APART: Duration = Duration::from_secs(1);

/// Clusters that are named one by one.
const NAMED: usize = 50;
