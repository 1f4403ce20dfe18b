//! A monitor beside a world, and its configuration, which may change in the middle of a story.
//!
//! ```text
//! 5s   rename db2 to db2-new            the same server under another name
//! 5s   remove db2                       out of the configuration; it goes on in the world
//! 5s   add db4                          into the configuration, at its end
//! 5s   swap db1 db2                     the two names change addresses
//! 5s   move db2                         the same name and server at another address
//! 5s   max_lag 30s                      of the first read name
//! 5s   read max_lag=60s                 one more read name
//! 5s   every 5s                         the servers are probed so often from now on
//! 5s   remember                         keeps what a restart would remember, see `operators`
//! 9s   restart as remembered            with that old memory
//! ```
//!
//! Servers are called by their present name in the configuration; one that has left it, by the name
//! that it began with.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use pointsman::engine::{
    ClusterId, ClusterPolicy, Engine, Moment, Observation, Remembered, ServerId, ServerIndex,
    Stability,
};

use super::{
    happenings,
    script::{Script, duration},
    wording::describe,
};
use crate::{
    operators::operate,
    simulation::SplitMix,
    witnesses::Witnesses,
    world::{World, server_policy},
};

const CLUSTER: ClusterId = ClusterId(0);

pub(super) struct Site {
    world: World,
    /// The names that the servers of the world began with.
    hosts: Vec<String>,
    policy: ClusterPolicy,
    /// Which server of the world stands at each place of the configuration.
    places: Vec<usize>,
    engine: Engine,
    every: Duration,
    until: Moment,
    operations: BTreeMap<Moment, Vec<Vec<String>>>,
    witnesses: Witnesses,
    /// Replies on their way, by their arrival.
    late: BTreeMap<Moment, Vec<(usize, Observation)>>,
    /// Loses probes.
    random: SplitMix,
    memory: Remembered,
    stability: Stability,
    told: String,
}

impl Site {
    pub(super) fn new(script: Script) -> Self {
        let mut world = World::new(script.breed, script.hosts.len());
        world.heartbeats = script.heartbeats;
        world.gtids = script.gtids;
        world.side_domain = script.side_domain;
        world.own_domains = script.own_domains;
        world.multi_primary = script.multi_primary;
        let name_of = |at: usize| &*script.policy.servers[at].name;
        let place = |at| script.hosts.iter().position(|host| host == name_of(at));
        Self {
            places: (0..script.policy.servers.len()).filter_map(place).collect(),
            engine: Engine::new(vec![script.policy.clone()], Moment::START),
            world,
            hosts: script.hosts,
            policy: script.policy,
            every: script.every,
            until: script.until,
            operations: script.operations,
            witnesses: Witnesses::default(),
            late: BTreeMap::new(),
            random: SplitMix(1),
            memory: Remembered::default(),
            stability: Stability::Settling,
            told: String::new(),
        }
    }

    pub(super) fn tell(mut self) -> String {
        let mut now = Moment::START;
        while now <= self.until {
            let due = self.operations.split_off(&(now + Duration::from_nanos(1)));
            for operation in std::mem::replace(&mut self.operations, due).into_values().flatten() {
                self.carry_out(&operation, now);
            }
            self.world.tick_at(now);
            self.probe(now);
            self.engine.decide(now);
            for event in self.engine.take_events() {
                let said = describe(&event, &self.policy);
                writeln!(self.told, "{now:>9}  {said}").expect("memory");
            }
            let current = self.engine.decision(CLUSTER).stability;
            if std::mem::replace(&mut self.stability, current) != current {
                writeln!(self.told, "{now:>9}    {current}").expect("memory");
            }
            now = now + self.every;
        }
        self.told
    }

    fn carry_out(&mut self, operation: &[String], now: Moment) {
        writeln!(self.told, "{now:>9}  * {}", operation.join(" ")).expect("memory");
        let words: Vec<&str> = operation.iter().map(String::as_str).collect();
        if self.change(&words, now) {
            return;
        }
        if let Some(answer) = operate(&mut self.engine, &self.policy, operation, duration, now) {
            if !answer.is_empty() {
                writeln!(self.told, "{now:>9}    {answer}").expect("memory");
            }
        } else if !self.witnesses.apply(&self.policy, operation) {
            let (policy, places, hosts) = (&self.policy, &self.places, &self.hosts);
            let at = |name: &str| server(policy, places, hosts, name);
            happenings::apply(&mut self.world, &at, &words);
        }
    }

    fn place(&self, name: &str) -> usize {
        let found = self.policy.servers.iter().position(|server| &*server.name == name);
        found.unwrap_or_else(|| panic!("not configured: {name}"))
    }

    /// Carries out what changes the monitor; `false` when the operation is another one.
    fn change(&mut self, words: &[&str], now: Moment) -> bool {
        match *words {
            ["every", period] => {
                self.every = duration(period);
                return true;
            }
            ["remember"] => {
                self.memory = self.engine.remember(CLUSTER);
                return true;
            }
            ["restart", "as", "remembered"] => {
                self.engine = Engine::new(vec![self.policy.clone()], now);
                self.engine.restore(CLUSTER, &self.memory, now);
                return true;
            }
            ["rename", name, "to", new] => {
                let at = self.place(name);
                self.policy.servers[at].name = new.into();
            }
            ["remove", name] => {
                let at = self.place(name);
                self.policy.servers.remove(at);
                self.places.remove(at);
            }
            ["add", name] => {
                let host = server(&self.policy, &self.places, &self.hosts, name);
                self.policy.servers.push(server_policy(name, host));
                self.places.push(host);
            }
            ["swap", one, other] => {
                let (one, other) = (self.place(one), self.place(other));
                self.policy.servers.swap(one, other);
                let name = self.policy.servers[one].name.clone();
                let other_name = self.policy.servers[other].name.clone();
                self.policy.servers[one].name = other_name;
                self.policy.servers[other].name = name;
                self.places.swap(one, other);
            }
            ["move", name] => {
                let at = self.place(name);
                let (host, name) = (self.places[at], self.policy.servers[at].name.clone());
                self.policy.servers[at] = server_policy(&name, host + 100);
            }
            ["max_lag", limit] => self.policy.reads[0].max_lag = duration(limit),
            ["read", setting] => {
                let limit = setting.strip_prefix("max_lag=").expect("read max_lag=");
                let mut read = self.policy.reads[0];
                read.max_lag = duration(limit);
                self.policy.reads.push(read);
            }
            _ => return false,
        }
        // As the driver does: events name servers by their old places.
        self.engine.take_events();
        self.engine.reconfigure(vec![self.policy.clone()], now);
        true
    }

    fn probe(&mut self, now: Moment) {
        for (place, &host) in self.places.iter().enumerate() {
            let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(place) };
            self.world.hosts[host].beats = self.engine.advice(server).heartbeat;
        }
        for &host in &self.places {
            let lost = self.random.below(100) < self.world.hosts[host].loss;
            if self.world.hosts[host].mute {
                continue;
            }
            let outcome = match lost {
                true => happenings::lost(),
                false => self.world.outcome(host),
            };
            let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(0) };
            let arrival = now + self.world.hosts[host].slow;
            let reply = (host, Observation { server, asked: now, outcome });
            self.late.entry(arrival).or_default().push(reply);
        }
        let later = self.late.split_off(&(now + Duration::from_nanos(1)));
        for (host, mut reply) in std::mem::replace(&mut self.late, later).into_values().flatten() {
            if let Some(place) = self.places.iter().position(|known| *known == host) {
                reply.server.server = ServerIndex::new(place);
                self.engine.observe(reply, now);
            }
        }
        for observation in self.witnesses.observe(&self.policy, &self.world, now) {
            self.engine.observe(observation, now);
        }
    }
}

/// The server of the world that is called so now.
fn server(policy: &ClusterPolicy, places: &[usize], hosts: &[String], name: &str) -> usize {
    let configured = policy.servers.iter().position(|server| &*server.name == name);
    let known = || hosts.iter().position(|host| host == name);
    let found = configured.map(|at| places[at]).or_else(known);
    found.unwrap_or_else(|| panic!("no such server: {name}"))
}
