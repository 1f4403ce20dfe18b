//! How a server is asked that nobody vouches for: it may be anybody, and gets no password that it
//! could read, hand on or cheaply guess.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    config::{ClusterConfig, ProbeTarget, TargetHost},
    discovery::Word,
    engine::{FailureKind, ProbeKey},
    metrics::ProbeMeter,
    probe,
};

/// Asks the server at an address what it is, once. One that lets in whoever comes is believed less.
///
/// # Errors
/// How it failed.
pub async fn examine(cluster: &ClusterConfig, at: SocketAddr) -> Result<Word, FailureKind> {
    let target = probe::Target {
        key: ProbeKey(u64::MAX),
        target: ProbeTarget { host: TargetHost::Address(at.ip()), port: at.port() },
        kind: cluster.kind,
        config: Arc::new(cluster.probe.clone()),
        meter: ProbeMeter::default(),
        listener: None,
    };
    probe::stranger(&target).await.map_err(|failure| failure.kind)
}
