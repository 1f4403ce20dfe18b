//! One served name.

use std::fmt;

use super::Severity;
use crate::{
    engine::{Degradation, ReadReason, WriteReason},
    wall_time::WallTime,
};

/// One served name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameView {
    /// The name, with the dot at its end.
    pub name: Box<str>,
    /// The servers that it says now, in config order.
    pub servers: Vec<Box<str>>,
    /// Why.
    pub reason: NameReason,
    /// Since when it has said these servers.
    pub since: WallTime,
    /// The TTL of its records now, in seconds.
    pub ttl: u32,
    /// How bad it is that it says so.
    pub severity: Severity,
}

/// Why a name says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameReason {
    /// Of a write name.
    Write(WriteReason),
    /// Of a read name.
    Read(ReadReason),
}

impl NameReason {
    /// How far what the name says is from what it promises.
    pub fn degradation(self) -> Degradation {
        match self {
            Self::Write(reason) => reason.degradation(),
            Self::Read(reason) => reason.degradation(),
        }
    }

    /// What the name is for: `write` or `read`.
    pub fn role(self) -> &'static str {
        match self {
            Self::Write(_) => "write",
            Self::Read(_) => "read",
        }
    }

    /// Whether two servers are writable and nothing tells which is right.
    pub fn is_split_brain(self) -> bool {
        matches!(self, Self::Write(WriteReason::HeldSplitBrain | WriteReason::SplitBrain))
    }

    /// Whether the name stands still because every server of every cluster is silent.
    pub fn is_isolated(self) -> bool {
        matches!(self, Self::Write(WriteReason::HeldIsolated) | Self::Read(ReadReason::Isolated))
    }
}

impl fmt::Display for NameReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(reason) => reason.fmt(f),
            Self::Read(reason) => reason.fmt(f),
        }
    }
}

impl NameView {
    /// Whether it says the server of this name.
    pub fn says(&self, server: &str) -> bool {
        self.servers.iter().any(|said| **said == *server)
    }
}

/// `db1,db2`; `none` for no server, as in the log.
pub fn listed(servers: &[Box<str>]) -> String {
    if servers.is_empty() { "none".to_owned() } else { servers.join(",") }
}
