//! One instance: its engine, its configuration, its probes and what it knows.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, ClusterPolicy, Decision, Engine, Event, Facts, Moment, Observation,
    Outcome, Remembered, ServerId, ServerIndex,
};

use super::{
    driver::{Probe, timed_out},
    knowledge::{Knowledge, Seen},
    lie::Lie,
    truth::Truth,
};
use crate::{
    simulation::SplitMix,
    world::{World, server_policy},
};

pub(super) const CLUSTER: ClusterId = ClusterId(0);
/// Another cluster in the same engine, which is always well.
const OTHER: ClusterId = ClusterId(1);
const OTHERS: usize = 2;
/// From one question to the next when nothing happens any more.
pub(super) const NORMAL_INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct Monitor {
    pub engine: Engine,
    /// For the test of the oracles: what it says is wrong.
    pub lie: Option<Lie>,
    /// The one that was not restarted.
    pub control: Option<Engine>,
    pub policy: ClusterPolicy,
    /// Which server of the world stands at each place of the configuration.
    pub places: Vec<usize>,
    pub knowledge: Knowledge,
    /// An old memory.
    pub memory: Remembered,
    /// Its own network is down.
    pub isolated: bool,
    /// Until then an operator's word counts.
    pub overridden_until: Moment,
    probes: Vec<Probe>,
    others: Option<ClusterPolicy>,
    interval: Duration,
    random: SplitMix,
}

impl Monitor {
    pub(super) fn new(
        policy: ClusterPolicy,
        has_others: bool,
        interval: Duration,
        mut random: SplitMix,
    ) -> Self {
        let servers = policy.servers.len();
        let others = has_others.then(|| ClusterPolicy {
            name: "others".into(),
            kind: ClusterKind::Tcp,
            servers: (0..OTHERS).map(|at| server_policy(&format!("o{at}"), 50 + at)).collect(),
            ..policy.clone()
        });
        let probes = servers + if has_others { OTHERS } else { 0 };
        let probe = |_| {
            let phase = interval.mul_f64(0.01 * random.below(100) as f64);
            let loss = [0, 0, 0, 2, 5, 12][random.below(6)];
            Probe::new(Moment::START + phase, loss, [0, 0, 20, 5][random.below(4)])
        };
        Self {
            engine: Engine::new(all(&policy, others.as_ref()), Moment::START),
            lie: None,
            control: None,
            places: (0..servers).collect(),
            knowledge: Knowledge::new(servers),
            memory: Remembered::default(),
            isolated: false,
            overridden_until: Moment::START,
            probes: (0..probes).map(probe).collect(),
            policy,
            others,
            interval,
            random,
        }
    }

    pub(super) fn policies(&self) -> Vec<ClusterPolicy> {
        all(&self.policy, self.others.as_ref())
    }

    pub(super) fn next_event(&self) -> Moment {
        let probed = self.probes.iter().map(Probe::next).min().expect("there are servers");
        self.engine.next_deadline().map_or(probed, |deadline| deadline.min(probed))
    }

    /// Nothing is lost and nothing is slow any more, the configuration is complete, and time goes
    /// quickly: nobody is asked more often than he must be.
    pub(super) fn slow_down(&mut self, now: Moment) {
        self.isolated = false;
        self.probes.iter_mut().for_each(|probe| (probe.loss, probe.slow) = (0, 0));
        self.complete(now);
        self.interval = NORMAL_INTERVAL;
    }

    /// Its process was started anew, and has no open connection.
    pub(super) fn end_sessions(&mut self) {
        self.probes.iter_mut().for_each(|probe| probe.session = None);
    }

    /// Asks and hears whatever is due, and decides when anything was heard.
    pub(super) fn step(&mut self, world: &World, truth: &Truth, now: Moment) -> bool {
        let mut due = self.engine.next_deadline().is_some_and(|deadline| deadline <= now);
        for at in 0..self.probes.len() {
            if self.probes[at].next() > now {
                continue;
            }
            if self.probes[at].in_flight.is_some() {
                due |= self.hear(at, now);
            } else {
                let (found, seen) = match at {
                    _ if self.isolated => ((timed_out(), 0), Seen::default()),
                    host if host < world.hosts.len() => {
                        let start = world.hosts[host].starts;
                        ((world.outcome(host), start), Seen::of(host, truth, world))
                    }
                    _ => ((Outcome::Answered(Facts::Tcp), 0), Seen::default()),
                };
                self.probes[at].ask(found, seen, now, &mut self.random);
            }
        }
        if due {
            self.engine.decide(now);
            if let Some(control) = &mut self.control {
                control.decide(now);
                control.take_events();
            }
        }
        due
    }

    fn hear(&mut self, at: usize, now: Moment) -> bool {
        let flying = self.probes[at].take(self.interval, now, &mut self.random);
        let Some(flying) = flying else { return false };
        let hosts = self.knowledge.servers.len();
        let server = match at < hosts {
            true => {
                let Some(place) = self.place(at) else { return false };
                let limits: Vec<_> = self.policy.reads.iter().map(|read| read.max_lag).collect();
                let (asked, outcome) = (flying.asked, &flying.outcome);
                let published = self.published();
                self.knowledge.note(at, asked, outcome, flying.seen, published, &limits);
                ServerId { cluster: CLUSTER, server: ServerIndex::new(place) }
            }
            false => ServerId { cluster: OTHER, server: ServerIndex::new(at - hosts) },
        };
        let observation = Observation { server, asked: flying.asked, outcome: flying.outcome };
        if let Some(control) = &mut self.control {
            control.observe(observation.clone(), now);
        }
        self.engine.observe(observation, now);
        true
    }

    /// The place of a server of the world in the configuration.
    pub(super) fn place(&self, host: usize) -> Option<usize> {
        self.places.iter().position(|known| *known == host)
    }

    pub(super) fn decision(&self) -> Decision {
        let mut decision = self.engine.decision(CLUSTER);
        if let Some(lie) = &self.lie {
            lie.distort(&mut decision, &self.places);
        }
        decision
    }

    /// The server of the world that the write name says.
    pub(super) fn published(&self) -> Option<usize> {
        self.published_by(&self.decision())
    }

    pub(super) fn published_by(&self, decision: &Decision) -> Option<usize> {
        let server = decision.write.and_then(|write| write.server)?;
        Some(self.places[server.place()])
    }

    pub(super) fn readers(&self, name: usize) -> Vec<usize> {
        let read = &self.decision().reads[name];
        let mut readers: Vec<_> =
            read.servers.iter().map(|member| self.places[member.server.place()]).collect();
        readers.sort_unstable();
        readers
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        let mut events = self.engine.take_events();
        let said = self.lie.as_ref().and_then(|lie| lie.event(&self.engine.decision(CLUSTER)));
        events.extend(said);
        events
    }
}

fn all(policy: &ClusterPolicy, others: Option<&ClusterPolicy>) -> Vec<ClusterPolicy> {
    std::iter::once(policy).chain(others).cloned().collect()
}
