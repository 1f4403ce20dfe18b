//! What must not be forgotten of a name in somebody else's zone.

use serde::{Deserialize, Serialize};

/// One name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushImage {
    /// The number of the last change that we wanted.
    pub epoch: u64,
    /// The fingerprint of the addresses that it was for.
    #[serde(default)]
    pub set: Option<Box<str>>,
}
