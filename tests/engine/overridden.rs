//! Seeded random failover stories in which operators lay and lift overrides at random, beside a twin
//! engine that sees the same and whose operators do nothing.
//!
//! What must hold after every step: a drained server is in no read name, a frozen name stands still,
//! a name in maintenance has no address, and a safe pin says its server or nobody, and never one
//! that has said that it is not writable. Once no override is in force the decision is the twin's:
//! at once where nobody was pinned, for the ladders have gone on beneath; after the cluster has
//! healed in any case. A choice that is free remembers what operators chose, so there only the
//! sets of readers of a healed cluster can be compared with a count.
//!
//! `OVERRIDDEN_SEED=n` plays one story alone.

use std::{mem::discriminant, time::Duration};

use pointsman::engine::{
    ClusterId, ClusterKind, Decision, Engine, Failback, Moment, Observation, Outcome, ReadReason,
    ServerId, ServerIndex, Wish, WishKey, WriteReason,
};

use crate::{
    operators::laid,
    simulation::{SplitMix, disturb, heal, policy},
    world::World,
};

const CLUSTER: ClusterId = ClusterId(0);
const SERVERS: usize = 4;
const STORIES: u64 = 1_500;
const STEPS: usize = 60;
const STEP: Duration = Duration::from_millis(500);

#[test]
fn overrides_keep_their_promises_and_leave_no_trace() {
    let one = std::env::var("OVERRIDDEN_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = one.map_or(0..STORIES, |seed| seed..seed + 1);
    let laid: usize = seeds.map(|seed| Story::new(seed).play()).sum();
    assert!(one.is_some() || laid > 7_500, "only {laid} overrides were laid");
}

struct Story {
    seed: u64,
    random: SplitMix,
    kind: ClusterKind,
    world: World,
    engine: Engine,
    twin: Engine,
    /// Whether operators pin in this story.
    pins: bool,
    mute: Vec<bool>,
    /// What the names said when the freeze was laid.
    frozen: Option<Sets>,
    newest: Vec<Option<Observation>>,
    now: Moment,
    laid: usize,
    told: Vec<String>,
}

/// The servers of the write name and of the read name.
type Sets = (Option<ServerIndex>, Vec<ServerIndex>);

fn sets(decision: &Decision) -> Sets {
    let reads = decision.reads[0].servers.iter().map(|member| member.server).collect();
    (decision.write.and_then(|write| write.server), reads)
}

impl Story {
    fn new(seed: u64) -> Self {
        let kind = match seed % 5 {
            0 => ClusterKind::Tcp,
            1 | 3 => ClusterKind::Postgres,
            _ => ClusterKind::MySql,
        };
        let engine = Engine::new(vec![policy(kind, SERVERS, Failback::Stay)], Moment::START);
        Self {
            seed,
            random: SplitMix(seed ^ 0x0E44_1DE5),
            kind,
            world: World::new(kind, SERVERS),
            twin: engine.clone(),
            engine,
            pins: seed.is_multiple_of(2),
            mute: vec![false; SERVERS],
            frozen: None,
            newest: vec![None; SERVERS],
            now: Moment::START,
            laid: 0,
            told: Vec::new(),
        }
    }

    fn play(mut self) -> usize {
        for _ in 0..STEPS {
            let happened = disturb(&mut self.random, &mut self.world, &mut self.mute);
            self.told.extend(happened.map(|what| format!("{} {what}", self.now)));
            self.operate();
            self.step();
        }
        self.mute.fill(false);
        let published = self.twin.decision(CLUSTER).write.and_then(|write| write.server);
        heal(&mut self.world, published.map_or(0, |server| server.place()), false);
        // All overrides expire within the first minute; every grace period ends after that.
        for _ in 0..200 {
            self.step();
        }
        assert!(self.engine.overrides(CLUSTER).is_empty(), "seed {}", self.seed);
        let (ours, twins) = (self.engine.decision(CLUSTER), self.twin.decision(CLUSTER));
        if self.kind == ClusterKind::Tcp {
            assert_eq!(sets(&ours).1.len(), sets(&twins).1.len(), "{}", self.story());
        } else {
            assert!(agree(&ours, &twins), "{}\n{ours:?}\n{twins:?}", self.story());
        }
        self.laid
    }

    /// Somebody lays or lifts an override, or nobody does anything.
    fn operate(&mut self) {
        let server = ServerIndex::new(self.random.below(SERVERS));
        let force = self.random.below(2) == 0;
        let lasts = Duration::from_millis(
            500 * u64::try_from(self.random.below(60)).expect("less than sixty"),
        );
        let wish = match self.random.below(24) {
            0 | 1 => Wish::Drain { server, force },
            2 if self.pins => Wish::Pin { server, even_if_not_writable: force },
            3 if self.pins => {
                let published = sets(&self.engine.decision(CLUSTER)).0;
                Wish::Pin { server: published.unwrap_or(server), even_if_not_writable: false }
            }
            4 => Wish::Freeze,
            5 => Wish::Maintenance,
            6 | 7 => return self.lift(WishKey::Drain(server)),
            8 => return self.lift(WishKey::Pin),
            9 => return self.lift(WishKey::Freeze),
            10 => return self.lift(WishKey::Maintenance),
            _ => return,
        };
        let wished = laid(wish, self.now, Some(self.now + STEP + lasts));
        let was_frozen = self.has(WishKey::Freeze);
        let before = self.engine.decision(CLUSTER);
        let outcome = self.engine.lay(CLUSTER, wished, self.now);
        self.told.push(format!("{} lay {wish:?} for {lasts:?}: {outcome:?}", self.now));
        self.laid += usize::from(outcome.is_ok());
        if wish == Wish::Freeze && !was_frozen {
            self.frozen = may_freeze(&before).then(|| sets(&before));
        }
        if wish == Wish::Maintenance {
            self.frozen = None;
        }
    }

    fn lift(&mut self, key: WishKey) {
        if self.engine.lift(CLUSTER, key, "ann").is_some() {
            self.told.push(format!("{} lift {key:?}", self.now));
        }
    }

    fn has(&self, key: WishKey) -> bool {
        self.engine.overrides(CLUSTER).iter().any(|laid| laid.wish.key() == key)
    }

    fn step(&mut self) {
        self.world.tick();
        for index in (0..SERVERS).filter(|&index| !self.mute[index]) {
            let observation = self.world.observe(index, self.now);
            self.newest[index] = Some(observation.clone());
            self.twin.observe(observation.clone(), self.now);
            self.engine.observe(observation, self.now);
        }
        self.twin.decide(self.now);
        self.engine.decide(self.now);
        let events = self.engine.take_events();
        self.told.extend(events.iter().map(|event| format!("{} {event:?}", self.now)));
        if let Err(broken) = self.check() {
            panic!("{broken}\n{}", self.story());
        }
        self.now = self.now + STEP;
    }

    fn check(&mut self) -> Result<(), String> {
        let decision = self.engine.decision(CLUSTER);
        let said = sets(&decision);
        let overrides = self.engine.overrides(CLUSTER).to_vec();
        if overrides.is_empty() {
            self.frozen = None;
            return self.check_free(&decision);
        }
        if self.has(WishKey::Maintenance) {
            let nobody = said == (None, Vec::new());
            return nobody.then_some(()).ok_or_else(|| "in maintenance, and published".into());
        }
        if self.has(WishKey::Freeze) {
            return match &self.frozen {
                Some(frozen) if *frozen != said => Err(format!("{frozen:?} melted to {said:?}")),
                _ => Ok(()),
            };
        }
        self.frozen = None;
        let mut pinned = false;
        for laid in &overrides {
            if let Wish::Pin { server, even_if_not_writable } = laid.wish {
                pinned = true;
                self.check_pin(server, even_if_not_writable, said.0)?;
            }
        }
        for laid in &overrides {
            if let Wish::Drain { server, force } = laid.wish {
                if said.1.contains(&server) {
                    return Err(format!("{server:?} is drained and read"));
                }
                if force && !pinned && said.0 == Some(server) {
                    return Err(format!("{server:?} is drained by force and written"));
                }
            }
        }
        Ok(())
    }

    fn check_pin(
        &self,
        server: ServerIndex,
        even_if_not_writable: bool,
        said: Option<ServerIndex>,
    ) -> Result<(), String> {
        if even_if_not_writable {
            let here = said == Some(server);
            return here.then_some(()).ok_or_else(|| format!("pinned {server:?}, said {said:?}"));
        }
        let Some(said) = said else { return Ok(()) };
        if said != server {
            return Err(format!("pinned {server:?}, said {said:?}"));
        }
        match self.newest[server.place()].as_ref().map(|observation| &observation.outcome) {
            Some(Outcome::Answered(facts)) if !facts.claims_writable() => {
                Err(format!("pinned {server:?} is not writable, and published"))
            }
            _ => Ok(()),
        }
    }

    /// Without an override everything is as if there had never been one.
    fn check_free(&self, decision: &Decision) -> Result<(), String> {
        if self.pins || self.kind == ClusterKind::Tcp {
            return Ok(());
        }
        let twins = self.twin.decision(CLUSTER);
        if !agree(decision, &twins) {
            return Err(format!("{decision:?}\nand the twin\n{twins:?}"));
        }
        for server in (0..SERVERS).map(ServerIndex::new) {
            let server = ServerId { cluster: CLUSTER, server };
            let (ours, twins) = (self.engine.standing(server), self.twin.standing(server));
            if ours != twins {
                return Err(format!("{server:?} is {ours:?}, and to the twin {twins:?}"));
            }
        }
        Ok(())
    }

    fn story(&self) -> String {
        format!("seed {}\n{}", self.seed, self.told.join("\n"))
    }
}

/// Whether both names have said something that can stand still.
fn may_freeze(decision: &Decision) -> bool {
    let unsaid = [WriteReason::NotReady, WriteReason::Maintenance];
    let write = decision.write.is_some_and(|write| !unsaid.contains(&write.reason));
    let unsaid = [ReadReason::NotReady, ReadReason::Maintenance];
    write && !unsaid.contains(&decision.reads[0].reason)
}

/// The same servers on the same rungs. How far helpers are behind is told as of when a rung was
/// reached, which an override may have brought forward.
fn agree(one: &Decision, other: &Decision) -> bool {
    let reason = |decision: &Decision| decision.write.map(|write| write.reason);
    let rung = |decision: &Decision| discriminant(&decision.reads[0].reason);
    sets(one) == sets(other) && reason(one) == reason(other) && rung(one) == rung(other)
}
