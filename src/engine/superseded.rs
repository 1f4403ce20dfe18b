//! What is remembered of a server that another one took over from: its word does not count until it
//! has followed, or its heir has given way.

use super::{GtidState, Loss, Moment, ServerIndex};

/// The state of a server when another one took over from it, or was right when both were writable.
#[derive(Clone, Debug)]
pub struct Superseded {
    /// The other one; `None` when it has left the configuration.
    pub by: Option<ServerIndex>,
    /// The PostgreSQL timeline that it was on. Only a promotion can change it, and only a standby
    /// is promoted.
    pub timeline: Option<u32>,
    /// What the other one was last known to have.
    pub heir: GtidState,
    /// How it lost.
    pub loss: Loss,
    /// When it began to say that it was writable, if it did so when it lost: as long as it goes on
    /// with that, nothing comes to it but what it writes itself.
    pub claim: Option<Moment>,
}
