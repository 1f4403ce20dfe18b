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
}
