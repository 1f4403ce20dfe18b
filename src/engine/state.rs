//! What the observations of a server add up to.

use std::{fmt, time::Duration};

use super::{Check, FailureKind, Moment, ServerIndex, Word, Writability};

/// The state of a server. The words are the same in the log, the status and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerState {
    /// Nothing is known, or the probe task has gone silent.
    Unknown,
    /// Writable, and nothing contradicts it.
    Primary,
    /// A primary by role that refuses writes.
    ReadOnlyPrimary,
    /// Replicates, and is fresh enough for at least one read name.
    Replica,
    /// Replicates, and is too far behind for every read name.
    ReplicaLagging,
    /// A replica that receives nothing although there is a primary to receive from.
    ReplicaDetached,
    /// A replica that cannot catch up by itself.
    ReplicaBroken,
    /// Writable, and another server has a newer history or was here first.
    StalePrimary,
    /// Accepts connections; there are no roles to ask for (`tcp`).
    Up,
    /// Alive, not ready for clients yet.
    Starting,
    /// Alive, with no connection slot left.
    Saturated,
    /// Alive, and it does not let the probe in.
    Misconfigured,
    /// Belongs to another cluster.
    WrongCluster,
    /// Kept from clients by its own administrator or a witness, or late on purpose. An operator's
    /// `maintenance` of a cluster is no state of a server.
    OutOfService,
    /// Gone.
    Down,
}

impl ServerState {
    /// Every state, for metrics and documentation.
    pub const ALL: [Self; 15] = [
        Self::Unknown,
        Self::Primary,
        Self::ReadOnlyPrimary,
        Self::Replica,
        Self::ReplicaLagging,
        Self::ReplicaDetached,
        Self::ReplicaBroken,
        Self::StalePrimary,
        Self::Up,
        Self::Starting,
        Self::Saturated,
        Self::Misconfigured,
        Self::WrongCluster,
        Self::OutOfService,
        Self::Down,
    ];

    /// Whether the operator should be told at once: nothing mends this by itself.
    pub fn is_alarming(self) -> bool {
        matches!(
            self,
            Self::StalePrimary
                | Self::ReplicaBroken
                | Self::Saturated
                | Self::Misconfigured
                | Self::WrongCluster
        )
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a server is in its state. Closed, so that every place can print every reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateReason {
    /// No probe has come back yet.
    NotProbedYet,
    /// The probe task has said nothing for too long.
    ProbeSilent,
    /// It says that it is writable.
    SaysWritable,
    /// It says that it is writable; one more reply must agree.
    WritableUnconfirmed,
    /// Probes fail, and replicas still receive changes from it.
    UnreachableFromHere,
    /// Its host accepts connections and nothing answers, and replicas still receive changes from it.
    Unresponsive,
    /// A variable forbids writes.
    ReadOnly(Writability),
    /// A primary by role, with `transaction_read_only` on.
    TransactionReadOnly,
    /// It answers questions, and heartbeat writes fail.
    CannotWrite,
    /// `read_only` is set and it replicates from no server: a switchover, or an orphan.
    Orphan,
    /// It replicates within the limit.
    Fresh,
    /// It replicates, there is no primary to compare with, and it lacks nothing, within the limit,
    /// that any member has shown.
    LacksNothingShown,
    /// It is writable and replicates from a member: writes to it would be lost in a conflict.
    WritableReplica,
    /// It is further behind than every read name allows.
    Behind(Lag),
    /// It was too far behind, and is not any more: a few more replies must agree.
    CatchingUp,
    /// It replicates, and how far it is behind cannot be told.
    LagUnknown,
    /// It receives nothing, and there is a primary.
    NoReceiver,
    /// It replicates from a server that leads to no member of this cluster.
    ForeignSource,
    /// Its applying thread stopped or failed with this error number.
    ApplierStopped(u32),
    /// It follows a timeline that the primary has left.
    DeadBranch,
    /// It has come to a timeline that the primary does not have.
    StrayTimeline(u32),
    /// It has changes that the primary does not have.
    Diverged,
    /// It receives from a server that calls itself a primary and is none.
    FollowsStale(ServerIndex),
    /// It replicates from servers that do not lead to the primary.
    Astray,
    /// The probe's user may not see whether it replicates.
    ReplicationHidden,
    /// It was away and must answer well a few more times.
    Returning,
    /// Another server has shown this higher timeline.
    OlderTimeline(u32),
    /// Another writable server has all of its transactions and more.
    OlderHistory(ServerIndex),
    /// Another writable server was published before it, and nothing proves this one newer.
    SecondWriter(ServerIndex),
    /// It was published before, another took over, and it has not followed that one yet.
    NotRejoined,
    /// It was writable beside the published server, and has not followed since.
    LostContest,
    /// It was promoted beside a primary that lives, and the other members follow that one.
    Unfollowed(ServerIndex),
    /// It is on the timeline of the last primary, so it was never promoted: a copy.
    NotPromoted,
    /// It was promoted where it had been proven to be on another branch than the cluster's.
    OffBranch,
    /// It lacks what other members of the cluster have.
    LacksHistory,
    /// It has lost the history that it had: installed anew, or restored from an older copy.
    HistoryLost,
    /// Its group has split, and it is in the other part.
    OtherComponent(ServerIndex),
    /// It accepts connections.
    Accepts,
    /// It carries another system identifier or group identity.
    OtherCluster,
    /// It was found, is writable, and was never seen following a member.
    Stranger,
    /// It was found, is writable, and `may_write` is `never`.
    MayNotWrite,
    /// Replay is paused by an administrator.
    ReplayPaused,
    /// It is late on purpose.
    DelayedOnPurpose,
    /// Its group counts it as a follower.
    GroupSecondary,
    /// This many transactions of its group wait to be applied.
    Backlog(u64),
    /// It feeds a joining node and may lag or block meanwhile.
    Donor,
    /// It has left its group's flow control while nobody joins: a backup, or a global read lock.
    Desynced,
    /// It turns clients away, by its administrator's wish.
    ClientsKeptAway,
    /// Its group has no quorum, or does not count it in.
    NotInGroup,
    /// A witness says this of it.
    Witness(Check, Word),
    /// Probes fail in this way.
    Fails(FailureKind),
}

impl fmt::Display for StateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotProbedYet => "not probed yet",
            Self::ProbeSilent => "its probe has gone silent",
            Self::SaysWritable => "it says that it is writable",
            Self::WritableUnconfirmed => "it says that it is writable; waiting for a second reply",
            Self::UnreachableFromHere => {
                "unreachable from here, but replicas still receive from it"
            }
            Self::Unresponsive => {
                "it accepts connections and does not answer, but replicas still receive from it"
            }
            Self::ReadOnly(writability) => forbidden_by(*writability),
            Self::TransactionReadOnly => "transaction_read_only is on",
            Self::CannotWrite => "it answers, but heartbeat writes fail",
            Self::Orphan => "read-only, and it replicates from no server",
            Self::Fresh => "replicating within the limit",
            Self::LacksNothingShown => {
                "no primary to compare with; it has all that any member has shown"
            }
            Self::WritableReplica => "it replicates, and yet it is writable",
            Self::Behind(lag) => return write!(f, "behind by {lag}"),
            Self::CatchingUp => "it has caught up, and a few more replies must agree",
            Self::LagUnknown => "how far it is behind cannot be told",
            Self::NoReceiver => "it receives nothing from the primary",
            Self::ForeignSource => "it replicates from a server outside this cluster",
            Self::ApplierStopped(0) => "its applying thread is stopped",
            Self::ApplierStopped(errno) => {
                return write!(f, "its applying thread stopped with error {errno}");
            }
            Self::DeadBranch => "it follows a timeline that the primary has left",
            Self::StrayTimeline(timeline) => {
                return write!(f, "it is on timeline {timeline}, which the primary does not have");
            }
            Self::Diverged => "it has changes that the primary does not have",
            Self::FollowsStale(_) => "it receives from a server that is not the primary any more",
            Self::Astray => "its source does not lead to the primary",
            Self::ReplicationHidden => "its replica status is hidden from the probe's user",
            Self::Returning => "it was away and must answer well a few more times",
            Self::OlderTimeline(newer) => {
                return write!(f, "writable on an old timeline; another server is on {newer}");
            }
            Self::OlderHistory(_) => "writable, and another writable server has a newer history",
            Self::SecondWriter(_) => "writable, and so is the published server",
            Self::NotRejoined => "writable, and another server took over from it",
            Self::LostContest => "writable, and another server was right when both were",
            Self::Unfollowed(_) => "promoted, and the other members follow the published server",
            Self::NotPromoted => "writable on the last primary's timeline, so nothing promoted it",
            Self::OffBranch => "promoted on a branch of history that is not the cluster's",
            Self::LacksHistory => "writable, and it lacks what other members have",
            Self::HistoryLost => HISTORY_LOST,
            Self::OtherComponent(_) => "its group has split, and it is in the other part",
            Self::Accepts => "it accepts connections",
            Self::OtherCluster => "it belongs to another cluster",
            Self::Stranger => STRANGER,
            Self::MayNotWrite => "writable, and `may_write` does not allow a server that was found",
            Self::ReplayPaused => "replay is paused",
            Self::DelayedOnPurpose => "it is delayed on purpose",
            Self::GroupSecondary => "its group counts it as a secondary",
            Self::Backlog(queue) => {
                return write!(f, "{queue} transactions of its group wait to be applied");
            }
            Self::Donor => "it feeds a joining node",
            Self::Desynced => "it is desynchronised from its group: a backup or a read lock",
            Self::ClientsKeptAway => "it keeps clients away",
            Self::NotInGroup => "its group has no quorum or does not count it in",
            Self::Witness(check, word) => return write!(f, "{check} says {word}"),
            Self::Fails(kind) => return kind.fmt(f),
        };
        f.write_str(text)
    }
}

const STRANGER: &str =
    "a stranger carries our identity: writable, and never seen following a member";

const HISTORY_LOST: &str =
    "it has lost the history it had: installed anew, or restored from an older copy";

fn forbidden_by(writability: Writability) -> &'static str {
    match writability {
        Writability::Writable => "writes are forbidden",
        Writability::ReadOnly => "read_only is set",
        Writability::SuperReadOnly => "super_read_only is set",
        Writability::InnodbReadOnly => "innodb_read_only is set",
        Writability::OfflineMode => "offline_mode is set",
    }
}

/// How far a replica is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lag(pub Duration);

impl Lag {
    /// In whole milliseconds.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Seconds with one decimal: `12.3s`.
impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}s", self.0.as_secs(), self.0.subsec_millis() / 100)
    }
}

/// A server's state with its reason and age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub state: ServerState,
    /// Why.
    pub reason: StateReason,
    /// When it came into this state; a new reason alone does not count.
    pub since: Moment,
    /// How far it was behind when last compared; `None` for what is no replica or was never
    /// compared.
    pub lag: Option<Lag>,
}
