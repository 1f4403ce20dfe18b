//! The rules of a random cluster.

use std::time::Duration;

use pointsman::engine::{
    ClusterPolicy, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain, ReadPolicy, Thresholds,
    WritePolicy,
};

use super::{driver::TIMEOUT, monitor::NORMAL_INTERVAL};
use crate::{
    simulation::SplitMix,
    world::{Breed, server_policy},
};

pub(super) fn random(random: &mut SplitMix, breed: Breed, servers: usize) -> ClusterPolicy {
    let mut even = || random.below(2) == 0;
    let write = WritePolicy {
        on_not_writable: if even() { OnNotWritable::Empty } else { OnNotWritable::Hold },
        on_split_brain: if even() { OnSplitBrain::Keep } else { OnSplitBrain::Empty },
        on_newer_timeline: if even() { OnNewerTimeline::Follow } else { OnNewerTimeline::Hold },
        shared_storage: false,
        failback: if even() { Failback::Stay } else { Failback::Preferred },
        flap_block: Duration::from_secs(20),
    };
    let read = |random: &mut SplitMix| ReadPolicy {
        max_lag: Duration::from_secs([2, 5, 10, 20][random.below(4)]),
        min_servers: 1 + random.below(2),
        include_primary: random.below(4) == 0,
        by_sessions: false,
    };
    let reads = (0..1 + random.below(2)).map(|_| read(random)).collect();
    let mut policy = ClusterPolicy {
        name: "orders".into(),
        kind: breed.kind(),
        servers: (0..servers).map(|index| server_policy(&format!("db{index}"), index)).collect(),
        write: Some(write),
        reads,
        thresholds: Thresholds {
            fall: [2, 3, 3, 4][random.below(4)],
            rise: [1, 2, 2, 3][random.below(4)],
            stale_after: 3 * (NORMAL_INTERVAL + TIMEOUT),
            first_round: Duration::from_secs(2),
        },
    };
    for server in &mut policy.servers {
        server.priority = [100, 100, 50, 10][random.below(4)];
    }
    policy
}
