//! The tasks that ask: one per server that is asked itself, and one per witness of a server.
//!
//! They start one after the other. A probe that panics is started again, for it is one server's
//! answer.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};
use tracing::error;

use crate::{
    config::{ClusterConfig, ProbeTarget},
    engine::{ClusterId, Observation, ProbeAdvice, ServerId, ServerIndex},
    metrics::{ProbeKey, ProbeMetrics},
    probe::{self, Names, Orders, WitnessTarget},
};

/// Pause after a probe that panicked, so that a fault that repeats itself does not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Between the first probes of two servers: thousands of logins at once would be late, all of them,
/// and a handful must not wait.
const STARTS_APART: Duration = Duration::from_micros(200);

/// All first probes start within this time and the [spread](probe::run) of their own, so that each
/// has its whole deadline before the first round ends.
const STARTS_WITHIN: Duration = Duration::from_millis(400);

/// Starts one task per question, one after the other.
pub(super) fn start_probes(
    clusters: Vec<ClusterConfig>,
    advice: &[Vec<watch::Receiver<ProbeAdvice>>],
    hints: &[watch::Sender<()>],
    observations: &mpsc::Sender<Observation>,
    metrics: &ProbeMetrics,
) -> JoinSet<()> {
    let mut probes = JoinSet::new();
    let mut wait = Duration::ZERO;
    let tasks = tasks(clusters, metrics);
    let apart =
        STARTS_APART.min(STARTS_WITHIN / u32::try_from(tasks.len().max(1)).unwrap_or(u32::MAX));
    for task in tasks {
        let ServerId { cluster, server } = task.server();
        let advice = advice[cluster.0][server.0].clone();
        let orders = Orders { advice, hints: hints[cluster.0].subscribe() };
        let probing = keep_probing(task, orders, observations.clone());
        probes.spawn(async move {
            sleep(wait).await;
            probing.await;
        });
        wait += apart;
    }
    probes
}

/// One question that is asked again and again.
#[derive(Clone)]
enum Task {
    /// To the server itself.
    Probe(probe::Target),
    /// To somebody else about it.
    Witness(WitnessTarget),
}

impl Task {
    fn server(&self) -> ServerId {
        match self {
            Self::Probe(target) => target.id,
            Self::Witness(target) => target.id,
        }
    }

    fn target(&self) -> &ProbeTarget {
        match self {
            Self::Probe(target) => &target.target,
            Self::Witness(target) => &target.target,
        }
    }

    async fn run(self, orders: Orders, observations: mpsc::Sender<Observation>) {
        match self {
            Self::Probe(target) => probe::run(target, orders, observations).await,
            Self::Witness(target) => probe::watch(target, orders, observations).await,
        }
    }
}

/// The tasks of all servers: each server itself, if it is asked, and each of its witnesses.
fn tasks(clusters: Vec<ClusterConfig>, metrics: &ProbeMetrics) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (id, cluster) in clusters.into_iter().enumerate() {
        let config = Arc::new(cluster.probe);
        let servers = cluster.targets.into_iter().zip(cluster.checks);
        for (index, (target, checks)) in servers.enumerate() {
            let id = ServerId { cluster: ClusterId(id), server: ServerIndex(index) };
            let meter = |check| {
                let server = cluster.policy.servers[index].name.clone();
                metrics.meter(ProbeKey { cluster: cluster.policy.name.clone(), server, check })
            };
            for witness in checks.witnesses {
                let names = Names {
                    cluster: cluster.policy.name.clone(),
                    server: cluster.policy.servers[index].name.clone(),
                };
                let speaks = checks.speaker == Some(witness.check());
                let meter = meter(Some(witness.check()));
                let (target, config) = (target.clone(), Arc::clone(&config));
                tasks.push(Task::Witness(WitnessTarget {
                    id,
                    names,
                    target,
                    witness,
                    config,
                    speaks,
                    meter,
                }));
            }
            if checks.database {
                let (kind, config) = (cluster.policy.kind, Arc::clone(&config));
                let meter = meter(None);
                tasks.push(Task::Probe(probe::Target { id, target, kind, config, meter }));
            }
        }
    }
    tasks
}

/// Asks about one server for as long as anybody listens. A probe that panics is a fault of ours in
/// one server's answer; it must not end the probing of that server, nor anything else.
async fn keep_probing(asked: Task, orders: Orders, observations: mpsc::Sender<Observation>) {
    loop {
        // A set, for it ends its task when it is dropped.
        let mut task =
            JoinSet::from_iter([asked.clone().run(orders.clone(), observations.clone())]);
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                error!(server = %asked.target(), "a probe panicked and is started again");
                sleep(AFTER_PANIC).await;
            }
            _ => return,
        }
    }
}
