//! What is published for a cluster, and why.

use std::fmt;

use super::{Lag, Moment, ServerIndex, ServerState};

/// For one cluster: who is published for writes and who for reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The write name; `None` when the cluster has none.
    pub write: Option<WriteDecision>,
    /// The read names, in config order.
    pub reads: Vec<ReadDecision>,
    /// Whether another decision is likely to follow soon.
    pub stability: Stability,
}

/// Whether what a cluster's names say may change soon. Answers live shorter while it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// Something is in doubt or has just changed, or the first round of probes has not ended.
    Settling,
    /// For [`Thresholds::STABLE_AFTER`](super::Thresholds::STABLE_AFTER) nothing was in doubt and
    /// nothing changed. What has been wrong for long and is known does not count.
    Stable,
}

impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settling => "settling",
            Self::Stable => "stable",
        })
    }
}

/// What the write name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteDecision {
    /// The one published server; `None` answers with no address.
    pub server: Option<ServerIndex>,
    /// Why.
    pub reason: WriteReason,
    /// When `server` was published (or withdrawn).
    pub since: Moment,
}

/// Why the write name says what it says. Closed, printed the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteReason {
    /// The first round of probes has not ended.
    NotReady,
    /// The published server is the one writable primary.
    Primary,
    /// `tcp` or several legal writers: the most preferred healthy server.
    MostPreferred,
    /// `tcp` or several legal writers: the published one is healthy, and it stays (`failback =
    /// "stay"`).
    Incumbent,
    /// Held: the published server is in this state, and no other server is a primary.
    Held(ServerState),
    /// Held: the published server does not answer us, but its replicas still receive from it.
    HeldUnreachable,
    /// Held: the published server accepts connections and does not answer, but its replicas still
    /// receive from it.
    HeldUnresponsive,
    /// Held: two servers are writable and nothing tells which is right.
    HeldSplitBrain,
    /// Healthy, and a return to the preferred server, which was left moments ago, must wait.
    HeldFlapping,
    /// Held: every server of every cluster failed at once, so our own network is suspected.
    HeldIsolated,
    /// Held although the published server says that it is not writable (`on_not_writable =
    /// "hold"`).
    HeldNotWritable,
    /// No address: the last published server says that it is not writable, and nobody else is.
    NotWritable,
    /// No address: two servers are writable (`on_split_brain = "empty"`).
    SplitBrain,
    /// No address: no primary has been found since the start.
    NoPrimaryKnown,
    /// What it said before the restart; the first round of probes has not ended.
    Remembered,
    /// An operator has pinned it to this server, which nothing is known against.
    Pinned,
    /// Held by an operator's pin, though the server is in this state.
    HeldPinned(ServerState),
    /// Pinned to this server whatever it is (`--unsafe`); it is in this state and not writable.
    PinnedUnsafe(ServerState),
    /// No address: the server that an operator has pinned it to is not writable.
    PinnedNotWritable,
    /// No address: an operator has drained the server that it would say.
    Drained,
    /// An operator has frozen the cluster: it says what it said.
    Frozen,
    /// No address: an operator has put the cluster into maintenance.
    Maintenance,
}

/// How far an answer is from the ideal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degradation {
    /// Not at all.
    None,
    /// It stands on older knowledge than the last probe's.
    Stale,
    /// It is current, but not what the name promises.
    Fallback,
    /// There is no answer yet.
    NotReady,
}

impl WriteReason {
    /// Whether an operator's override decides what the name says.
    pub fn is_wished(self) -> bool {
        matches!(
            self,
            Self::Pinned
                | Self::HeldPinned(_)
                | Self::PinnedUnsafe(_)
                | Self::PinnedNotWritable
                | Self::Drained
                | Self::Frozen
                | Self::Maintenance
        )
    }

    /// Whether nobody is known to take writes, though somebody is to.
    pub fn misses_writer(self) -> bool {
        matches!(
            self,
            Self::Held(_)
                | Self::HeldNotWritable
                | Self::NotWritable
                | Self::NoPrimaryKnown
                | Self::HeldPinned(_)
                | Self::PinnedNotWritable
        )
    }

    /// How degraded an answer with this reason is.
    pub fn degradation(self) -> Degradation {
        match self {
            Self::Primary
            | Self::MostPreferred
            | Self::Incumbent
            | Self::HeldFlapping
            | Self::Pinned => Degradation::None,
            Self::NotReady => Degradation::NotReady,
            Self::Held(_)
            | Self::HeldUnreachable
            | Self::HeldUnresponsive
            | Self::HeldSplitBrain
            | Self::HeldIsolated
            | Self::HeldNotWritable
            | Self::Remembered
            | Self::HeldPinned(_)
            | Self::Frozen => Degradation::Stale,
            Self::NotWritable
            | Self::SplitBrain
            | Self::NoPrimaryKnown
            | Self::PinnedUnsafe(_)
            | Self::PinnedNotWritable
            | Self::Drained
            | Self::Maintenance => Degradation::Fallback,
        }
    }
}

impl fmt::Display for WriteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotReady => "not ready: the first round of probes has not ended",
            Self::Primary => "it is the one writable primary",
            Self::MostPreferred => "most preferred healthy server",
            Self::Incumbent => "healthy, and it was published before",
            Self::Held(state) => {
                return write!(f, "held: the last primary is {state} and there is no other");
            }
            Self::HeldUnreachable => {
                "held: the primary is unreachable from here, but its replicas still receive from it"
            }
            Self::HeldUnresponsive => {
                "held: the primary accepts connections and does not answer, but its replicas still \
                 receive from it"
            }
            Self::HeldSplitBrain => {
                "held: two servers are writable and nothing tells which is right"
            }
            Self::HeldFlapping => {
                "healthy; the preferred server was left moments ago and must wait to return"
            }
            Self::HeldIsolated => {
                "held: no server of any cluster answers, our own network is suspected"
            }
            Self::HeldNotWritable => "held by on_not_writable, though it says it is not writable",
            Self::NotWritable => {
                "no address: the last primary is not writable and no other server is"
            }
            Self::SplitBrain => {
                "no address: two servers are writable and nothing tells which is right"
            }
            Self::NoPrimaryKnown => "no address: no primary has been found",
            Self::Remembered => {
                "from before the restart, unconfirmed: the first round of probes has not ended"
            }
            Self::Pinned => "pinned by an operator",
            Self::HeldPinned(state) => {
                return write!(f, "held: pinned by an operator, though the server is {state}");
            }
            Self::PinnedUnsafe(state) => {
                return write!(
                    f,
                    "pinned by an operator whatever it is, and the server is {state}"
                );
            }
            Self::PinnedNotWritable => {
                "no address: pinned by an operator to a server that is not writable"
            }
            Self::Drained => "no address: an operator has drained the only choice",
            Self::Frozen => "frozen by an operator: what it says stays",
            Self::Maintenance => "no address: in maintenance by an operator",
        };
        f.write_str(text)
    }
}

/// What one read name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadDecision {
    /// The published servers in config order.
    pub servers: Vec<ReadServer>,
    /// Which rung of the ladder it stands on.
    pub reason: ReadReason,
    /// When the set of servers last changed.
    pub since: Moment,
}

/// One server in a read name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadServer {
    /// Which.
    pub server: ServerIndex,
    /// Percent of its weight that it can bear, as its witnesses say. For `weighted`.
    pub percent: u16,
    /// Its client sessions at the last probe; `None` when it did not tell. For `least-connections`.
    pub sessions: Option<u32>,
}

/// Which rung of the ladder a read name stands on. Closed, printed the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadReason {
    /// The first round of probes has not ended.
    NotReady,
    /// Eligible replicas, as many as asked for.
    Eligible,
    /// Fewer eligible replicas than asked for; the primary helps out.
    WithPrimary,
    /// Only by taking lagging or detached servers; the least behind of them is behind by this much,
    /// where known.
    WithLagging(Option<Lag>),
    /// Fewer than asked for, and there is nobody else to add.
    Few,
    /// No server is eligible: the last known set.
    LastKnown,
    /// Every server of every cluster failed at once, so our own network is suspected.
    Isolated,
    /// No server has been eligible since the start.
    NobodyKnown,
    /// What it said before the restart; the first round of probes has not ended.
    Remembered,
    /// No address: operators have drained everybody that it could say.
    Drained,
    /// An operator has frozen the cluster: the set stays.
    Frozen,
    /// No address: an operator has put the cluster into maintenance.
    Maintenance,
}

impl ReadReason {
    /// Whether an operator's override decides what the name says.
    pub fn is_wished(self) -> bool {
        matches!(self, Self::Drained | Self::Frozen | Self::Maintenance)
    }

    /// How degraded an answer with this reason is.
    pub fn degradation(self) -> Degradation {
        match self {
            Self::Eligible | Self::Few => Degradation::None,
            Self::NotReady => Degradation::NotReady,
            Self::WithPrimary | Self::NobodyKnown | Self::Drained | Self::Maintenance => {
                Degradation::Fallback
            }
            Self::WithLagging(_)
            | Self::LastKnown
            | Self::Isolated
            | Self::Remembered
            | Self::Frozen => Degradation::Stale,
        }
    }
}

impl fmt::Display for ReadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotReady => "not ready: the first round of probes has not ended",
            Self::Eligible => "the eligible replicas",
            Self::WithPrimary => "too few eligible replicas, so the primary helps out",
            Self::WithLagging(Some(lag)) => {
                return write!(
                    f,
                    "too few eligible replicas, so servers behind by {lag} or more help out"
                );
            }
            Self::WithLagging(None) => {
                "too few eligible replicas, so servers of last resort help out"
            }
            Self::Few => "fewer eligible replicas than asked for, and no other server to add",
            Self::LastKnown => "no server is eligible, so the last known set stays",
            Self::Isolated => {
                "no server of any cluster answers, our own network is suspected: the set stays"
            }
            Self::NobodyKnown => "no address: no server is known that could be read from",
            Self::Remembered => return WriteReason::Remembered.fmt(f),
            Self::Drained => "no address: operators have drained every server it could say",
            Self::Frozen => "frozen by an operator: the set stays",
            Self::Maintenance => return WriteReason::Maintenance.fmt(f),
        };
        f.write_str(text)
    }
}

/// How the probes of a cluster should go on. Advice to the probe tasks, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nothing is in doubt: the normal interval.
    Normal,
    /// Something is in doubt: the fast interval.
    Fast,
    /// The write name waits for a writer and this server may become it: half the fast interval.
    Urgent,
    /// The same, in the first [`Thresholds::SPRINT_FOR`](super::Thresholds::SPRINT_FOR) of the wait:
    /// the candidate interval, as far as the budget over all clusters lets it.
    Sprint,
    /// It has been Down for [`Thresholds::LONG_DEAD_AFTER`](super::Thresholds::LONG_DEAD_AFTER):
    /// ever longer, from the normal interval up to
    /// [`Thresholds::SLOWEST`](super::Thresholds::SLOWEST), until it fails in another way or not at
    /// all.
    Slow,
}

/// What a probe task is told between two probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeAdvice {
    /// How soon to ask again.
    pub pace: Pace,
    /// Whether the server is the published primary by its own confirmed word, so that a heartbeat
    /// may be written to it. A write to any other server would itself make histories diverge.
    pub heartbeat: bool,
}
