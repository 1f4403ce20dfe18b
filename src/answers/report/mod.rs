//! What is told of clusters beside their answers: `dig TXT _status.…`, `_why.…`, `_events.…`.
//!
//! A report holds what the engine last said of one cluster, and is published beside the table. It
//! is put into words when somebody asks: few do, and there are many clusters.
//!
//! Nothing in a report is secret: it holds names, addresses, states, reasons and the words of
//! failures, which the probes have passed through their mask.

mod lines;
mod story;
mod wall;

use std::sync::Arc;

use hickory_proto::rr::{LowerName, Record};

pub use self::wall::WallTime;
use self::{lines::records, story::Story};
use super::{AnswerTable, companion::Companion};
use crate::engine::{Check, ClusterId, Decision, Event, Override, Standing, WitnessStanding, Word};

/// What the engine last said of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// What is published. A new session count alone is no reason for a new report.
    pub decision: Decision,
    /// One per server, in config order.
    pub servers: Box<[ServerReport]>,
    /// What operators have laid over it, in the order of what they did.
    pub overrides: Box<[Override]>,
    /// The last changes, newest first.
    pub events: Arc<[Arc<Happened>]>,
    /// The wall time at [`Moment::START`](crate::engine::Moment::START).
    pub start: WallTime,
}

/// What the engine last said of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// Its state, why, and since when.
    pub standing: Standing,
    /// The words of its present failure, if it fails.
    pub failure: Option<Box<str>>,
    /// What others say of it, in the order of its checks.
    pub witnesses: Box<[WitnessReport]>,
    /// It was added while the service ran and is not in the configuration file.
    pub added: bool,
}

/// What a witness last said of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessReport {
    /// Which check.
    pub check: Check,
    /// The word that counts; `None` when it says nothing.
    pub word: Option<Word>,
    /// Its own words, or how it could not be reached.
    pub detail: Box<str>,
}

impl WitnessReport {
    /// Whether `standing` would be told in the same words.
    pub fn tells(&self, standing: &WitnessStanding<'_>) -> bool {
        (self.check, self.word, &*self.detail) == (standing.check, standing.word, standing.detail)
    }
}

impl From<WitnessStanding<'_>> for WitnessReport {
    fn from(WitnessStanding { check, word, detail }: WitnessStanding<'_>) -> Self {
        Self { check, word, detail: detail.into() }
    }
}

/// A change and when it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: WallTime,
    /// What. It is about a server or a name of one cluster.
    pub event: Event,
}

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

    /// That of one cluster.
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

/// A question for a report.
#[derive(Clone, Debug)]
pub struct Report {
    owner: LowerName,
    about: Companion,
}

impl Report {
    /// A question for TXT records at the name `owner`; `None` for a companion that has none.
    pub(super) fn new(owner: LowerName, about: Companion) -> Option<Self> {
        let told = matches!(about, Companion::Status(_) | Companion::Why(_) | Companion::Events(_));
        told.then_some(Self { owner, about })
    }

    /// The TXT records, at least one. `table` is the one that the question was looked up in.
    pub fn records(&self, table: &AnswerTable, reports: &Reports) -> Vec<Record> {
        let lines = self.lines(table, reports).unwrap_or_else(|| vec!["no report yet".to_owned()]);
        records(&self.owner, lines)
    }

    fn lines(&self, table: &AnswerTable, reports: &Reports) -> Option<Vec<String>> {
        let layout = table.layout();
        let cluster = match self.about {
            Companion::Status(index) => layout.served()[index].cluster,
            Companion::Why(server) => server.cluster,
            Companion::Events(cluster) => cluster,
            Companion::Service(_) | Companion::Server(_) | Companion::Between => return None,
        };
        let story = Story {
            listing: layout.companions.listing(cluster)?,
            names: layout.names_of(cluster).iter().map(|&index| &layout.served()[index]).collect(),
            report: reports.of(cluster)?,
        };
        Some(match self.about {
            Companion::Status(index) => story.status(&layout.served()[index], table.generation()),
            Companion::Why(id) => story.why(id.server),
            _ => story.events(),
        })
    }
}

#[cfg(test)]
mod tests;
