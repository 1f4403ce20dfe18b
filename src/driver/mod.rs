//! The one owner of the engine: takes in observations, lets the engine decide, publishes what
//! changed.
//!
//! Nothing else touches the engine, so nothing locks it. Readers see its decisions only through the
//! published snapshot.

mod cluster_state;
mod commands;
mod memory;
mod plan;
mod questions;
mod reconfigure;
mod reporter;

use std::{collections::HashMap, future, mem, sync::Arc, thread, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until},
};

pub use self::memory::Past;
pub use self::plan::{Newcomer, Plan, PlannedCluster, Replan, Settled};
use self::{
    cluster_state::{Channels, ClusterState},
    memory::{Memory, View},
    reporter::Reporter,
};
use crate::{
    answers::{Layout, build},
    clock::{self, Clock},
    config::AddedServer,
    control::Command,
    engine::{ClusterId, Engine, Event, Moment, Observation, ProbeKey, ServerId},
    metrics::DriverCounts,
    probe::Finding,
    publish::{Publisher, Reader, Snapshot},
    report::{self, Change},
    telemetry,
    watchdog::Pulse,
};

/// Findings that may wait: those of one step. Probe tasks wait when it is full, which slows probing down
/// and loses nothing. What one may hold is limited where it is made (`FACTS_OCTETS_MAX` of MySQL's
/// probes, the longest reply of PostgreSQL's), so that a driver that is late holds less
/// than 200 MiB in queue and step for servers that show as much as they can.
const QUEUE: usize = BATCH;

/// Findings judged in one step. Decisions are taken once per step, so a storm costs no more than
/// this many folds before the answers follow.
const BATCH: usize = 256;

/// How often the log repeats what is still wrong.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// A change whose serial could not grow, because its limit had yet to be saved, is looked at again
/// after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
    findings: mpsc::Receiver<Finding>,
    commands: mpsc::Receiver<Command>,
    replans: mpsc::Receiver<Replan>,
    clusters: Vec<ClusterState>,
    /// Which server each task asks about.
    servers: HashMap<ProbeKey, ServerId>,
    /// Servers that are not in the configuration file.
    added: Arc<[AddedServer]>,
    reporter: Reporter,
    memory: Memory,
    publisher: Publisher,
    observer: Option<mpsc::UnboundedSender<Event>>,
    pulse: Pulse,
    counts: DriverCounts,
}

/// What a turn of the loop is for.
enum Turn {
    /// Something was found, or a time has come.
    Judge,
    /// Somebody wants something.
    Obey(Command),
    /// There is another configuration.
    Replan(Box<Replan>),
    /// To show that we move.
    Beat,
}

/// What the probe tasks and the DNS server need from a driver.
#[derive(Debug)]
pub struct Ends {
    /// Where probes report.
    pub findings: mpsc::Sender<Finding>,
    /// Where another configuration comes from.
    pub replans: mpsc::Sender<Replan>,
    /// Where answers are read.
    pub reader: Reader,
    /// The driver's sign of life.
    pub pulse: Pulse,
    /// What the driver counts.
    pub counts: DriverCounts,
}

impl Driver {
    /// A driver for the first `plan`, told by `commands` what operators want. Every name says what
    /// it said in the `past`, or is "not ready", until the first probes have come back. Each change
    /// is also sent to `observer`.
    pub fn new(
        plan: Plan,
        commands: mpsc::Receiver<Command>,
        past: Past,
        observer: Option<mpsc::UnboundedSender<Event>>,
    ) -> (Self, Ends) {
        let clock = Clock::started(past.age());
        let Plan { clusters, layout, fresh, added } = plan;
        let policies = clusters.iter().map(|cluster| cluster.policy.clone()).collect();
        let mut engine = Engine::new(policies, clock.now());
        let serial = past.serial();
        let mut memory = past.restore(&mut engine, &layout, clock.now());
        let mut channels = fresh.into_iter().collect();
        let clusters: Vec<_> = (0..)
            .map(ClusterId)
            .zip(clusters)
            .map(|(id, planned)| ClusterState::new(id, planned, &mut channels, &engine))
            .collect();
        let layout = Arc::new(layout);
        let answers: Vec<_> = clusters.iter().map(ClusterState::answers).collect();
        let table = build(&layout, &answers, 1, serial);
        let mut reporter = Reporter::new(&layout, &added, clock.now());
        let reports = reporter.all(&engine, clock.now());
        let (start, now) = (reporter.start(), clock.now());
        memory.note_all(View { engine: &engine, layout: &layout, start, now });
        let publisher = Publisher::new(Snapshot { table, reports });
        let (sender, findings) = mpsc::channel(QUEUE);
        // One waits while another is put in force.
        let (replan, replans) = mpsc::channel(1);
        let ends = Ends {
            findings: sender,
            replans: replan,
            reader: publisher.reader(),
            pulse: Pulse::default(),
            counts: DriverCounts::default(),
        };
        let driver = Self {
            servers: reconfigure::servers(&clusters),
            pulse: ends.pulse.clone(),
            counts: ends.counts.clone(),
            engine,
            clock,
            findings,
            commands,
            replans,
            clusters,
            added,
            reporter,
            memory,
            publisher,
            observer,
        };
        (driver, ends)
    }

    /// Runs until every sender of findings is gone.
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
            let deadlines = deadlines.chain(self.reporter.next_deadline());
            let deadline = deadlines.chain(self.serial_due(awake)).min();
            let deadline = deadline.map(|deadline| self.clock.instant(deadline));
            let turn = tokio::select! {
                received = self.findings.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    Turn::Judge
                }
                Some(command) = self.commands.recv() => Turn::Obey(command),
                Some(replan) = self.replans.recv() => Turn::Replan(Box::new(replan)),
                () = passed(deadline) => Turn::Judge,
                _ = beats.tick() => Turn::Beat,
                _ = reminder.tick() => {
                    let now = self.clock.now();
                    let is_overdue = |standing| report::is_overdue(standing, now);
                    telemetry::remind(&self.engine, self.clusters.len(), is_overdue);
                    self.memory.remind();
                    Turn::Judge
                }
            };
            let before = mem::replace(&mut awake, self.clock.now());
            if awake.since(before) > STALLED {
                self.engine.excuse_silence(awake);
            }
            match turn {
                Turn::Judge => self.step(&mut batch),
                Turn::Obey(command) => self.obey(command),
                Turn::Replan(replan) => self.replan(*replan),
                Turn::Beat => {}
            }
        }
    }

    /// Takes in what was found, and goes on from there.
    fn step(&mut self, batch: &mut Vec<Finding>) {
        let now = self.clock.now();
        for Finding { probe, asked, outcome } in batch.drain(..) {
            // A task of an earlier configuration may still have a last word.
            if let Some(&server) = self.servers.get(&probe) {
                let asked = self.clock.moment(asked);
                self.engine.observe(Observation { server, asked, outcome }, now);
            }
        }
        self.conclude(now);
    }

    /// Judges what is new, publishes what changed, and tells the probes how to go on.
    fn conclude(&mut self, now: Moment) {
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
        let current = self.publisher.current();
        let changes = named(&events, current.table.layout());
        self.reporter.note(&events, &changes, now);
        let names = served_names(&changes);
        // First the answers, then the words about them.
        self.publish(&judged, &changed, now);
        self.remember(&judged, &events, changes);
        self.tell(events, names);
    }

    /// Keeps what is new. Nothing is waited for.
    fn remember(&mut self, judged: &[ClusterId], events: &[Event], changes: Vec<Arc<Change>>) {
        let current = self.publisher.current();
        let view = View {
            engine: &self.engine,
            layout: current.table.layout(),
            start: self.reporter.start(),
            now: self.clock.now(),
        };
        self.memory.note(judged, events, changes, view);
    }

    /// Keeps everything, as of another configuration or at the end.
    fn remember_all(&mut self) {
        let current = self.publisher.current();
        self.memory.note_all(View {
            engine: &self.engine,
            layout: current.table.layout(),
            start: self.reporter.start(),
            now: self.clock.now(),
        });
    }

    /// When to look whether the serial may grow, if a change is published that it did not grow by.
    fn serial_due(&self, now: Moment) -> Option<Moment> {
        let owes = self.publisher.current().table.owes_a_serial();
        owes.then_some(now + LOOK_AGAIN)
    }

    /// Logs and counts what happened, each with the served name that it is about, and sends it to
    /// whoever observes.
    fn tell(&self, events: Vec<Event>, names: Vec<Option<Box<str>>>) {
        for (event, name) in events.into_iter().zip(names) {
            telemetry::log(&event, name.as_deref(), &self.engine);
            let cluster = event.cluster().and_then(|ClusterId(id)| self.clusters.get(id));
            self.counts.happened(&event, cluster.map(|cluster| &*cluster.name), self.clock.now());
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
        let limit = self.memory.serial_limit();
        let table = if changed.is_empty() {
            let owes = current.table.owes_a_serial();
            owes.then(|| current.table.paid(clock::unix_seconds(), limit)).flatten()
        } else {
            let changes = changed.iter().map(|&id| (id, self.clusters[id.0].answers()));
            current.table.within(changes, clock::unix_seconds(), limit)
        };
        if let Some(table) = &table {
            self.memory.note_serial(table.serial());
        }
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

/// However it ends, what has changed with every probe is to be saved for the last time, too.
impl Drop for Driver {
    fn drop(&mut self) {
        // After a fault of ours nobody knows what the engine holds.
        if !thread::panicking() {
            self.remember_all();
        }
    }
}

/// What has just happened in the clusters of `layout`, by names.
fn named(events: &[Event], layout: &Layout) -> Vec<Arc<Change>> {
    let at = clock::wall_time();
    events.iter().map(|event| Arc::new(Change::new(event, layout, at))).collect()
}

/// The served name that each change is about, if it is about one.
fn served_names(changes: &[Arc<Change>]) -> Vec<Option<Box<str>>> {
    changes.iter().map(|change| change.name().map(Into::into)).collect()
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
