//! The tasks that ask: one per server that is asked itself, and one per witness of a server.
//!
//! They start one after the other. A probe that panics is started again, for it is one server's
//! answer. When the configuration changes, a task whose question is the same goes on, with its
//! connection; every other one ends, and another one takes its place.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};
use tracing::error;

use super::ears::Ears;
use crate::{
    config::{ClusterConfig, ProbeConfig, ProbeTarget, ServerConfig},
    engine::{Check, Pace, ProbeAdvice, ProbeKey},
    metrics::{ProbeMetrics, ProbeSubject},
    probe::{
        self, Crowd, Finding, Names, Orders, WitnessTarget,
        advice::{AdviceReceiver, AdviceSender, advice_channel},
    },
};

/// Pause after a probe that panicked, so that a fault that repeats itself does not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Between the first probes of two servers: thousands of logins at once would be late, all of them,
/// and a handful must not wait.
const STARTS_APART: Duration = Duration::from_micros(200);

/// All first probes start within this time and the [spread](probe::run) of their own, so that each
/// has its whole deadline before the first round ends.
const STARTS_WITHIN: Duration = Duration::from_millis(400);

/// What a task is told before the driver has told it anything.
const FIRST_ADVICE: ProbeAdvice = ProbeAdvice { pace: Pace::Fast, heartbeat: false };

/// All tasks that ask.
#[derive(Debug, Default)]
pub struct Probes {
    tasks: JoinSet<()>,
    asked: HashMap<Question, TaskSubject>,
    /// By the name of the cluster: asks all of its tasks to ask at once.
    hints: HashMap<Box<str>, watch::Sender<()>>,
    next_key: u64,
    metrics: ProbeMetrics,
    /// What all of them may ask when many are in a hurry.
    crowd: Crowd,
    ears: Ears,
}

/// What is asked about, by names: it is the same question after a change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    cluster: Box<str>,
    server: Arc<str>,
    /// `None` for the server itself.
    witness: Option<Check>,
}

/// A question that is asked again and again, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TaskSubject {
    /// To the server itself.
    Server(probe::Target),
    /// To somebody else about it.
    Witness(WitnessTarget),
}

/// The questions of another configuration, before they are asked.
#[derive(Debug)]
pub struct Questions {
    /// The tasks that ask about each server of each cluster, in config order.
    pub keys: Vec<Vec<Vec<ProbeKey>>>,
    /// The ends for the advice of those that are new.
    pub fresh: Vec<(ProbeKey, AdviceSender)>,
    asked: HashMap<Question, TaskSubject>,
    clusters: Vec<Box<str>>,
    starting: Vec<(Box<str>, TaskSubject, AdviceReceiver)>,
}

impl Probes {
    /// What is to be asked for `clusters`. Nothing changes yet.
    pub fn questions(&mut self, clusters: &[ClusterConfig]) -> Questions {
        let mut questions = Questions {
            keys: Vec::with_capacity(clusters.len()),
            fresh: Vec::new(),
            asked: HashMap::new(),
            clusters: clusters.iter().map(|cluster| cluster.name.clone()).collect(),
            starting: Vec::new(),
        };
        for cluster in clusters {
            let config = Arc::new(cluster.probe.clone());
            let keys = cluster.servers.iter().map(|server| {
                let about = about(cluster, server, &config, (&self.metrics, &self.ears));
                about.into_iter().map(|(at, asked)| self.key(at, asked, &mut questions)).collect()
            });
            let keys = keys.collect();
            questions.keys.push(keys);
        }
        questions
    }

    /// The key under which a question is asked: that of the task that asks it already, or a new one.
    fn key(&mut self, at: Question, asked: TaskSubject, questions: &mut Questions) -> ProbeKey {
        if let Some(known) = self.asked.get(&at)
            && asked.clone().with(known.key()) == *known
        {
            questions.asked.insert(at, known.clone());
            return known.key();
        }
        let key = ProbeKey(self.next_key);
        self.next_key += 1;
        let asked = asked.with(key);
        let (advice, advised) = advice_channel(FIRST_ADVICE);
        questions.fresh.push((key, advice));
        questions.starting.push((at.cluster.clone(), asked.clone(), advised));
        questions.asked.insert(at, asked);
        key
    }

    /// Starts the tasks that are new, one after the other; they report to `findings`. The driver
    /// knows them already; those that are of no more use end because it has let go of them.
    pub fn start(&mut self, questions: Questions, findings: &mpsc::Sender<Finding>) {
        let Questions { asked, clusters, starting, .. } = questions;
        self.asked = asked;
        let hears = |question: &Question| match self.asked.get(question) {
            Some(TaskSubject::Server(target)) => target.listener.is_some(),
            Some(TaskSubject::Witness(_)) | None => false,
        };
        self.ears.retain(|cluster, server| {
            hears(&Question { cluster: cluster.into(), server: server.into(), witness: None })
        });
        let mut earlier = std::mem::take(&mut self.hints);
        self.hints = clusters
            .into_iter()
            .map(|name| {
                let hints = earlier.remove(&name).unwrap_or_else(|| watch::Sender::new(()));
                (name, hints)
            })
            .collect();
        // What has ended meanwhile needs no more room.
        while self.tasks.try_join_next().is_some() {}
        let mut wait = Duration::ZERO;
        let tasks = u32::try_from(starting.len().max(1)).unwrap_or(u32::MAX);
        let apart = STARTS_APART.min(STARTS_WITHIN / tasks);
        for (cluster, asked, advice) in starting {
            let Some(hints) = self.hints.get(&cluster).map(watch::Sender::subscribe) else {
                continue;
            };
            let probing = keep_probing(
                asked,
                Orders { advice, hints, crowd: self.crowd.clone() },
                findings.clone(),
            );
            self.tasks.spawn(async move {
                sleep(wait).await;
                probing.await;
            });
            wait += apart;
        }
    }

    /// What asks the tasks of each of these clusters to ask at once.
    pub fn hints(&self, clusters: &[ClusterConfig]) -> Vec<(Box<str>, watch::Sender<()>)> {
        let names = clusters.iter().map(|cluster| &cluster.name);
        let hints = names.filter_map(|name| Some((name.clone(), self.hints.get(name)?.clone())));
        hints.collect()
    }

    /// What all tasks count.
    pub fn metrics(&self) -> ProbeMetrics {
        self.metrics.clone()
    }

    /// Who listens to the servers.
    pub fn ears(&self) -> Ears {
        self.ears.clone()
    }

    /// Waits until all tasks have ended. They do when nobody listens to them any more.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl TaskSubject {
    /// The same, reported under `key`.
    fn with(self, key: ProbeKey) -> Self {
        match self {
            Self::Server(target) => Self::Server(probe::Target { key, ..target }),
            Self::Witness(target) => Self::Witness(WitnessTarget { key, ..target }),
        }
    }

    fn key(&self) -> ProbeKey {
        match self {
            Self::Server(target) => target.key,
            Self::Witness(target) => target.key,
        }
    }

    fn target(&self) -> &ProbeTarget {
        match self {
            Self::Server(target) => &target.target,
            Self::Witness(target) => &target.target,
        }
    }

    async fn run(self, orders: Orders, findings: mpsc::Sender<Finding>) {
        match self {
            Self::Server(target) => probe::run(target, orders, findings).await,
            Self::Witness(target) => probe::watch(target, orders, findings).await,
        }
    }
}

/// The questions about one server: each of its witnesses, and itself, if it is asked.
fn about(
    cluster: &ClusterConfig,
    server: &ServerConfig,
    config: &Arc<ProbeConfig>,
    (metrics, ears): (&ProbeMetrics, &Ears),
) -> Vec<(Question, TaskSubject)> {
    let ServerConfig { name, target, checks, .. } = server;
    let names = Names { cluster: cluster.name.clone(), server: name.clone() };
    let question = |witness| Question {
        cluster: names.cluster.clone(),
        server: names.server.clone(),
        witness,
    };
    let meter = |check| {
        let (cluster, server) = (names.cluster.clone(), names.server.clone());
        metrics.meter(ProbeSubject { cluster, server, check })
    };
    // The key is given later.
    let key = ProbeKey(u64::MAX);
    let witnesses = checks.witnesses.iter().map(|witness| {
        let asked = TaskSubject::Witness(WitnessTarget {
            key,
            names: names.clone(),
            target: target.clone(),
            witness: Arc::clone(witness),
            config: Arc::clone(config),
            speaks: checks.speaker == Some(witness.check()),
            meter: meter(Some(witness.check())),
        });
        (question(Some(witness.check())), asked)
    });
    let server = checks.database.then(|| {
        let (target, kind, config) = (target.clone(), cluster.kind, Arc::clone(config));
        let meter = meter(None);
        let listener = cluster.discovery.as_ref().map(|discovery| {
            let rules = &discovery.rules;
            ears.ear(&names.cluster, &names.server, (rules.interval, rules.rise))
        });
        let target = probe::Target { key, target, kind, config, meter, listener };
        (question(None), TaskSubject::Server(target))
    });
    witnesses.chain(server).collect()
}

/// Asks about one server for as long as anybody listens. A probe that panics is a fault of ours in
/// one server's answer; it must not end the probing of that server, nor anything else.
async fn keep_probing(asked: TaskSubject, orders: Orders, findings: mpsc::Sender<Finding>) {
    loop {
        // A set, for it ends its task when it is dropped.
        let mut task = JoinSet::from_iter([asked.clone().run(orders.clone(), findings.clone())]);
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                error!(server = %asked.target(), "a probe panicked and is started again");
                sleep(AFTER_PANIC).await;
            }
            _ => return,
        }
    }
}
