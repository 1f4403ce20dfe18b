//! Who the writer of a cluster is, as it is published.

use crate::{
    answers::ClusterReport,
    engine::{ClusterId, ServerState},
    publish::Reader,
};

/// What a pursuit may do at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// Its server has the write name, or is none of the cluster's any more.
    Over,
    /// Nobody has the write name, or the server does not answer.
    Wait,
    /// Another server has the write name, and this one lives.
    Go,
}

/// The server that the write name of a cluster says now.
pub(super) fn published_writer(reader: &Reader, cluster: &str) -> Option<Box<str>> {
    let snapshot = reader.load();
    let clusters = snapshot.table.layout().clusters();
    let id = clusters.iter().position(|listing| *listing.name == *cluster)?;
    let writer = snapshot.reports.of(ClusterId(id))?.decision.write?.server?;
    Some(clusters[id].servers.get(writer.0)?.name.clone())
}

/// What may be done to `server` now.
pub(super) fn stance(reader: &Reader, cluster: &str, server: &str) -> Stance {
    let snapshot = reader.load();
    let clusters = snapshot.table.layout().clusters();
    let Some(id) = clusters.iter().position(|listing| *listing.name == *cluster) else {
        return Stance::Over;
    };
    let mut servers = clusters[id].servers.iter();
    let Some(index) = servers.position(|known| *known.name == *server) else {
        return Stance::Over;
    };
    snapshot.reports.of(ClusterId(id)).map_or(Stance::Wait, |report| of_report(report, index))
}

fn of_report(report: &ClusterReport, index: usize) -> Stance {
    let Some(writer) = report.decision.write.and_then(|write| write.server) else {
        return Stance::Wait;
    };
    if writer.0 == index {
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
