//! What the page shows, and in which order: problems first.

use std::sync::Arc;

use super::{history::History, words};
use crate::{
    api::{ClusterStatus, EventEntry, NameRole, NameStatus, OverrideStatus, ServerStatus, Status},
    engine::ServerState,
    metrics::ProbeMetrics,
    status::PASSES_WITHIN,
};

/// Everything that the page tells.
#[derive(Debug)]
pub(super) struct View<'v> {
    /// What is now.
    pub(super) status: &'v Status,
    /// The last changes, oldest first.
    pub(super) events: &'v [Arc<EventEntry>],
    /// What was in the last minutes.
    pub(super) history: &'v History,
    /// When each server was last asked.
    pub(super) probes: &'v ProbeMetrics,
    /// Milliseconds since 1970.
    pub(super) now: u64,
    /// The one cluster that is asked for, if it is one.
    pub(super) only: Option<&'v str>,
}

/// How much something asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Concern {
    /// All is well.
    None,
    /// It is so because somebody wants it.
    Wanted,
    /// Clients are served, and somebody should look.
    Look,
    /// Clients are not served as promised.
    Harm,
}

impl View<'_> {
    /// The clusters that are shown, those of the greatest concern first, else in config order.
    pub(super) fn clusters(&self) -> Vec<(Concern, &ClusterStatus)> {
        let shown = |cluster: &&ClusterStatus| {
            self.only.is_none_or(|only| cluster.name.eq_ignore_ascii_case(only))
        };
        let clusters = self.status.clusters.iter().filter(shown);
        let mut clusters: Vec<_> =
            clusters.map(|one| (Concern::of_cluster(one, self.now), one)).collect();
        clusters.sort_by_key(|(concern, _)| std::cmp::Reverse(*concern));
        clusters
    }

    /// All overrides, those that end first in front.
    pub(super) fn overrides(&self) -> Vec<&OverrideStatus> {
        let clusters = self.clusters().into_iter();
        let mut laid: Vec<_> = clusters.flat_map(|(_, cluster)| &cluster.overrides).collect();
        laid.sort_by_key(|one| (one.until.is_none(), one.until.as_deref()));
        laid
    }

    /// The last changes, newest first, at most [`EVENTS`].
    pub(super) fn events(&self) -> impl Iterator<Item = &EventEntry> {
        let about = |event: &&EventEntry| match (self.only, &event.cluster) {
            (Some(only), Some(cluster)) => cluster.eq_ignore_ascii_case(only),
            _ => true,
        };
        self.events.iter().rev().map(|event| &**event).filter(about).take(EVENTS)
    }

    /// One sentence about everything.
    pub(super) fn summary(&self) -> String {
        let clusters = &self.status.clusters;
        let concern = |cluster: &&ClusterStatus| Concern::of_cluster(cluster, self.now);
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
        let whole = match (self.status.isolated, self.status.ready) {
            (true, _) => Concern::Harm,
            (false, false) => Concern::Look,
            (false, true) if self.status.warnings.is_empty() => Concern::None,
            (false, true) => Concern::Look,
        };
        clusters.max().unwrap_or(Concern::None).max(whole)
    }

    /// How long ago `time` was, in words; the time itself when it cannot be read.
    pub(super) fn ago(&self, time: &str) -> String {
        words::age(time, self.now).map_or_else(|| time.to_owned(), |age| age.to_string())
    }

    /// How long it is until `time`, in words; the time itself when it cannot be read.
    pub(super) fn rest(&self, time: &str) -> String {
        words::rest(time, self.now).map_or_else(|| time.to_owned(), |rest| rest.to_string())
    }

    /// The last probe of a server, in words.
    pub(super) fn last_probe(&self, cluster: &str, server: &str) -> Option<LastProbe> {
        let last = self.probes.last(cluster, server)?;
        let took = u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX);
        Some(LastProbe {
            result: last.failure.map_or_else(|| "answered".to_owned(), |kind| kind.to_string()),
            took: words::Span(took),
            ago: words::Span(self.now.saturating_sub(last.at)),
        })
    }
}

/// A probe that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastProbe {
    /// What it came to.
    pub(super) result: String,
    /// How long it took.
    pub(super) took: words::Span,
    /// How long ago it ended.
    pub(super) ago: words::Span,
}

impl Concern {
    /// That of a cluster at `now`: of its names, its servers and what was laid over it.
    pub(super) fn of_cluster(cluster: &ClusterStatus, now: u64) -> Self {
        let names = cluster.names.iter().map(Self::of_name);
        let servers = cluster.servers.iter().map(|server| Self::of_server(server, now));
        let laid = if cluster.overrides.is_empty() { Self::None } else { Self::Wanted };
        names
            .chain(servers.map(|concern| concern.min(Self::Look)))
            .max()
            .map_or(laid, |most| most.max(laid))
    }

    /// That of a name.
    pub(super) fn of_name(name: &NameStatus) -> Self {
        match (&*name.degradation, name.servers.is_empty()) {
            ("none", false) => Self::None,
            ("not-ready", _) => Self::Look,
            (_, true) => Self::Harm,
            ("stale", _) if name.role == NameRole::Write => Self::Harm,
            _ => Self::Look,
        }
    }

    /// That of a server by its state, which may have lasted for too long at `now`.
    pub(super) fn of_server(server: &ServerStatus, now: u64) -> Self {
        let age = words::age(&server.since, now).map(|words::Span(age)| u128::from(age));
        match Self::of_state(&server.state) {
            _ if server.transient && age >= Some(PASSES_WITHIN.as_millis()) => Self::Harm,
            Self::None if server.drained => Self::Wanted,
            concern => concern,
        }
    }

    /// That of a state, by its name.
    pub(super) fn of_state(state: &str) -> Self {
        match ServerState::ALL.into_iter().find(|known| known.to_string() == state) {
            Some(ServerState::Primary | ServerState::Replica | ServerState::Up) => Self::None,
            Some(ServerState::Maintenance) => Self::Wanted,
            Some(ServerState::Down) => Self::Harm,
            Some(state) if state.is_alarming() => Self::Harm,
            _ => Self::Look,
        }
    }

    /// The class of its colours.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::None => "well",
            Self::Wanted => "wanted",
            Self::Look => "look",
            Self::Harm => "harm",
        }
    }

    /// The sign beside its colour.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::None => "●",
            Self::Wanted => "◆",
            Self::Look => "▲",
            Self::Harm => "✖",
        }
    }

    /// What it is called.
    pub(super) fn words(self) -> &'static str {
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
