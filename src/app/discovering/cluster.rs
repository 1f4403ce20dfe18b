//! The discovery of one cluster.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    around::{AUTHOR, Around, Configured, Told},
    asking::Asking,
    remembered::{image, remembered},
    strangers::examine,
};
use crate::{
    clock::{self, Clock},
    config::{AddedServer, ClusterConfig, Config, FoundServer, TargetHost},
    control::{Order, OrderError},
    discovery::{
        Action, ExaminedReason, FindState, FoundMember, Ledger, Member, Mode, Newcomer, Notice,
        Rules, SourceKind, replication_finds,
    },
    engine::{ClusterId, ServerState, Wish},
    report::{
        Change, ClusterView, DiscoveredServer, Discovery, DiscoveryReport, DiscoverySource,
        FindStanding, Severity, What,
    },
    sources::{Addresses, Heard},
    state::DiscoveryImage,
    status,
    wall_time::WallTime,
};

/// While a server that joins by itself has yet to be ready, it is looked at this often.
const JOINING: Duration = Duration::from_millis(500);

/// Turns that follow so quickly after one that has joined: ten seconds.
const QUICK: u32 = 20;

/// One cluster.
pub struct ClusterDiscovery {
    name: Box<str>,
    config: watch::Receiver<Configured>,
    ledger: Ledger,
    clock: Clock,
    saved: DiscoveryImage,
    /// Turns that follow one another quickly.
    quick: u32,
    asking: Asking,
    /// Of the hosts that members name.
    addresses: Addresses,
    /// Of the hosts by which finds call themselves.
    reported: Addresses,
    /// What sources have said since the last turn.
    heard: BTreeMap<SourceKind, Heard>,
    around: Around,
}

impl ClusterDiscovery {
    /// One that goes on with what an earlier process has known.
    pub fn new(
        name: Box<str>,
        config: watch::Receiver<Configured>,
        known: &DiscoveryImage,
        around: Around,
    ) -> Self {
        let clock = Clock::start();
        let (bindings, tombstones) = remembered(known, clock.now(), clock::unix_millis());
        let rules = rules(&config.borrow().config, &name);
        let ledger = Ledger::new(rules.unwrap_or_else(Rules::nobody), bindings, tombstones);
        let (saved, asking, heard) = (known.clone(), Asking::default(), BTreeMap::new());
        let (addresses, reported) = (Addresses::default(), Addresses::default());
        let quick = 0;
        Self {
            name,
            config,
            ledger,
            clock,
            saved,
            quick,
            asking,
            addresses,
            reported,
            heard,
            around,
        }
    }

    /// Goes on until nobody holds its ends any more.
    pub async fn run(mut self, mut told: mpsc::Receiver<Told>) {
        self.asking.follow(&self.config.borrow().config, &self.name);
        let mut due = Instant::now();
        loop {
            tokio::select! {
                changed = self.config.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let rules = rules(&self.config.borrow_and_update().config, &self.name);
                    if let Some(rules) = rules {
                        self.ledger.follow(rules);
                    }
                    self.asking.follow(&self.config.borrow().config, &self.name);
                }
                Some(told) = told.recv() => self.hear(told),
                Some(heard) = self.asking.heard() => {
                    self.heard.insert(heard.kind, heard);
                    due = Instant::now();
                }
                () = sleep_until(due) => {
                    if self.turn().await {
                        self.quick = QUICK;
                    }
                    let interval = self.ledger.rules().interval;
                    let pause = if self.quick > 0 { JOINING.min(interval) } else { interval };
                    self.quick = self.quick.saturating_sub(1);
                    due = Instant::now() + pause;
                }
            }
        }
    }

    fn hear(&mut self, told: Told) {
        let now = self.clock.now();
        match told {
            Told::Removed(server) => {
                // As it was when it was last seen.
                self.ledger.remove(&server, now);
            }
            Told::Revive(server, reply) => _ = reply.send(self.ledger.revive(&server, now)),
        }
        self.keep();
        self.report();
    }

    /// Looks once at everything. Returns whether somebody has joined who is to be ready soon.
    async fn turn(&mut self) -> bool {
        let Configured { config, names } = self.config.borrow().clone();
        let Some(cluster) = cluster(&config, &self.name) else { return false };
        let members = self.members(cluster, &config);
        self.ledger.see(members.clone(), names);
        let mut actions = Vec::new();
        for kind in self.ledger.rules().sources.clone() {
            let (reply, sightings) = match kind {
                SourceKind::Replication => {
                    let known = |name: &str| self.ledger.addresses_of(name);
                    self.addresses.sightings(replication_finds(&members), known).await
                }
                other => match self.heard.remove(&other) {
                    Some(heard) => (heard.reply, heard.sightings),
                    None => continue,
                },
            };
            actions.extend(self.ledger.heard(kind, &reply, &sightings, self.clock.now()));
        }
        actions.extend(self.ledger.act(self.clock.now()));
        let mut soon = false;
        while let Some(action) = actions.pop() {
            let (more, happens) = self.carry_out(cluster, action).await;
            actions.extend(more);
            soon |= happens;
        }
        self.keep();
        self.report();
        soon && self.ledger.rules().mode == Mode::Join
    }

    /// Does what the ledger asks for; what comes of it, and whether more is about to happen.
    async fn carry_out(&mut self, cluster: &ClusterConfig, action: Action) -> (Vec<Action>, bool) {
        match action {
            Action::Examine(at) => {
                // A login takes tens of KiB. There may be thousands of clusters, and strangers are few.
                let came = Box::pin(examine(cluster, at)).await;
                let actions = self.ledger.examined(at, came, self.clock.now());
                let more = self.ledger.act(self.clock.now());
                (actions.into_iter().chain(more).collect(), false)
            }
            Action::Join(newcomer) => (Vec::new(), self.join(newcomer).await),
            Action::Locate(newcomer, endpoint) => {
                let addresses = self.reported.of(&endpoint.host).await;
                let now = self.clock.now();
                let action = self.ledger.located(newcomer, &endpoint, &addresses, now);
                (action.into_iter().collect(), false)
            }
            Action::Ready(server) => {
                let order = |reply| Order::ReadyServer {
                    server: server.clone(),
                    author: AUTHOR.into(),
                    reply,
                };
                if let Err(error) = self.around.control.order(order).await {
                    warn!(event = "discovery", cluster = %self.name, %server, "not ready: {error}");
                }
                (Vec::new(), false)
            }
            Action::Remove(server) => {
                self.remove(server).await;
                (Vec::new(), false)
            }
            Action::Tell(notice) => {
                self.tell(match notice {
                    Notice::Sighted { at, source } => {
                        Discovery::Sighted { at, source: source.name().into() }
                    }
                    Notice::Stranger { at } => Discovery::Stranger { at },
                    Notice::Source { source, why } => {
                        Discovery::Source { source: source.name().into(), why }
                    }
                    Notice::Held { servers } => {
                        Discovery::Held { servers: servers.join(", ").into() }
                    }
                });
                (Vec::new(), false)
            }
        }
    }

    async fn join(&mut self, newcomer: Newcomer) -> bool {
        let Newcomer { name, at, depth, instance, attributes, proof } = newcomer;
        let found = FoundServer {
            depth,
            instance,
            priority: attributes.priority,
            weight: attributes.weight,
        };
        let server = AddedServer {
            cluster: self.name.to_string(),
            name: name.to_string(),
            address: at.to_string(),
            author: AUTHOR.to_owned(),
            found: Some(found),
        };
        match self.around.control.order(|reply| Order::AddServer(server, reply)).await {
            Ok(_) => {
                let (at, proof) = (at.to_string().into(), proof.to_string().into());
                self.tell(Discovery::Joined { server: name, at, proof });
                true
            }
            Err(OrderError::Refused(why)) => {
                let cluster = &self.name;
                warn!(event = "discovery", %cluster, server = %name, "cannot join: {why}");
                self.ledger.refused(at, &why, self.clock.now());
                false
            }
            Err(OrderError::Stopping) => false,
        }
    }

    async fn remove(&self, server: Box<str>) {
        let order =
            |reply| Order::RemoveServer { server: server.clone(), author: AUTHOR.into(), reply };
        match self.around.control.order(order).await {
            Ok(_) => self.tell(Discovery::Left { server }),
            Err(error) => {
                info!(event = "discovery", cluster = %self.name, %server, "stays: {error}");
            }
        }
    }

    fn tell(&self, what: Discovery) {
        let change = Change {
            at: WallTime::from_unix_millis(clock::unix_millis()),
            cluster: Some(self.name.clone()),
            what: What::Discovery(what),
        };
        let (words, cluster) = (change.words(), &self.name);
        match Severity::of_change(&change) {
            Severity::Outage | Severity::Degraded => {
                warn!(event = "discovery", %cluster, "{}: {}", words.reason, words.detail);
            }
            _ => info!(event = "discovery", %cluster, "{}: {}", words.reason, words.detail),
        }
        self.around.chronicle.add(change);
    }

    /// The servers of the cluster as they are now.
    fn members(&self, cluster: &ClusterConfig, config: &Config) -> Vec<Member> {
        let snapshot = self.around.reader.snapshot();
        let now = WallTime::from_unix_millis(clock::unix_millis());
        let id = config.clusters.iter().position(|known| known.name == cluster.name);
        let view = id.and_then(|id| status::cluster(&snapshot, ClusterId(id), now));
        let view = view.filter(|view| view.name == cluster.name);
        let members = cluster.servers.iter().map(|server| {
            let known = view
                .as_ref()
                .and_then(|view| view.servers.iter().find(|known| known.name == server.name));
            let heard = self.around.ears.heard(&cluster.name, &server.name);
            let state = known.map_or(ServerState::Unknown, |known| known.state);
            let lasts = known.map(|known| Duration::from_millis(now.since(known.since)));
            let names = match &server.target.host {
                TargetHost::Name(name) => vec![name.clone()],
                TargetHost::Address(_) => Vec::new(),
            };
            Member {
                name: server.name.clone(),
                addresses: server.addresses.clone(),
                port: server.port,
                aliases: names,
                found: server.found.as_ref().map(|found| FoundMember {
                    depth: found.depth,
                    instance: found.instance.clone(),
                    drained: view.as_ref().is_some_and(|view| is_drained(view, &server.name)),
                }),
                state,
                down_for: lasts.filter(|_| state == ServerState::Down),
                word: heard.word,
                replies: heard.replies,
            }
        });
        members.collect()
    }

    /// Leaves what must not be forgotten to be saved.
    fn keep(&mut self) {
        let image = image(&self.ledger, self.clock.now(), clock::unix_millis());
        // Times by two clocks differ by milliseconds; names and graves are what counts.
        let differs = image.names != self.saved.names
            || image.forgotten.len() != self.saved.forgotten.len()
            || image.forgotten.iter().zip(&self.saved.forgotten).any(|(a, b)| a.at != b.at);
        if differs {
            self.saved = image.clone();
            self.around.keeper.note_discovery(self.name.clone(), Arc::new(image));
        }
    }

    fn report(&self) {
        let now = self.clock.now();
        let find = |find: crate::discovery::FindView| DiscoveredServer {
            standing: standing(&find.state),
            name: find.name,
            at: find.at,
            state: find.state.name().into(),
            reason: find.state.to_string().into(),
            sources: find.sources.iter().map(|source| source.name().into()).collect(),
        };
        let source = |source: crate::discovery::SourceView| DiscoverySource {
            source: source.source.name().into(),
            age_seconds: source.age.map(|age| age.as_secs()),
            fault: source.fault,
        };
        self.around.reports.tell(DiscoveryReport {
            cluster: self.name.clone(),
            mode: match self.ledger.rules().mode {
                Mode::Propose => "propose".into(),
                Mode::Join => "join".into(),
            },
            sources: self.ledger.sources(now).into_iter().map(source).collect(),
            finds: self.ledger.finds().into_iter().map(find).collect(),
        });
    }
}

/// Whether discovery itself drains a server.
fn is_drained(view: &ClusterView, server: &str) -> bool {
    view.overrides.iter().any(|laid| {
        let drains =
            matches!(&laid.wish, Wish::Drain { server: drained, .. } if **drained == *server);
        drains && *laid.author == *AUTHOR
    })
}

fn cluster<'c>(config: &'c Config, name: &str) -> Option<&'c ClusterConfig> {
    config.clusters.iter().find(|cluster| *cluster.name == *name)
}

fn rules(config: &Config, name: &str) -> Option<Rules> {
    Some(cluster(config, name)?.discovery.as_ref()?.rules.clone())
}

fn standing(state: &FindState) -> FindStanding {
    match state {
        FindState::Examined(ExaminedReason::Stranger) => FindStanding::Stranger,
        FindState::Examined(ExaminedReason::First(_)) => FindStanding::WantsAVoucher,
        FindState::Sighted(_) | FindState::Examined(_) | FindState::Forgotten(_) => {
            FindStanding::Outside
        }
        FindState::Kin(_) => FindStanding::Proposed,
        FindState::Member(_) => FindStanding::Member,
        FindState::Leaving(_) => FindStanding::Leaving,
    }
}
