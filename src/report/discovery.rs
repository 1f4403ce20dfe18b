//! What discovery knows of a cluster, in words.

use super::Severity;

/// One cluster that discovers its servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveryReport {
    /// The cluster.
    pub cluster: Box<str>,
    /// `propose` or `join`.
    pub mode: Box<str>,
    /// Whom it asks, in the order of the configuration.
    pub sources: Vec<DiscoverySource>,
    /// What they name, those that have joined first.
    pub finds: Vec<DiscoveredServer>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoverySource {
    /// The word of the configuration.
    pub source: Box<str>,
    /// Seconds since it last said anything, when this was told; `None` when it never did.
    pub age_seconds: Option<u64>,
    /// What is wrong with what it said last, or why it said nothing.
    pub fault: Option<Box<str>>,
}

/// One server that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredServer {
    /// Its name, or what it may be called.
    pub name: Option<Box<str>>,
    /// Address and port, or host and port.
    pub at: Box<str>,
    /// `sighted`, `examined`, `kin`, `member`, `leaving` or `forgotten`.
    pub state: Box<str>,
    /// Why it has come so far, and no further.
    pub reason: Box<str>,
    /// Who names it.
    pub sources: Vec<Box<str>>,
    /// What somebody has to do about it.
    pub standing: FindStanding,
}

/// What a find is to those who look after its cluster, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindStanding {
    /// It carries the cluster's identity, is writable, and was never seen following.
    Stranger,
    /// Nobody is known yet who could prove that it belongs.
    WantsAVoucher,
    /// It is a member that no source names any more.
    Leaving,
    /// It is proven, and drained.
    Proposed,
    /// It is a member, and ready.
    Member,
    /// It has proven nothing, or is not wanted: nothing is to be done.
    Outside,
}

impl FindStanding {
    /// How bad that is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Stranger => Severity::Outage,
            Self::WantsAVoucher | Self::Leaving => Severity::Degraded,
            Self::Outside | Self::Proposed => Severity::Wanted,
            Self::Member => Severity::Ok,
        }
    }
}

/// What discovery has done or noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// A source names a server that is none of the cluster's.
    Sighted {
        /// Where it is.
        at: Box<str>,
        /// Who names it.
        source: Box<str>,
    },
    /// A server has proven that it belongs, and joins.
    Joined {
        /// Its name.
        server: Box<str>,
        /// Where it is.
        at: Box<str>,
        /// How it has proven itself.
        proof: Box<str>,
    },
    /// A server has left.
    Left {
        /// Its name.
        server: Box<str>,
    },
    /// A server carries the cluster's identity, is writable, and was never seen following.
    Stranger {
        /// Where it is.
        at: Box<str>,
    },
    /// A source has failed, or a part of what it says cannot be read.
    Source {
        /// Which.
        source: Box<str>,
        /// What is wrong, on one line.
        why: Box<str>,
    },
    /// So many servers would leave at once that none is let go.
    Held {
        /// They, with commas between.
        servers: Box<str>,
    },
}

impl Discovery {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Sighted { .. } | Self::Joined { .. } => Severity::Ok,
            Self::Left { .. } => Severity::Wanted,
            Self::Held { .. } | Self::Source { .. } => Severity::Degraded,
            Self::Stranger { .. } => Severity::Outage,
        }
    }
}
