//! One probe, step by step, for an operator who asks where it breaks.

use std::time::Duration;

use super::Why;

/// What one probe came to, and what is decided of the server meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTrace {
    /// The cluster of the server.
    pub cluster: Box<str>,
    /// The server.
    pub server: Box<str>,
    /// What was asked, as in `db1.example.net:5432`.
    pub target: String,
    /// The steps that were made, in their order.
    pub steps: Vec<TracedStep>,
    /// What the server said, in the words of its own documentation; empty when it did not.
    pub facts: Vec<Fact>,
    /// Where the probe broke; `None` when the server said what it is.
    pub broken: Option<BrokenStep>,
    /// What is said of the server now, by the probes that go on all the time.
    pub now: Why,
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedStep {
    /// Which.
    pub step: ProbeStep,
    /// How long it took.
    pub took: Duration,
    /// What was seen, a line each.
    pub detail: Vec<Box<str>>,
    /// How it failed, in the words of the log, if it did.
    pub error: Option<String>,
}

/// The steps of a probe, in the order in which they are made. A cluster makes those that its engine and
/// its settings have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeStep {
    /// The host's name is resolved.
    Resolve,
    /// A TCP connection to one of its addresses.
    Connect,
    /// What a MySQL or MariaDB server says first, unasked.
    Greeting,
    /// Encryption is asked for and agreed upon.
    Tls,
    /// The user is let in.
    Login,
    /// The server is asked what it is.
    Query,
}

/// One thing that a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is called, as in `pg_is_in_recovery`.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// Where a probe broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenStep {
    /// In which step.
    pub step: ProbeStep,
    /// How, in the words of the log and of the status.
    pub error: String,
    /// What to do.
    pub advice: String,
}
