//! The composition root: configuration in, running parts out. It wires and supervises, and decides
//! nothing.
//!
//! When DNS or the driver ends by itself, everything ends: a service manager starts all anew, while
//! a half that runs on would serve what nobody looks after. When one of them stands still, the
//! watchdog says so. A probe that panics ends nothing, see `probing.rs`.

mod probing;
mod signals;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{interval, timeout},
};
use tracing::{info, warn};

use self::{probing::start_probes, signals::Signals};
use crate::{
    admin::{self, AdminServer, Operations},
    answers::{Layout, PlacementError},
    config::Config,
    descriptors,
    dns::{self, BindError, DnsServer, ServeError},
    driver::{Driver, Ends},
    engine::Event,
    metrics::{Metrics, ProbeMetrics, ServiceCounts},
    telemetry::Losses,
    watchdog::{Part, Pulse, Watchdog, Watching},
};

/// How long probes may take to close their connections when all stops.
const LEAVE: Duration = Duration::from_secs(1);

/// How often we look whether the log has lost lines.
const LOOK_FOR_LOSSES_EVERY: Duration = Duration::from_secs(1);

/// Descriptors beside those of probes, listeners and DNS clients: the runtimes', the log's, admin
/// clients', files that are read anew.
const OTHER_DESCRIPTORS: usize = 256;

/// Sockets of one probe at most: the old login, the fresh one that replaces it, and one for
/// heartbeats.
const DESCRIPTORS_PER_SERVER: usize = 3;

/// A connection, or a process with its output.
const DESCRIPTORS_PER_WITNESS: usize = 2;

/// A running Pointsman. Dropping it stops all parts.
#[derive(Debug)]
pub struct App {
    dns: DnsServer,
    /// One task.
    driver: JoinSet<()>,
    probes: JoinSet<()>,
    watchdog: Watching,
    operations: Operations,
    admin: Option<AdminServer>,
}

/// Why Pointsman does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listen address cannot be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A socket of the admin API cannot be used.
    #[error(transparent)]
    Admin(#[from] admin::BindError),
    /// There can be no further thread.
    #[error("cannot start the watchdog's thread; raise TasksMax")]
    Watchdog(#[source] io::Error),
    /// A name has no place in the zones.
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

/// Why a service ended that nobody had asked to end.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The system does not tell us of signals.
    #[error("cannot listen for signals")]
    Signals(#[from] io::Error),
    /// It did not begin.
    #[error("cannot start")]
    Start(#[from] StartError),
    /// A socket is no longer served.
    #[error(transparent)]
    Dns(#[from] ServeError),
    /// Nobody decides any more.
    #[error("the driver has ended")]
    Driver(#[source] Option<JoinError>),
}

/// Runs as a service until SIGTERM or SIGINT. SIGHUP is noted: this version reads its configuration
/// at the start only. Lines that the log has lost are told by `losses`.
///
/// Needs a running tokio runtime.
///
/// # Errors
/// [`ServiceError`], when it does not start or a part fails.
pub async fn serve(config: Config, losses: Losses) -> Result<(), ServiceError> {
    // Before anything can be seen of us: a signal that nobody listens for would kill the process.
    let mut signals = Signals::listen()?;
    descriptors::provide(descriptors_needed(&config));
    let mut app = App::start(config, None)?;
    for address in app.local_addresses() {
        info!(%address, "answering DNS by UDP and TCP");
    }
    for address in app.dns.tls_addresses() {
        info!(%address, "answering DNS over TLS");
    }
    if let Some(admin) = &app.admin {
        if let Some(path) = admin.socket() {
            info!(path = %path.display(), "admin API on a Unix socket");
        }
        if let Some(address) = admin.http() {
            info!(%address, "admin API by HTTP");
        }
    }
    tokio::select! {
        () = signals.end_asked() => {}
        () = tell_of(losses, app.operations.metrics().service.clone()) => {}
        failure = app.failed() => return Err(failure),
    }
    info!("stopping");
    app.stop().await;
    Ok(())
}

impl App {
    /// Binds the listen addresses, then starts the driver, the probes, the admin API and the
    /// watchdog, which tells the service manager that we are ready. Needs a running tokio runtime.
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
        let directory = config.directory();
        let clusters = config.clusters.iter().zip(&directory.clusters);
        let clusters = clusters
            .map(|(cluster, listing)| (cluster.policy.clone(), Arc::clone(&listing.servers)))
            .collect();
        let layout = Layout::with_companions(&config.zones, names, directory)?;
        let (driver, Ends { observations, advice, reader, pulse, counts }) =
            Driver::new(clusters, layout, observer);
        let listeners = admin::bind(&config.admin)?;
        let dns = dns::bind(&config.dns, &reader)?;
        let watchdog = Watchdog::new(parts(pulse, &dns), status(&config, &dns))
            .map_err(StartError::Watchdog)?;
        let hints: Vec<_> = advice.iter().map(|_| watch::Sender::new(())).collect();
        let clusters = config.clusters.iter().map(|cluster| cluster.policy.name.clone());
        let metrics = Metrics {
            dns: dns.counters(),
            driver: counts,
            probes: ProbeMetrics::default(),
            service: ServiceCounts::default(),
        };
        let operations = Operations::new(
            clusters.zip(hints.iter().cloned()),
            reader,
            watchdog.health(),
            metrics.clone(),
        );
        let admin = listeners.serve(operations.clone())?;
        let watchdog = watchdog.start().map_err(StartError::Watchdog)?;
        let probes = start_probes(config.clusters, &advice, &hints, &observations, &metrics.probes);
        let driver = JoinSet::from_iter([driver.run()]);
        Ok(Self { dns, driver, probes, watchdog, operations, admin })
    }

    /// The addresses on which DNS is answered, in the order of the configuration.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        self.dns.local_addresses()
    }

    /// What can be seen and done from outside.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Waits until a part ends by itself. While all is well it never returns.
    async fn failed(&mut self) -> ServiceError {
        tokio::select! {
            failure = self.dns.failed() => ServiceError::Dns(failure),
            ended = self.driver.join_next() => ServiceError::Driver(ended.and_then(Result::err)),
        }
    }

    /// Stops answering, then probing. Probes have a moment to take leave of their servers, which
    /// would otherwise log a lost connection.
    pub async fn stop(mut self) {
        self.watchdog.stop().await;
        let admin = async {
            if let Some(admin) = self.admin {
                admin.stop().await;
            }
        };
        tokio::join!(self.dns.shutdown(), admin);
        // Without a driver nobody listens to the probes, and they end by themselves.
        self.driver.shutdown().await;
        let all_left = async { while self.probes.join_next().await.is_some() {} };
        if timeout(LEAVE, all_left).await.is_err() {
            warn!("some probes did not end in time");
        }
    }
}

/// Everything that must keep moving.
fn parts(driver: Pulse, dns: &DnsServer) -> Vec<Part> {
    let driver = Part { name: "driver".into(), pulse: driver };
    std::iter::once(driver).chain(dns.parts().iter().cloned()).collect()
}

/// What we do, for the service manager.
fn status(config: &Config, dns: &DnsServer) -> String {
    let addresses: Vec<_> = dns.local_addresses().iter().map(ToString::to_string).collect();
    let clusters = match config.clusters.len() {
        1 => "1 cluster".to_owned(),
        many => format!("{many} clusters"),
    };
    format!("answering DNS for {clusters} on {}", addresses.join(", "))
}

/// Tells of lines that the log has lost, for ever.
async fn tell_of(mut losses: Losses, counts: ServiceCounts) {
    let mut looks = interval(LOOK_FOR_LOSSES_EVERY);
    loop {
        looks.tick().await;
        losses.tell();
        counts.log_lost(losses.lines());
    }
}

/// Descriptors in use when every probe and every client uses all that it may.
fn descriptors_needed(config: &Config) -> u64 {
    let servers: usize = config.clusters.iter().map(|cluster| cluster.targets.len()).sum();
    let checks = config.clusters.iter().flat_map(|cluster| &cluster.checks);
    let witnesses: usize = checks.map(|checks| checks.witnesses.len()).sum();
    let dns = &config.dns;
    let listeners = dns.listen.len() * (1 + dns.workers);
    let asked = servers * DESCRIPTORS_PER_SERVER + witnesses * DESCRIPTORS_PER_WITNESS;
    let needed = asked + dns.tcp.max_connections + listeners + OTHER_DESCRIPTORS;
    u64::try_from(needed).unwrap_or(u64::MAX)
}
