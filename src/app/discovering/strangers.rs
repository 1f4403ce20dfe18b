//! How a server is asked that nobody vouches for: it may be anybody, and gets no password that it
//! could read, hand on or cheaply guess.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    config::{ClusterConfig, ProbeConfig, ProbeTarget, TargetHost},
    discovery::{Login, Word},
    engine::{ClusterKind, FailureKind, ProbeKey},
    metrics::ProbeMeter,
    probe,
};

/// Asks the server at an address what it is, once. One that lets in whoever comes is believed less.
///
/// # Errors
/// How it failed.
pub async fn examine(cluster: &ClusterConfig, at: SocketAddr) -> Result<Word, FailureKind> {
    let (probe, kind) = (&cluster.probe, cluster.kind);
    let careful = probe.for_strangers(kind);
    let Some(proof) = probe.for_proof(kind) else { return ask(kind, at, careful).await };
    match ask(kind, at, proof).await {
        Err(FailureKind::Misconfigured) => {
            let mut word = ask(kind, at, careful).await?;
            word.introduction.login = Login::Open;
            Ok(word)
        }
        came => came,
    }
}

async fn ask(kind: ClusterKind, at: SocketAddr, config: ProbeConfig) -> Result<Word, FailureKind> {
    let target = probe::Target {
        key: ProbeKey(u64::MAX),
        target: ProbeTarget { host: TargetHost::Address(at.ip()), port: at.port() },
        kind,
        config: Arc::new(config),
        meter: ProbeMeter::default(),
        listener: None,
    };
    probe::introduced(&target).await.map_err(|failure| failure.kind)
}
