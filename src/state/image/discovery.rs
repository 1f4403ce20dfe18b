//! What discovery must not forget of a cluster: whose a name is, and who is not to be taken in.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryImage {
    /// Names that were given.
    #[serde(default)]
    pub names: Vec<BindingImage>,
    /// Servers that were removed.
    #[serde(default)]
    pub forgotten: Vec<TombstoneImage>,
}

/// A name and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingImage {
    /// The name.
    pub name: Box<str>,
    /// The server's own id, where it has one.
    #[serde(default)]
    pub instance: Option<Box<str>>,
    /// Where it was.
    pub at: SocketAddr,
}

/// A server that is not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TombstoneImage {
    /// Its name.
    pub name: Box<str>,
    /// The server's own id, where it has one.
    #[serde(default)]
    pub instance: Option<Box<str>>,
    /// Where it was.
    pub at: SocketAddr,
    /// Until when, in milliseconds since 1970.
    pub until_ms: u64,
}
