//! What the driver is told and asked.

use std::{fmt, time::Duration};

use tokio::sync::oneshot;

use super::Signed;
use crate::{
    api::{Explanation, OverrideKind, OverrideStatus, Supposition, WhatIf},
    engine::{ServerState, StateReason},
};

/// One command, with the end for its reply.
#[derive(Debug)]
pub enum Command {
    /// Lays an override.
    Lay(LayRequest, oneshot::Sender<Result<Laid, Refusal>>),
    /// Ends one.
    Lift(OverrideSubject, Signed, oneshot::Sender<Result<Laid, Refusal>>),
    /// Makes the history of one server its cluster's.
    Accept(AcceptRequest, oneshot::Sender<Result<Accepted, Refusal>>),
    /// Asks, and changes nothing.
    Ask(Question),
}

/// A question about decisions.
#[derive(Debug)]
pub enum Question {
    /// Why a name says what it says.
    Explain(Box<str>, oneshot::Sender<Result<Explanation, Refusal>>),
    /// What would be decided if a server were otherwise.
    WhatIf(Box<str>, Supposition, oneshot::Sender<Result<WhatIf, Refusal>>),
}

/// A wish for an override.
#[derive(Clone, Debug, PartialEq)]
pub struct LayRequest {
    /// What it is about.
    pub subject: OverrideSubject,
    /// A drain of the write name too, or a pin that holds even while the server is not writable.
    pub force: bool,
    /// Who asks and why.
    pub signed: Signed,
    /// How long.
    pub term: Term,
}

/// A wish that the history of one server be its cluster's from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptRequest {
    /// The cluster.
    pub cluster: Box<str>,
    /// The server, which is one of the cluster's.
    pub server: Box<str>,
    /// Who asks and why.
    pub signed: Signed,
}

/// How long an override lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// So long from now on.
    For(Duration),
    /// Until somebody ends it.
    Forever,
}

impl Term {
    /// What an override lasts unless somebody says otherwise.
    pub const DEFAULT: Self = Self::For(Duration::from_secs(3600));

    /// The shortest time.
    pub const LEAST: Duration = Duration::from_secs(1);

    /// The longest time: what is to last longer, or nobody knows how long, lasts until somebody
    /// ends it.
    pub const MOST: Duration = Duration::from_secs(30 * 24 * 3600);
}

/// What an override is about; there is at most one about each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverrideSubject {
    /// The drain of a server. Servers' names are unique, the cluster follows from them; it is empty
    /// in a request.
    Drain {
        /// Its cluster.
        cluster: Box<str>,
        /// The server.
        server: Box<str>,
    },
    /// The pin of a cluster; the server is empty when a pin is to be ended.
    Pin {
        /// The cluster.
        cluster: Box<str>,
        /// The server.
        server: Box<str>,
    },
    /// The freeze of a cluster.
    Freeze {
        /// The cluster.
        cluster: Box<str>,
    },
    /// The maintenance of a cluster.
    Maintenance {
        /// The cluster.
        cluster: Box<str>,
    },
}

impl OverrideSubject {
    /// What kind of override.
    pub fn kind(&self) -> OverrideKind {
        match self {
            Self::Drain { .. } => OverrideKind::Drain,
            Self::Pin { .. } => OverrideKind::Pin,
            Self::Freeze { .. } => OverrideKind::Freeze,
            Self::Maintenance { .. } => OverrideKind::Maintenance,
        }
    }

    /// Its cluster.
    pub fn cluster(&self) -> &str {
        match self {
            Self::Drain { cluster, .. }
            | Self::Pin { cluster, .. }
            | Self::Freeze { cluster }
            | Self::Maintenance { cluster } => cluster,
        }
    }

    /// Its server, if it is about one.
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::Drain { server, .. } | Self::Pin { server, .. } => Some(server),
            Self::Freeze { .. } | Self::Maintenance { .. } => None,
        }
    }
}

/// What has come of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Laid {
    /// The override as it is in force, or as it was until it ended.
    pub laid: OverrideStatus,
    /// Why it could not be saved, if it could not: it is in force, and a restart would forget it.
    pub unsaved: Option<Box<str>>,
}

impl Laid {
    /// The same, with why it could not be saved.
    #[must_use]
    pub fn with(self, unsaved: Option<Box<str>>) -> Self {
        Self { unsaved, ..self }
    }
}

/// A history that has been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The cluster, as the configuration writes it.
    pub cluster: Box<str>,
    /// The server, as the configuration writes it.
    pub server: Box<str>,
    /// Why it could not be saved, if it could not: it is known, and a restart would forget it.
    pub unsaved: Option<Box<str>>,
}

impl Accepted {
    /// The same, with why it could not be saved.
    #[must_use]
    pub fn with(self, unsaved: Option<Box<str>>) -> Self {
        Self { unsaved, ..self }
    }
}

/// Why a command was not carried out. It prints with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No cluster has this name.
    #[error("there is no cluster {name:?}; there are: {}", known.join(", "))]
    UnknownCluster {
        /// What was asked for.
        name: Box<str>,
        /// Those that there are, or the first of them.
        known: Vec<Box<str>>,
    },
    /// No server has this name.
    #[error("there is no server {name:?}; there are: {}", known.join(", "))]
    UnknownServer {
        /// What was asked for.
        name: Box<str>,
        /// Those that there are, or the first of them.
        known: Vec<Box<str>>,
    },
    /// No cluster is served under this name.
    #[error("{name:?} is not a served name; there are: {}", known.join(", "))]
    UnknownName {
        /// What was asked for.
        name: Box<str>,
        /// Those that there are, or the first of them.
        known: Vec<Box<str>>,
    },
    /// The server belongs to another cluster.
    #[error("{server} is a server of {cluster}, not of {asked}")]
    OtherCluster {
        /// The server.
        server: Box<str>,
        /// Its cluster.
        cluster: Box<str>,
        /// The cluster of the request.
        asked: Box<str>,
    },
    /// A pin to a server that is not known to be writable.
    #[error("{server} is not writable: it is {state} ({reason}); --unsafe pins it all the same")]
    NotWritable {
        /// The server.
        server: Box<str>,
        /// What it is.
        state: ServerState,
        /// Why.
        reason: StateReason,
    },
    /// A drain would leave a read name without a server.
    #[error("{server} is the last server of {name}; --force drains it all the same")]
    LastReader {
        /// The server.
        server: Box<str>,
        /// The read name.
        name: Box<str>,
    },
    /// A pin in a cluster without a write name.
    #[error("{0} has no write name that could be pinned")]
    NoWriteName(Box<str>),
    /// The history of a server that does not answer.
    #[error(
        "{server} does not answer the probe, so nobody knows what it has: it is {state} \
         ({reason}); `pointsman probe {server}` shows what is missing, accept it when it answers"
    )]
    DoesNotAnswer {
        /// The server.
        server: Box<str>,
        /// What it is.
        state: ServerState,
        /// Why.
        reason: StateReason,
    },
    /// A history in a cluster whose servers show none.
    #[error(
        "{0} is a cluster of tcp servers, which show no history to accept; `pointsman pin` lets \
         its write name say one of them"
    )]
    NoHistory(Box<str>),
    /// A time too short or too long.
    #[error("an override lasts from 1 s to 30 days, or for ever if that is said")]
    OddTerm,
    /// There is nothing to end.
    #[error("there is no {kind} of {of} to end", kind = Kind(*kind))]
    NotLaid {
        /// Which kind.
        kind: OverrideKind,
        /// Of which cluster or server.
        of: Box<str>,
    },
    /// The service ends.
    #[error("the service is stopping; ask again when it has started")]
    Stopping,
}

struct Kind(OverrideKind);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            OverrideKind::Drain => "drain",
            OverrideKind::Pin => "pin",
            OverrideKind::Freeze => "freeze",
            OverrideKind::Maintenance => "maintenance",
        })
    }
}
