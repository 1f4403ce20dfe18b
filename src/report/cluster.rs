//! What the engine last said of one cluster, by the places of its configuration: what is published
//! beside the table of answers.

use std::sync::Arc;

use super::Change;
use crate::{
    engine::{
        Check, Decision, Extent, Override, Progress, ServerIndex, Standing, Upstream,
        WitnessStanding, Word,
    },
    wall_time::WallTime,
};

/// What the engine last said of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// What is published. A new session count alone is no reason for a new report.
    pub decision: Decision,
    /// One per server, in config order.
    pub servers: Box<[ServerReport]>,
    /// What operators have laid over it, in the order of what they did.
    pub overrides: Box<[Override]>,
    /// The last changes, newest first.
    pub events: Arc<[Arc<Change>]>,
    /// The wall time at [`Moment::START`](crate::engine::Moment::START).
    pub start: WallTime,
}

/// What the engine last said of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// Its state, why, and since when.
    pub standing: Standing,
    /// The words of its present failure, if it fails.
    pub failure: Option<Box<str>>,
    /// Whom it replicates from, as far as it tells.
    pub upstream: Option<Upstream<ServerIndex>>,
    /// How far what it has reaches, while its cluster misses a writer.
    pub extent: Option<Extent>,
    /// What its next probes may make of it, while something is being counted.
    pub progress: Option<Progress>,
    /// What others say of it, in the order of its checks.
    pub witnesses: Box<[WitnessReport]>,
    /// It was added while the service ran and is not in the configuration file.
    pub added: bool,
}

/// What a witness last said of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessReport {
    /// Which check.
    pub check: Check,
    /// The word that counts; `None` when it says nothing.
    pub word: Option<Word>,
    /// Its own words, or how it could not be reached.
    pub detail: Box<str>,
}

impl WitnessReport {
    /// Whether `standing` would be told in the same words.
    pub fn tells(&self, standing: &WitnessStanding<'_>) -> bool {
        (self.check, self.word, &*self.detail) == (standing.check, standing.word, standing.detail)
    }
}

impl From<WitnessStanding<'_>> for WitnessReport {
    fn from(WitnessStanding { check, word, detail }: WitnessStanding<'_>) -> Self {
        Self { check, word, detail: detail.into() }
    }
}
