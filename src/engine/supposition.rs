//! What would be decided if a server were otherwise: the real engine, on a copy.

use std::time::Duration;

/// What is supposed of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supposition {
    /// It refuses connections.
    Down,
    /// It answers as it did when it last answered. Of one that has never answered nothing can be
    /// supposed, except in a `tcp` cluster.
    Up,
    /// It answers as a replica that is behind by so much. Without effect on a server that was no
    /// replica when it last answered, and on members of a group, whose lag is not measured.
    Lag(Duration),
    /// It answers as a replica that has been promoted: writable, on a timeline of its own, following
    /// nobody. Without effect on a member of a group, which elects its own writer.
    Promoted,
    /// It answers and takes no writes. Without effect on a standby of PostgreSQL, which takes none.
    ReadOnly,
    /// An operator has drained it; it answers as it did.
    Drained,
}
