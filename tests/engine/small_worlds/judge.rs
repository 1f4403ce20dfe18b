//! Who decides in a world: the engine, or a toy that is wrong on purpose.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, ClusterPolicy, Engine, Failback, Moment, Observation, OnNewerTimeline,
    OnNotWritable, OnSplitBrain, Outcome, ReadPolicy, ServerId, ServerIndex, Thresholds,
    WritePolicy,
};

use crate::{outcome::server_policy, world::Product};

const CLUSTER: ClusterId = ClusterId(0);

/// What the names say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Answer {
    pub(crate) write: Option<usize>,
    /// The servers to read from, one bit for each.
    pub(crate) reads: u8,
}

pub(crate) trait Judge: Clone {
    fn new(product: Product, servers: usize) -> Self;
    fn hear(&mut self, server: usize, outcome: &Outcome, now: Moment);
    fn decide(&mut self, now: Moment) -> Answer;
    /// Starts anew with what a state file keeps.
    fn restart(&mut self, now: Moment);
    /// Why the write name says what it says, and what each server is, in words.
    fn reasons(&self) -> (String, Vec<String>);
}

impl Judge for Engine {
    fn new(product: Product, servers: usize) -> Self {
        Self::new(vec![policy(product, servers)], Moment::START)
    }

    /// The question was asked a moment before its reply came.
    fn hear(&mut self, server: usize, outcome: &Outcome, now: Moment) {
        let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(server) };
        let asked = now.before(Duration::from_millis(1));
        self.observe(Observation { server, asked, outcome: outcome.clone() }, now);
    }

    fn decide(&mut self, now: Moment) -> Answer {
        Self::decide(self, now);
        self.take_events();
        let decision = self.decision(CLUSTER);
        Answer {
            write: decision.write.and_then(|write| write.server).map(|server| server.place()),
            reads: decision.reads[0].servers.iter().map(|read| 1 << read.server.place()).sum(),
        }
    }

    fn restart(&mut self, now: Moment) {
        let memory = self.remember(CLUSTER);
        let mut restarted = Self::new(vec![self.policy(CLUSTER).clone()], now);
        restarted.restore(CLUSTER, &memory, now);
        *self = restarted;
    }

    fn reasons(&self) -> (String, Vec<String>) {
        let write = self.decision(CLUSTER).write.expect("there is a write name");
        let standing = |server| {
            let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(server) };
            let standing = self.standing(server);
            format!("{}: {}", standing.state, standing.reason)
        };
        let servers = self.policy(CLUSTER).servers.len();
        (write.reason.to_string(), (0..servers).map(standing).collect())
    }
}

fn policy(product: Product, servers: usize) -> ClusterPolicy {
    ClusterPolicy {
        name: "small".into(),
        kind: match product {
            Product::Postgres => ClusterKind::Postgres,
            _ => ClusterKind::MySql,
        },
        servers: (0..servers).map(server_policy).collect(),
        write: Some(WritePolicy {
            on_not_writable: OnNotWritable::Empty,
            on_split_brain: OnSplitBrain::Keep,
            failback: Failback::Stay,
            on_newer_timeline: OnNewerTimeline::Follow,
            shared_storage: false,
            flap_block: Duration::from_secs(60),
        }),
        reads: vec![ReadPolicy {
            max_lag: Duration::from_secs(3),
            min_servers: 1,
            include_primary: false,
            by_sessions: false,
        }],
        thresholds: Thresholds {
            fall: 3,
            rise: 2,
            stale_after: Duration::from_secs(8),
            first_round: Duration::from_secs(2),
        },
    }
}
