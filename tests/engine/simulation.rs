//! Seeded random failover stories over five servers, with the promises checked after every step.
//!
//! A failing story prints its seed; `SIMULATION_SEED=n cargo test --test engine simulation` plays that one alone,
//! and `SIMULATION_STORIES=n` plays more of them.

use std::time::Duration;

use pointsman::engine::{
    ClusterId, ClusterKind, ClusterPolicy, Engine, Event, Facts, Failback, FailureKind, Moment,
    Observation, OnNotWritable, OnSplitBrain, Outcome, PostgresFacts, PostgresRole, ReadPolicy,
    ReadReason, Relation, ServerId, ServerIndex, ServerState, Thresholds, WritePolicy,
};

use crate::world::{Process, Role, World, server_policy};

const SERVERS: usize = 5;
const STORIES: u64 = 10_000;
const STEPS: usize = 60;
const STEP: Duration = Duration::from_millis(500);
const CLUSTER: ClusterId = ClusterId(0);

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
    assert!(stories < 100 || moves > stories / 2, "{moves} moves in {stories} stories");
}

fn play_seed(seed: u64) -> u64 {
    match Simulation::new(seed).play() {
        Ok(moves) => moves,
        Err(broken) => panic!("seed {seed}: {broken}"),
    }
}

struct Simulation {
    random: SplitMix,
    world: World,
    engine: Engine,
    /// Fed the same observations in the opposite order.
    twin: Engine,
    newest: Vec<Option<Outcome>>,
    now: Moment,
    ever_fit: bool,
    moves: u64,
    told: Vec<String>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = SplitMix(seed);
        let kind = match random.below(2) {
            0 => ClusterKind::Postgres,
            _ => ClusterKind::MySql,
        };
        let policies = vec![policy(kind)];
        Self {
            random,
            world: World::new(kind, SERVERS),
            engine: Engine::new(policies.clone(), Moment::START),
            twin: Engine::new(policies, Moment::START),
            newest: vec![None; SERVERS],
            now: Moment::START,
            ever_fit: false,
            moves: 0,
            told: vec![],
        }
    }

    fn play(mut self) -> Result<u64, String> {
        let played = self.play_steps();
        played.map_err(|broken| format!("{broken}\n{}", self.told.join("\n")))?;
        Ok(self.moves)
    }

    fn play_steps(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.disturb();
            self.step()?;
        }
        self.heal();
        // Longer than every grace period and block.
        for _ in 0..140 {
            self.step()?;
        }
        self.is_healthy_again()
    }

    /// One round of probes, in which some servers are not probed at all.
    fn step(&mut self) -> Result<(), String> {
        self.world.tick();
        let mut observations: Vec<_> = (0..SERVERS)
            .filter(|_| self.random.below(8) > 0)
            .map(|index| self.world.observe(index))
            .collect();
        for observation in &observations {
            let Observation { server, outcome } = observation.clone();
            self.newest[server.server.0] = Some(outcome);
            self.engine.observe(observation.clone(), self.now);
        }
        observations.reverse();
        for observation in observations {
            self.twin.observe(observation, self.now);
        }
        self.engine.decide(self.now);
        self.twin.decide(self.now);
        for event in self.engine.take_events() {
            self.told.push(format!("{} {event:?}", self.now));
            self.check_event(&event)?;
        }
        self.check_promises()?;
        self.now = self.now + STEP;
        Ok(())
    }

    fn check_promises(&mut self) -> Result<(), String> {
        let decision = self.engine.decision(CLUSTER);
        if decision != self.twin.decision(CLUSTER) {
            return Err("another order of arrival led to another decision".into());
        }
        let write = decision.write.expect("the cluster has a write name");
        if let Some(server) = write.server
            && let Some(Outcome::Answered(facts)) = &self.newest[server.0]
            && !facts.claims_writable()
        {
            return Err(format!("{} published {server:?}, not writable", self.now));
        }
        let read = &decision.reads[0];
        self.ever_fit |= !read.servers.is_empty();
        if read.servers.is_empty() && self.ever_fit && self.somebody_may_be_read() {
            return Err(format!("{} the read name is empty", self.now));
        }
        if matches!(read.reason, ReadReason::Fit | ReadReason::Few) {
            for server in &read.servers {
                let state = self.standing(server.server);
                let fit = matches!(
                    state,
                    ServerState::Replica
                        | ServerState::ReplicaDetached
                        | ServerState::Misconfigured
                        | ServerState::Saturated
                );
                if !fit {
                    return Err(format!("{} {state} counted as fit", self.now));
                }
            }
        }
        Ok(())
    }

    fn check_event(&mut self, event: &Event) -> Result<(), String> {
        let Event::Write { from: Some(from), to: Some(to), reason, .. } = event else {
            return Ok(());
        };
        if from == to {
            return Ok(());
        }
        self.moves += 1;
        let Some(Outcome::Answered(newer)) = &self.newest[to.0] else {
            return Err(format!("{} moved to a silent server ({reason})", self.now));
        };
        if !newer.claims_writable() {
            return Err(format!("{} moved to a server that is not writable", self.now));
        }
        match &self.newest[from.0] {
            Some(Outcome::Answered(older)) if older.claims_writable() => {
                if overtakes(newer, older) {
                    Ok(())
                } else {
                    Err(format!("{} moved from a primary without evidence ({reason})", self.now))
                }
            }
            _ => Ok(()),
        }
    }

    fn somebody_may_be_read(&self) -> bool {
        (0..SERVERS).any(|index| self.standing(ServerIndex(index)) != ServerState::WrongCluster)
    }

    fn standing(&self, server: ServerIndex) -> ServerState {
        self.engine.standing(ServerId { cluster: CLUSTER, server }).state
    }

    /// Something happens to somebody, or nothing at all.
    fn disturb(&mut self) {
        let index = self.random.below(SERVERS);
        let other = self.random.below(SERVERS);
        let world = &mut self.world;
        let what = self.random.below(40);
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
                let kind = FailureKind::ALL[self.random.below(FailureKind::ALL.len())];
                world.hosts[index].refuses = Some(kind);
            }
            24..=26 => world.hosts[index].refuses = None,
            27 => world.hosts[index].cut_off = true,
            28 | 29 => world.hosts[index].cut_off = false,
            30 => world.hosts[index].read_only = true,
            31 | 32 => world.hosts[index].read_only = false,
            33 => world.writes = !world.writes,
            34 if self.random.below(8) == 0 => world.hosts[index].system = 2,
            _ => return,
        }
        self.told.push(format!("{} operation {what} on {index}, {other}", self.now));
    }

    /// The published server becomes a healthy primary with a history of its own, and all others follow it.
    fn heal(&mut self) {
        let published = self.engine.decision(CLUSTER).write.and_then(|write| write.server);
        let primary = published.map_or(0, |server| server.0);
        self.told.push(format!("{} healed with {primary} as primary", self.now));
        for host in &mut self.world.hosts {
            host.process = Process::Running;
            (host.paused, host.unplugged, host.broken, host.cut_off) = (false, false, false, false);
            host.refuses = None;
            host.system = 1;
        }
        let newest = (0..SERVERS).max_by_key(|index| self.world.timeline(*index)).expect("some");
        self.world.rebuild(primary, newest);
        self.world.hosts[primary].role = Role::Standby { of: newest };
        self.world.promote(primary);
        for index in (0..SERVERS).filter(|index| *index != primary) {
            self.world.rebuild(index, primary);
        }
        self.world.writes = true;
        assert_eq!(self.world.hosts[primary].role, Role::Primary);
    }

    fn is_healthy_again(&self) -> Result<(), String> {
        let decision = self.engine.decision(CLUSTER);
        let server = decision.write.and_then(|write| write.server);
        let primaries =
            (0..SERVERS).find(|index| self.world.hosts[*index].takes_writes()).map(ServerIndex);
        if server != primaries {
            return Err(format!("{} not healthy again: {:?}", self.now, decision.write));
        }
        match decision.reads[0].servers.len() {
            4 => Ok(()),
            few => Err(format!("{} only {few} of 4 replicas are back", self.now)),
        }
    }
}

/// Whether the word of one server proves that of the other outdated, or worth nothing here.
fn overtakes(newer: &Facts, older: &Facts) -> bool {
    match (newer, older) {
        (Facts::Postgres(newer), Facts::Postgres(older)) => {
            let timeline = |facts: &PostgresFacts| match facts.role {
                PostgresRole::Primary { timeline, .. } => timeline,
                PostgresRole::Standby { .. } => 0,
            };
            timeline(newer) > timeline(older) || newer.system_identifier != older.system_identifier
        }
        (Facts::MySql(newer), Facts::MySql(older)) => {
            newer.gtid.relation(&older.gtid) == Relation::Ahead
                || older.channels.as_ref().is_some_and(|channels| !channels.is_empty())
        }
        _ => false,
    }
}

fn policy(kind: ClusterKind) -> ClusterPolicy {
    ClusterPolicy {
        name: "orders".into(),
        kind,
        servers: (0..SERVERS).map(|index| server_policy(&format!("db{index}"), index)).collect(),
        write: Some(WritePolicy {
            on_not_writable: OnNotWritable::Empty,
            on_split_brain: OnSplitBrain::Keep,
            failback: Failback::Stay,
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

/// A small generator whose stream is fixed for ever, so that a seed in a bug report stays a story (Steele and others,
/// "Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("a small limit");
        usize::try_from(self.next() % limit).expect("below a small limit")
    }
}
