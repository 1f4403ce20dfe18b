//! The composition root: configuration in, running parts out. It wires and supervises, and decides
//! nothing.
//!
//! A probe that panics is started again, for it is one server's answer. When DNS or the driver ends
//! by itself, everything ends: a service manager starts all anew, while a half that runs on would
//! serve what nobody looks after. When one of them stands still, the watchdog says so.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{interval, sleep, timeout},
};
use tracing::{error, info, warn};

use crate::{
    admin::{self, AdminServer, Operations},
    answers::{Layout, PlacementError},
    config::{ClusterConfig, Config, ProbeTarget},
    descriptors,
    dns::{self, BindError, DnsServer, ServeError},
    driver::{Driver, Ends},
    engine::{ClusterId, Event, Observation, ProbeAdvice, ServerId, ServerIndex},
    probe::{self, Names, Orders, WitnessTarget},
    telemetry::Losses,
    watchdog::{Part, Pulse, Watchdog, Watching},
};

/// How long probes may take to close their connections when all stops.
const LEAVE: Duration = Duration::from_secs(1);

/// Pause after a probe that panicked, so that a fault that repeats itself does not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// How often we look whether the log has lost lines.
const LOOK_FOR_LOSSES_EVERY: Duration = Duration::from_secs(1);

/// Between the first probes of two servers: thousands of logins at once would be late, all of them,
/// and a handful must not wait.
const STARTS_APART: Duration = Duration::from_micros(200);

/// All first probes start within this time and the [spread](probe::run) of their own, so that each
/// has its whole deadline before the first round ends.
const STARTS_WITHIN: Duration = Duration::from_millis(400);

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
        () = tell_of(losses) => {}
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
        let (driver, Ends { observations, advice, reader, pulse }) =
            Driver::new(clusters, layout, observer);
        let listeners = admin::bind(&config.admin)?;
        let dns = dns::bind(&config.dns, &reader)?;
        let watchdog = Watchdog::new(parts(pulse, &dns), status(&config, &dns))
            .map_err(StartError::Watchdog)?;
        let hints: Vec<_> = advice.iter().map(|_| watch::Sender::new(())).collect();
        let clusters = config.clusters.iter().map(|cluster| cluster.policy.name.clone());
        let operations =
            Operations::new(clusters.zip(hints.iter().cloned()), reader, watchdog.health());
        let admin = listeners.serve(operations.clone())?;
        let watchdog = watchdog.start().map_err(StartError::Watchdog)?;
        let probes = start_probes(config.clusters, &advice, &hints, &observations);
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

/// What a service manager or a terminal says.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one that asks to end.
    async fn end_asked(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => warn!(
                    "SIGHUP ignored: this version reads its configuration at the start only; \
                     restart it"
                ),
            }
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
async fn tell_of(mut losses: Losses) {
    let mut looks = interval(LOOK_FOR_LOSSES_EVERY);
    loop {
        looks.tick().await;
        losses.tell();
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

/// Starts one task per question, one after the other.
fn start_probes(
    clusters: Vec<ClusterConfig>,
    advice: &[Vec<watch::Receiver<ProbeAdvice>>],
    hints: &[watch::Sender<()>],
    observations: &mpsc::Sender<Observation>,
) -> JoinSet<()> {
    let mut probes = JoinSet::new();
    let mut wait = Duration::ZERO;
    let tasks = tasks(clusters);
    let apart =
        STARTS_APART.min(STARTS_WITHIN / u32::try_from(tasks.len().max(1)).unwrap_or(u32::MAX));
    for task in tasks {
        let ServerId { cluster, server } = task.server();
        let advice = advice[cluster.0][server.0].clone();
        let orders = Orders { advice, hints: hints[cluster.0].subscribe() };
        let probing = keep_probing(task, orders, observations.clone());
        probes.spawn(async move {
            sleep(wait).await;
            probing.await;
        });
        wait += apart;
    }
    probes
}

/// One question that is asked again and again.
#[derive(Clone)]
enum Task {
    /// To the server itself.
    Probe(probe::Target),
    /// To somebody else about it.
    Witness(WitnessTarget),
}

impl Task {
    fn server(&self) -> ServerId {
        match self {
            Self::Probe(target) => target.id,
            Self::Witness(target) => target.id,
        }
    }

    fn target(&self) -> &ProbeTarget {
        match self {
            Self::Probe(target) => &target.target,
            Self::Witness(target) => &target.target,
        }
    }

    async fn run(self, orders: Orders, observations: mpsc::Sender<Observation>) {
        match self {
            Self::Probe(target) => probe::run(target, orders, observations).await,
            Self::Witness(target) => probe::watch(target, orders, observations).await,
        }
    }
}

/// The tasks of all servers: each server itself, if it is asked, and each of its witnesses.
fn tasks(clusters: Vec<ClusterConfig>) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (id, cluster) in clusters.into_iter().enumerate() {
        let config = Arc::new(cluster.probe);
        let servers = cluster.targets.into_iter().zip(cluster.checks);
        for (index, (target, checks)) in servers.enumerate() {
            let id = ServerId { cluster: ClusterId(id), server: ServerIndex(index) };
            for witness in checks.witnesses {
                let names = Names {
                    cluster: cluster.policy.name.clone(),
                    server: cluster.policy.servers[index].name.clone(),
                };
                let speaks = checks.speaker == Some(witness.check());
                let (target, config) = (target.clone(), Arc::clone(&config));
                tasks.push(Task::Witness(WitnessTarget {
                    id,
                    names,
                    target,
                    witness,
                    config,
                    speaks,
                }));
            }
            if checks.database {
                let (kind, config) = (cluster.policy.kind, Arc::clone(&config));
                tasks.push(Task::Probe(probe::Target { id, target, kind, config }));
            }
        }
    }
    tasks
}

/// Asks about one server for as long as anybody listens. A probe that panics is a fault of ours in
/// one server's answer; it must not end the probing of that server, nor anything else.
async fn keep_probing(asked: Task, orders: Orders, observations: mpsc::Sender<Observation>) {
    loop {
        // A set, for it ends its task when it is dropped.
        let mut task =
            JoinSet::from_iter([asked.clone().run(orders.clone(), observations.clone())]);
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                error!(server = %asked.target(), "a probe panicked and is started again");
                sleep(AFTER_PANIC).await;
            }
            _ => return,
        }
    }
}
