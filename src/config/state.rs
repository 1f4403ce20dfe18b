//! Settings of what survives restarts (`[state]`).

use std::path::PathBuf;

/// Where to keep what a restart must not forget: the SOA serial, the last answers, overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateConfig {
    /// A folder that Pointsman may write to; `None` keeps nothing.
    pub directory: Option<PathBuf>,
}
