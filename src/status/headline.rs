//! The whole service in one sentence, and how bad it is: what page, command line and monitoring show
//! first.

use super::Status;
use crate::{
    engine::ServerState,
    report::{ClusterView, NameReason, Severity},
};

/// What is wrong with a cluster, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    NoWriter,
    WriterUnconfirmed,
    StalePrimary,
    NoReaders,
    Degraded,
}

impl Status {
    /// The severity of all: of the worst cluster, and of Pointsman itself.
    pub fn severity(&self) -> Severity {
        let own = match self.isolated {
            true => Severity::Outage,
            false if !self.is_ready() || !self.warnings.is_empty() => Severity::Degraded,
            false => Severity::Ok,
        };
        self.clusters.iter().map(|cluster| cluster.severity).fold(own, Severity::max)
    }

    /// One sentence about everything, what is broken first: `1 of 2 clusters has no writer (orders)`.
    pub fn headline(&self) -> String {
        let total = self.clusters.len();
        if self.isolated {
            let of =
                if total == 1 { "the one cluster".into() } else { format!("{total} clusters") };
            return format!("No server of {of} answers: our own network is suspected");
        }
        let mut troubles: Vec<_> =
            self.clusters.iter().filter_map(|one| Some((trouble(one)?, &*one.name))).collect();
        troubles.sort_by_key(|(trouble, _)| *trouble);
        let groups: Vec<_> = troubles.chunk_by(|one, other| one.0 == other.0).collect();
        let mut text = match (&groups[..], &self.clusters[..]) {
            ([], clusters) => untroubled(clusters),
            ([group], [_]) => format!("{} {}", group[0].1, group[0].0.words(1)),
            (groups, _) => {
                let parts = groups.iter().enumerate().map(|(place, group)| {
                    let of =
                        if place == 0 { format!(" of {total} clusters") } else { String::new() };
                    let (count, trouble) = (group.len(), group[0].0);
                    format!("{count}{of} {} ({})", trouble.words(count), listed(group))
                });
                parts.collect::<Vec<_>>().join(", ")
            }
        };
        match (self.is_ready(), self.warnings.len()) {
            (false, _) => text += "; Pointsman is not ready",
            (true, 0) => {}
            (true, 1) => text += "; Pointsman itself has a warning",
            (true, many) => text += &format!("; Pointsman itself has {many} warnings"),
        }
        text
    }
}

impl Trouble {
    /// What so many clusters have.
    fn words(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::NoWriter, 1) => "has no writer",
            (Self::NoWriter, _) => "have no writer",
            (Self::WriterUnconfirmed, 1) => "has a writer that is not confirmed",
            (Self::WriterUnconfirmed, _) => "have a writer that is not confirmed",
            (Self::StalePrimary, 1) => "has a stale primary",
            (Self::StalePrimary, _) => "have a stale primary",
            (Self::NoReaders, 1) => "has no readers",
            (Self::NoReaders, _) => "have no readers",
            (Self::Degraded, 1) => "is degraded",
            (Self::Degraded, _) => "are degraded",
        }
    }
}

fn trouble(cluster: &ClusterView) -> Option<Trouble> {
    let is_out = |writes: bool, empty: bool| {
        cluster.names.iter().any(|name| {
            let is_write = matches!(name.reason, NameReason::Write(_));
            name.severity == Severity::Outage
                && is_write == writes
                && name.servers.is_empty() == empty
        })
    };
    let has_stale = || {
        let stale = |state| state == ServerState::StalePrimary;
        cluster.servers.iter().any(|server| stale(server.state))
    };
    match cluster.severity {
        Severity::Ok | Severity::Wanted => None,
        _ if is_out(true, true) => Some(Trouble::NoWriter),
        _ if is_out(true, false) => Some(Trouble::WriterUnconfirmed),
        _ if has_stale() => Some(Trouble::StalePrimary),
        _ if is_out(false, true) => Some(Trouble::NoReaders),
        _ => Some(Trouble::Degraded),
    }
}

fn untroubled(clusters: &[ClusterView]) -> String {
    let wanted: Vec<_> = clusters
        .iter()
        .filter(|cluster| cluster.severity == Severity::Wanted)
        .map(|cluster| (Trouble::Degraded, &*cluster.name))
        .collect();
    match clusters {
        [] => "No cluster is configured".to_owned(),
        [one] if wanted.is_empty() => format!("{} is ok", one.name),
        [one] => format!("{} is as wanted", one.name),
        many if wanted.is_empty() => format!("All {} clusters are ok", many.len()),
        many => format!(
            "All {} clusters are ok, {} as wanted ({})",
            many.len(),
            wanted.len(),
            listed(&wanted)
        ),
    }
}

/// The first names of a group, and how many more there are.
fn listed(group: &[(Trouble, &str)]) -> String {
    let names: Vec<_> = group.iter().take(NAMES).map(|(_, name)| *name).collect();
    match group.len().saturating_sub(NAMES) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Clusters that are named of each kind of trouble.
const NAMES: usize = 3;
