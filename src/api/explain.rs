//! Why a name says what it says, and what it would say: `GET /v1/explain` and `GET /v1/what-if`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ClusterStatus, NameStatus, Severity};
use crate::{engine::Supposition, report};

/// Why a name says what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The name and what it says.
    pub name: NameStatus,
    /// Its cluster.
    pub cluster: String,
    /// Every server of the cluster, in config order.
    pub candidates: Vec<Candidate>,
}

/// One server as a candidate for a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// The server.
    pub server: String,
    /// Its state.
    pub state: String,
    /// How bad that is.
    #[serde(default)]
    pub severity: Severity,
    /// Whether the name says it.
    pub included: bool,
    /// Why, or why not.
    pub because: String,
    /// What would change that.
    pub would_change: String,
}

/// What would be decided if a server were otherwise, and nothing else changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhatIf {
    /// What was supposed, in words.
    pub supposed: String,
    /// The cluster as it is.
    pub now: ClusterStatus,
    /// The cluster as it would be once the decision had settled.
    pub then: ClusterStatus,
}

impl From<&report::Explanation> for Explanation {
    fn from(explanation: &report::Explanation) -> Self {
        Self {
            name: NameStatus::from(&explanation.name),
            cluster: explanation.cluster.to_string(),
            candidates: explanation.candidates.iter().map(Candidate::from).collect(),
        }
    }
}

impl From<&report::Candidate> for Candidate {
    fn from(candidate: &report::Candidate) -> Self {
        let report::Candidate { server, state, severity, candidacy } = candidate;
        Self {
            server: server.to_string(),
            state: state.to_string(),
            severity: (*severity).into(),
            included: candidacy.included,
            because: candidacy.because.to_string(),
            would_change: candidacy.change.to_string(),
        }
    }
}

impl From<&report::WhatIf> for WhatIf {
    fn from(what_if: &report::WhatIf) -> Self {
        let words = |(name, supposed): &(Box<str>, Supposition)| match supposed {
            Supposition::Down => format!("{name} refuses connections"),
            Supposition::Up => format!("{name} answers as it did when it last answered"),
            Supposition::Lag(lag) => format!("{name} is a replica that is behind by {lag:?}"),
            Supposition::Promoted => format!("{name} has been promoted"),
            Supposition::ReadOnly => format!("{name} takes no writes"),
            Supposition::Drained => format!("{name} is drained"),
        };
        let supposed = what_if.supposed.iter().map(words).collect::<Vec<_>>().join(", and ");
        Self { supposed, now: (&what_if.now).into(), then: (&what_if.then).into() }
    }
}
