//! How far a secondary is: a part of `GET /v1/status`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

/// One zone at one secondary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondaryStatus {
    /// The apex of the zone, with the dot at its end.
    pub zone: String,
    /// What the secondary is called.
    pub name: String,
    /// Address and port at which it is asked.
    pub address: String,
    /// How far it is.
    pub state: SecondaryState,
    /// How bad that is.
    pub severity: Severity,
    /// The serial that it answered last; `None` before its first answer, and when it has no zone.
    pub serial: Option<u32>,
    /// Our serial; `None` while not all is known that the zone says.
    pub our_serial: Option<u32>,
    /// For how long it has lacked what we say, in milliseconds; 0 when it lacks nothing.
    pub lag_ms: u64,
    /// Why it is not level, or what else is wrong with it.
    pub reason: Option<String>,
}

/// How far a secondary is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecondaryState {
    /// It is not known yet what the zone says: there is nothing to copy.
    NotReady,
    /// It says what we say, or what a later primary does.
    Level,
    /// It lacks a change that is on its way.
    Following,
    /// It has lacked a change for more than 5 s.
    Behind,
}
