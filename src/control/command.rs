//! What the driver is told and asked.

use tokio::sync::oneshot;

use super::{Signed, Term};
use crate::{
    engine::{ServerState, StateReason, Supposition},
    report::{ClusterView, Explanation, Override, Unknown, WhatIf, Wish, WishKey},
};

/// One command, with the end for its reply.
#[derive(Debug)]
pub enum Command {
    /// Lays an override.
    Lay(LayRequest, oneshot::Sender<Result<OverrideReply, Refusal>>),
    /// Ends one.
    Lift(LiftRequest, oneshot::Sender<Result<OverrideReply, Refusal>>),
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
    /// What would be decided if servers of one cluster were otherwise.
    WhatIf(Vec<(Box<str>, Supposition)>, oneshot::Sender<Result<WhatIf, Refusal>>),
    /// What an override, or its end, would do.
    Preview(OverrideRequest, oneshot::Sender<Result<Preview, Refusal>>),
}

/// A wish for an override, or for its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideRequest {
    /// That it be in force.
    Lay(LayRequest),
    /// That it end.
    Lift(LiftRequest),
}

/// What a change of the overrides would do. Nothing has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The override as it would be in force, or as it is.
    pub laid: Override,
    /// The cluster as it is.
    pub now: ClusterView,
    /// The cluster as it would be.
    pub then: ClusterView,
}

/// A wish for an override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayRequest {
    /// The cluster; `None` for that of the server which the wish is about.
    pub cluster: Option<Box<str>>,
    /// What is wished.
    pub wish: Wish,
    /// Who asks and why.
    pub signed: Signed,
    /// How long.
    pub term: Term,
}

/// A wish that an override end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiftRequest {
    /// The cluster; `None` for that of the server which the override is about.
    pub cluster: Option<Box<str>>,
    /// Which override.
    pub key: WishKey,
    /// Who asks, and why if they say so.
    pub signed: Signed,
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

/// What has come of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideReply {
    /// The cluster, as the configuration writes it.
    pub cluster: Box<str>,
    /// The override as it is in force, or as it was until it ended.
    pub laid: Override,
    /// Why it could not be saved, if it could not: it is in force, and a restart would forget it.
    pub unsaved: Option<Box<str>>,
}

impl OverrideReply {
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
    /// No cluster, server or served name is called so.
    #[error(transparent)]
    Unknown(Unknown),
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
    /// There is nothing to end.
    #[error("there is no {key} of {of} to end")]
    NotLaid {
        /// Which.
        key: WishKey,
        /// Of which cluster or server.
        of: Box<str>,
    },
    /// The service ends.
    #[error("the service is stopping; ask again when it has started")]
    Stopping,
}
