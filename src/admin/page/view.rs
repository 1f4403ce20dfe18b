//! What the page shows, and in which order: problems first.

use std::{sync::Arc, time::Duration};

use super::{history::History, words};
use crate::{
    chronicle::Entry,
    metrics::ProbeMetrics,
    report::{ClusterView, DiscoveryReport, Override, Severity},
    status::Status,
    wall_time::WallTime,
};

/// Everything that the page tells.
#[derive(Debug)]
pub struct View<'v> {
    /// What is now.
    pub(super) status: &'v Status,
    /// The last changes, oldest first.
    pub(super) events: &'v [Arc<Entry>],
    /// What was in the last minutes.
    pub(super) history: &'v History,
    /// When each server was last asked.
    pub(super) probes: &'v ProbeMetrics,
    /// What discovery last told of each cluster, and how long ago.
    pub(super) discovery: &'v [(Arc<DiscoveryReport>, Duration)],
    /// The time.
    pub(super) now: WallTime,
    /// The one cluster that is asked for, if it is one.
    pub(super) only: Option<&'v str>,
}

impl View<'_> {
    /// The clusters that are shown, the worst first, else in config order.
    pub fn clusters(&self) -> Vec<&ClusterView> {
        let shown = |cluster: &&ClusterView| {
            self.only.is_none_or(|only| cluster.name.eq_ignore_ascii_case(only))
        };
        let mut clusters: Vec<_> = self.status.clusters.iter().filter(shown).collect();
        clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.severity));
        clusters
    }

    /// All overrides, those that end first in front.
    pub(super) fn overrides(&self) -> Vec<(&ClusterView, &Override)> {
        let clusters = self.clusters().into_iter();
        let mut laid: Vec<_> = clusters
            .flat_map(|cluster| cluster.overrides.iter().map(move |laid| (cluster, laid)))
            .collect();
        laid.sort_by_key(|(_, one)| (one.until.is_none(), one.until));
        laid
    }

    /// The last changes, newest first, at most [`EVENTS`].
    pub(super) fn events(&self) -> impl Iterator<Item = &Entry> {
        let about = |event: &&Entry| match (self.only, &event.change.cluster) {
            (Some(only), Some(cluster)) => cluster.eq_ignore_ascii_case(only),
            _ => true,
        };
        self.events.iter().rev().map(|event| &**event).filter(about).take(EVENTS)
    }

    /// How long ago `time` was, in words.
    pub(super) fn ago(&self, time: WallTime) -> words::Span {
        words::Span(self.now.since(time))
    }

    /// How long it is until `time`, in words.
    pub(super) fn rest(&self, time: WallTime) -> words::Span {
        words::Span(time.since(self.now))
    }

    /// Queries a second for a served name, where they are known.
    pub(super) fn rate_for(&self, name: &str) -> Option<String> {
        let rate = self.history.queries_per_second_for(name)?;
        Some(format!("{rate:.1} queries/s"))
    }

    /// The last probe of a server, in words.
    pub(super) fn last_probe(&self, cluster: &str, server: &str) -> Option<LastProbe> {
        let last = self.probes.last(cluster, server)?;
        let took = u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX);
        Some(LastProbe {
            result: last.failure.map_or_else(|| "answered".to_owned(), |kind| kind.to_string()),
            took: words::Span(took),
            ago: self.ago(WallTime::from_unix_millis(last.at)),
        })
    }
}

/// A probe that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastProbe {
    /// What it came to.
    pub(super) result: String,
    /// How long it took.
    pub(super) took: words::Span,
    /// How long ago it ended.
    pub(super) ago: words::Span,
}

/// How a severity looks.
pub trait Appearance {
    /// The class of its colours.
    fn class(self) -> &'static str;

    /// The sign beside its colour.
    fn sign(self) -> &'static str;
}

impl Appearance for Severity {
    fn class(self) -> &'static str {
        match self {
            Self::Ok => "well",
            Self::Wanted => "wanted",
            Self::Degraded => "look",
            Self::Outage => "harm",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Ok => "●",
            Self::Wanted => "◆",
            Self::Degraded => "▲",
            Self::Outage => "✖",
        }
    }
}

/// Changes that are shown.
const EVENTS: usize = 50;
