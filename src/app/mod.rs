//! The composition root: configuration in, running parts out. It wires and supervises, and decides
//! nothing.
//!
//! When DNS or the driver ends by itself, everything ends: a service manager starts all anew, while
//! a half that runs on would serve what nobody looks after. When one of them stands still, the
//! watchdog says so. A probe that panics ends nothing, see `probing.rs`.

mod copies;
mod discovering;
mod ears;
mod facts;
mod joining;
mod lagging;
mod needs;
mod past;
mod places;
mod prepared;
mod probing;
mod pushing;
mod reload_notifier;
mod servers;
mod service;
mod shown;
mod signals;

use std::{io, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
    time::{interval, timeout},
};
use tracing::{info, warn};

pub use self::needs::{runtime_threads, threads_needed};
use self::{
    discovering::Known,
    lagging::look_after,
    past::OpenedState,
    prepared::{layout, warn_of_open_files},
    probing::Probes,
    pushing::KnownPushes,
    reload_notifier::{ReloadNotifier, status},
    service::{Service, plan},
    shown::Showing,
    signals::{Signal, Signals},
};
use crate::{
    admin::{self, AdminServer, Background, Operations},
    answers::PlacementError,
    config::Config,
    control::{Control, ControlEnds, Order},
    descriptors,
    dns::{BindError, DnsServer, ServeError},
    driver::{Driver, Ends},
    engine::Event,
    hooks::Hooks,
    inherited::{Inherited, InheritedError},
    metrics::{DriverCounts, Metrics, ServiceCounts},
    sessions::Sessions,
    state::{OpenError, Saver, StateHealth},
    telemetry::Losses,
    transfer::Transfers,
    watchdog::{Part, Pulse, Watchdog, Watching},
};

/// How long probes may take to close their connections when all stops.
const LEAVE: Duration = Duration::from_secs(1);

/// How often we look whether the log has lost lines.
const LOOK_FOR_LOSSES_EVERY: Duration = Duration::from_secs(1);

/// A running Pointsman. Dropping it stops all parts.
#[derive(Debug)]
pub struct App {
    dns: DnsServer,
    /// One task.
    driver: JoinSet<()>,
    /// One task, which owns the probes.
    service: JoinSet<Probes>,
    /// Tells that task to end.
    stopping: oneshot::Sender<()>,
    control: Control,
    hooks: Hooks,
    sessions: Sessions,
    /// One task, which ends with us.
    _lagging: JoinSet<()>,
    watchdog: Watching,
    operations: Operations,
    admin: Option<AdminServer>,
    saver: Option<Saver>,
}

/// Why Pointsman does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listen address cannot be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A socket that the service manager hands over cannot be used.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// A socket of the admin API cannot be used.
    #[error(transparent)]
    Admin(#[from] admin::BindError),
    /// There can be no further thread.
    #[error("cannot start the watchdog's thread; raise TasksMax")]
    Watchdog(#[source] io::Error),
    /// Another process uses the state folder.
    #[error(transparent)]
    State(#[from] OpenError),
    /// There can be no further thread.
    #[error("cannot start the thread that saves the state; raise TasksMax")]
    Saver(#[source] io::Error),
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
    /// Nobody carries out orders any more, and the probes have ended.
    #[error("the task that runs the probes has ended")]
    Service(#[source] Option<JoinError>),
}

/// Runs as a service until SIGTERM or SIGINT. On SIGHUP it reads its configuration again. Lines that
/// the log has lost are told by `losses`.
///
/// What `inherited` has of the addresses of `config` is not bound anew.
///
/// Needs a running tokio runtime.
///
/// # Errors
/// [`ServiceError`], when it does not start or a part fails.
pub async fn serve(
    config: Config,
    inherited: Inherited,
    losses: Losses,
) -> Result<(), ServiceError> {
    // Before anything can be seen of us: a signal that nobody listens for would kill the process.
    let mut signals = Signals::listen()?;
    descriptors::provide(needs::descriptors_needed(&config));
    if !inherited.is_empty() {
        info!(sockets = inherited.len(), "sockets come from the service manager");
    }
    warn_of_open_files(&config.open_files);
    let mut app = App::start(config, inherited, None)?;
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
    info!(event = "ready", "ready: DNS is answered, and every server is being asked what it is");
    let state = app.saver.as_ref().map(Saver::health);
    let counts = app.operations.metrics().service.clone();
    tokio::select! {
        () = end_asked(&mut signals, app.control.clone()) => {}
        () = look_around(losses, state, counts) => {}
        failure = app.failed() => return Err(failure),
    }
    info!("stopping");
    app.stop().await;
    Ok(())
}

impl App {
    /// Binds the listen addresses that `inherited` does not have, then starts the driver, the probes,
    /// the admin API and the watchdog, which tells the service manager that we are ready. Needs a
    /// running tokio runtime.
    ///
    /// Each change is also sent to `observer`.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(
        config: Config,
        mut inherited: Inherited,
        observer: Option<mpsc::UnboundedSender<Event>>,
    ) -> Result<Self, StartError> {
        let OpenedState { config, past, saver } = past::begin(config)?;
        let mut probes = Probes::default();
        let mut questions = probes.questions(&config.clusters);
        let plan = plan(&config, layout(&config)?, &mut questions);
        let (control, ControlEnds { commands, orders }) = Control::new();
        let chronicle = past.chronicle.clone();
        let known = Known::of(&past);
        let known_pushes = KnownPushes::of(&past);
        let (driver, Ends { findings, replans, reader, pulse, counts }) =
            Driver::new(plan, commands, past, observer);
        let listeners = admin::bind(&config.admin, &mut inherited)?;
        let (dns, transfers, copies) = copies::open(&config, &reader, &mut inherited)?;
        inherited.expect_none_left()?;
        let watchdog = Watchdog::new(parts(pulse, &dns), status(&config, dns.local_addresses()))
            .map_err(StartError::Watchdog)?;
        probes.start(questions, &findings);
        let metrics = metrics(&dns, counts, &probes);
        let kicks = metrics.kicks.clone();
        // Before the driver moves: they hear of everything that it does.
        let hooks = Hooks::start(&config.hooks, &chronicle);
        let lagging = JoinSet::from_iter([look_after(transfers.clone(), chronicle.clone())]);
        let chores = background(&hooks, transfers, &known_pushes, saver.as_ref());
        let operations = Operations::new(
            probes.hints(&config.clusters),
            reader.clone(),
            watchdog.health(),
            metrics,
            control.clone(),
            chronicle.clone(),
            chores,
        );
        let admin = listeners.serve(operations.clone())?;
        let watchdog = watchdog.start().map_err(StartError::Watchdog)?;
        let config = Arc::new(config);
        let sessions = Sessions::start(Arc::clone(&config), reader.clone(), &chronicle, kicks);
        let (stopping, stop) = oneshot::channel();
        let service = Service {
            discovering: known.begin(&control, &reader, &operations, probes.ears()),
            herald: herald(&watchdog, &dns),
            config,
            probes,
            findings,
            replans,
            orders,
            control: control.clone(),
            chronicle,
            operations: operations.clone(),
            hooks: hooks.handle().clone(),
            sessions: sessions.handle().clone(),
            copies,
            pushing: known_pushes.begin(&reader),
            reader,
            showing: Showing::default(),
            readying: JoinSet::new(),
            joining_took: Duration::ZERO,
        };
        let service = JoinSet::from_iter([service.run(stop)]);
        Ok(Self {
            dns,
            driver: JoinSet::from_iter([driver.run()]),
            service,
            stopping,
            control,
            hooks,
            sessions,
            _lagging: lagging,
            watchdog,
            operations,
            admin,
            saver,
        })
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
            ended = self.service.join_next() => {
                ServiceError::Service(ended.and_then(Result::err))
            }
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
        self.sessions.stop().await;
        // Without a driver nobody listens to the probes, and they end by themselves.
        self.driver.shutdown().await;
        _ = self.stopping.send(());
        let all_left = async {
            if let Some(Ok(probes)) = self.service.join_next().await {
                probes.ended().await;
            }
        };
        // Nothing happens any more; what has happened is still told.
        let (left, ()) = tokio::join!(timeout(LEAVE, all_left), self.hooks.stop());
        if left.is_err() {
            warn!("some probes did not end in time");
        }
        // Last: nothing is published any more, so the next process may begin right above the serial.
        if let Some(saver) = self.saver {
            saver.stop().await;
        }
    }
}

/// Waits for a signal that asks to end; one that asks to reload is an order like any other.
async fn end_asked(signals: &mut Signals, control: Control) {
    while signals.next().await == Signal::Reload {
        let control = control.clone();
        // The outcome is in the log.
        tokio::spawn(async move { _ = control.order(Order::Reload).await });
    }
}

/// Tells the service manager and people of reloads.
fn herald(watchdog: &Watching, dns: &DnsServer) -> ReloadNotifier {
    let addresses = dns.local_addresses().to_vec();
    ReloadNotifier { announcer: watchdog.announcer(), addresses }
}

/// What goes on beside answering.
fn background(
    hooks: &Hooks,
    transfers: Transfers,
    pushes: &KnownPushes,
    saver: Option<&Saver>,
) -> Background {
    let state = saver.map(Saver::health);
    Background { hooks: hooks.handle().clone(), transfers, pushes: pushes.pushes(), state }
}

/// What all parts count.
fn metrics(dns: &DnsServer, driver: DriverCounts, probes: &Probes) -> Metrics {
    let probes = probes.metrics();
    Metrics { dns: dns.counters(), driver, probes, ..Metrics::default() }
}

/// Everything that must keep moving.
fn parts(driver: Pulse, dns: &DnsServer) -> Vec<Part> {
    let driver = Part { name: "driver".into(), pulse: driver };
    std::iter::once(driver).chain(dns.parts().iter().cloned()).collect()
}

/// Tells of lines that the log has lost, and counts what nobody else does, for ever.
async fn look_around(mut losses: Losses, state: Option<StateHealth>, counts: ServiceCounts) {
    let mut looks = interval(LOOK_FOR_LOSSES_EVERY);
    loop {
        looks.tick().await;
        losses.tell();
        counts.log_lost(losses.lines());
        counts.log_written(losses.fault().as_ref());
        if let Some(state) = &state {
            counts.state_saved(state.fault().is_none());
        }
    }
}
