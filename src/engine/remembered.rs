//! What a restart must not forget of a cluster.

use super::ServerIndex;

/// Enough of a cluster's memory to give right answers before the first round has ended, and to
/// know an old primary again when it comes back. Overrides are kept beside it, except that a frozen
/// cluster remembers what its names say; others remember what they would say without an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The server that the write name said.
    pub write: Option<ServerIndex>,
    /// The last server that it said, also after a withdrawal.
    pub last_writer: Option<ServerIndex>,
    /// The servers that each read name said, in config order.
    pub reads: Vec<Vec<ServerIndex>>,
    /// The identity that all servers of the cluster share: PostgreSQL's system identifier.
    pub identity: Option<u64>,
    /// Servers that another one took over from and that have not followed since, with the successor
    /// and the PostgreSQL timeline that they were on.
    pub superseded: Vec<(ServerIndex, ServerIndex, Option<u32>)>,
}
