//! Another configuration for a cluster that runs: what is still the same goes on.
//!
//! Servers are known again by their names. One that is where it was keeps all that is known of it;
//! one that has moved, or is new, has not been heard yet, which leaves a cluster ready as it was.
//! Everything that says a server by its place says the new place afterwards, and what only a server
//! that is gone stood for is forgotten.

use super::{Cluster, overlay::Overlay};
use crate::engine::{
    ClusterId, ClusterPolicy, Moment, Override, ReadDecision, ReadReason, ReadServer, ServerIndex,
    ServerPolicy, StateReason, WishKey, conclusion::Conclusion, gate::LagGate, ids::Servers,
    verdict::Verdict, write::moved_write,
};

/// Where the servers of an earlier configuration are now.
struct Places {
    /// By the old place.
    now: Servers<Option<ServerIndex>>,
    /// By the new place: the old one of a server of which everything known still holds.
    kept: Servers<Option<ServerIndex>>,
}

impl Places {
    fn new(old: &ClusterPolicy, new: &ClusterPolicy) -> Self {
        let same = |was: &ServerPolicy, is: &ServerPolicy| {
            (&was.addresses, was.port, &was.aliases) == (&is.addresses, is.port, &is.aliases)
        };
        let named = |name: &str| old.position(|server| *server.name == *name);
        // Where a server is tells more than what it is called.
        let kept: Servers<_> = new
            .servers
            .iter()
            .map(|server| {
                let by_name = named(&server.name).filter(|&was| same(old.server(was), server));
                by_name.or_else(|| old.position(|was| same(was, server)))
            })
            .collect();
        let moved_to = |was: ServerIndex| kept.position(|before| *before == Some(was));
        let renamed = |was: ServerIndex| {
            let name = &old.server(was).name;
            let place = new.position(|server| server.name == *name)?;
            // Its name went to another server that was known before.
            kept[place].is_none_or(|before| before == was).then_some(place)
        };
        let now = old.indices().map(|was| moved_to(was).or_else(|| renamed(was))).collect();
        Self { now, kept }
    }

    fn of(&self, server: ServerIndex) -> Option<ServerIndex> {
        self.now.get(server).copied().flatten()
    }

    /// Where a server is now of which everything known still holds.
    fn of_known(&self, server: ServerIndex) -> Option<ServerIndex> {
        self.of(server).filter(|place| self.kept[*place] == Some(server))
    }
}

impl Places {
    /// Where a server is now, also one that has moved and has not been heard there yet.
    fn anywhere(&self) -> impl Fn(ServerIndex) -> Option<ServerIndex> {
        |server| self.of(server)
    }

    /// Where a server is now of which everything known still holds.
    fn known(&self) -> impl Fn(ServerIndex) -> Option<ServerIndex> {
        |server| self.of_known(server)
    }
}

impl Cluster {
    /// The same cluster under another configuration, and by its new places the old ones of those
    /// servers of which everything known still holds: of none when the cluster speaks something else
    /// now, for then it begins anew.
    pub fn reconfigured(
        &self,
        id: ClusterId,
        policy: ClusterPolicy,
        now: Moment,
    ) -> (Self, Servers<Option<ServerIndex>>) {
        let places = Places::new(&self.policy, &policy);
        let mut cluster = Self::new(id, policy, now);
        let laid = self.overlay.laid().iter().filter_map(|laid| {
            let wish = laid.wish.try_map(|server| places.of(server).ok_or(())).ok()?;
            // A pin needs a name to pin.
            let senseless = wish.key() == WishKey::Pin && cluster.policy.write.is_none();
            (!senseless).then(|| Override { wish, ..laid.clone() })
        });
        cluster.overlay = Overlay::after_change(laid.collect(), self.overlay.denied());
        if self.policy.kind != cluster.policy.kind {
            let nobody = cluster.records.iter().map(|_| None).collect();
            return (cluster, nobody);
        }
        for (index, before) in places.kept.enumerate() {
            if let Some(before) = *before {
                let mut record = self.records[before].clone();
                let asked = &cluster.records[index].witnesses;
                record.witnesses = record.witnesses.carried_over(asked);
                cluster.records[index] = record;
                cluster.conclusions[index] =
                    self.moved_conclusion(&self.conclusions[before], &cluster.policy, &places);
                cluster.paces[index] = self.paces[before];
            }
        }
        (cluster.started, cluster.ready) = (self.started, self.ready);
        (cluster.round, cluster.last_heard) = (self.round, self.last_heard);
        cluster.judged = self.judged;
        cluster.positions = self.positions.clone();
        cluster.office = self.office.clone();
        (cluster.settling, cluster.isolated) = (self.settling, self.isolated);
        cluster.no_writer_since = self.no_writer_since;
        cluster.identity = self.identity.clone();
        if cluster.policy.write.is_some() && self.policy.write.is_some() {
            cluster.write = self.write.moved(&places.anywhere(), &places.known(), now);
            cluster.said.write = moved_write(self.said.write, &places.known(), now);
            let left =
                self.write.decision.server.is_some() && cluster.write.decision.server.is_none();
            let unheard = places.kept.iter().any(Option::is_none);
            if left && unheard && cluster.ready {
                cluster.begin_round(now);
            }
        }
        for name in 0..cluster.reads.len() {
            if let Some(before) = self.read_name_before(name, &cluster.policy) {
                let ladder = &self.reads[before].decision;
                cluster.reads[name].decision = moved_read(ladder, &places, now);
                cluster.said.reads[name] = moved_read(&self.said.reads[before], &places, now);
            }
        }
        (cluster, places.kept)
    }

    /// Which of the read names a new one was: by its rules, else by its place.
    fn read_name_before(&self, name: usize, policy: &ClusterPolicy) -> Option<usize> {
        let (old, new) = (&self.policy.reads, &policy.reads);
        let same_place = old.get(name).is_some_and(|before| *before == new[name]);
        let elsewhere = || {
            let stays = |before: usize| new.get(before) == Some(&old[before]);
            (0..old.len()).find(|&before| old[before] == new[name] && !stays(before))
        };
        match same_place {
            true => Some(name),
            false => elsewhere().or_else(|| (name < old.len()).then_some(name)),
        }
    }

    /// What was concluded of a server, in its new place and with the read names of `policy`.
    fn moved_conclusion(
        &self,
        known: &Conclusion,
        policy: &ClusterPolicy,
        places: &Places,
    ) -> Conclusion {
        let known_lag = known.settled.and_then(|settled| settled.lag);
        let gates = policy.reads.iter().map(|read| {
            // Gates with one limit have seen the same replies.
            let before = self.policy.reads.iter().position(|old| old.max_lag == read.max_lag);
            let new = || {
                let mut gate = LagGate::default();
                if known.gates.iter().any(|gate| gate.is_known()) {
                    gate.pass(known_lag, read.max_lag);
                }
                gate
            };
            before.map_or_else(new, |before| known.gates[before])
        });
        let superseded = known.superseded.clone().map(|mut superseded| {
            if let Some(by) = superseded.by {
                superseded.heir = self.records[by].history.gtid.clone();
            }
            superseded.by = superseded.by.and_then(|by| places.of(by));
            superseded
        });
        let moved = |verdict: Verdict| moved_verdict(verdict, places);
        let mut conclusion = known.clone();
        conclusion.gates = gates.collect();
        conclusion.superseded = superseded;
        conclusion.upstream =
            known.upstream.and_then(|upstream| upstream.filter_map(|member| places.of(member)));
        conclusion.left_behind = known.left_behind.map(|reason| moved_reason(reason, places));
        conclusion.verdict = moved(known.verdict);
        conclusion.limited = moved(known.limited);
        conclusion.settled = known.settled.map(moved);
        conclusion
    }
}

/// The next judgement gives another reason where the other server is gone.
fn moved_verdict(verdict: Verdict, places: &Places) -> Verdict {
    verdict.because(moved_reason(verdict.reason, places))
}

fn moved_reason(reason: StateReason, places: &Places) -> StateReason {
    match reason {
        StateReason::OlderHistory(other) => {
            places.of(other).map_or(StateReason::NotRejoined, StateReason::OlderHistory)
        }
        StateReason::SecondWriter(other) => {
            places.of(other).map_or(StateReason::LostContest, StateReason::SecondWriter)
        }
        StateReason::Unfollowed(other) => {
            places.of(other).map_or(StateReason::LostContest, StateReason::Unfollowed)
        }
        StateReason::OtherComponent(other) => {
            places.of(other).map_or(StateReason::LostContest, StateReason::OtherComponent)
        }
        StateReason::FollowsStale(other) => {
            places.of(other).map_or(StateReason::DeadBranch, StateReason::FollowsStale)
        }
        other => other,
    }
}

/// Without those who are gone; with nobody left it is as if nothing had ever been said.
fn moved_read(said: &ReadDecision, places: &Places, now: Moment) -> ReadDecision {
    let members = said.servers.iter();
    let moved = members.filter_map(|&ReadServer { server, percent, sessions }| {
        Some(ReadServer { server: places.of_known(server)?, percent, sessions })
    });
    let mut servers: Vec<_> = moved.collect();
    servers.sort_by_key(|member| member.server);
    match (said.servers.len(), servers.len()) {
        (before, left) if before == left => ReadDecision { servers, ..*said },
        (_, 0) => ReadDecision { servers, reason: ReadReason::NotReady, since: now },
        _ => ReadDecision { servers, since: now, ..*said },
    }
}
