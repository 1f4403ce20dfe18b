//! Why a server is in a name, or why it is not.

use std::fmt;

use super::{ClusterView, NameReason, NameView, Override, ServerView, name::listed};
use crate::engine::{ServerState, StateReason};

/// One server and its place in each name of its cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Its cluster.
    pub cluster: Box<str>,
    /// What it is.
    pub server: ServerView,
    /// The names of its cluster, the write name first.
    pub names: Vec<Membership>,
    /// What operators have laid over its cluster, as far as it concerns this server.
    pub overrides: Vec<Override>,
}

/// Whether a name says a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The name, with the dot at its end.
    pub name: Box<str>,
    /// Why the name says what it says.
    pub reason: NameReason,
    /// What keeps the server out; `None` when the name says it.
    pub left_out: Option<LeftOut>,
}

/// A server that a name does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    state: ServerState,
    reason: StateReason,
    /// What the name says instead.
    published: Vec<Box<str>>,
}

impl ClusterView {
    /// What the server of this name is, and why it is in each name or not; `None` when the cluster
    /// has none of that name.
    pub fn why(&self, server: &str) -> Option<Why> {
        let server = self.servers.iter().find(|known| *known.name == *server)?;
        let concerns = |laid: &&Override| laid.wish.concerns(&server.name);
        Some(Why {
            cluster: self.name.clone(),
            server: server.clone(),
            names: self.names.iter().map(|name| Membership::of(server, name)).collect(),
            overrides: self.overrides.iter().filter(concerns).cloned().collect(),
        })
    }
}

impl Why {
    /// The command that makes the server's history the cluster's, where it is out for its history.
    pub fn accept_command(&self) -> Option<String> {
        let is_out =
            matches!(self.server.state, ServerState::StalePrimary | ServerState::WrongCluster);
        let (cluster, server) = (&self.cluster, &self.server.name);
        is_out.then(|| format!("pointsman accept {cluster} {server} --reason TEXT"))
    }
}

impl Membership {
    fn of(server: &ServerView, name: &NameView) -> Self {
        let left_out = (!name.says(&server.name)).then(|| LeftOut {
            state: server.state,
            reason: server.reason,
            published: name.servers.clone(),
        });
        Self { name: name.name.clone(), reason: name.reason, left_out }
    }

    /// Whether the name says the server now.
    pub fn is_included(&self) -> bool {
        self.left_out.is_none()
    }
}

/// Why the server is in the name, or why it is not.
impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(LeftOut { state, reason, published }) = &self.left_out {
            let published = listed(published).replace(',', ", ");
            write!(f, "it is {state}: {reason}; published is {published}: ")?;
        }
        self.reason.fmt(f)
    }
}
