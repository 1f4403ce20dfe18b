//! What the page shows, and in which order: problems first.

use std::sync::Arc;

use super::{history::History, words};
use crate::{
    chronicle::Entry,
    metrics::ProbeMetrics,
    report::{ClusterView, Concern, Override},
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
    /// The time.
    pub(super) now: WallTime,
    /// The one cluster that is asked for, if it is one.
    pub(super) only: Option<&'v str>,
}

impl View<'_> {
    /// The clusters that are shown, those of the greatest concern first, else in config order.
    pub(super) fn clusters(&self) -> Vec<(Concern, &ClusterView)> {
        let shown = |cluster: &&ClusterView| {
            self.only.is_none_or(|only| cluster.name.eq_ignore_ascii_case(only))
        };
        let clusters = self.status.clusters.iter().filter(shown);
        let mut clusters: Vec<_> =
            clusters.map(|one| (Concern::of_cluster(one, self.now), one)).collect();
        clusters.sort_by_key(|(concern, _)| std::cmp::Reverse(*concern));
        clusters
    }

    /// All overrides, those that end first in front.
    pub(super) fn overrides(&self) -> Vec<(&ClusterView, &Override)> {
        let clusters = self.clusters().into_iter();
        let mut laid: Vec<_> = clusters
            .flat_map(|(_, cluster)| cluster.overrides.iter().map(move |laid| (cluster, laid)))
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

    /// One sentence about everything.
    pub(super) fn summary(&self) -> String {
        let clusters = &self.status.clusters;
        let concern = |cluster: &&ClusterView| Concern::of_cluster(cluster, self.now);
        let count = |least| clusters.iter().filter(|one| concern(one) >= least).count();
        let (harmed, troubled) = (count(Concern::Harm), count(Concern::Look));
        let of = match clusters.len() {
            1 => "the one cluster".to_owned(),
            many => format!("{many} clusters"),
        };
        if self.status.isolated {
            return format!("No server of {of} answers: our own network is suspected");
        }
        match (harmed, troubled) {
            (0, 0) if !self.status.warnings.is_empty() => {
                format!("Names are well with {of}; Pointsman itself should be looked at")
            }
            (0, 1) if clusters.len() == 1 => {
                "Names are well; the one cluster should be looked at".to_owned()
            }
            (1, _) if clusters.len() == 1 => "The one cluster cannot serve as promised".to_owned(),
            (0, 0) => format!("All is well with {of}"),
            (0, looks) => format!("Names are well; {looks} of {of} should be looked at"),
            (harmed, _) => format!("{harmed} of {of} cannot serve as promised"),
        }
    }

    /// The greatest concern of all.
    pub(super) fn concern(&self) -> Concern {
        let clusters = self.status.clusters.iter().map(|one| Concern::of_cluster(one, self.now));
        let whole = match (self.status.isolated, self.status.is_ready()) {
            (true, _) => Concern::Harm,
            (false, false) => Concern::Look,
            (false, true) if self.status.warnings.is_empty() => Concern::None,
            (false, true) => Concern::Look,
        };
        clusters.max().unwrap_or(Concern::None).max(whole)
    }

    /// How long ago `time` was, in words.
    pub(super) fn ago(&self, time: WallTime) -> words::Span {
        words::Span(self.now.since(time))
    }

    /// How long it is until `time`, in words.
    pub(super) fn rest(&self, time: WallTime) -> words::Span {
        words::Span(time.since(self.now))
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

/// How a concern looks.
pub trait Appearance {
    /// The class of its colours.
    fn class(self) -> &'static str;

    /// The sign beside its colour.
    fn sign(self) -> &'static str;

    /// What it is called.
    fn words(self) -> &'static str;
}

impl Appearance for Concern {
    fn class(self) -> &'static str {
        match self {
            Self::None => "well",
            Self::Wanted => "wanted",
            Self::Look => "look",
            Self::Harm => "harm",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::None => "●",
            Self::Wanted => "◆",
            Self::Look => "▲",
            Self::Harm => "✖",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::None => "well",
            Self::Wanted => "as wanted",
            Self::Look => "look at it",
            Self::Harm => "not as promised",
        }
    }
}

/// Changes that are shown.
const EVENTS: usize = 50;
