//! How bad the state of a cluster, its names and its servers is.
//!
//! What an operator has wished is no alarm, as long as what it leads to works: a name that is frozen
//! on a server which is down is an outage all the same.

use super::{ClusterView, NameReason, NameView, ServerView, Severity};
use crate::engine::{Degradation, ReadReason, ServerState, Wish, WriteReason};

impl Severity {
    /// How bad a cluster is: the worst of its names and servers, which are assessed before it. A server alone is no
    /// outage of its cluster, save one that is writable and must not be.
    pub fn of_cluster(cluster: &ClusterView) -> Self {
        let names = cluster.names.iter().map(|name| name.severity);
        let servers = cluster.servers.iter().map(|server| match server.state {
            ServerState::StalePrimary => server.severity,
            _ => server.severity.min(Self::Degraded),
        });
        let wished = if cluster.overrides.is_empty() { Self::Ok } else { Self::Wanted };
        names.chain(servers).fold(wished, Self::max)
    }

    /// How bad it is what a name says, in a cluster with these servers.
    pub fn of_name(name: &NameView, servers: &[ServerView]) -> Self {
        let said = || servers.iter().filter(|server| name.says(&server.name));
        let is_empty = name.servers.is_empty();
        match name.reason {
            NameReason::Write(WriteReason::Drained | WriteReason::Maintenance)
            | NameReason::Read(ReadReason::Drained | ReadReason::Maintenance) => Self::Wanted,
            // An override is obeyed, and what it leaves in the name may be of no use all the same.
            NameReason::Write(reason) if reason.is_wished() => {
                let unsafely = matches!(reason, WriteReason::PinnedUnsafe(_));
                match !is_empty && said().all(|server| takes_writes(server.state, unsafely)) {
                    true => Self::Wanted,
                    false => Self::Outage,
                }
            }
            NameReason::Read(reason) if reason.is_wished() => match is_empty {
                true => Self::Outage,
                false if said().all(|server| server.severity <= Self::Wanted) => Self::Wanted,
                false => Self::Degraded,
            },
            NameReason::Read(ReadReason::WithPrimary | ReadReason::Few)
                if servers.iter().any(is_missed_because_drained) =>
            {
                Self::Wanted
            }
            reason => match (reason.degradation(), is_empty) {
                (Degradation::None, false) => Self::Ok,
                (Degradation::NotReady, _) => Self::Degraded,
                (_, true) => Self::Outage,
                (Degradation::Stale, _) if matches!(reason, NameReason::Write(_)) => Self::Outage,
                _ => Self::Degraded,
            },
        }
    }

    /// How bad the state of a server is. One that an operator has taken out may be whatever it is, unless it takes
    /// writes that will be lost.
    pub fn of_server(server: &ServerView, is_in_maintenance: bool) -> Self {
        match Self::of_state(server.state) {
            severity if server.state == ServerState::StalePrimary => severity,
            _ if server.drained || is_in_maintenance => Self::Wanted,
            _ if server.overdue => Self::Outage,
            severity => severity,
        }
    }
}

impl ClusterView {
    /// The same with the severity of all that is in it.
    #[must_use]
    pub fn assessed(mut self) -> Self {
        let is_in_maintenance = self.overrides.iter().any(|one| one.wish == Wish::Maintenance);
        for server in &mut self.servers {
            server.severity = Severity::of_server(server, is_in_maintenance);
        }
        for name in &mut self.names {
            name.severity = Severity::of_name(name, &self.servers);
        }
        self.severity = Severity::of_cluster(&self);
        self
    }
}

fn takes_writes(state: ServerState, unsafely: bool) -> bool {
    match state {
        ServerState::Primary | ServerState::Up => true,
        ServerState::Down | ServerState::Unknown => false,
        _ => unsafely,
    }
}

fn is_missed_because_drained(server: &ServerView) -> bool {
    server.drained && server.state == ServerState::Replica
}

#[cfg(test)]
mod tests;
