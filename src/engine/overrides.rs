//! What an operator lays over the states of a cluster: drain, pin, freeze, maintenance.
//!
//! An override changes nothing of what is known: probes, states and verdicts go on beneath it, and
//! when it ends the names follow them again at once. Who asked for it and why is kept beside it,
//! for people.

use std::fmt;

use super::{Moment, ServerIndex, ServerState, StateReason};

/// One override of a cluster and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What is wished.
    pub wish: Wish,
    /// Who asked for it. One line.
    pub author: Box<str>,
    /// Why. One line.
    pub reason: Box<str>,
    /// Since when it is in force.
    pub since: Moment,
    /// When it ends by itself; `None` for never.
    pub until: Option<Moment>,
}

/// What an operator wishes. A cluster has at most one drain of each server and one of every other
/// kind; a new one takes the place of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The server leaves every read name, whatever rung of the ladder they stand on.
    Drain {
        /// Which.
        server: ServerIndex,
        /// It is no choice for the write name either, even if it is the one primary.
        force: bool,
    },
    /// The write name says this server and no other.
    Pin {
        /// Which.
        server: ServerIndex,
        /// Even while it is known not to be writable. Otherwise the name has no address then.
        even_if_not_writable: bool,
    },
    /// All names say what they say now.
    Freeze,
    /// No name has an address: the cluster is out of service.
    Maintenance,
}

/// Which of a cluster's overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WishKey {
    /// The drain of a server.
    Drain(ServerIndex),
    /// The pin.
    Pin,
    /// The freeze.
    Freeze,
    /// The maintenance.
    Maintenance,
}

/// As the log, `dig` and the API call it.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drain { .. } => "drain",
            Self::Pin { .. } => "pin",
            Self::Freeze => "freeze",
            Self::Maintenance => "maintenance",
        })
    }
}

impl Wish {
    /// The server that it is about, if it is about one.
    pub fn server(self) -> Option<ServerIndex> {
        match self {
            Self::Drain { server, .. } | Self::Pin { server, .. } => Some(server),
            Self::Freeze | Self::Maintenance => None,
        }
    }

    /// What it takes the place of.
    pub fn key(self) -> WishKey {
        match self {
            Self::Drain { server, .. } => WishKey::Drain(server),
            Self::Pin { .. } => WishKey::Pin,
            Self::Freeze => WishKey::Freeze,
            Self::Maintenance => WishKey::Maintenance,
        }
    }
}

/// Why an override is not laid. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideRefusal {
    /// A pin to a server that is not known to be writable now.
    NotWritable {
        /// What it is.
        state: ServerState,
        /// Why.
        reason: StateReason,
    },
    /// A drain of the last server of a read name.
    LastReader {
        /// Which of the read names, in config order.
        name: usize,
    },
    /// A pin in a cluster without a write name.
    NoWriteName,
}
