//! Who the writer of a cluster is, as it is published.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    answers::{Layout, NameRole},
    engine::{ClusterId, Decision, ServerIndex, ServerState},
    publish::Reader,
    report::ClusterReport,
};

/// What a kick may do at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Its server has the write name, or is none of the cluster's any more.
    Over,
    /// Nobody has the write name, or the server does not answer.
    Wait,
    /// Another server has the write name, and this one lives.
    Go,
}

/// Where a cluster was the last time, so that it is not looked for among thousands each time.
#[derive(Debug, Default)]
pub struct Place(AtomicUsize);

/// The server that each write name says now, by the names of the clusters.
pub fn published_writers(reader: &Reader) -> HashMap<Box<str>, Arc<str>> {
    let snapshot = reader.load();
    let clusters = snapshot.table.layout().clusters().iter().enumerate();
    let writers = clusters.filter_map(|(id, listing)| {
        let writer = snapshot.reports.of(ClusterId(id))?.decision.write?.server?;
        Some((listing.name.clone(), listing.servers.get(writer.place())?.name.clone()))
    });
    writers.collect()
}

/// The first name that says `server` of `cluster` now, the write name first.
pub fn name_with(reader: &Reader, cluster: &str, server: &str) -> Option<Box<str>> {
    let snapshot = reader.load();
    let layout = snapshot.table.layout();
    let id = layout.clusters().iter().position(|listing| *listing.name == *cluster)?;
    let mut servers = layout.clusters()[id].servers.iter();
    let index = ServerIndex::new(servers.position(|known| *known.name == *server)?);
    let Decision { write, reads, .. } = &snapshot.reports.of(ClusterId(id))?.decision;
    let is_said = |role| match role {
        NameRole::Write => write.is_some_and(|write| write.server == Some(index)),
        NameRole::Read { index: read, .. } => reads
            .get(read)
            .is_some_and(|read| read.servers.iter().any(|listed| listed.server == index)),
    };
    let mut names = layout.served_of(ClusterId(id));
    names.find(|name| is_said(name.role)).map(|name| name.name.to_string().into())
}

/// What may be done to `server` now.
pub fn stance(reader: &Reader, place: &Place, cluster: &str, server: &str) -> Stance {
    let snapshot = reader.load();
    let layout = snapshot.table.layout();
    let Some(id) = place.of(layout, cluster) else {
        return Stance::Over;
    };
    let mut servers = layout.clusters()[id].servers.iter();
    let Some(index) = servers.position(|known| *known.name == *server) else {
        return Stance::Over;
    };
    snapshot.reports.of(ClusterId(id)).map_or(Stance::Wait, |report| of_report(report, index))
}

impl Place {
    fn of(&self, layout: &Layout, cluster: &str) -> Option<usize> {
        let last = self.0.load(Ordering::Relaxed);
        let clusters = layout.clusters();
        if clusters.get(last).is_some_and(|listing| *listing.name == *cluster) {
            return Some(last);
        }
        let found = clusters.iter().position(|listing| *listing.name == *cluster)?;
        self.0.store(found, Ordering::Relaxed);
        Some(found)
    }
}

fn of_report(report: &ClusterReport, index: usize) -> Stance {
    let Some(writer) = report.decision.write.and_then(|write| write.server) else {
        return Stance::Wait;
    };
    if writer.place() == index {
        return Stance::Over;
    }
    match report.servers.get(index).map(|server| server.standing.state) {
        Some(state) if lives(state) => Stance::Go,
        _ => Stance::Wait,
    }
}

/// Whether sessions can be looked for. A server of another cluster is none of our business.
fn lives(state: ServerState) -> bool {
    !matches!(
        state,
        ServerState::Unknown
            | ServerState::Down
            | ServerState::Starting
            | ServerState::WrongCluster
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        engine::{Moment, Stability, Standing, StateReason, WriteDecision, WriteReason},
        report::ServerReport,
        wall_time::WallTime,
    };

    fn report(writer: Option<usize>, state: ServerState) -> ClusterReport {
        let standing = |state| Standing {
            state,
            reason: StateReason::SaysWritable,
            since: Moment::START,
            lag: None,
        };
        let server = |state| ServerReport {
            standing: standing(state),
            failure: None,
            upstream: None,
            extent: None,
            progress: None,
            witnesses: Box::default(),
            added: false,
        };
        let write = WriteDecision {
            server: writer.map(ServerIndex::new),
            reason: WriteReason::NotReady,
            since: Moment::START,
        };
        ClusterReport {
            decision: Decision {
                write: Some(write),
                reads: Vec::new(),
                stability: Stability::Stable,
            },
            servers: [server(state), server(ServerState::Primary)].into(),
            overrides: Box::default(),
            events: Arc::default(),
            start: WallTime::default(),
        }
    }

    #[test]
    fn only_a_living_server_beside_a_published_writer_is_dealt_with() {
        use ServerState::{
            Down, Misconfigured, OutOfService, Primary, ReadOnlyPrimary, Replica, Saturated,
            StalePrimary, Starting, Unknown, WrongCluster,
        };
        for state in [
            StalePrimary,
            Primary,
            ReadOnlyPrimary,
            Replica,
            Saturated,
            Misconfigured,
            OutOfService,
        ] {
            assert_eq!(of_report(&report(Some(1), state), 0), Stance::Go, "{state}");
            assert_eq!(of_report(&report(Some(0), state), 0), Stance::Over, "{state}");
            assert_eq!(of_report(&report(None, state), 0), Stance::Wait, "{state}");
        }
        for state in [Down, Unknown, Starting, WrongCluster] {
            assert_eq!(of_report(&report(Some(1), state), 0), Stance::Wait, "{state}");
        }
    }
}
