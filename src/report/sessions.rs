//! Who is connected to a server.

use crate::wall_time::WallTime;

/// The sessions of one server, counted there a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// The server's cluster.
    pub cluster: Box<str>,
    /// The server.
    pub server: Box<str>,
    /// When they were counted.
    pub at: WallTime,
    /// Sessions of clients.
    pub clients: u64,
    /// The age of the oldest of them in seconds; see the same of a group.
    pub oldest_seconds: Option<u64>,
    /// Sessions of replicas and of others who receive changes.
    pub replication: u64,
    /// Sessions of Pointsman's own users, this one among them.
    pub own: u64,
    /// The clients' sessions, those with the most first.
    pub groups: Vec<SessionGroup>,
    /// What a kick would do about them.
    pub kick: KickForecast,
}

/// Sessions of one user from one address in one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionGroup {
    /// The user they have logged in as.
    pub user: Box<str>,
    /// Their database; `None` for sessions without one.
    pub database: Option<Box<str>>,
    /// The client's address, or its name where the server resolves names; `None` for a Unix socket
    /// of PostgreSQL.
    pub address: Option<Box<str>>,
    /// How many.
    pub sessions: u64,
    /// What they do, in the server's words, and how many do that.
    pub states: Vec<(Box<str>, u64)>,
    /// The age of the oldest in seconds. MySQL and MariaDB do not tell when a session began: there,
    /// for how long it has been doing what it does.
    pub oldest_seconds: Option<u64>,
    /// How many of them a kick would end.
    pub would_end: u64,
    /// Why it would not end the others, if there is a kick.
    pub spared: Option<String>,
}

/// What a kick would do if the server had lost the write name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickForecast {
    /// As configured: `off`, `dry-run` or `on`.
    pub mode: &'static str,
    /// Sessions that it would end, or would count.
    pub would_end: u64,
    /// Why it would end none, if something is missing.
    pub fault: Option<String>,
}
