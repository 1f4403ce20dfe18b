//! Why a name says what it says, and what it would say: `GET /v1/explain` and `GET /v1/what-if`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ClusterStatus, NameStatus};

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
    /// Whether the name says it.
    pub included: bool,
    /// Why, or why not.
    pub because: String,
    /// What would change that.
    pub would_change: String,
}

/// What is supposed of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supposition {
    /// It refuses connections.
    Down,
    /// It answers as it did when it was last well.
    Up,
    /// It is a replica behind by so many milliseconds.
    LagMs(u64),
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
