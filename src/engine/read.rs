//! The ladder of a read name.
//!
//! Eligible replicas; if they are too few, the primary; then lagging and detached servers, least behind
//! first; then the last known set. A name that has ever had a server is never emptied by a fault of
//! the servers.

use super::{
    ClusterPolicy, Lag, Moment, ReadDecision, ReadReason, ReadServer, ServerIndex,
    conclusion::Conclusion,
    ids::Servers,
    record::Record,
    verdict::{ReadEligibility, Verdict},
};

/// One read name of a cluster and what it says now.
#[derive(Clone, Debug)]
pub struct ReadLadder {
    pub decision: ReadDecision,
    /// Which of the cluster's read names, in config order.
    name: usize,
}

/// The servers of a cluster as one read name sees them.
pub struct Candidates<'a> {
    pub policy: &'a ClusterPolicy,
    pub records: &'a Servers<Record>,
    pub conclusions: &'a Servers<Conclusion>,
    /// The server that is the primary now: left out unless asked for or needed.
    pub primary: Option<ServerIndex>,
    /// Servers that operators have drained: on no rung.
    pub drained: &'a [ServerIndex],
}

impl ReadLadder {
    pub fn new(name: usize) -> Self {
        let decision = ReadDecision {
            servers: Vec::new(),
            reason: ReadReason::NotReady,
            since: Moment::START,
        };
        Self { decision, name }
    }

    /// Decides anew.
    pub fn decide(&mut self, candidates: &Candidates<'_>, now: Moment) {
        let (servers, reason) = self.climb(candidates);
        self.decision = candidates.say(self.name, &self.decision, servers, reason, now);
    }

    /// Every server of every cluster failed at once: the set stays.
    pub fn hold_isolated(&mut self) {
        if !self.decision.servers.is_empty() {
            self.decision.reason = ReadReason::Isolated;
        }
    }

    /// The rung that the name comes to, and whom it says there.
    pub fn climb(&self, candidates: &Candidates<'_>) -> (Vec<ServerIndex>, ReadReason) {
        let rules = &candidates.policy.reads[self.name];
        let primary =
            candidates.primary.filter(|it| candidates.is_readable_primary(self.name, *it));
        let mut servers = candidates.eligible(self.name);
        if rules.include_primary {
            servers.extend(primary);
        }
        let mut reason = ReadReason::Eligible;
        if servers.len() < rules.min_servers
            && !rules.include_primary
            && let Some(primary) = primary
        {
            servers.push(primary);
            reason = ReadReason::WithPrimary;
        }
        if servers.len() < rules.min_servers {
            let missing = rules.min_servers - servers.len();
            let helpers = candidates.last_resort(self.name, missing);
            if let Some((_, lag)) = helpers.first() {
                // A tenth of a second is printed as none.
                let told = lag.filter(|Lag(lag)| lag.as_millis() >= 100);
                reason = ReadReason::WithLagging(told);
            }
            servers.extend(helpers.into_iter().map(|(server, _)| server));
        }
        if servers.is_empty() {
            return self.last_known(candidates);
        }
        if servers.len() < rules.min_servers && reason == ReadReason::Eligible {
            reason = ReadReason::Few;
        }
        (servers, reason)
    }

    fn last_known(&self, candidates: &Candidates<'_>) -> (Vec<ServerIndex>, ReadReason) {
        let is_ours = |server: &ServerIndex| {
            candidates.verdict(*server).read != ReadEligibility::Never
                && !candidates.drained.contains(server)
        };
        let before = self.decision.servers.iter().map(|server| server.server);
        let mut servers: Vec<_> = before.filter(is_ours).collect();
        if servers.is_empty() {
            let ever_fit = |server: &ServerIndex| candidates.conclusions[*server].ever_fit;
            servers = candidates.all().filter(ever_fit).filter(is_ours).collect();
        }
        match servers.is_empty() {
            true => (servers, ReadReason::NobodyKnown),
            false => (servers, ReadReason::LastKnown),
        }
    }
}

impl Candidates<'_> {
    /// What a read name that said `before` says from now on.
    pub fn say(
        &self,
        name: usize,
        before: &ReadDecision,
        mut servers: Vec<ServerIndex>,
        reason: ReadReason,
        now: Moment,
    ) -> ReadDecision {
        servers.sort_unstable();
        let same_set =
            before.servers.iter().map(|member| member.server).eq(servers.iter().copied());
        let same_rung = std::mem::discriminant(&reason) == std::mem::discriminant(&before.reason);
        let rules = &self.policy.reads[name];
        let sessions = |server: ServerIndex| {
            let facts = self.records[server].facts.as_ref().filter(|_| rules.by_sessions);
            facts.and_then(super::Facts::sessions)
        };
        let servers = servers.into_iter().map(|server| ReadServer {
            server,
            percent: self.percent(server, now),
            sessions: sessions(server),
        });
        ReadDecision {
            servers: servers.collect(),
            // The lag in a reason is that of the moment when the rung was reached; it would change
            // with every probe.
            reason: if same_set && same_rung { before.reason } else { reason },
            since: if same_set { before.since } else { now },
        }
    }

    /// Servers that are not drained.
    fn all(&self) -> impl Iterator<Item = ServerIndex> {
        self.records.indices().filter(|server| !self.drained.contains(server))
    }

    fn percent(&self, server: ServerIndex, now: Moment) -> u16 {
        self.records[server].witnesses.percent(&self.policy.thresholds, now)
    }

    fn verdict(&self, server: ServerIndex) -> &Verdict {
        &self.conclusions[server].limited
    }

    /// Whether the server that reads spare may be read from. One that is a replica, as a writer is that
    /// the name holds although it follows another one by now, must be fresh as any.
    fn is_readable_primary(&self, name: usize, primary: ServerIndex) -> bool {
        let is_readable = match self.verdict(primary).read {
            ReadEligibility::Primary => true,
            ReadEligibility::Replica => self.is_fresh_for(name, primary),
            _ => false,
        };
        is_readable && !self.drained.contains(&primary)
    }

    fn is_fresh_for(&self, name: usize, server: ServerIndex) -> bool {
        self.conclusions[server].gates[name].is_fresh()
    }

    fn replicas(&self) -> impl Iterator<Item = ServerIndex> {
        self.all().filter(|&server| {
            self.verdict(server).read == ReadEligibility::Replica && self.primary != Some(server)
        })
    }

    fn eligible(&self, name: usize) -> Vec<ServerIndex> {
        self.replicas().filter(|&server| self.is_fresh_for(name, server)).collect()
    }

    /// At most `most` servers that are better than none, least behind first.
    fn last_resort(&self, name: usize, most: usize) -> Vec<(ServerIndex, Option<Lag>)> {
        let is_late = |server: &ServerIndex| {
            self.verdict(*server).read == ReadEligibility::Replica
                && !self.is_fresh_for(name, *server)
        };
        let late = self.all().filter(is_late);
        let others =
            self.all().filter(|&server| self.verdict(server).read == ReadEligibility::LastResort);
        let mut helpers: Vec<_> =
            late.chain(others).map(|server| (server, self.verdict(server).lag)).collect();
        helpers.sort_by_key(|&(server, lag)| (lag.is_none(), lag, server));
        helpers.truncate(most);
        helpers
    }
}
