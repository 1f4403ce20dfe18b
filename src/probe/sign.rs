//! What is heard of a server between two probes.

use super::trouble::Trouble;

/// A sign on an open connection on which no probe is under way.
#[derive(Debug)]
pub enum Sign {
    /// The connection has ended.
    Ended(Trouble),
    /// A glance has shown what the last probe said.
    Same,
    /// A glance has shown something else, or was not understood: the next probe is due.
    Other,
}
