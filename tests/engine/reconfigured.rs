//! Another configuration while everything runs: what is the same goes on, what is gone is gone.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, ClusterPolicy, Engine, Event, Failback, Moment, ReadReason, ServerId,
    ServerIndex, ServerState, Wish, WishKey, WriteReason,
};

use crate::{
    operators::laid,
    simulation::{SplitMix, disturb, policy},
    world::{World, server_policy},
};

const CLUSTER: ClusterId = ClusterId(0);
const SERVERS: usize = 4;
const STEP: Duration = Duration::from_millis(500);

struct Site {
    world: World,
    engine: Engine,
    policy: ClusterPolicy,
    now: Moment,
    /// When the last decision was made.
    decided: Moment,
}

impl Site {
    fn new(kind: ClusterKind) -> Self {
        let mut policy = policy(kind, SERVERS, Failback::Stay);
        // Distinct, so that the order of the servers decides nothing.
        for (server, priority) in policy.servers.iter_mut().zip(1..) {
            server.priority = priority;
        }
        let engine = Engine::new(vec![policy.clone()], Moment::START);
        let (world, now) = (World::new(kind, SERVERS), Moment::START);
        Self { world, engine, policy, now, decided: now }
    }

    /// One round of probes of the first servers of the configuration.
    fn step(&mut self) {
        self.world.tick();
        for index in 0..self.policy.servers.len().min(SERVERS) {
            self.engine.observe(self.world.observe(index, self.now), self.now);
        }
        self.engine.decide(self.now);
        self.engine.take_events();
        self.decided = self.now;
        self.now = self.now + STEP;
    }

    fn said(&self) -> (Option<usize>, Vec<usize>) {
        said(&self.engine, CLUSTER, |index| index)
    }
}

fn said(
    engine: &Engine,
    cluster: ClusterId,
    place: impl Fn(usize) -> usize,
) -> (Option<usize>, Vec<usize>) {
    let decision = engine.decision(cluster);
    let members = decision.reads[0].servers.iter();
    let mut reads: Vec<_> = members.map(|member| place(member.server.place())).collect();
    reads.sort_unstable();
    (decision.write.and_then(|write| write.server).map(|server| place(server.place())), reads)
}

#[test]
fn the_same_configuration_in_any_order_changes_no_decision() {
    for seed in 0..400 {
        let kind = [ClusterKind::Postgres, ClusterKind::MySql, ClusterKind::Tcp][seed % 3];
        let mut site = Site::new(kind);
        let mut random = SplitMix(u64::try_from(seed).expect("few seeds"));
        let mut mute = vec![false; SERVERS];
        for _ in 0..40 {
            disturb(&mut random, &mut site.world, &mut mute);
            if random.below(20) == 0 {
                let server = ServerIndex::new(random.below(SERVERS));
                let wish = [Wish::Freeze, Wish::Drain { server, force: true }][random.below(2)];
                site.engine.lay(CLUSTER, laid(wish, site.now, None), site.now).expect("no pin");
            }
            site.step();
            is_the_same(&site, seed);
        }
    }
}

fn is_the_same(site: &Site, seed: usize) {
    // The moment of the last decision: no time passes.
    let now = site.decided;
    let before = site.engine.decision(CLUSTER);
    let mut same = site.engine.clone();
    let places = same.reconfigure(vec![site.policy.clone()], now);
    assert_eq!(places.len(), SERVERS);
    assert!(places.iter().all(|(old, new)| old == new));
    same.decide(now);
    assert_eq!(same.decision(CLUSTER).write, before.write, "seed {seed}");
    assert_eq!(same.decision(CLUSTER).reads, before.reads, "seed {seed}");
    assert_eq!(same.next_deadline(), site.engine.next_deadline(), "seed {seed}");
    // A replica of a replica may learn of its source's lag one judgement late, with or without us.
    let events = same.take_events();
    assert!(events.iter().all(|event| matches!(event, Event::State { .. })), "seed {seed}");

    let mut turned = site.policy.clone();
    turned.servers.reverse();
    let other = ClusterPolicy { name: "another".into(), ..site.policy.clone() };
    let mut permuted = site.engine.clone();
    let places = permuted.reconfigure(vec![other, turned], now);
    let turn = |index: usize| SERVERS - 1 - index;
    let moved = ServerId { cluster: ClusterId(1), server: ServerIndex::new(turn(1)) };
    let was = ServerId { cluster: CLUSTER, server: ServerIndex::new(1) };
    assert_eq!(places.get(&was), Some(&moved));
    permuted.decide(now);
    let after = permuted.decision(ClusterId(1));
    let write = |decision: &pointsman::engine::Decision| decision.write.map(|write| write.reason);
    assert_eq!(write(&after), write(&before), "seed {seed}");
    // Equal helpers are chosen by their place in the configuration.
    if !matches!(before.reads[0].reason, ReadReason::WithLagging(_)) {
        let as_before = site.said();
        assert_eq!(said(&permuted, ClusterId(1), turn), as_before, "seed {seed}");
    }
    for index in 0..SERVERS {
        let standing = |engine: &Engine, cluster, server| {
            let standing = engine.standing(ServerId { cluster, server: ServerIndex::new(server) });
            (standing.state, standing.since)
        };
        let (ours, theirs) =
            (standing(&permuted, ClusterId(1), turn(index)), standing(&same, CLUSTER, index));
        assert_eq!(ours, theirs, "seed {seed}, server {index}");
    }
}

#[test]
fn a_server_that_is_gone_leaves_the_names_at_once() {
    let mut site = Site::new(ClusterKind::Postgres);
    (0..4).for_each(|_| site.step());
    assert_eq!(site.said(), (Some(0), vec![1, 2, 3]));
    let drain = Wish::Drain { server: ServerIndex::new(2), force: false };
    site.engine.lay(CLUSTER, laid(drain, site.now, None), site.now).expect("two are left");
    site.engine.lay(CLUSTER, laid(Wish::Freeze, site.now, None), site.now).expect("always");
    site.engine.decide(site.now);

    let mut fewer = site.policy.clone();
    fewer.servers.retain(|server| *server.name != *"db0" && *server.name != *"db2");
    let places = site.engine.reconfigure(vec![fewer], site.now);
    assert_eq!(places.len(), 2);
    // Even from frozen names, and with it what was laid on it.
    assert_eq!(said(&site.engine, CLUSTER, |index| index), (None, vec![0, 1]));
    assert_eq!(site.engine.overrides(CLUSTER).len(), 1);
    site.engine.decide(site.now);
    let write = site.engine.decision(CLUSTER).write.expect("a write name");
    assert_eq!((write.server, write.reason), (None, WriteReason::Frozen));
    assert_eq!(said(&site.engine, CLUSTER, |index| index).1, [0, 1]);
    site.engine.lift(CLUSTER, WishKey::Freeze, "ann").expect("it is in force");
    site.engine.decide(site.now);
    let write = site.engine.decision(CLUSTER).write.expect("a write name");
    assert_eq!((write.server, write.reason), (None, WriteReason::NoPrimaryKnown));
}

#[test]
fn a_new_server_in_a_ready_cluster_has_not_been_heard() {
    let mut site = Site::new(ClusterKind::Postgres);
    (0..4).for_each(|_| site.step());
    let mut more = site.policy.clone();
    more.servers.push(server_policy("db9", 9));
    // One has moved to another address.
    more.servers[3].addresses = [std::net::Ipv4Addr::new(127, 0, 9, 9).into()].into();
    let places = site.engine.reconfigure(vec![more], site.now);
    assert_eq!(places.len(), 3);
    site.engine.decide(site.now);
    assert_eq!(site.said(), (Some(0), vec![1, 2]));
    let standing = |index| {
        let server = ServerId { cluster: CLUSTER, server: ServerIndex::new(index) };
        site.engine.standing(server)
    };
    assert_eq!(
        [0, 3, 4].map(|index| standing(index).state),
        [ServerState::Primary, ServerState::Unknown, ServerState::Unknown]
    );
    // It is Unknown since it is there, and not since the process began.
    assert_eq!(standing(4).since, site.now);
}

#[test]
fn a_cluster_that_speaks_something_else_begins_anew() {
    let mut site = Site::new(ClusterKind::Postgres);
    (0..4).for_each(|_| site.step());
    let other = ClusterPolicy { kind: ClusterKind::Tcp, ..site.policy.clone() };
    assert!(site.engine.reconfigure(vec![other], site.now).is_empty());
    site.engine.decide(site.now);
    let write = site.engine.decision(CLUSTER).write.expect("a write name");
    assert_eq!(write.reason, WriteReason::NotReady);
}
