//! A restart in the middle of any story: what was said is said again, and who was left is known.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, Degradation, Engine, Failback, GtidState, Loss, Moment, Pace,
    Remembered, RememberedLoss, ServerId, ServerIndex, Stability, Wish, WriteReason,
};

use crate::{
    operators::laid,
    simulation::{SplitMix, disturb, policy},
    world::World,
};

const CLUSTER: ClusterId = ClusterId(0);
const SERVERS: usize = 4;
const STEP: Duration = Duration::from_millis(500);

struct Site {
    world: World,
    engine: Engine,
    now: Moment,
}

impl Site {
    fn new(kind: ClusterKind) -> Self {
        let now = Moment::START;
        Self { world: World::new(kind, SERVERS), engine: anew(kind, now), now }
    }

    fn steps(&mut self, steps: usize) {
        for _ in 0..steps {
            self.world.tick();
            for index in 0..SERVERS {
                self.engine.observe(self.world.observe(index, self.now), self.now);
            }
            self.engine.decide(self.now);
            self.now = self.now + STEP;
        }
    }
}

fn anew(kind: ClusterKind, now: Moment) -> Engine {
    Engine::new(vec![policy(kind, SERVERS, Failback::Stay)], now)
}

fn id(server: usize) -> ServerId {
    ServerId { cluster: CLUSTER, server: ServerIndex::new(server) }
}

/// The servers of both names.
fn sets(engine: &Engine) -> (Option<ServerIndex>, Vec<ServerIndex>) {
    let decision = engine.decision(CLUSTER);
    let reads = decision.reads[0].servers.iter().map(|member| member.server).collect();
    (decision.write.and_then(|write| write.server), reads)
}

#[test]
fn the_names_say_again_what_they_said() {
    for seed in 0..300 {
        let kind = [ClusterKind::Postgres, ClusterKind::MySql, ClusterKind::Tcp][seed % 3];
        let mut site = Site::new(kind);
        let mut random = SplitMix(u64::try_from(seed).expect("few seeds"));
        let mut mute = vec![false; SERVERS];
        site.steps(3);
        for _ in 0..30 {
            disturb(&mut random, &mut site.world, &mut mute);
            site.steps(1);
            if random.below(30) == 0 {
                let freeze = laid(Wish::Freeze, site.now, Some(site.now + 8 * STEP));
                site.engine.lay(CLUSTER, freeze, site.now).expect("always");
                site.steps(1);
            }
            let memory = site.engine.remember(CLUSTER);
            let mut restarted = anew(kind, site.now);
            restarted.restore(CLUSTER, &memory, site.now);
            assert_eq!(sets(&restarted), sets(&site.engine), "seed {seed}");
            // Nothing is lost by a process that lives for a moment.
            restarted.decide(site.now);
            assert_eq!(restarted.remember(CLUSTER), memory, "seed {seed}");
            let decision = restarted.decision(CLUSTER);
            assert_eq!(decision.stability, Stability::Settling);
            let write = decision.write.expect("a write name");
            let marked = match write.server {
                Some(_) => (WriteReason::Remembered, Degradation::Stale),
                None => (WriteReason::NotReady, Degradation::NotReady),
            };
            assert_eq!((write.reason, write.reason.degradation()), marked);
        }
    }
}

fn loss(server: ServerIndex, heir: ServerIndex, timeline: Option<u32>) -> RememberedLoss {
    RememberedLoss {
        server,
        heir: Some(heir),
        timeline,
        heir_gtid: GtidState::Unknown,
        loss: Loss::Name,
    }
}

#[test]
fn a_memory_of_another_configuration_does_no_harm() {
    let far = ServerIndex::new(SERVERS);
    let memory = Remembered {
        write: Some(far),
        last_writer: Some(far),
        reads: vec![vec![ServerIndex::new(1), far], vec![far]],
        identity: Some(7),
        superseded: vec![
            loss(far, ServerIndex::new(0), None),
            loss(ServerIndex::new(0), far, Some(1)),
        ],
        ..Remembered::default()
    };
    let mut site = Site::new(ClusterKind::Postgres);
    site.engine.restore(CLUSTER, &memory, site.now);
    assert_eq!(sets(&site.engine), (None, vec![ServerIndex::new(1)]));
    site.steps(3);
    assert_eq!(sets(&site.engine).0, Some(ServerIndex::new(0)));
}

#[test]
fn a_remembered_identity_outweighs_a_minority_of_strangers() {
    let mut site = Site::new(ClusterKind::Postgres);
    site.steps(3);
    let memory = site.engine.remember(CLUSTER);
    // All are away but a stranger.
    for index in 0..3 {
        site.world.kill(index);
    }
    site.world.hosts[3].system = 2;
    site.world.promote(3);
    let mut cold = anew(ClusterKind::Postgres, site.now);
    std::mem::swap(&mut site.engine, &mut cold);
    let mut warm = anew(ClusterKind::Postgres, site.now);
    warm.restore(CLUSTER, &memory, site.now);
    let (world, now) = (site.world.clone(), site.now);
    site.steps(10);
    assert_eq!(sets(&site.engine).0, Some(ServerIndex::new(3)), "nobody can tell");
    (site.engine, site.world, site.now) = (warm, world, now);
    site.steps(10);
    assert_eq!(sets(&site.engine).0, Some(ServerIndex::new(0)), "it is held");
}

#[test]
fn heartbeats_go_to_the_published_and_confirmed_primary_alone() {
    let mut site = Site::new(ClusterKind::Postgres);
    let beats = |site: &Site| [0, 1].map(|server| site.engine.advice(id(server)).heartbeat);
    site.steps(3);
    assert_eq!(beats(&site), [true, false]);
    // Published, and nobody knows what it is now.
    let memory = site.engine.remember(CLUSTER);
    let mut restarted = anew(ClusterKind::Postgres, site.now);
    restarted.restore(CLUSTER, &memory, site.now);
    assert!(!restarted.advice(id(0)).heartbeat);
    site.world.kill(0);
    site.steps(2);
    assert_eq!(beats(&site), [false, false]);
    site.engine.lay(CLUSTER, laid(Wish::Freeze, site.now, None), site.now).expect("always");
    site.world.promote(1);
    site.steps(2);
    assert_eq!(sets(&site.engine).0, Some(ServerIndex::new(0)));
    assert_eq!(beats(&site), [false, false], "the primary is not published");
    site.engine.lift(CLUSTER, pointsman::engine::WishKey::Freeze, "ann").expect("it is laid");
    site.steps(1);
    assert_eq!(beats(&site), [false, true]);
}

#[test]
fn nobody_hurries_for_what_an_operator_has_settled() {
    for wish in [
        Wish::Freeze,
        Wish::Maintenance,
        Wish::Pin { server: ServerIndex::new(0), even_if_not_writable: false },
    ] {
        let mut site = Site::new(ClusterKind::Postgres);
        site.steps(3);
        site.engine.lay(CLUSTER, laid(wish, site.now, None), site.now).expect("a sensible wish");
        site.world.kill(0);
        site.steps(4);
        // The standbys have lost their source, which is a doubt for a while.
        site.steps(12);
        let paces = [1, 2, 3].map(|server| site.engine.advice(id(server)).pace);
        assert_eq!(paces, [Pace::Normal; 3], "{wish:?}");
    }
}
