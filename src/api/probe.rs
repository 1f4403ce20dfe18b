//! One probe, step by step: the reply to `POST /v1/servers/{name}/probe`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Why;
use crate::report::{self, BrokenStep, ProbeTrace, TracedStep};

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

impl From<&ProbeTrace> for Probed {
    fn from(trace: &ProbeTrace) -> Self {
        let fact =
            |fact: &report::Fact| Fact { name: fact.name.clone(), value: fact.value.clone() };
        Self {
            cluster: trace.cluster.to_string(),
            server: trace.server.to_string(),
            target: trace.target.clone(),
            ok: trace.broken.is_none(),
            steps: trace.steps.iter().map(ProbeStep::from).collect(),
            facts: trace.facts.iter().map(fact).collect(),
            failure: trace.broken.as_ref().map(ProbeFailure::from),
            now: Why::from(&trace.now),
        }
    }
}

impl From<&TracedStep> for ProbeStep {
    fn from(step: &TracedStep) -> Self {
        Self {
            step: step.step.into(),
            ms: (step.took.as_secs_f64() * 10_000.0).round() / 10.0,
            ok: step.error.is_none(),
            detail: step.detail.iter().map(ToString::to_string).collect(),
            error: step.error.clone(),
        }
    }
}

impl From<&BrokenStep> for ProbeFailure {
    fn from(broken: &BrokenStep) -> Self {
        let BrokenStep { step, error, advice } = broken;
        Self { step: (*step).into(), error: error.clone(), advice: advice.clone() }
    }
}

impl From<report::ProbeStep> for ProbeStepName {
    fn from(step: report::ProbeStep) -> Self {
        match step {
            report::ProbeStep::Resolve => Self::Resolve,
            report::ProbeStep::Connect => Self::Connect,
            report::ProbeStep::Greeting => Self::Greeting,
            report::ProbeStep::Tls => Self::Tls,
            report::ProbeStep::Login => Self::Login,
            report::ProbeStep::Query => Self::Query,
        }
    }
}
