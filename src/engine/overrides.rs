//! What an operator lays over the states of a cluster: drain, pin, freeze, maintenance.
//!
//! An override changes nothing of what is known: probes, states and verdicts go on beneath it, and
//! when it ends the names follow them again at once. Who asked for it and why is kept beside it,
//! for people.

use std::fmt;

use super::{Moment, ReadReason, ServerIndex, ServerState, StateReason, WriteReason};

/// One override of a cluster and when it ends. The engine knows servers by their places and times as
/// moments; others know them by names and by the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override<S = ServerIndex, T = Moment> {
    /// What is wished.
    pub wish: Wish<S>,
    /// Who asked for it. One line.
    pub author: Box<str>,
    /// Why. One line.
    pub reason: Box<str>,
    /// Since when it is in force.
    pub since: T,
    /// When it ends by itself; `None` for never.
    pub until: Option<T>,
}

/// What an operator wishes. A cluster has at most one drain of each server and one of every other
/// kind; a new one takes the place of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<S = ServerIndex> {
    /// The server leaves every read name, whatever rung of the ladder they stand on.
    Drain {
        /// Which.
        server: S,
        /// It is no choice for the write name either, even if it is the one primary.
        force: bool,
    },
    /// The write name says this server and no other.
    Pin {
        /// Which.
        server: S,
        /// Even while it is known not to be writable. Otherwise the name has no address then.
        even_if_not_writable: bool,
    },
    /// All names say what they say now.
    Freeze,
    /// No name has an address: the cluster is in maintenance.
    Maintenance,
}

/// Which of a cluster's overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WishKey<S = ServerIndex> {
    /// The drain of a server.
    Drain(S),
    /// The pin.
    Pin,
    /// The freeze.
    Freeze,
    /// The maintenance.
    Maintenance,
}

/// As the log, `dig`, the metrics and the API call it.
impl<S> fmt::Display for WishKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drain(_) => "drain",
            Self::Pin => "pin",
            Self::Freeze => "freeze",
            Self::Maintenance => "maintenance",
        })
    }
}

impl<S> fmt::Display for Wish<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().key().fmt(f)
    }
}

impl WishKey<()> {
    /// Every kind of override.
    pub const ALL: [Self; 4] = [Self::Drain(()), Self::Pin, Self::Freeze, Self::Maintenance];

    /// The kind that is called so.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == *name)
    }
}

impl<S> WishKey<S> {
    /// Its kind alone.
    pub fn kind(self) -> WishKey<()> {
        self.map(|_| ())
    }

    /// The same with its server told otherwise.
    pub fn map<N>(self, server: impl FnOnce(S) -> N) -> WishKey<N> {
        match self {
            Self::Drain(which) => WishKey::Drain(server(which)),
            Self::Pin => WishKey::Pin,
            Self::Freeze => WishKey::Freeze,
            Self::Maintenance => WishKey::Maintenance,
        }
    }

    /// The same with its server told otherwise, where it is known.
    ///
    /// # Errors
    /// What `server` returns.
    pub fn try_map<N, E>(self, server: impl FnOnce(S) -> Result<N, E>) -> Result<WishKey<N>, E> {
        match self.map(server) {
            WishKey::Drain(which) => Ok(WishKey::Drain(which?)),
            WishKey::Pin => Ok(WishKey::Pin),
            WishKey::Freeze => Ok(WishKey::Freeze),
            WishKey::Maintenance => Ok(WishKey::Maintenance),
        }
    }
}

impl<S> Wish<S> {
    /// A wish of this kind, which is more than its kind if it is [forced](Self::is_forced); `None`
    /// where its kind wants a server and none is named.
    pub fn new(kind: WishKey<()>, server: Option<S>, forced: bool) -> Option<Self> {
        Some(match kind {
            WishKey::Drain(()) => Self::Drain { server: server?, force: forced },
            WishKey::Pin => Self::Pin { server: server?, even_if_not_writable: forced },
            WishKey::Freeze => Self::Freeze,
            WishKey::Maintenance => Self::Maintenance,
        })
    }

    /// Whether a write name with this reason says what it says because of it.
    pub fn decides_write(&self, reason: WriteReason) -> bool {
        match reason {
            WriteReason::Pinned
            | WriteReason::HeldPinned(_)
            | WriteReason::PinnedUnsafe(_)
            | WriteReason::PinnedNotWritable => matches!(self, Self::Pin { .. }),
            WriteReason::Drained => matches!(self, Self::Drain { force: true, .. }),
            WriteReason::Frozen => matches!(self, Self::Freeze),
            WriteReason::Maintenance => matches!(self, Self::Maintenance),
            _ => false,
        }
    }

    /// Whether a read name with this reason says what it says because of it.
    pub fn decides_read(&self, reason: ReadReason) -> bool {
        match reason {
            ReadReason::Drained => matches!(self, Self::Drain { .. }),
            ReadReason::Frozen => matches!(self, Self::Freeze),
            ReadReason::Maintenance => matches!(self, Self::Maintenance),
            _ => false,
        }
    }

    /// Whether it may be why this server is in a name or not: a drain is about its server alone, and
    /// a pin of another server is why this one is not in the write name.
    pub fn concerns(&self, server: &S) -> bool
    where
        S: PartialEq,
    {
        match self {
            Self::Drain { server: drained, .. } => drained == server,
            Self::Pin { .. } | Self::Freeze | Self::Maintenance => true,
        }
    }

    /// The server that it is about, if it is about one.
    pub fn server(self) -> Option<S> {
        match self {
            Self::Drain { server, .. } | Self::Pin { server, .. } => Some(server),
            Self::Freeze | Self::Maintenance => None,
        }
    }

    /// Whether it is more than its kind alone: a drain of the write name too, or a pin that holds
    /// while its server is not writable.
    pub fn is_forced(&self) -> bool {
        matches!(
            self,
            Self::Drain { force: true, .. } | Self::Pin { even_if_not_writable: true, .. }
        )
    }

    /// What it takes the place of.
    pub fn key(self) -> WishKey<S> {
        match self {
            Self::Drain { server, .. } => WishKey::Drain(server),
            Self::Pin { .. } => WishKey::Pin,
            Self::Freeze => WishKey::Freeze,
            Self::Maintenance => WishKey::Maintenance,
        }
    }

    /// The same wish about a borrowed server.
    pub fn as_ref(&self) -> Wish<&S> {
        match self {
            Self::Drain { server, force } => Wish::Drain { server, force: *force },
            Self::Pin { server, even_if_not_writable } => {
                Wish::Pin { server, even_if_not_writable: *even_if_not_writable }
            }
            Self::Freeze => Wish::Freeze,
            Self::Maintenance => Wish::Maintenance,
        }
    }

    /// The same wish with its server told otherwise.
    pub fn map<N>(self, server: impl FnOnce(S) -> N) -> Wish<N> {
        match self {
            Self::Drain { server: which, force } => Wish::Drain { server: server(which), force },
            Self::Pin { server: which, even_if_not_writable } => {
                Wish::Pin { server: server(which), even_if_not_writable }
            }
            Self::Freeze => Wish::Freeze,
            Self::Maintenance => Wish::Maintenance,
        }
    }

    /// The same wish with its server told otherwise, where it is known.
    ///
    /// # Errors
    /// What `server` returns.
    pub fn try_map<N, E>(self, server: impl FnOnce(S) -> Result<N, E>) -> Result<Wish<N>, E> {
        match self.map(server) {
            Wish::Drain { server, force } => Ok(Wish::Drain { server: server?, force }),
            Wish::Pin { server, even_if_not_writable } => {
                Ok(Wish::Pin { server: server?, even_if_not_writable })
            }
            Wish::Freeze => Ok(Wish::Freeze),
            Wish::Maintenance => Ok(Wish::Maintenance),
        }
    }
}

impl<S: Copy> Override<S> {
    /// The same override with its server and its times told otherwise.
    pub fn map<N, T>(
        &self,
        server: impl FnOnce(S) -> N,
        time: impl Fn(Moment) -> T,
    ) -> Override<N, T> {
        Override {
            wish: self.wish.map(server),
            author: self.author.clone(),
            reason: self.reason.clone(),
            since: time(self.since),
            until: self.until.map(time),
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
