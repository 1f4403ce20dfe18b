//! Why a name says what it says, and what it would say, by names.

use super::{ClusterView, NameView, Severity};
use crate::engine::{Candidacy, ServerState, Supposition};

/// Why a name says what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The name and what it says.
    pub name: NameView,
    /// Its cluster.
    pub cluster: Box<str>,
    /// Every server of the cluster, in config order.
    pub candidates: Vec<Candidate>,
}

/// One server as a candidate for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The server.
    pub server: Box<str>,
    /// Its state.
    pub state: ServerState,
    /// How bad that is.
    pub severity: Severity,
    /// Whether the name says it, why, and what would change that.
    pub candidacy: Candidacy,
}

/// What would be decided if servers were otherwise, and nothing else changed.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// What was supposed of which server of the cluster.
    pub supposed: Vec<(Box<str>, Supposition)>,
    /// The cluster as it is.
    pub now: ClusterView,
    /// The cluster as it would be once the decision had settled.
    pub then: ClusterView,
}
