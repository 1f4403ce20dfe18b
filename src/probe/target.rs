//! Whom a probe task asks, and what it is told meanwhile.

use std::sync::Arc;

use tokio::sync::watch;

use super::{advice::AdviceReceiver, crowd::Crowd, listener::Listener};
use crate::{
    config::{ProbeConfig, ProbeTarget},
    engine::{ClusterKind, ProbeKey},
    metrics::ProbeMeter,
};

/// Whom to probe and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Under which name it reports.
    pub key: ProbeKey,
    /// Where to connect.
    pub target: ProbeTarget,
    /// What it speaks.
    pub kind: ClusterKind,
    /// How its cluster is probed.
    pub config: Arc<ProbeConfig>,
    /// Where its probes are counted.
    pub meter: ProbeMeter,
    /// Who hears what it says, beside the engine.
    pub listener: Option<Listener>,
}

/// What a probe task is told while it runs.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How to go on, by the engine. The task ends when it has no sender any more.
    pub advice: AdviceReceiver,
    /// A change asks for a probe at once, whatever the cadence. Without a sender nobody asks.
    pub hints: watch::Receiver<()>,
    /// The tasks that share a budget with this one.
    pub crowd: Crowd,
}

/// Waits for a hint, for ever when nobody can give one.
pub async fn hinted(hints: &mut watch::Receiver<()>) {
    if hints.changed().await.is_err() {
        std::future::pending().await
    }
}
