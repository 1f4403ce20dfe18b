//! Seeded random failover stories, with the promises checked after every step.
//!
//! A failing story prints its seed; `SIMULATION_SEED=n cargo test --test engine simulation` plays
//! that one alone, and `SIMULATION_STORIES=n` plays more of them. The seed also chooses the kind
//! and the size of the cluster.

use std::{rc::Rc, time::Duration};

use pointsman::engine::{
    ClusterKind, ClusterPolicy, Engine, Failback, FailureKind, Moment, OnNewerTimeline,
    OnNotWritable, OnSplitBrain, ReadPolicy, ServerId, ServerIndex, Thresholds, WritePolicy,
};

use crate::{
    promises::{CLUSTER, Watched},
    world::{Process, Role, World, server_policy},
};

/// Of which five in six are told of five servers with roles.
const STORIES: u64 = 12_000;
const STEPS: usize = 60;
const STEP: Duration = Duration::from_millis(500);

#[test]
fn promises_hold_in_ten_thousand_random_stories() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_STORIES").unwrap_or(STORIES),
    };
    let stories = seeds.end - seeds.start;
    let moves: u64 = std::thread::scope(|scope| {
        let play = |first: u64| {
            let seeds = seeds.clone();
            scope.spawn(move || (seeds.start + first..seeds.end).step_by(2).map(play_seed).sum())
        };
        let halves: [std::thread::ScopedJoinHandle<'_, u64>; 2] = [play(0), play(1)];
        halves.into_iter().map(|half| half.join().expect("every story keeps the promises")).sum()
    });
    // Stories in which nothing ever moves would prove nothing.
    assert!(stories < 100 || moves > stories / 3, "{moves} moves in {stories} stories");
}

fn play_seed(seed: u64) -> u64 {
    match Simulation::new(seed).play() {
        Ok(moves) => moves,
        Err(broken) => panic!("seed {seed}: {broken}"),
    }
}

struct Simulation {
    random: SplitMix,
    servers: usize,
    failback: Failback,
    world: World,
    watched: Watched,
    /// Fed the same observations in another order.
    twin: Engine,
    /// Decides after every single observation: another instance, with a livelier driver. Not in
    /// every story, for it costs as much as five.
    hasty: Option<Watched>,
    /// Servers whose probes report nothing.
    mute: Vec<bool>,
    now: Moment,
    told: Vec<String>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = SplitMix(seed);
        let (kind, servers) = match seed % 12 {
            0 => (ClusterKind::Tcp, 5),
            6 if random.below(2) == 0 => (ClusterKind::Postgres, 2),
            6 => (ClusterKind::MySql, 2),
            other if other % 2 == 0 => (ClusterKind::Postgres, 5),
            _ => (ClusterKind::MySql, 5),
        };
        let failback = match kind {
            ClusterKind::Tcp if random.below(2) == 0 => Failback::Preferred,
            _ => Failback::Stay,
        };
        let policies = vec![policy(kind, servers, failback)];
        let engine = || Engine::new(policies.clone(), Moment::START);
        let watched = || Watched::new(engine(), kind, failback, servers);
        Self {
            random,
            servers,
            failback,
            world: World::new(kind, servers),
            watched: watched(),
            twin: engine(),
            hasty: seed.is_multiple_of(11).then(watched),
            mute: vec![false; servers],
            now: Moment::START,
            told: vec![],
        }
    }

    fn play(mut self) -> Result<u64, String> {
        let played = self.play_steps();
        let told = || [&self.told[..], &self.watched.told[..]].concat().join("\n");
        played.map_err(|broken| format!("{} {broken}\n{}", self.now, told()))?;
        Ok(self.watched.moves)
    }

    fn play_steps(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.disturb();
            self.step()?;
        }
        self.heal();
        // Longer than every grace period that applies.
        let recovery = if self.world.kind == ClusterKind::Tcp { 140 } else { 70 };
        for _ in 0..recovery {
            self.step()?;
        }
        is_healthy_again("", &self.watched.engine, self)?;
        match &self.hasty {
            Some(hasty) => is_healthy_again("the hasty one is ", &hasty.engine, self),
            None => Ok(()),
        }
    }

    /// One round of probes in random order, in which some servers are not probed at all.
    fn step(&mut self) -> Result<(), String> {
        self.world.tick();
        let mut observations: Vec<_> = (0..self.servers)
            .filter(|index| self.random.below(8) > 0 && !self.mute[*index])
            .map(|index| Rc::new(self.world.observe(index, self.now)))
            .collect();
        for observation in &observations {
            self.watched.observe(observation, self.now);
        }
        self.watched.decide(self.now)?;
        for last in (1..observations.len()).rev() {
            observations.swap(last, self.random.below(last + 1));
        }
        for observation in &observations {
            self.twin.observe((**observation).clone(), self.now);
        }
        self.twin.decide(self.now);
        if self.watched.engine.decision(CLUSTER) != self.twin.decision(CLUSTER) {
            return Err("another order of arrival led to another decision".into());
        }
        for index in (0..self.servers).map(ServerIndex::new) {
            let server = ServerId { cluster: CLUSTER, server: index };
            if self.watched.engine.standing(server) != self.twin.standing(server) {
                return Err(format!("another order of arrival led to another state of {index:?}"));
            }
        }
        if let Some(hasty) = &mut self.hasty {
            for observation in &observations {
                hasty.observe(observation, self.now);
                hasty.decide(self.now).map_err(|broken| {
                    format!("decided after every observation: {broken}\n{}", hasty.told.join("\n"))
                })?;
            }
        }
        self.now = self.now + STEP;
        Ok(())
    }

    fn disturb(&mut self) {
        let happened = disturb(&mut self.random, &mut self.world, &mut self.mute);
        self.told.extend(happened.map(|what| format!("{} {what}", self.now)));
    }

    /// All servers run again, one of them as the primary and all others following it.
    ///
    /// The primary is the published server after a promotion, or any primary that has outlived the
    /// story as it is, what the others had done meanwhile being given up.
    fn heal(&mut self) {
        let published = self.watched.engine.decision(CLUSTER).write.and_then(|write| write.server);
        let survivors: Vec<_> = (0..self.servers)
            .filter(|&index| self.world.hosts[index].role == Role::Primary)
            .collect();
        let as_it_is = !survivors.is_empty() && self.random.below(2) == 0;
        let primary = match published {
            _ if as_it_is => survivors[self.random.below(survivors.len())],
            Some(server) => server.place(),
            None => 0,
        };
        self.told.push(format!("{} healed with {primary}, as it is: {as_it_is}", self.now));
        self.mute.fill(false);
        heal(&mut self.world, primary, as_it_is);
    }
}

/// All servers run again and follow `primary`, which is promoted unless it is one `as_it_is`.
pub(crate) fn heal(world: &mut World, primary: usize, as_it_is: bool) {
    let servers = world.hosts.len();
    for host in &mut world.hosts {
        host.process = Process::Running;
        (host.paused, host.unplugged, host.broken, host.cut_off) = (false, false, false, false);
        host.refuses = None;
        host.system = 1;
    }
    if as_it_is {
        world.hosts[primary].read_only = false;
    } else {
        let timeline = |index: &usize| world.timeline(*index);
        let newest = (0..servers).max_by_key(timeline).expect("there are servers");
        world.rebuild(primary, newest);
        world.hosts[primary].role = Role::Standby { of: newest };
        world.promote(primary);
    }
    for index in (0..servers).filter(|index| *index != primary) {
        world.rebuild(index, primary);
    }
    world.writes = true;
}

/// Something happens to somebody, or nothing at all. `mute` are the servers whose probes report
/// nothing.
pub(crate) fn disturb(
    random: &mut SplitMix,
    world: &mut World,
    mute: &mut [bool],
) -> Option<String> {
    let index = random.below(mute.len());
    let other = random.below(mute.len());
    let what = random.below(42);
    match what {
        0 | 1 => world.kill(index),
        2..=4 => world.start(index),
        5 => world.freeze(index),
        6 | 7 => world.thaw(index),
        8 | 9 => world.promote(index),
        10 | 11 => world.rebuild(index, other),
        12 | 13 => world.follow(index, other),
        14 => world.hosts[index].paused = true,
        15 | 16 => world.hosts[index].paused = false,
        17 => world.hosts[index].broken = true,
        18 | 19 => world.hosts[index].broken = false,
        20 => world.hosts[index].unplugged = true,
        21 | 22 => world.hosts[index].unplugged = false,
        23 => {
            let kind = FailureKind::ALL[random.below(FailureKind::ALL.len())];
            world.hosts[index].refuses = Some(kind);
        }
        24..=26 => world.hosts[index].refuses = None,
        27 => world.hosts[index].cut_off = true,
        28 | 29 => world.hosts[index].cut_off = false,
        30 => world.hosts[index].read_only = true,
        31 | 32 => world.hosts[index].read_only = false,
        33 => world.writes = !world.writes,
        34 if random.below(8) == 0 => world.hosts[index].system = 2,
        35 => mute[index] = true,
        36..=38 => mute[index] = false,
        _ => return None,
    }
    Some(format!("operation {what} on {index}, {other}"))
}

fn is_healthy_again(who: &str, engine: &Engine, story: &Simulation) -> Result<(), String> {
    let decision = engine.decision(CLUSTER);
    let server = decision.write.and_then(|write| write.server);
    let takes_writes = |index: &usize| story.world.hosts[*index].takes_writes();
    let right = match (story.world.kind, story.failback) {
        (ClusterKind::Tcp, Failback::Stay) => server.is_some(),
        (ClusterKind::Tcp, Failback::Preferred) => server == Some(ServerIndex::new(0)),
        _ => server == (0..story.servers).find(takes_writes).map(ServerIndex::new),
    };
    if !right {
        return Err(format!("{who}not healthy again: {:?}", decision.write));
    }
    match decision.reads[0].servers.len() {
        readers if readers + 1 == story.servers => Ok(()),
        few => Err(format!("{who}not healthy again: only {few} replicas are back")),
    }
}

pub(crate) fn policy(kind: ClusterKind, servers: usize, failback: Failback) -> ClusterPolicy {
    ClusterPolicy {
        name: "orders".into(),
        kind,
        servers: (0..servers).map(|index| server_policy(&format!("db{index}"), index)).collect(),
        write: Some(WritePolicy {
            on_not_writable: OnNotWritable::Empty,
            on_split_brain: OnSplitBrain::Keep,
            on_newer_timeline: OnNewerTimeline::Follow,
            shared_storage: false,
            failback,
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

/// A small generator whose stream is fixed for ever, so that a seed in a bug report stays a story
/// (Steele and others, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("a small limit");
        usize::try_from(self.next() % limit).expect("below a small limit")
    }
}
