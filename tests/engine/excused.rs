//! A monitor that was stopped or starved holds its own silence against nobody.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, Engine, Failback, Moment, ServerId, ServerIndex, ServerState,
};

use crate::{simulation::policy, world::World};

const SERVERS: usize = 2;

/// The state of the primary after twenty seconds in which nobody was heard.
fn after_a_silence(excused: bool) -> ServerState {
    let mut world = World::new(ClusterKind::Postgres, SERVERS);
    let policy = policy(ClusterKind::Postgres, SERVERS, Failback::Stay);
    let (mut engine, mut now) = (Engine::new(vec![policy], Moment::START), Moment::START);
    for _ in 0..4 {
        world.tick();
        for index in 0..SERVERS {
            engine.observe(world.observe(index, now), now);
        }
        engine.decide(now);
        now = now + Duration::from_millis(500);
    }
    now = now + Duration::from_secs(20);
    if excused {
        engine.excuse_silence(now);
    }
    engine.decide(now);
    engine.standing(ServerId { cluster: ClusterId(0), server: ServerIndex::new(0) }).state
}

#[test]
fn silence_of_our_own_makes_no_server_unknown() {
    assert_eq!(after_a_silence(true), ServerState::Primary);
    assert_eq!(after_a_silence(false), ServerState::Unknown);
}
