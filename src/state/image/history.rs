//! What a restart must not forget of histories: what each server had, and how far they reached.
//!
//! Transactions are texts here, as [`GtidState::to_text`](crate::engine::GtidState::to_text) tells
//! them: a text that cannot be read any more costs its own server's history and not the file.

use serde::{Deserialize, Serialize};

/// What a server was last known to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryImage {
    /// MySQL: its `server_uuid`.
    #[serde(default)]
    pub uuid: Option<Box<str>>,
    /// MySQL and MariaDB: its `server_id`; 0 when unknown.
    #[serde(default)]
    pub server_id: u32,
    /// PostgreSQL: the timeline that it last wrote on or replayed.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// PostgreSQL: how far it was seen on which timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<ForkImage>,
    /// PostgreSQL: a point of what it wrote that is surely on its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<u64>,
    /// MySQL and MariaDB: its transactions; empty when unknown.
    #[serde(default)]
    pub gtid: Box<str>,
    /// It has lost what it had, and has not followed since.
    #[serde(default)]
    pub lost: bool,
    /// It has been a replica of this cluster.
    #[serde(default)]
    pub followed: bool,
    /// MySQL and MariaDB: its last word that it was no primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<DenialImage>,
    /// Why it was proven to be on a branch that the cluster has left.
    #[serde(default)]
    pub left_behind: Option<LeftBehindImage>,
    /// Its heartbeat writes failed.
    #[serde(default)]
    pub cannot_write: bool,
}

/// PostgreSQL: a point on a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkImage {
    /// Which timeline.
    pub timeline: u32,
    /// The log sequence number.
    pub lsn: u64,
}

/// A server was no primary by its own word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialImage {
    /// When that was asked.
    pub asked_ms: u64,
    /// The transactions that it had written itself by then; empty when unknown.
    #[serde(default)]
    pub written: Box<str>,
}

/// [`LeftBehind`](crate::engine::LeftBehind), as it is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftBehindImage {
    /// It follows a timeline that the primary has left.
    DeadBranch,
    /// It is on this timeline, which the primary does not have.
    StrayTimeline(u32),
    /// It has changes that the primary does not have.
    Diverged,
    /// Its source does not lead to the primary.
    Astray,
}

/// What the last published writer had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeImage {
    /// PostgreSQL: the timeline that it wrote on.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// MySQL and MariaDB: its transactions; empty when unknown.
    #[serde(default)]
    pub gtid: Box<str>,
    /// MySQL and MariaDB: those that it had when it came into office; empty when unknown.
    #[serde(default)]
    pub began_with: Box<str>,
    /// When it was asked last and was the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub led_ms: Option<u64>,
    /// It has been away since it was published.
    #[serde(default)]
    pub left: bool,
}

/// How far a stream of changes was known to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachImage {
    /// Which.
    pub stream: StreamImage,
    /// When it was first seen at which point, oldest first.
    pub seen: Vec<PositionImage>,
}

/// Which stream of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamImage {
    /// PostgreSQL's write-ahead log.
    Wal,
    /// A source of MySQL GTIDs.
    Source(Box<str>),
    /// A domain of MariaDB GTIDs.
    Domain(u32),
}

/// A point in a stream of changes, and when it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionImage {
    /// Number of the binary log file; 0 for anything else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub segment: u64,
    /// Octets into the log, or the number of a transaction.
    pub offset: u64,
    /// When.
    pub seen_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
