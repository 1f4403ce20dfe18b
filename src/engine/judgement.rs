//! What a judgement of one cluster comes to, for those who choose and publish.

use super::{ids::Servers, verdict::Verdict};

/// The verdicts on all servers of a cluster.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// One per server, in config order.
    pub verdicts: Servers<Verdict>,
    /// Two servers are writable and nothing but precedence tells which is right.
    pub split_brain: bool,
    /// By what the writer is found.
    pub writer: WriterRule,
}

/// By what the writer of a cluster is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterRule {
    /// The servers' histories prove who it is; one that was left must follow before its word counts
    /// again.
    History,
    /// The servers' group elects it, and vouches for it.
    Elected,
    /// Several servers may be written to, and the choice among them is free.
    Free,
}
