//! Which cluster, which server: small numbers in the order of the configuration. And which task
//! asks: a number that outlives a change of the configuration.

/// A cluster, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub usize);

/// A server within its cluster, by its place in the configuration.
///
/// Config order is the last resort of every rule that has to choose, so this order is meaningful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIndex(pub usize);

/// A server among all clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// Its place in that cluster.
    pub server: ServerIndex,
}

/// A task that asks about one server. Unlike a [`ServerId`] it means the same after a change of the
/// configuration, and is never given twice: what a task of an earlier one still reports is not
/// taken for somebody else's words. The engine itself knows servers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey(pub u64);
