//! What became of a heartbeat write.

/// The outcome of the optional heartbeat write (`heartbeat_write = true`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heartbeat {
    /// Heartbeats are off, or the server is no primary.
    #[default]
    NotTried,
    /// The row was updated within its deadline.
    Written,
    /// The server answered the question for its role but could not write in time.
    Failed,
}
