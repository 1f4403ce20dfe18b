//! Who could be promoted, as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{engine::Lag, report};

/// A replica that could be promoted while its cluster has no writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromotionCandidate {
    /// Its name.
    pub server: String,
    /// 1 for those that no other is ahead of, and one more for each other that is ahead; `None` for
    /// one that does not tell its position.
    pub rank: Option<usize>,
    /// What it has received (PostgreSQL: LSN and timeline) or executed (GTIDs), as the server prints
    /// it, cut off after 200 characters; `None` when it does not tell.
    pub position: Option<String>,
    /// How far it is behind what any member has shown, in milliseconds, where known.
    pub lag_ms: Option<u64>,
    /// Whether an operator has drained it.
    pub drained: bool,
    /// The others that have the same.
    pub same: Vec<String>,
    /// The others that have what it lacks, and lack what it has.
    pub diverged: Vec<String>,
    /// The others that it cannot be compared with.
    pub incomparable: Vec<String>,
    /// All of it in one line.
    pub summary: String,
}

impl From<&report::PromotionCandidate<'_>> for PromotionCandidate {
    fn from(candidate: &report::PromotionCandidate<'_>) -> Self {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Self {
            server: candidate.server.name.to_string(),
            rank: candidate.rank,
            position: candidate.position(),
            lag_ms: candidate.server.lag.map(Lag::millis),
            drained: candidate.server.drained,
            same: owned(&candidate.same),
            diverged: owned(&candidate.diverged),
            incomparable: owned(&candidate.incomparable),
            summary: candidate.to_string(),
        }
    }
}
