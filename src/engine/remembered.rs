//! What a restart must not forget of a cluster.

use std::time::Duration;

use super::{ClusterKind, GtidState, Position, ServerIndex, StateReason};

/// Enough of a cluster's memory to give right answers before the first round has ended, and to
/// know an old primary again when it comes back. Overrides are kept beside it, except that a frozen
/// cluster remembers what its names say; others remember what they would say without an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The server that the write name said.
    pub write: Option<ServerIndex>,
    /// The last server that it said, also after a withdrawal.
    pub last_writer: Option<ServerIndex>,
    /// What the last writer had when it was published.
    pub office: RememberedOffice,
    /// The servers that each read name said, in config order.
    pub reads: Vec<Vec<ServerIndex>>,
    /// The identity that all servers of the cluster share: PostgreSQL's system identifier.
    pub identity: Option<u64>,
    /// The name of a group: Galera's cluster UUID, or the name of a replication group.
    pub group: Option<Box<str>>,
    /// An operator has said that it is the cluster's, and not more than half of the servers carry it.
    pub identity_accepted: bool,
    /// Servers that another one took over from, or that lost a contest, and that have not followed
    /// since.
    pub superseded: Vec<RememberedLoss>,
    /// The last known history of each server that has shown one.
    pub histories: Vec<RememberedHistory>,
    /// How far the cluster's history was known to reach, oldest first.
    pub positions: Vec<RememberedPosition>,
    /// PostgreSQL: the timelines that its primaries were seen on, in order, and where each begins.
    pub forks: Vec<(u32, Position)>,
    /// The server that an operator has pinned the write name to has said that it is not writable.
    pub pin_denied: bool,
}

/// What the last published writer had, which an heir must have inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RememberedOffice {
    /// PostgreSQL: the timeline that it wrote on.
    pub timeline: Option<u32>,
    /// MySQL and MariaDB: its transactions.
    pub gtid: GtidState,
    /// MySQL and MariaDB: those that it had when it came into office.
    pub began_with: GtidState,
    /// How long ago it was asked last and was the primary.
    pub led: Option<Duration>,
    /// It has been away since it was published.
    pub left: bool,
}

/// A server whose word does not count until it has followed, with what it lost against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedLoss {
    /// The server.
    pub server: ServerIndex,
    /// The server that it lost against; `None` when that one has left the configuration.
    pub heir: Option<ServerIndex>,
    /// The PostgreSQL timeline that it was on.
    pub timeline: Option<u32>,
    /// What the heir was last known to have.
    pub heir_gtid: GtidState,
    /// How it lost: by that it is decided what ends the memory of it.
    pub loss: Loss,
}

/// How a server lost against another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The write name was moved away from it.
    Name,
    /// The other one has a newer history.
    Age,
    /// Both were writable, and nothing but precedence was against it.
    Precedence,
    /// It was promoted beside a primary that lives, and the other members follow that one.
    Following,
    /// An operator has made the history of the other one the cluster's: nothing but following ends
    /// that.
    Acceptance,
}

/// What a server was last known to have: a history never shrinks by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedHistory {
    /// The server.
    pub server: ServerIndex,
    /// MySQL: its `server_uuid`.
    pub uuid: Option<Box<str>>,
    /// MySQL and MariaDB: its `server_id`; 0 when unknown.
    pub server_id: u32,
    /// PostgreSQL: the timeline that it last wrote on or replayed.
    pub timeline: Option<u32>,
    /// PostgreSQL: how far it was seen on which timeline, writing or receiving.
    pub reached: Option<(u32, Position)>,
    /// PostgreSQL: a point of what it wrote on its timeline that is surely on its disk.
    pub durable: Option<Position>,
    /// MySQL and MariaDB: its transactions.
    pub gtid: GtidState,
    /// It has lost what it had, and has not followed since.
    pub lost: bool,
    /// It has been a replica of this cluster, or its writer.
    pub followed: bool,
    /// MySQL and MariaDB: its last word that it was no primary.
    pub denial: Option<RememberedDenial>,
    /// Why it was proven to be on a branch that the cluster has left, if it was.
    pub left_behind: Option<LeftBehind>,
    /// Its heartbeat writes failed.
    pub cannot_write: bool,
}

/// A server was no primary by its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedDenial {
    /// How long ago that was asked.
    pub age: Duration,
    /// The transactions that it had written itself by then.
    pub written: GtidState,
}

/// Why a replica is on a branch that the cluster has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeftBehind {
    /// PostgreSQL: it follows a timeline that the primary has left.
    DeadBranch,
    /// PostgreSQL: it is on this timeline, which the primary does not have.
    StrayTimeline(u32),
    /// It has changes that the primary does not have.
    Diverged,
    /// MySQL and MariaDB: its source does not lead to the primary.
    Astray,
}

impl LeftBehind {
    /// Of a verdict's reason; `None` when it is no such reason.
    pub(super) fn of(reason: StateReason, kind: ClusterKind) -> Option<Self> {
        match (reason, kind) {
            (StateReason::StrayTimeline(timeline), _) => Some(Self::StrayTimeline(timeline)),
            (StateReason::Diverged, _) => Some(Self::Diverged),
            (StateReason::DeadBranch, _)
            | (StateReason::FollowsStale(_), ClusterKind::Postgres) => Some(Self::DeadBranch),
            (StateReason::Astray | StateReason::FollowsStale(_), _) => Some(Self::Astray),
            _ => None,
        }
    }

    /// The timeline that it was on, where that is known.
    pub(super) fn timeline(self) -> Option<u32> {
        match self {
            Self::StrayTimeline(timeline) => Some(timeline),
            Self::DeadBranch | Self::Diverged | Self::Astray => None,
        }
    }

    /// The reason of the verdict.
    pub(super) fn reason(self) -> StateReason {
        match self {
            Self::DeadBranch => StateReason::DeadBranch,
            Self::StrayTimeline(timeline) => StateReason::StrayTimeline(timeline),
            Self::Diverged => StateReason::Diverged,
            Self::Astray => StateReason::Astray,
        }
    }
}

/// The cluster's history reached this far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedPosition {
    /// Which of the streams of changes.
    pub stream: Stream,
    /// The point in it.
    pub position: Position,
    /// How long ago that was first seen.
    pub age: Duration,
}

/// A stream of changes in which all members of a cluster count alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// PostgreSQL's write-ahead log; positions are log sequence numbers.
    Wal,
    /// A source of MySQL GTIDs (`uuid` or `uuid:tag`); offsets are transaction numbers. What follows
    /// a gap is another one (`uuid:1000000`).
    Source(Box<str>),
    /// A domain of MariaDB GTIDs; offsets are sequence numbers.
    Domain(u32),
}
