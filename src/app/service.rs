//! The task that runs the parts while they run: it reloads the configuration and lets servers join
//! and leave. One order after the other.
//!
//! Files are read beside the runtime, so that nothing waits for a disk.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinSet, spawn_blocking},
};
use tracing::{error, info, warn};

use super::{
    discovering::{Discovering, revived},
    prepared::{PrepareError, Prepared, warn_of_open_files},
    probing::{Probes, Questions},
    reload_notifier::ReloadNotifier,
    shown::Showing,
};
use crate::{
    admin::Operations,
    answers::Layout,
    chronicle::Chronicle,
    clock, config,
    config::Config,
    control::{Control, Done, Order, OrderError},
    driver::{Newcomer, Plan, PlannedCluster, Replan, Settled},
    hooks::HooksHandle,
    probe::Finding,
    publish::Reader,
    push::PushService,
    report::{Change, Configuration, What},
    sessions::SessionsHandle,
    transfer::TransferService,
    wall_time::WallTime,
};

/// Whoever runs the parts.
#[derive(Debug)]
pub struct Service {
    pub herald: ReloadNotifier,
    /// What is in force.
    pub config: Arc<Config>,
    pub probes: Probes,
    pub findings: mpsc::Sender<Finding>,
    pub replans: mpsc::Sender<Replan>,
    pub orders: mpsc::Receiver<Order>,
    pub control: Control,
    pub chronicle: Chronicle,
    pub operations: Operations,
    pub hooks: HooksHandle,
    pub sessions: SessionsHandle,
    pub copies: TransferService,
    pub pushing: PushService,
    pub reader: Reader,
    pub showing: Showing,
    pub discovering: Discovering,
    /// Servers whose drains are about to end.
    pub readying: JoinSet<()>,
    /// How long servers that joined last had to wait for each other's plan.
    pub joining_took: Duration,
}

/// What the driver is to be told of `config`; what is to be asked is taken out of `questions`.
pub fn plan(config: &Config, layout: Layout, questions: &mut Questions) -> Plan {
    let keys = std::mem::take(&mut questions.keys);
    let clusters = config.clusters.iter().zip(layout.clusters()).zip(keys);
    let clusters = clusters.map(|((cluster, listing), probes)| PlannedCluster {
        policy: cluster.policy(),
        published: Arc::clone(&listing.servers),
        probes,
    });
    Plan {
        clusters: clusters.collect(),
        fresh: std::mem::take(&mut questions.fresh),
        added: Arc::clone(&config.added),
        layout,
    }
}

impl Service {
    /// Carries out orders until it is told to stop, and gives the probes back.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) -> Probes {
        self.discovering.follow(&self.config);
        self.pushing.follow(&self.config.publish);
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => return self.probes,
                Some(order) = self.orders.recv() => {
                    let mut next = Some(order);
                    while let Some(order) = next {
                        next = self.carry_out(order).await;
                    }
                }
            }
        }
    }

    /// Carries out an order; whoever gave it may have left. Returns one that came meanwhile.
    async fn carry_out(&mut self, order: Order) -> Option<Order> {
        match order {
            Order::Reload(reply) => {
                self.all_readied().await;
                self.herald.reloading();
                let outcome = self.reload().await;
                self.herald.reloaded(&self.config, outcome.is_err());
                _ = reply.send(outcome);
            }
            Order::AddServer(server, reply) => {
                return self.add_servers(server, reply).await;
            }
            Order::ReadyServer { server, author, reply } => {
                self.ready_server(server, author, reply);
            }
            Order::RemoveServer { server, author, reply } => {
                self.all_readied().await;
                _ = reply.send(self.remove_server(&server, &author).await);
            }
            Order::ReviveServer { server, author, reply } => {
                let asked = self.discovering.revive(&server);
                // A cluster may be waiting for us.
                tokio::spawn(async move { _ = reply.send(revived(&server, &author, asked).await) });
            }
            Order::Probe { server, reply } => {
                self.showing.show(&self.config, &self.operations, &server, reply);
            }
            Order::WriteConfig { write, reply } => _ = reply.send(self.write_config(write).await),
            Order::Sessions { server, reply } => {
                // A server may take its time; other orders do not wait for it.
                let sessions = self.sessions.clone();
                tokio::spawn(async move {
                    _ = reply.send(sessions.report(&server).await.map_err(OrderError::refused));
                });
            }
            Order::Kick { server, author, reply } => {
                let sessions = self.sessions.clone();
                tokio::spawn(async move {
                    let done = sessions.kick(&server, &author).await;
                    let done = done.map(|done| Done { done, warnings: Vec::new() });
                    _ = reply.send(done.map_err(OrderError::refused));
                });
            }
        }
        None
    }

    /// Reads the configuration again and applies what differs; on any fault the one before stays.
    async fn reload(&mut self) -> Result<config::Changes, OrderError> {
        let running = Arc::clone(&self.config);
        match beside(move || Prepared::reloaded(&running)).await? {
            Ok(prepared) => {
                let config::Changes { changed, needs_restart } = prepared.changes.clone();
                let open_files = prepared.config.open_files.iter();
                warn_of_open_files(
                    open_files.filter(|file| !self.config.open_files.contains(file)),
                );
                if !prepared.is_the_same(&self.config) {
                    self.put_in_force(prepared, Vec::new()).await?;
                }
                let done = match changed.len() {
                    1 => "reloaded, 1 change".to_owned(),
                    changes => format!("reloaded, {changes} changes"),
                };
                self.note(&done, &changed);
                for key in &needs_restart {
                    warn!(event = "config", "{key}");
                }
                self.operations.metrics().service.reloaded(true);
                Ok(config::Changes { changed, needs_restart })
            }
            Err(fault) => {
                self.operations.metrics().service.reloaded(false);
                let faults = fault.to_string();
                for line in faults.lines() {
                    error!(event = "config", "not reloaded: {line}");
                }
                self.enter(Configuration::Refused { faults: in_line(&faults) });
                Err(OrderError::Refused(
                    format!("not reloaded, the configuration before is in force still: {faults}")
                        .into(),
                ))
            }
        }
    }

    /// Lets the driver, the probes and the admin API follow another configuration.
    pub async fn put_in_force(
        &mut self,
        prepared: Prepared,
        newcomers: Vec<Newcomer>,
    ) -> Result<Settled, OrderError> {
        let Prepared { config, layout, .. } = prepared;
        super::descriptors::provide(super::needs::descriptors_needed(&config));
        let mut questions = self.probes.questions(&config.clusters);
        let plan = plan(&config, layout, &mut questions);
        let (in_force, is_in_force) = oneshot::channel();
        let (settled, is_settled) = oneshot::channel();
        let replan = Replan { plan, newcomers, in_force, settled };
        self.replans.send(replan).await.map_err(|_| OrderError::Stopping)?;
        is_in_force.await.map_err(|_| OrderError::Stopping)?;
        self.probes.start(questions, &self.findings);
        self.operations.follow(self.probes.hints(&config.clusters));
        self.hooks.follow(&config.hooks);
        self.copies.follow(&config.transfer);
        self.pushing.follow(&config.publish);
        self.config = Arc::new(config);
        self.sessions.follow(Arc::clone(&self.config));
        self.discovering.follow(&self.config);
        is_settled.await.map_err(|_| OrderError::Stopping)
    }

    /// Tells of a change of the configuration: in the log line by line, in the chronicle at once.
    pub fn note(&self, what: &str, lines: &[String]) {
        info!(event = "config", "configuration: {what}");
        for line in lines.iter().take(LINES_LOGGED) {
            info!(event = "config", "configuration: {line}");
        }
        if lines.len() > LINES_LOGGED {
            info!(event = "config", "configuration: and {} more", lines.len() - LINES_LOGGED);
        }
        let detail = in_line(&lines.join("; "));
        self.enter(Configuration::Changed { done: what.into(), detail });
    }

    fn enter(&self, change: Configuration) {
        self.chronicle.add(Change {
            at: WallTime::from_unix_millis(clock::unix_millis()),
            cluster: None,
            what: What::Configuration(change),
        });
    }
}

/// Lines as the chronicle has them.
fn in_line(lines: &str) -> Box<str> {
    let text: String = lines.replace('\n', "; ").chars().take(DETAIL_CHARS).collect();
    text.into()
}

/// Does work that reads files beside the runtime.
pub async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OrderError> {
    spawn_blocking(work).await.map_err(|_| {
        OrderError::refused("reading the configuration has failed: this is a fault of ours")
    })
}

impl From<PrepareError> for OrderError {
    fn from(error: PrepareError) -> Self {
        Self::refused(error)
    }
}

/// Lines of the log about one reload.
const LINES_LOGGED: usize = 100;

/// Characters of the chronicle about one reload.
const DETAIL_CHARS: usize = 1_000;
