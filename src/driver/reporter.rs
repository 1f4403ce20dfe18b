//! Keeps the reports of all clusters up to date, and remembers what happened in each.
//!
//! A report follows at once when a decision or a server's state changes. What changes with every
//! probe (lag, the words of a failure) follows within a second: ten thousand clusters that are
//! probed each second must not mean ten thousand publications. Only clusters that were judged are
//! looked at.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use crate::{
    answers::Layout,
    clock,
    config::AddedServer,
    engine::{
        ClusterId, Decision, Engine, Event, Lag, Moment, ServerId, ServerIndex, Standing,
        WriteDecision,
    },
    report::{Change, ClusterReport, Reports, ServerReport, WitnessReport},
    wall_time::WallTime,
};

/// Changes that are remembered of each cluster.
const HISTORY: usize = 32;

/// Of these, how many are in its report.
const REPORTED: usize = 10;

/// How often a report may follow what changes with every probe.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Reports that wait are published together, this often, so that clusters share publications.
const GRID: Duration = Duration::from_millis(100);

/// Waiting reports that are made in one go: about a millisecond's work, so that no decision waits
/// for words.
const AT_ONCE: usize = 1_024;

/// How far the wall clock may drift from ours, in milliseconds, until times are told anew: a clock
/// that is set, not one that is trimmed.
const DRIFT: u64 = 1_000;

/// What the driver remembers for its reports.
#[derive(Debug)]
pub struct Reporter {
    clusters: Vec<ReportState>,
    /// Clusters whose report waits, the one that is due first in front.
    waiting: BTreeSet<(Moment, ClusterId)>,
    /// The wall time at the start.
    start: WallTime,
}

/// One cluster.
#[derive(Debug, Default)]
struct ReportState {
    /// One per server: whether it is not in the configuration file.
    added: Box<[bool]>,
    /// Newest first.
    history: VecDeque<Arc<Change>>,
    /// Something happened since the last report.
    has_news: bool,
    reported: Moment,
    due: Option<Moment>,
}

/// How a cluster differs from its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    None,
    /// In what changes with every probe.
    Detail,
    /// In its decision or a state.
    Turn,
}

impl Reporter {
    /// For the clusters of `layout`, in which the servers of `added` are not in the configuration
    /// file.
    pub fn new(layout: &Layout, added: &[AddedServer], now: Moment) -> Self {
        Self {
            clusters: followed(layout, added),
            waiting: BTreeSet::new(),
            start: clock::wall_time().at_start(now),
        }
    }

    /// For the clusters of another layout. What happened in those that stay is still remembered.
    pub fn replan(&mut self, before: &Layout, layout: &Layout, added: &[AddedServer]) {
        let earlier = mem::replace(&mut self.clusters, followed(layout, added));
        let names = before.clusters().iter().map(|listing| listing.name.to_ascii_lowercase());
        let mut earlier: HashMap<_, _> = names.zip(earlier).collect();
        for (index, listing) in layout.clusters().iter().enumerate() {
            let known = earlier.remove(&listing.name.to_ascii_lowercase());
            if let (Some(known), Some(now)) = (known, self.clusters.get_mut(index)) {
                // What is about a server or a name that has left is told no more.
                let stays = |change: &Arc<Change>| change.is_in(layout, ClusterId(index));
                now.history = known.history.into_iter().filter(stays).collect();
            }
        }
        self.waiting.clear();
    }

    /// The wall time at [`Moment::START`].
    pub fn start(&self) -> WallTime {
        self.start
    }

    /// The reports of all clusters, made anew at `now`.
    pub fn all(&mut self, engine: &Engine, now: Moment) -> Reports {
        for followed in &mut self.clusters {
            (followed.reported, followed.has_news, followed.due) = (now, false, None);
        }
        self.waiting.clear();
        let clusters = (0..self.clusters.len()).map(ClusterId);
        Reports::new(clusters.map(|id| self.report(id, engine, None)).collect())
    }

    /// Remembers what happened at `now`, each of `events` with its change by names.
    pub fn note(&mut self, events: &[Event], changes: &[Arc<Change>], now: Moment) {
        let Some(change) = changes.first() else {
            return;
        };
        let start = change.at.at_start(now);
        if start.distance(self.start) > DRIFT {
            self.start = start;
        }
        for (event, change) in events.iter().zip(changes) {
            let Some(ClusterId(index)) = event.cluster() else {
                continue;
            };
            let followed = &mut self.clusters[index];
            followed.history.truncate(HISTORY - 1);
            followed.history.push_front(Arc::clone(change));
            followed.has_news = true;
        }
    }

    /// The reports to publish now, after these clusters were judged.
    pub fn collect(
        &mut self,
        judged: &[ClusterId],
        engine: &Engine,
        published: &Reports,
        now: Moment,
    ) -> Vec<(ClusterId, ClusterReport)> {
        let mut made = Vec::new();
        for &id in judged {
            match self.difference(id, engine, published) {
                Difference::None => {}
                Difference::Detail => self.wait(id, now),
                Difference::Turn => made.push(id),
            }
        }
        let mut reports: Vec<_> =
            made.into_iter().map(|id| self.make(id, engine, published, now)).collect();
        while reports.len() < AT_ONCE
            && let Some(&(due, id)) = self.waiting.first()
            && due <= now
        {
            reports.push(self.make(id, engine, published, now));
        }
        reports
    }

    /// When [`Self::collect`] is to be called again.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Lets the report of a cluster wait for the next common publication that it may be part of.
    fn wait(&mut self, id: ClusterId, now: Moment) {
        let followed = &mut self.clusters[id.0];
        if followed.due.is_none() {
            let due = on_grid(now.max(followed.reported + AT_MOST_EVERY));
            followed.due = Some(due);
            self.waiting.insert((due, id));
        }
    }

    fn make(
        &mut self,
        id: ClusterId,
        engine: &Engine,
        published: &Reports,
        now: Moment,
    ) -> (ClusterId, ClusterReport) {
        let report = self.report(id, engine, published.of(id).map(|report| &**report));
        let followed = &mut self.clusters[id.0];
        if let Some(due) = followed.due.take() {
            self.waiting.remove(&(due, id));
        }
        (followed.reported, followed.has_news) = (now, false);
        (id, report)
    }

    /// What is to be told of a cluster if `engine` decided, published or not.
    pub fn of(&self, id: ClusterId, engine: &Engine) -> ClusterReport {
        self.report(id, engine, None)
    }

    /// What is to be told of a cluster now; `last` is what was told before.
    fn report(
        &self,
        id: ClusterId,
        engine: &Engine,
        last: Option<&ClusterReport>,
    ) -> ClusterReport {
        let followed = &self.clusters[id.0];
        let events = match last {
            Some(last) if !followed.has_news => Arc::clone(&last.events),
            _ => followed.history.iter().take(REPORTED).cloned().collect(),
        };
        let servers = servers(id, &followed.added).map(|(server, added)| ServerReport {
            standing: engine.standing(server),
            failure: engine.failure_detail(server).map(Box::from),
            upstream: engine.upstream(server),
            extent: engine.extent(server),
            progress: engine.progress(server),
            witnesses: engine.witnesses(server).map(WitnessReport::from).collect(),
            added,
        });
        ClusterReport {
            decision: engine.decision(id),
            servers: servers.collect(),
            overrides: engine.overrides(id).into(),
            events,
            start: self.start,
        }
    }

    fn difference(&self, id: ClusterId, engine: &Engine, published: &Reports) -> Difference {
        let followed = &self.clusters[id.0];
        let Some(last) = published.of(id) else {
            return Difference::None;
        };
        if followed.has_news || is_another(&engine.decision(id), &last.decision) {
            return Difference::Turn;
        }
        if engine.overrides(id) != &*last.overrides {
            return Difference::Turn;
        }
        let changes = servers(id, &followed.added).zip(&last.servers).map(|((server, _), last)| {
            let now = engine.standing(server);
            let failure = engine.failure_detail(server);
            let same_words = || {
                engine.witnesses(server).zip(&last.witnesses).all(|(now, last)| last.tells(&now))
            };
            if now.state != last.standing.state {
                Difference::Turn
            } else if told(now) != told(last.standing)
                || failure != last.failure.as_deref()
                || engine.upstream(server) != last.upstream
                || engine.extent(server) != last.extent
                || engine.progress(server) != last.progress
                || !same_words()
            {
                Difference::Detail
            } else {
                Difference::None
            }
        });
        changes.max().unwrap_or(Difference::None)
    }
}

/// Whether two decisions differ in more than session counts.
fn is_another(now: &Decision, last: &Decision) -> bool {
    let write = |decision: &Decision| {
        decision.write.map(|WriteDecision { server, reason, .. }| (server, reason))
    };
    write(now) != write(last)
        || now.stability != last.stability
        || now.reads.iter().zip(&last.reads).any(|(now, last)| {
            let members = |read: &crate::engine::ReadDecision| -> Vec<_> {
                read.servers.iter().map(|member| member.server).collect()
            };
            now.reason != last.reason || members(now) != members(last)
        })
}

/// What is told of a standing that changes with every probe, as exact as it is told.
fn told(standing: Standing) -> (crate::engine::StateReason, Option<u128>) {
    let tenths = |Lag(lag): Lag| lag.as_millis() / 100;
    (standing.reason, standing.lag.map(tenths))
}

/// The clusters of `layout`, of which nothing is remembered yet.
fn followed(layout: &Layout, added: &[AddedServer]) -> Vec<ReportState> {
    let added: HashSet<_> = added.iter().map(|server| server.name.to_ascii_lowercase()).collect();
    let is_added = |name: &str| added.contains(&name.to_ascii_lowercase());
    let followed = layout.clusters().iter().map(|listing| ReportState {
        added: listing.servers.iter().map(|server| is_added(&server.name)).collect(),
        ..ReportState::default()
    });
    followed.collect()
}

/// The servers of a cluster, and whether each is not in the configuration file.
fn servers(cluster: ClusterId, added: &[bool]) -> impl Iterator<Item = (ServerId, bool)> {
    let id = move |index| ServerId { cluster, server: ServerIndex::new(index) };
    added.iter().enumerate().map(move |(index, added)| (id(index), *added))
}

/// The first common publication at or after `moment`.
fn on_grid(moment: Moment) -> Moment {
    let grid = GRID.as_millis();
    let turns = moment.since_start().as_millis().div_ceil(grid);
    Moment::from_millis(u64::try_from(turns * grid).unwrap_or(u64::MAX))
}
