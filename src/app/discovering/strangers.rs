//! How a server is asked that nobody vouches for: it may be anybody, and gets no password that it
//! could read, hand on or cheaply guess.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    config::{ClusterConfig, ProbeConfig, ProbeTarget, TargetHost},
    discovery::Word,
    engine::{ClusterKind, FailureKind, ProbeKey},
    metrics::ProbeMeter,
    probe,
};

/// Asks the server at an address what it is, once.
///
/// # Errors
/// How it failed.
pub async fn examine(cluster: &ClusterConfig, at: SocketAddr) -> Result<Word, FailureKind> {
    let target = probe::Target {
        key: ProbeKey(u64::MAX),
        target: ProbeTarget { host: TargetHost::Address(at.ip()), port: at.port() },
        kind: cluster.kind,
        config: Arc::new(cautious(&cluster.probe, cluster.kind)),
        meter: ProbeMeter::default(),
        listener: None,
    };
    probe::introduced(&target).await.map_err(|failure| failure.kind)
}

/// The probe's settings, with nothing in them that helps a rogue.
fn cautious(config: &ProbeConfig, kind: ClusterKind) -> ProbeConfig {
    config.for_strangers(kind)
}
