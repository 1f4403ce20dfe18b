//! What changed, for the log, the history and the hooks.

use std::fmt;

use super::{
    Acceptance, Check, ClusterId, Override, ReadReason, ServerId, ServerIndex, ServerState,
    StateReason, Word, WriteReason,
};

/// One change. Emitted once, in the order of what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server came into another state.
    State {
        /// Which server.
        server: ServerId,
        /// Its state before.
        from: ServerState,
        /// Its state now.
        to: ServerState,
        /// Why.
        reason: StateReason,
        /// The words of the failure behind it, empty when there is none.
        detail: Box<str>,
    },
    /// A witness of a server says something else, or nothing any more.
    Witness {
        /// Of which server.
        server: ServerId,
        /// Which witness.
        check: Check,
        /// Its word before; `None` when it said nothing.
        from: Option<Word>,
        /// Its word now; `None` when it says nothing.
        to: Option<Word>,
        /// Its own words, or how it could not be reached.
        detail: Box<str>,
    },
    /// The write name says something else, or says the same for another reason.
    Write {
        /// Whose write name.
        cluster: ClusterId,
        /// Published before.
        from: Option<ServerIndex>,
        /// Published now.
        to: Option<ServerIndex>,
        /// Why.
        reason: WriteReason,
    },
    /// A read name has another set of servers, or the same for another reason.
    Read {
        /// Whose read name.
        cluster: ClusterId,
        /// Which of its read names, in config order.
        name: usize,
        /// Published before, in config order.
        from: Vec<ServerIndex>,
        /// Published now, in config order.
        to: Vec<ServerIndex>,
        /// Why.
        reason: ReadReason,
    },
    /// An operator laid an override, or it ended.
    Override {
        /// Whose.
        cluster: ClusterId,
        /// The override.
        laid: Box<Override>,
        /// What became of it.
        turn: OverrideTurn,
    },
    /// An operator has made the history of one server the cluster's.
    Accepted {
        /// Whose.
        cluster: ClusterId,
        /// Which server's, by whom and why.
        accepted: Box<Acceptance>,
    },
    /// Every server of every cluster failed at once: answers stand still.
    Isolated,
    /// A server answered again: answers follow the probes again.
    Reconnected,
}

/// What became of an override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideTurn {
    /// It is in force now.
    Created,
    /// Somebody ended it.
    Lifted {
        /// Who. One line.
        by: Box<str>,
    },
    /// Its time was over.
    Expired,
}

impl fmt::Display for OverrideTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Lifted { by } => write!(f, "ended by {by}"),
            Self::Expired => f.write_str("expired"),
        }
    }
}

impl Event {
    /// The cluster that it is about; `None` when it is about all of them.
    pub fn cluster(&self) -> Option<ClusterId> {
        match self {
            Self::State { server, .. } | Self::Witness { server, .. } => Some(server.cluster),
            Self::Write { cluster, .. }
            | Self::Read { cluster, .. }
            | Self::Accepted { cluster, .. }
            | Self::Override { cluster, .. } => Some(*cluster),
            Self::Isolated | Self::Reconnected => None,
        }
    }
}
