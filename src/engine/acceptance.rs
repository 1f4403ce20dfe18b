//! An operator's word that makes the history of one server the cluster's.
//!
//! Needed where no proof can come from the servers: after a restored backup, after `pg_upgrade` of
//! a small cluster, after a clone was published, after a lost volume. It is no override: it ends
//! nothing and lasts not, it changes what is known.

use std::fmt;

use super::{ServerIndex, ServerState, StateReason};

/// What this server has is the cluster's history from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Whose history.
    pub server: ServerIndex,
    /// Who says so.
    pub by: Box<str>,
    /// Why.
    pub because: Box<str>,
}

/// Why a history cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptanceRefusal {
    /// The servers of a `tcp` cluster show no history.
    NoHistory,
    /// The server does not answer, so that nobody knows what it has.
    DoesNotAnswer {
        /// What it is.
        state: ServerState,
        /// Why.
        reason: StateReason,
    },
}

impl fmt::Display for AcceptanceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHistory => f.write_str("servers of a tcp cluster show no history to accept"),
            Self::DoesNotAnswer { state, reason } => {
                write!(
                    f,
                    "it does not answer now, so nobody knows what it has: it is {state}: {reason}"
                )
            }
        }
    }
}

impl std::error::Error for AcceptanceRefusal {}
