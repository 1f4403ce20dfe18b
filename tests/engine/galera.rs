//! A Galera cluster: all nodes are writable, and the group says who counts.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, ClusterPolicy, Engine, Facts, Failback, Flavour, Galera, Group,
    GtidState, Heartbeat, Moment, MySqlFacts, MySqlIdentity, Observation, OnNewerTimeline,
    OnNotWritable, OnSplitBrain, Outcome, ServerId, ServerIndex, Thresholds, Writability,
    WritePolicy, WriteReason,
};

use crate::world::server_policy;

const CLUSTER: ClusterId = ClusterId(0);
const STEP: Duration = Duration::from_millis(100);

struct Ring {
    engine: Engine,
    now: Moment,
}

impl Ring {
    fn healthy() -> Self {
        let policy = ClusterPolicy {
            name: "ring".into(),
            kind: ClusterKind::MySql,
            servers: (0..3).map(|index| server_policy(&format!("ring{index}"), index)).collect(),
            write: Some(WritePolicy {
                on_not_writable: OnNotWritable::Empty,
                on_split_brain: OnSplitBrain::Keep,
                on_newer_timeline: OnNewerTimeline::Follow,
                shared_storage: false,
                failback: Failback::Stay,
                flap_block: Duration::from_secs(60),
            }),
            reads: vec![],
            thresholds: Thresholds {
                fall: 3,
                rise: 2,
                stale_after: Duration::from_secs(8),
                first_round: Duration::from_secs(2),
            },
        };
        let mut ring =
            Self { engine: Engine::new(vec![policy], Moment::START), now: Moment::START };
        ring.steps(3, [true; 3]);
        assert_eq!(ring.writer(), Some(0));
        ring
    }

    /// So many rounds of probes, in which these nodes count and the others do not.
    fn steps(&mut self, rounds: u32, counted: [bool; 3]) {
        for _ in 0..rounds {
            for (index, counts) in counted.into_iter().enumerate() {
                let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(index) };
                let outcome = Outcome::Answered(node(index, counts));
                self.engine.observe(Observation { server, asked: self.now, outcome }, self.now);
            }
            self.engine.decide(self.now);
            self.now = self.now + STEP;
        }
    }

    fn writer(&self) -> Option<usize> {
        let write = self.engine.decision(CLUSTER).write.expect("it has a write name");
        write.server.map(|server| server.place())
    }

    fn reason(&self) -> WriteReason {
        self.engine.decision(CLUSTER).write.expect("it has a write name").reason
    }
}

fn node(index: usize, counts: bool) -> Facts {
    Facts::MySql(MySqlFacts {
        flavour: Flavour::MariaDb,
        identity: MySqlIdentity {
            uuid: None,
            server_id: u32::try_from(index + 1).expect("three nodes"),
        },
        writability: Writability::Writable,
        channels: Some(vec![]),
        gtid: GtidState::Unknown,
        position: None,
        group: Some(Group::Galera(Galera {
            cluster_uuid: "7e6f8e8c-0000-11ef-8000-0242ac110002".into(),
            ready: counts,
            primary_component: counts,
            local_state: if counts { 4 } else { 0 },
            refuses_clients: false,
            receive_queue: 0,
            members: Vec::new(),
        })),
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    })
}

#[test]
fn a_view_change_does_not_move_the_writer() {
    let mut ring = Ring::healthy();
    ring.steps(1, [false, true, true]);
    assert_eq!((ring.writer(), ring.reason()), (None, WriteReason::NotWritable));
    ring.steps(5, [false; 3]);
    assert_eq!(ring.writer(), None);
    ring.steps(1, [false, true, true]);
    ring.steps(2, [true; 3]);
    assert_eq!(ring.writer(), Some(0));
}

#[test]
fn a_node_that_stays_out_is_replaced_and_the_new_writer_stays() {
    let mut ring = Ring::healthy();
    ring.steps(30, [false, true, true]);
    assert_eq!(ring.writer(), Some(1));
    ring.steps(30, [true; 3]);
    assert_eq!((ring.writer(), ring.reason()), (Some(1), WriteReason::Incumbent));
}

#[test]
fn without_a_quorum_nobody_is_written_to() {
    let mut ring = Ring::healthy();
    ring.steps(60, [false; 3]);
    assert_eq!((ring.writer(), ring.reason()), (None, WriteReason::NotWritable));
}
