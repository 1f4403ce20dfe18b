//! One probe, step by step: the reply to `POST /v1/servers/{name}/probe`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Why;

/// What one probe came to, and what is decided of the server meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Probed {
    /// The cluster of the server.
    pub cluster: String,
    /// The server.
    pub server: String,
    /// What was asked, as in `db1.example.net:5432`.
    pub target: String,
    /// Whether the server said what it is.
    pub ok: bool,
    /// The steps that were made, in their order.
    pub steps: Vec<ProbeStep>,
    /// What the server said, in the words of its own documentation; empty when it did not.
    pub facts: Vec<Fact>,
    /// Where the probe broke, why, and what to do.
    pub failure: Option<ProbeFailure>,
    /// What is said of the server now, by the probes that go on all the time: this one counts for
    /// nothing there.
    pub now: Why,
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProbeStep {
    /// Which.
    pub step: ProbeStepName,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// Whether it went well.
    pub ok: bool,
    /// What was seen, a line each.
    pub detail: Vec<String>,
    /// How it failed, in the words of the log, if it did.
    pub error: Option<String>,
}

/// The steps of a probe. A cluster makes those that its engine and its settings have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeStepName {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    /// What it is called, as in `pg_is_in_recovery`.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// Where a probe broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProbeFailure {
    /// In which step.
    pub step: ProbeStepName,
    /// How, in the words of the log and of the status.
    pub error: String,
    /// What to do.
    pub advice: String,
}
