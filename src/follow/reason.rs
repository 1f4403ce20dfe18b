//! Why a connection is cut, and what is done for which reason.

use std::fmt;

use crate::engine::ServerState;

/// What speaks for cutting connections to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutReason {
    /// The name says another server, and this one is down: dead, frozen or unreachable.
    Down,
    /// The name says another server, and this one is writable all the same.
    Writable,
    /// The name says another server, and this one is alive and not writable.
    Alive,
    /// The name says another server, and nobody tells what this one is.
    Untold,
    /// The server is down, and the name says no other.
    Silent,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Leave,
    /// Connections are cut once the grace has passed.
    Grace,
    /// Connections are cut at once.
    Now,
}

impl CutReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Down, Self::Writable, Self::Alive, Self::Untold, Self::Silent];

    /// The reason for a server that the name does not say any more, by its state.
    pub fn of(state: Option<ServerState>) -> Self {
        match state {
            Some(ServerState::Down) => Self::Down,
            Some(ServerState::Primary | ServerState::StalePrimary) => Self::Writable,
            None | Some(ServerState::Unknown) => Self::Untold,
            Some(
                ServerState::ReadOnlyPrimary
                | ServerState::Replica
                | ServerState::ReplicaLagging
                | ServerState::ReplicaDetached
                | ServerState::ReplicaBroken
                | ServerState::Up
                | ServerState::Starting
                | ServerState::Saturated
                | ServerState::Misconfigured
                | ServerState::WrongCluster
                | ServerState::OutOfService,
            ) => Self::Alive,
        }
    }

    /// The word for options and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Writable => "writable",
            Self::Alive => "alive",
            Self::Untold => "untold",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for CutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "the name has left it, and it is down",
            Self::Writable => "the name has left it, and it still takes writes",
            Self::Alive => "the name has left it",
            Self::Untold => "the name has left it, and nobody tells its state",
            Self::Silent => "it is down, and no other has the name yet",
        })
    }
}

/// What is done for each reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules([Action; CutReason::ALL.len()]);

impl Default for Rules {
    /// A server that is down, or takes writes that nobody wants, is left at once; one that is alive may
    /// end its work. Where nobody tells its state, an answer may be a part of what the name says. While
    /// no other has the name, nothing is won by a new connection.
    fn default() -> Self {
        Self([Action::Now, Action::Now, Action::Grace, Action::Leave, Action::Leave])
    }
}

impl Rules {
    /// What is done for `reason`.
    pub fn action(&self, reason: CutReason) -> Action {
        self.0[reason as usize]
    }

    /// The same rules with another action for `reason`.
    #[must_use]
    pub fn with(mut self, reason: CutReason, action: Action) -> Self {
        self.0[reason as usize] = action;
        self
    }
}
