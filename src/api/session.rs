//! Who is connected to a server: `GET /v1/servers/{name}/sessions`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rfc3339;
use crate::report;

/// The sessions of one server, counted there a moment ago.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionReport {
    /// The server's cluster.
    pub cluster: String,
    /// The server.
    pub server: String,
    /// When they were counted.
    pub at: String,
    /// Sessions of clients.
    pub clients: u64,
    /// The age of the oldest of them in seconds; see `oldest_seconds` of a group.
    pub oldest_seconds: Option<u64>,
    /// Sessions of replicas and of others who receive changes.
    pub replication: u64,
    /// Sessions of Pointsman's own users, this one among them.
    pub own: u64,
    /// The clients' sessions, those with the most first.
    pub groups: Vec<SessionGroup>,
    /// What a kick would do about them.
    pub kick: KickStatus,
}

/// Sessions of one user from one address in one database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionGroup {
    /// The user they have logged in as.
    pub user: String,
    /// Their database; `None` for sessions without one.
    pub database: Option<String>,
    /// The client's address, or its name where the server resolves names; `None` for a Unix socket
    /// of PostgreSQL.
    pub address: Option<String>,
    /// How many.
    pub sessions: u64,
    /// What they do, in the server's words.
    pub states: Vec<SessionState>,
    /// The age of the oldest in seconds. MySQL and MariaDB do not tell when a session began: there,
    /// for how long it has been doing what it does.
    pub oldest_seconds: Option<u64>,
    /// How many of them a kick would end.
    pub would_end: u64,
    /// Why it would not end the others, if there is a kick.
    pub spared: Option<String>,
}

/// Sessions that do the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionState {
    /// What they do: `active`, `idle`, `idle in transaction`; of MySQL and MariaDB the command, as
    /// in `Sleep` and `Query`.
    pub state: String,
    /// How many.
    pub sessions: u64,
}

/// What a kick would do if the server had lost the write name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KickStatus {
    /// `off`, `dry-run` or `on`, as configured.
    pub mode: String,
    /// Sessions that it would end, or would count.
    pub would_end: u64,
    /// Why it would end none, if something is missing.
    pub fault: Option<String>,
}

impl From<&report::SessionReport> for SessionReport {
    fn from(report: &report::SessionReport) -> Self {
        Self {
            cluster: report.cluster.to_string(),
            server: report.server.to_string(),
            at: rfc3339(report.at),
            clients: report.clients,
            oldest_seconds: report.oldest_seconds,
            replication: report.replication,
            own: report.own,
            groups: report.groups.iter().map(SessionGroup::from).collect(),
            kick: KickStatus {
                mode: report.kick.mode.to_owned(),
                would_end: report.kick.would_end,
                fault: report.kick.fault.clone(),
            },
        }
    }
}

impl From<&report::SessionGroup> for SessionGroup {
    fn from(group: &report::SessionGroup) -> Self {
        let states = group.states.iter().map(|(state, sessions)| SessionState {
            state: state.to_string(),
            sessions: *sessions,
        });
        Self {
            user: group.user.to_string(),
            database: group.database.as_deref().map(str::to_owned),
            address: group.address.as_deref().map(str::to_owned),
            sessions: group.sessions,
            states: states.collect(),
            oldest_seconds: group.oldest_seconds,
            would_end: group.would_end,
            spared: group.spared.clone(),
        }
    }
}
