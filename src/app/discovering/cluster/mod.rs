//! The discovery of one cluster.

mod joining;
mod reporting;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use self::joining::Joining;
use super::{
    around::{AUTHOR, Around, Configured, Told},
    asking::Asking,
    post::Postman,
    remembered::{image, remembered},
    strangers::examine,
};
use crate::{
    clock::{self, Clock},
    config::{ClusterConfig, TargetHost},
    control::Order,
    discovery::{
        Action, FoundMember, Ledger, Member, Mode, Notice, Rules, SourceKind, replication_finds,
    },
    engine::{ClusterId, ServerState, Wish},
    report::{Change, ClusterView, Discovery, Severity, What},
    sources::{Addresses, Heard},
    state::DiscoveryImage,
    status,
    wall_time::WallTime,
};

/// While a server that joins by itself has yet to be ready, it is looked at this often.
const JOINING: Duration = Duration::from_millis(500);

/// When a server has said something new: the driver has judged it by then.
const AFTER_NEWS: Duration = Duration::from_millis(50);

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
        let rules = config.borrow().discovery().map(|discovery| discovery.rules.clone());
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
    pub async fn run(mut self, postman: Postman) {
        self.asking.follow(&self.config);
        let mut due = Instant::now();
        loop {
            tokio::select! {
                changed = self.config.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.follow();
                }
                Some(heard) = self.asking.heard() => {
                    self.heard.insert(heard.kind, heard);
                    due = Instant::now();
                }
                () = postman.called() => {
                    for told in postman.take() {
                        self.hear(told);
                    }
                    due = due.min(Instant::now() + AFTER_NEWS);
                }
                () = sleep_until(due) => {
                    // Between two turns nothing of them is held.
                    if Box::pin(self.turn()).await {
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

    /// Goes on by another configuration.
    fn follow(&mut self) {
        let configured = self.config.borrow_and_update();
        let rules = configured.discovery().map(|discovery| discovery.rules.clone());
        drop(configured);
        if let Some(rules) = rules {
            self.ledger.follow(rules);
        }
        self.asking.follow(&self.config);
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
        // One that has ended by a fault of ours is asked again.
        self.asking.follow(&self.config);
        let configured = self.config.borrow().clone();
        let cluster = configured.cluster();
        let members = self.members(&configured);
        let named = replication_finds(&members);
        self.ledger.see(members, Arc::clone(&configured.names));
        let mut actions = Vec::new();
        for kind in self.ledger.rules().sources.clone() {
            let (reply, sightings) = match kind {
                SourceKind::Replication => {
                    let known = |name: &str| self.ledger.addresses_of(name);
                    self.addresses.sightings(named.clone(), known).await
                }
                other => match self.heard.remove(&other) {
                    Some(heard) => (heard.reply, heard.sightings),
                    None => continue,
                },
            };
            actions.extend(self.ledger.heard(kind, &reply, &sightings, self.clock.now()));
        }
        actions.extend(self.ledger.act(self.clock.now()));
        let mut joining = Vec::new();
        while let Some(action) = actions.pop() {
            actions.extend(self.carry_out(cluster, action, &mut joining).await);
        }
        let mut soon = false;
        for joining in joining {
            soon |= self.joined(joining).await;
        }
        self.ledger.rest();
        self.keep();
        self.report();
        soon && self.ledger.rules().mode == Mode::Join
    }

    /// Does what the ledger asks for; what comes of it.
    async fn carry_out(
        &mut self,
        cluster: &ClusterConfig,
        action: Action,
        joining: &mut Vec<Joining>,
    ) -> Vec<Action> {
        match action {
            Action::Examine(at) => {
                // A login takes tens of KiB. There may be thousands of clusters, and strangers are few.
                let came = Box::pin(examine(cluster, at)).await;
                let actions = self.ledger.examined(at, came, self.clock.now());
                let more = self.ledger.act(self.clock.now());
                return actions.into_iter().chain(more).collect();
            }
            Action::Join(newcomer) => joining.extend(self.let_join(newcomer).await),
            Action::Locate(newcomer, endpoint) => {
                let addresses = self.reported.of(&endpoint.host).await;
                let now = self.clock.now();
                let action = self.ledger.located(newcomer, &endpoint, &addresses, now);
                return action.into_iter().collect();
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
            }
            Action::Remove(server) => self.remove(server).await,
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
            }
        }
        Vec::new()
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
    fn members(&self, configured: &Configured) -> Vec<Member> {
        let cluster = configured.cluster();
        let snapshot = self.around.reader.snapshot();
        let now = WallTime::from_unix_millis(clock::unix_millis());
        let view = status::cluster(&snapshot, ClusterId(configured.place), now);
        let view = view.filter(|view| view.name == cluster.name);
        let members = cluster.servers.iter().map(|server| {
            let known = view
                .as_ref()
                .and_then(|view| view.servers.iter().find(|known| *known.name == *server.name));
            let heard = self.around.ears.heard(&cluster.name, &server.name);
            let state = known.map_or(ServerState::Unknown, |known| known.state);
            let lasts = known.map(|known| Duration::from_millis(now.since(known.since)));
            let names = match &server.target.host {
                TargetHost::Name(name) => vec![name.clone()],
                TargetHost::Address(_) => Vec::new(),
            };
            Member {
                name: (&*server.name).into(),
                addresses: server.addresses.to_vec(),
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
}

/// Whether discovery itself drains a server.
fn is_drained(view: &ClusterView, server: &str) -> bool {
    view.overrides.iter().any(|laid| {
        let drains =
            matches!(&laid.wish, Wish::Drain { server: drained, .. } if **drained == *server);
        drains && *laid.author == *AUTHOR
    })
}
