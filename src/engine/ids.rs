//! Which cluster, which server: small numbers in the order of the configuration.

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
