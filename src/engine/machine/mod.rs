//! The engine: all clusters, and the suspicion that it is we who are cut off.

mod servers;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Acceptance, AcceptanceRefusal, Candidacy, ClusterId, ClusterPolicy, Decision, Event, Moment,
    NameOf, Observation, Override, OverrideRefusal, OverrideTurn, Remembered, ServerId,
    ServerIndex, Supposition, Thresholds, Wish, WishKey, cluster::Cluster, deadlines::Deadlines,
};

/// Judges every server and decides what every name says. See the [module](super) for how to drive
/// it.
#[derive(Clone, Debug)]
pub struct Engine {
    clusters: Vec<Cluster>,
    /// Clusters with observations that nobody has judged yet.
    observed: BTreeSet<ClusterId>,
    deadlines: Deadlines,
    /// Clusters whose decision may have changed since the last [`Self::poll_decided`].
    decided: BTreeSet<ClusterId>,
    events: Vec<Event>,
    /// How many servers there are.
    servers: usize,
    /// How many of them have been asked at all.
    asked: usize,
    /// How many of them fail in a way that may be our own network's fault.
    silent: usize,
    /// When anything was last heard of any server's host.
    last_heard: Option<Moment>,
    /// Every server of every cluster failed at once.
    isolated: bool,
    /// When that was last so.
    isolated_at: Moment,
}

impl Engine {
    /// An engine that knows nothing yet. Clusters keep their place in `policies` as their
    /// [`ClusterId`].
    pub fn new(policies: Vec<ClusterPolicy>, now: Moment) -> Self {
        let clusters: Vec<_> = policies
            .into_iter()
            .enumerate()
            .map(|(index, policy)| Cluster::new(ClusterId(index), policy, now))
            .collect();
        let mut deadlines = Deadlines::default();
        for (index, cluster) in clusters.iter().enumerate() {
            deadlines.set(ClusterId(index), cluster.next_deadline(now));
        }
        Self {
            servers: clusters.iter().map(|cluster| cluster.records().len()).sum(),
            asked: 0,
            silent: 0,
            last_heard: None,
            clusters,
            observed: BTreeSet::new(),
            deadlines,
            decided: BTreeSet::new(),
            events: Vec::new(),
            isolated: false,
            isolated_at: Moment::START,
        }
    }

    /// Takes in one observation. Nothing is judged before [`Self::decide`], so the order of
    /// observations of different servers within one step does not matter.
    pub fn observe(&mut self, observation: Observation, now: Moment) {
        let id = observation.server.cluster;
        if let Some(cluster) = self.clusters.get_mut(id.0) {
            if observation.outcome.is_from_the_host() {
                self.last_heard = Some(now);
            }
            self.asked -= cluster.asked_servers();
            self.silent -= cluster.silent_servers();
            cluster.observe(observation, now);
            self.asked += cluster.asked_servers();
            self.silent += cluster.silent_servers();
            self.observed.insert(id);
        }
    }

    /// Whoever drives the engine could not for a while: the process was stopped, or starved. That no
    /// probe was heard meanwhile proves nothing against the probes.
    pub fn excuse_silence(&mut self, now: Moment) {
        for cluster in &mut self.clusters {
            cluster.excuse_silence(now);
        }
    }

    /// Judges what was observed and what time has changed, and decides anew for the clusters
    /// concerned.
    pub fn decide(&mut self, now: Moment) {
        self.update_isolation(now);
        let mut due = std::mem::take(&mut self.observed);
        due.extend(self.deadlines.take_due(now));
        for id in due {
            let cluster = &mut self.clusters[id.0];
            if !self.isolated {
                // One server alone has nobody to vouch for our network.
                if self.servers > 1 {
                    cluster.note_heard(self.last_heard);
                }
                cluster.decide(now, &mut self.events);
                self.decided.insert(id);
            } else if cluster.heed_operators(now, &mut self.events) {
                self.decided.insert(id);
            }
            self.deadlines.set(id, self.clusters[id.0].next_deadline(now));
        }
    }

    /// What is published for a cluster now.
    pub fn decision(&self, cluster: ClusterId) -> Decision {
        self.clusters[cluster.0].decision()
    }

    /// The next cluster whose decision may have changed since it was last asked for.
    pub fn poll_decided(&mut self) -> Option<ClusterId> {
        self.decided.pop_first()
    }

    /// What changed since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Lays an override over a cluster, in the place of an earlier one of its kind. Call
    /// [`Self::decide`] for it to take effect.
    ///
    /// # Errors
    /// [`OverrideRefusal`]; nothing has changed then.
    pub fn lay(
        &mut self,
        cluster: ClusterId,
        wished: Override,
        now: Moment,
    ) -> Result<(), OverrideRefusal> {
        self.clusters[cluster.0].lay(wished.clone(), now)?;
        self.observed.insert(cluster);
        let laid = Box::new(wished);
        self.events.push(Event::Override { cluster, laid, turn: OverrideTurn::Created });
        Ok(())
    }

    /// Lays an override that was in force before a restart, after [`Self::restore`]: nothing is
    /// refused, for it was laid with good reason, and nobody is told. `since` and `until` are on
    /// this process's clock; one whose time is over ends at the next [`Self::decide`].
    pub fn resume(&mut self, cluster: ClusterId, laid: Override) {
        self.clusters[cluster.0].resume(laid);
        self.observed.insert(cluster);
    }

    /// Ends an override before its time, by the will of `by`; `None` when there is none. Call
    /// [`Self::decide`] for it to take effect.
    pub fn lift(&mut self, cluster: ClusterId, key: WishKey, by: &str) -> Option<Override> {
        let lifted = self.clusters[cluster.0].lift(key)?;
        self.observed.insert(cluster);
        let (laid, by) = (Box::new(lifted.clone()), by.into());
        self.events.push(Event::Override { cluster, laid, turn: OverrideTurn::Lifted { by } });
        Some(lifted)
    }

    /// Makes the history of one server the cluster's, by an operator's word: nothing that other
    /// servers showed before speaks against it any more, and those that do not have what it has must
    /// follow before their word counts. Call [`Self::decide`] for it to take effect.
    ///
    /// # Errors
    /// [`AcceptanceRefusal`]; nothing has changed then.
    pub fn accept(
        &mut self,
        cluster: ClusterId,
        accepted: Acceptance,
        now: Moment,
    ) -> Result<(), AcceptanceRefusal> {
        self.clusters[cluster.0].accept(&accepted, now)?;
        self.observed.insert(cluster);
        self.events.push(Event::Accepted { cluster, accepted: Box::new(accepted) });
        Ok(())
    }

    /// The overrides of a cluster that are in force.
    pub fn overrides(&self, cluster: ClusterId) -> &[Override] {
        self.clusters[cluster.0].overrides()
    }

    /// Every server of a cluster as a candidate for one of its names, in config order: whether the
    /// name says it, why, and what would change that. Empty for a name that there is not.
    pub fn candidacy(&self, cluster: ClusterId, name: NameOf, now: Moment) -> Vec<Candidacy> {
        self.clusters[cluster.0].candidacy(name, now)
    }

    /// The engine as it would be, a few seconds from now, if servers of a cluster were otherwise and
    /// nothing else changed. Only that cluster is there to be looked at: the others begin anew.
    pub fn suppose(
        &self,
        id: ClusterId,
        supposed: &[(ServerIndex, Supposition)],
        now: Moment,
    ) -> Self {
        let mut engine = self.copy_of(id, now);
        for &(server, _) in supposed.iter().filter(|(_, what)| *what == Supposition::Drained) {
            let wish = Wish::Drain { server, force: false };
            let (author, reason) = ("what-if".into(), "supposed".into());
            let drain = Override { wish, author, reason, since: now, until: None };
            // The last reader is not drained: then it would not be.
            _ = engine.lay(id, drain, now);
        }
        let settles = engine.clusters[id.0].rounds_to_settle();
        let (mut now, mut round, end) = (now, 0, now + Thresholds::GROUP_SETTLES);
        while round < settles || now <= end {
            engine.clusters[id.0].excuse_silence(now);
            for &(server, supposed) in supposed {
                if let Some(outcome) = engine.clusters[id.0].suppose(server, supposed) {
                    let server = ServerId { cluster: id, server };
                    engine.observe(Observation { server, asked: now, outcome }, now);
                }
            }
            engine.decide(now);
            (now, round) = (now + SUPPOSED_ROUND, round + 1);
        }
        engine
    }

    /// A copy in which one cluster is as it is and the others know nothing, to try a change on it.
    pub fn copy_of(&self, id: ClusterId, now: Moment) -> Self {
        let copy = |(at, cluster): (usize, &Cluster)| match ClusterId(at) == id {
            true => cluster.clone(),
            false => Cluster::new(ClusterId(at), cluster.policy().clone(), now),
        };
        Self {
            clusters: self.clusters.iter().enumerate().map(copy).collect(),
            observed: BTreeSet::new(),
            deadlines: Deadlines::default(),
            decided: BTreeSet::new(),
            events: Vec::new(),
            ..*self
        }
    }

    /// What a restart must not forget of a cluster.
    pub fn remember(&self, cluster: ClusterId) -> Remembered {
        self.clusters[cluster.0].remember()
    }

    /// Lets a cluster begin with what an earlier process remembered, before anything is observed:
    /// its names say at once what they said then, as [`WriteReason::Remembered`] and
    /// [`ReadReason::Remembered`], until its first round of probes has ended. Places in `memory` are
    /// those of the present configuration; what does not exist is passed over. Without effect on a
    /// cluster whose first round has ended.
    ///
    /// [`WriteReason::Remembered`]: super::WriteReason::Remembered
    /// [`ReadReason::Remembered`]: super::ReadReason::Remembered
    pub fn restore(&mut self, cluster: ClusterId, memory: &Remembered, now: Moment) {
        self.clusters[cluster.0].restore(memory, now);
        self.decided.insert(cluster);
        self.observed.insert(cluster);
    }

    /// Goes over to another configuration: clusters and servers are known again by their names.
    ///
    /// A server with the same addresses, port and aliases keeps all that is known of it; others, and
    /// new clusters, have not been heard yet. A cluster that was ready stays so. A server that is
    /// gone leaves the names, its overrides end with it, and nobody is told. Call [`Self::decide`]
    /// for the rest to take effect; every cluster counts as decided anew. Take the events before:
    /// they say servers by their old places, and are forgotten.
    ///
    /// Returns where the servers that are still known have gone, old place to new, so that
    /// observations on their way can follow them.
    pub fn reconfigure(
        &mut self,
        policies: Vec<ClusterPolicy>,
        now: Moment,
    ) -> BTreeMap<ServerId, ServerId> {
        let by_name: BTreeMap<_, _> =
            self.clusters.iter().enumerate().map(|(id, old)| (&*old.policy().name, id)).collect();
        let mut places = BTreeMap::new();
        let mut clusters = Vec::with_capacity(policies.len());
        for (id, policy) in policies.into_iter().enumerate() {
            let id = ClusterId(id);
            let Some(&before) = by_name.get(&*policy.name) else {
                clusters.push(Cluster::new(id, policy, now));
                continue;
            };
            let (cluster, kept) = self.clusters[before].reconfigured(id, policy, now);
            places.extend(kept.enumerate().filter_map(|(server, was)| {
                let was = ServerId { cluster: ClusterId(before), server: (*was)? };
                Some((was, ServerId { cluster: id, server }))
            }));
            clusters.push(cluster);
        }
        self.clusters = clusters;
        self.servers = self.clusters.iter().map(|cluster| cluster.records().len()).sum();
        self.asked = self.clusters.iter().map(Cluster::asked_servers).sum();
        self.silent = self.clusters.iter().map(Cluster::silent_servers).sum();
        self.deadlines = Deadlines::default();
        for (id, cluster) in self.clusters.iter().enumerate() {
            self.deadlines.set(ClusterId(id), cluster.next_deadline(now));
        }
        self.observed = (0..self.clusters.len()).map(ClusterId).collect();
        self.decided.clone_from(&self.observed);
        self.events.clear();
        places
    }

    /// When [`Self::decide`] must be called again at the latest, even without an observation.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first()
    }

    /// The rules of a cluster.
    pub fn policy(&self, cluster: ClusterId) -> &ClusterPolicy {
        self.clusters[cluster.0].policy()
    }

    /// Whether every server of every cluster failed at once, so that answers stand still.
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// All servers silent in a way that may be our own network's fault: stand still. One reply ends
    /// it, and then the failures that began with it start to count anew, for they proved nothing.
    /// Whoever was silent before goes on as it was.
    fn update_isolation(&mut self, now: Moment) {
        if self.observed.is_empty() {
            return;
        }
        let isolated = self.nobody_answers(now);
        if isolated == self.isolated {
            return;
        }
        self.isolated = isolated;
        let known: Vec<_> =
            (0..self.clusters.len()).filter(|&id| self.clusters[id].has_been_heard()).collect();
        if isolated {
            self.isolated_at = now;
            self.events.push(Event::Isolated);
            for &id in &known {
                self.clusters[id].hold_isolated(now, &mut self.events);
            }
        } else {
            self.events.push(Event::Reconnected);
            for cluster in &mut self.clusters {
                let since = self.isolated_at.before(cluster.policy().thresholds.at_once());
                cluster.forgive(since, now);
            }
            self.observed.extend((0..self.clusters.len()).map(ClusterId));
        }
        self.decided.extend(known.into_iter().map(ClusterId));
    }

    /// One server alone is no sample, and one that has been silent for long is no part of it. A
    /// server that joins meanwhile and has not been asked yet proves nothing.
    fn nobody_answers(&self, now: Moment) -> bool {
        let sample = if self.isolated { self.asked } else { self.servers };
        if self.servers < 2 || self.silent != sample {
            return false;
        }
        let fell_silent = self.clusters.iter().map(|cluster| cluster.fell_silent(now));
        self.isolated || fell_silent.sum::<usize>() > 1
    }
}

/// From one supposed reply to the next.
const SUPPOSED_ROUND: Duration = Duration::from_millis(500);
