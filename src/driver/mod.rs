//! The one owner of the engine: takes in observations, lets the engine decide, publishes what
//! changed.
//!
//! Nothing else touches the engine, so nothing locks it. Readers see its decisions only through the
//! published snapshot.

mod reporter;

use std::{future, mem, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until},
};

use self::reporter::Reporter;
use crate::{
    answers::{ClusterAnswers, Layout, PublishedServer, Serial, build},
    clock::{self, Clock},
    engine::{
        ClusterId, ClusterPolicy, Decision, Engine, Event, Moment, Observation, ProbeAdvice,
        ServerId, ServerIndex,
    },
    metrics::DriverCounts,
    publish::{Publisher, Reader, Snapshot},
    telemetry,
    watchdog::Pulse,
};

/// Observations that may wait. Probe tasks wait when it is full, which slows probing down and loses
/// nothing.
const QUEUE: usize = 1024;

/// Observations judged in one step. Decisions are taken once per step, so a storm costs no more than
/// this many folds before the answers follow.
const BATCH: usize = 256;

/// How often the log repeats what is still wrong.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// How often the driver shows that it moves, whether or not it has work.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// A turn of the loop that takes longer was none of ours: the process was stopped or starved. Shorter than any silence
/// that counts.
const STALLED: Duration = Duration::from_secs(2);

/// Drives the engine until its inputs end.
#[derive(Debug)]
pub struct Driver {
    engine: Engine,
    clock: Clock,
    observations: mpsc::Receiver<Observation>,
    clusters: Vec<Followed>,
    reporter: Reporter,
    publisher: Publisher,
    observer: Option<mpsc::UnboundedSender<Event>>,
    pulse: Pulse,
    counts: DriverCounts,
}

/// One cluster as the driver sees it.
#[derive(Debug)]
struct Followed {
    name: Box<str>,
    published: Arc<[PublishedServer]>,
    decision: Decision,
    /// One per server.
    advice: Vec<watch::Sender<ProbeAdvice>>,
}

/// What the probe tasks and the DNS server need from a driver.
#[derive(Debug)]
pub struct Ends {
    /// Where probes report.
    pub observations: mpsc::Sender<Observation>,
    /// How each probe should go on; per cluster, per server.
    pub advice: Vec<Vec<watch::Receiver<ProbeAdvice>>>,
    /// Where answers are read.
    pub reader: Reader,
    /// The driver's sign of life.
    pub pulse: Pulse,
    /// What the driver counts.
    pub counts: DriverCounts,
}

impl Driver {
    /// A driver for `clusters` (policy and published servers of each, in config order), whose names
    /// lie as `layout` says. Every name is "not ready" until the first probes have come back. Each
    /// change is also sent to `observer`.
    pub fn new(
        clusters: Vec<(ClusterPolicy, Arc<[PublishedServer]>)>,
        layout: Layout,
        observer: Option<mpsc::UnboundedSender<Event>>,
    ) -> (Self, Ends) {
        let clock = Clock::start();
        let policies = clusters.iter().map(|(policy, _)| policy.clone()).collect();
        let engine = Engine::new(policies, clock.now());
        let clusters: Vec<_> = (0..)
            .map(ClusterId)
            .zip(clusters)
            .map(|(id, (policy, published))| Followed::new(id, &policy, published, &engine))
            .collect();
        let layout = Arc::new(layout);
        let serial = Serial::first(None, clock::unix_seconds());
        let answers: Vec<_> = clusters.iter().map(Followed::answers).collect();
        let table = build(&layout, &answers, 1, serial);
        let reporter = Reporter::new(clusters.iter().map(Followed::servers), clock.now());
        let reports = reporter.first(&engine);
        let publisher = Publisher::new(Snapshot { table, reports });
        let (sender, observations) = mpsc::channel(QUEUE);
        let ends = Ends {
            observations: sender,
            advice: clusters
                .iter()
                .map(|cluster| cluster.advice.iter().map(watch::Sender::subscribe).collect())
                .collect(),
            reader: publisher.reader(),
            pulse: Pulse::default(),
            counts: DriverCounts::default(),
        };
        let (pulse, counts) = (ends.pulse.clone(), ends.counts.clone());
        let driver = Self {
            engine,
            clock,
            observations,
            clusters,
            reporter,
            publisher,
            observer,
            pulse,
            counts,
        };
        (driver, ends)
    }

    /// Runs until every sender of observations is gone.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut reminder = interval_at(Instant::now() + REMIND_EVERY, REMIND_EVERY);
        reminder.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut awake = self.clock.now();
        loop {
            self.pulse.beat();
            let deadlines = self.engine.next_deadline().into_iter();
            let deadline = deadlines.chain(self.reporter.next_deadline()).min();
            let deadline = deadline.map(|deadline| self.clock.instant(deadline));
            let is_beat = tokio::select! {
                received = self.observations.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    false
                }
                () = passed(deadline) => false,
                _ = beats.tick() => true,
                _ = reminder.tick() => {
                    telemetry::remind(&self.engine, self.clusters.len());
                    false
                }
            };
            let before = mem::replace(&mut awake, self.clock.now());
            if awake.since(before) > STALLED {
                self.engine.excuse_silence(awake);
            }
            if !is_beat {
                self.step(&mut batch);
            }
        }
    }

    /// Judges what came in, publishes what changed, and tells the probes how to go on.
    fn step(&mut self, batch: &mut Vec<Observation>) {
        let now = self.clock.now();
        for observation in batch.drain(..) {
            self.engine.observe(observation, now);
        }
        self.engine.decide(now);
        let (mut judged, mut changed) = (Vec::new(), Vec::new());
        while let Some(id) = self.engine.poll_decided() {
            judged.push(id);
            if self.clusters[id.0].follow(id, &self.engine) {
                changed.push(id);
            }
        }
        self.counts.judged(judged.len());
        let events = self.engine.take_events();
        self.reporter.note(&events, now);
        // First the answers, then the words about them.
        self.publish(&judged, &changed, now);
        for event in events {
            telemetry::log(&event, &self.engine);
            let cluster = event.cluster().and_then(|ClusterId(id)| self.clusters.get(id));
            self.counts.happened(&event, cluster.map(|cluster| &*cluster.name), now);
            if let Some(observer) = &self.observer {
                // An observer that has left needs no more events.
                _ = observer.send(event);
            }
        }
    }

    /// Publishes what is new: answers of clusters whose decision `changed`, and words about those
    /// that were `judged`. Words alone are no new generation.
    fn publish(&mut self, judged: &[ClusterId], changed: &[ClusterId], now: Moment) {
        let current = self.publisher.current();
        let table = if changed.is_empty() {
            None
        } else {
            let changes = changed.iter().map(|&id| (id, self.clusters[id.0].answers()));
            current.table.with(changes, clock::unix_seconds())
        };
        let words = self.reporter.collect(judged, &self.engine, &current.reports, now);
        if table.is_none() && words.is_empty() {
            return;
        }
        self.counts.published();
        self.publisher.publish(Snapshot {
            table: table.unwrap_or_else(|| current.table.clone()),
            reports: current.reports.with(words),
        });
    }
}

impl Followed {
    fn new(
        id: ClusterId,
        policy: &ClusterPolicy,
        published: Arc<[PublishedServer]>,
        engine: &Engine,
    ) -> Self {
        let advice = (0..policy.servers.len())
            .map(|index| {
                let server = ServerId { cluster: id, server: ServerIndex(index) };
                watch::Sender::new(engine.advice(server))
            })
            .collect();
        Self { name: policy.name.clone(), published, decision: engine.decision(id), advice }
    }

    /// Takes over the engine's decision and advice. Returns whether the decision is another one.
    fn follow(&mut self, id: ClusterId, engine: &Engine) -> bool {
        for (index, sender) in self.advice.iter().enumerate() {
            let advice = engine.advice(ServerId { cluster: id, server: ServerIndex(index) });
            // A task that is told the same again would wake up for nothing.
            sender.send_if_modified(|before| mem::replace(before, advice) != advice);
        }
        let decision = engine.decision(id);
        let changed = decision != self.decision;
        self.decision = decision;
        changed
    }

    fn servers(&self) -> usize {
        self.published.len()
    }

    fn answers(&self) -> ClusterAnswers<'_> {
        ClusterAnswers { name: &self.name, servers: &self.published, decision: &self.decision }
    }
}

/// Waits until `deadline`; for ever when there is none.
async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => future::pending().await,
    }
}

#[cfg(test)]
mod tests;
