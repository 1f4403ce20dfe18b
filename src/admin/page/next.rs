//! What is about to happen in a cluster, and what somebody could do: known from what is published,
//! without asking the engine.

use std::fmt;

use crate::{
    engine::Progress,
    report::{ClusterView, NameReason, OverrideWords},
    wall_time::WallTime,
};

use super::words::Span;

/// One thing that is about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<'c> {
    /// Probes of a server are being counted.
    Counting(&'c str, Progress),
    /// An override ends by itself.
    Ends {
        /// What is laid, as in `db1 is drained`.
        laid: String,
        /// When it ends.
        until: WallTime,
        /// The time now.
        now: WallTime,
    },
}

impl fmt::Display for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counting(server, progress) => write!(f, "{server}: {progress}"),
            Self::Ends { laid, until, now } => {
                write!(f, "{laid}: ends in {}", Span(until.since(*now)))
            }
        }
    }
}

/// What comes next in a cluster: what is being counted, then the ends of overrides, the nearest
/// first.
pub fn next(cluster: &ClusterView, now: WallTime) -> Vec<Next<'_>> {
    let counted = cluster
        .servers
        .iter()
        .filter_map(|server| Some(Next::Counting(&server.name, server.progress?)));
    let mut ends: Vec<_> =
        cluster.overrides.iter().filter_map(|one| Some((one.until?, one))).collect();
    ends.sort_by_key(|(until, _)| *until);
    let ends = ends.into_iter().map(|(until, one)| {
        let words = OverrideWords { cluster: &cluster.name, wish: &one.wish };
        Next::Ends { laid: words.to_string(), until, now }
    });
    counted.chain(ends).collect()
}

/// The section of the run-book about what is wrong with a cluster, if it has one of its own.
pub fn section(cluster: &ClusterView) -> Option<Section> {
    use crate::engine::ServerState::{StalePrimary, WrongCluster};
    let has = |state| cluster.servers.iter().any(|server| server.state == state);
    let reasons = || cluster.names.iter().map(|name| name.reason);
    if reasons().any(NameReason::is_isolated) {
        Some(Section::CutOff)
    } else if reasons().any(NameReason::is_split_brain) {
        Some(Section::SplitBrain)
    } else if cluster.misses_writer() {
        Some(Section::Failover)
    } else if has(StalePrimary) {
        Some(Section::NothingProven)
    } else if has(WrongCluster) {
        Some(Section::LostVolume)
    } else if cluster.severity > crate::report::Severity::Wanted {
        Some(Section::Alarms)
    } else {
        None
    }
}

/// A section of the run-book that the page leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// An unplanned failover.
    Failover,
    /// A split brain.
    SplitBrain,
    /// When the servers prove nothing.
    NothingProven,
    /// A lost volume.
    LostVolume,
    /// The monitor is cut off.
    CutOff,
    /// What each alarm means.
    Alarms,
}

impl Section {
    /// Each of them.
    #[cfg(test)]
    pub const ALL: [Self; 6] = [
        Self::Failover,
        Self::SplitBrain,
        Self::NothingProven,
        Self::LostVolume,
        Self::CutOff,
        Self::Alarms,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Failover => "An unplanned failover",
            Self::SplitBrain => "A split brain",
            Self::NothingProven => "When the servers prove nothing",
            Self::LostVolume => "A lost volume",
            Self::CutOff => "The monitor is cut off",
            Self::Alarms => "What each alarm means",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};
    use crate::{
        engine::{ServerState, Towards, WriteReason},
        report::Severity,
    };

    #[test]
    fn what_is_counted_comes_first_and_then_what_ends() {
        let status = sample::troubled();
        let mut orders = status.clusters[1].clone();
        orders.servers[0].progress = Some(Progress { towards: Towards::Back, done: 1, of: 3 });
        let told: Vec<_> = next(&orders, sample::NOW).iter().map(Next::to_string).collect();
        let expected = ["db1: back in 2 good probes", "db3 is drained: ends in 30 min 0 s"];
        assert_eq!(told, expected);
        assert!(next(&sample::cluster("billing"), sample::NOW).is_empty());
    }

    #[test]
    fn each_trouble_has_its_section() {
        let status = sample::troubled();
        assert_eq!(section(&status.clusters[0]), None);
        assert_eq!(section(&status.clusters[1]), Some(Section::Alarms));
        assert_eq!(section(&status.clusters[2]), Some(Section::SplitBrain));
        let mut held = sample::cluster("billing");
        held.servers[0].state = ServerState::Down;
        held.names[0].reason = NameReason::Write(WriteReason::Held(ServerState::Down));
        assert_eq!(section(&held), Some(Section::Failover));
        let mut stale = sample::cluster("billing");
        (stale.servers[1].state, stale.severity) = (ServerState::StalePrimary, Severity::Outage);
        assert_eq!(section(&stale), Some(Section::NothingProven));
    }
}
