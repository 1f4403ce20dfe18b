//! What a task that asks about a server reports.

use tokio::time::Instant;

use crate::engine::{Outcome, ProbeKey};

/// What a task that asks about a server reports. Whoever drives the engine knows the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which task.
    pub probe: ProbeKey,
    /// When the question was sent that the outcome answers, or when the outcome came if nobody had
    /// asked. It is a moment and no duration: how long the report waits for whoever is busy makes
    /// the evidence no younger.
    pub asked: Instant,
    /// What it found.
    pub outcome: Outcome,
}
