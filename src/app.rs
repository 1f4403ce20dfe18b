//! The composition root: configuration in, running parts out. It wires and supervises, and decides nothing.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use crate::{
    answers::{Layout, PlacementError},
    config::{ClusterConfig, Config},
    dns::{self, BindError, DnsServer},
    driver::{Driver, Ends},
    engine::{ClusterId, Event, Observation, ProbeAdvice, ServerId, ServerIndex},
    probe,
};

/// How long probes may take to close their connections when all stops.
const LEAVE: Duration = Duration::from_secs(1);

/// Pause after a probe that panicked, so that a fault that repeats itself does not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// A running Pointsman. Dropping it stops all parts.
#[derive(Debug)]
pub struct App {
    dns: DnsServer,
    driver: JoinHandle<()>,
    probes: JoinSet<()>,
}

/// Why Pointsman does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listen address cannot be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A name has no place in the zones.
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

impl App {
    /// Binds the listen addresses, then starts the driver and the probes. Needs a running tokio runtime.
    ///
    /// Each change is also sent to `observer`.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(
        config: Config,
        observer: Option<mpsc::UnboundedSender<Event>>,
    ) -> Result<Self, StartError> {
        let names = config.clusters.iter().flat_map(|cluster| cluster.names.clone()).collect();
        let layout = Layout::new(&config.zones, names)?;
        let clusters = config
            .clusters
            .iter()
            .map(|cluster| (cluster.policy.clone(), cluster.published.clone()))
            .collect();
        let (driver, Ends { observations, advice, reader }) =
            Driver::new(clusters, layout, observer);
        let dns = dns::bind(&config.dns, &reader)?;
        let mut probes = JoinSet::new();
        for (target, advice) in
            targets(config.clusters).into_iter().zip(advice.into_iter().flatten())
        {
            probes.spawn(keep_probing(target, advice, observations.clone()));
        }
        Ok(Self { dns, driver: tokio::spawn(driver.run()), probes })
    }

    /// The addresses on which DNS is answered, in the order of the configuration.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        self.dns.local_addresses()
    }

    /// Runs until SIGTERM or SIGINT (exit code 0), or until a part fails (1). SIGHUP is noted: this version reads its
    /// configuration at the start only.
    pub async fn run(mut self) -> ExitCode {
        let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = signals.map(signal) else {
            error!("cannot listen for signals");
            return ExitCode::FAILURE;
        };
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    warn!("SIGHUP ignored: this version reads its configuration at the start only; restart it");
                }
                failure = self.dns.failed() => {
                    error!("{failure}");
                    return ExitCode::FAILURE;
                }
                ended = &mut self.driver => {
                    error!("the driver has ended: {ended:?}");
                    return ExitCode::FAILURE;
                }
            }
        }
        info!("stopping");
        self.stop().await;
        ExitCode::SUCCESS
    }

    /// Stops answering, then probing. Probes have a moment to take leave of their servers, which would otherwise log
    /// a lost connection.
    pub async fn stop(mut self) {
        self.dns.shutdown().await;
        // Without a driver nobody listens to the probes, and they end by themselves.
        self.driver.abort();
        let all_left = async { while self.probes.join_next().await.is_some() {} };
        if timeout(LEAVE, all_left).await.is_err() {
            warn!("some probes did not end in time");
        }
    }
}

fn targets(clusters: Vec<ClusterConfig>) -> Vec<probe::Target> {
    let mut targets = Vec::new();
    for (id, cluster) in clusters.into_iter().enumerate() {
        let config = Arc::new(cluster.probe);
        for (index, target) in cluster.targets.into_iter().enumerate() {
            targets.push(probe::Target {
                id: ServerId { cluster: ClusterId(id), server: ServerIndex(index) },
                target,
                kind: cluster.policy.kind,
                config: Arc::clone(&config),
            });
        }
    }
    targets
}

/// Probes one server for as long as anybody listens. A probe that panics is a fault of ours in one server's answer; it
/// must not end the probing of that server, nor anything else.
async fn keep_probing(
    target: probe::Target,
    advice: watch::Receiver<ProbeAdvice>,
    observations: mpsc::Sender<Observation>,
) {
    loop {
        let task = probe::run(target.clone(), advice.clone(), observations.clone());
        match tokio::spawn(task).await {
            Ok(()) => return,
            Err(ended) if ended.is_panic() => {
                error!(target = %target.target, "a probe panicked and is started again");
                sleep(AFTER_PANIC).await;
            }
            Err(_) => return,
        }
    }
}
