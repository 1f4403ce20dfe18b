//! How far a name in somebody else's zone is: a part of `GET /v1/status`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

/// One name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishStatus {
    /// What its `[[publish]]` is called.
    pub publish: String,
    /// The served name, with the dot at its end.
    pub from: String,
    /// The name in somebody else's zone, with the dot at its end.
    pub to: String,
    /// How far it is.
    pub state: PublishState,
    /// How bad that is.
    pub severity: Severity,
    /// The number of our last change, or of the last that said what we say.
    pub epoch: u64,
    /// Updates that were taken since the start.
    pub written: u64,
    /// Why it is not level.
    pub reason: Option<String>,
    /// Servers of the zone that say something else or cannot be asked, one line each.
    pub astray: Vec<String>,
}

/// How far a name in somebody else's zone is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublishState {
    /// What we say has no decision of this process yet.
    Waiting,
    /// It says what we say.
    Level,
    /// An update is on its way.
    Writing,
    /// Somebody has changed it, and it will be put right.
    Changed,
    /// It is not ours to change.
    Blocked,
    /// No server can be asked or told.
    Failing,
}
