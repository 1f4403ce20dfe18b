//! One story: a world, one or two monitors, what happens, and a stillness at the end.

use std::{fmt::Write as _, time::Duration};

use pointsman::engine::{Event, Moment};

use super::{
    checks,
    happening::Happening,
    lie::Lie,
    monitor::{CLUSTER, Monitor},
    oracle::{Broken, Oracle},
    plot::{self, BEGINS, plot},
    policies,
    scene::Scene,
    truth::Truth,
};
use crate::{
    simulation::SplitMix,
    world::{Breed, World},
};

/// The world goes on in such steps, and in longer ones when nothing happens any more.
const TICK: Duration = Duration::from_millis(500);
const STILL_TICK: Duration = Duration::from_secs(2);
/// The last chapter has begun and ended by then.
const HAPPENS: Duration = Duration::from_secs(32);
/// Longer than every grace period that applies, and than the time after which a replica counts as
/// astray.
const STILLNESS: Duration = Duration::from_secs(70);

/// In stories from this seed on operators do much by hand.
pub(super) const BY_HAND: u64 = 1_000_000_000;

/// In stories from this seed on servers of MySQL and MariaDB have transactions of their own.
pub(super) const ERRANT: u64 = 2_000_000_000;

pub(super) struct Story {
    breed: Breed,
    world: World,
    truth: Truth,
    monitors: Vec<Monitor>,
    plot: std::vec::IntoIter<(Moment, Happening)>,
    due: Option<(Moment, Happening)>,
    now: Moment,
    /// Whether the story is to be told.
    pub tell: bool,
    told: String,
}

impl Story {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds give unlike stories.
        let mut random = SplitMix(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let breed = match random.below(12) {
            0..5 => Breed::Postgres,
            5..8 => Breed::MariaDb,
            8..10 => Breed::MySql,
            10 => Breed::Galera,
            _ => Breed::Group,
        };
        let breed = match seed >= ERRANT {
            true => [Breed::MariaDb, Breed::MySql][random.below(2)],
            false => breed,
        };
        let servers = if breed.is_group() { 3 + random.below(2) } else { 2 + random.below(3) };
        let mut world = World::new(breed, servers);
        world.gtids = random.below(6) > 0;
        world.side_domain = random.below(4) == 0;
        world.multi_primary = random.below(2) == 0;
        let interval = Duration::from_millis([500, 1000, 1500, 2000, 2000][random.below(5)]);
        let policy = policies::random(&mut random, breed, servers);
        let others = random.below(3) == 0;
        let monitor = |at: u64| {
            let own = SplitMix(seed.wrapping_mul(2).wrapping_add(at) ^ 0x5DEE_CE66);
            Monitor::new(policy.clone(), others, interval, own)
        };
        // The second costs as much as the first.
        let twins = 1 + u64::from(random.below(4) == 0);
        let monitors = (0..twins).map(monitor).collect();
        let mut plot = plot(&mut random, breed);
        if seed >= ERRANT {
            (world.gtids, world.own_domains) = (true, random.below(3) == 0);
            plot::add_errants(&mut random, &mut plot);
        } else if seed >= BY_HAND && !breed.is_group() {
            world.heartbeats = random.below(2) == 0;
            plot::add_handiwork(&mut random, &mut plot);
        }
        let mut plot = plot.into_iter();
        Self {
            breed,
            world,
            truth: Truth::new(servers),
            monitors,
            due: plot.next(),
            plot,
            now: Moment::START,
            tell: false,
            told: String::new(),
        }
    }

    /// The first monitor says what this oracle is to catch.
    pub(super) fn with_a_lie(mut self, against: Oracle) -> Self {
        self.monitors[0].lie = Some(Lie::new(against));
        self
    }

    /// How many reigns there were, and the oracle that did not hold.
    pub(super) fn play(mut self, oracles: &[Oracle]) -> (u32, Option<Broken>) {
        let broken = self.play_to_the_end(oracles).err();
        (self.truth.reign, broken)
    }

    /// The story in words, up to the oracle that did not hold.
    pub(super) fn play_and_tell(mut self, oracles: &[Oracle]) -> String {
        let policy = &self.monitors[0].policy;
        let head = format!("{:?}, {:?}\n{:?}\n", self.breed, policy.write, policy.reads);
        self.told.push_str(&head);
        if let Err(Broken { oracle, text }) = self.play_to_the_end(oracles) {
            writeln!(self.told, "{:>9}  BROKEN {oracle}: {text}", self.now).expect("memory");
        }
        self.told
    }

    fn play_to_the_end(&mut self, oracles: &[Oracle]) -> Result<(), Broken> {
        let heed = |broken: Vec<Broken>| {
            let heeded = broken.into_iter().find(|it| oracles.contains(&it.oracle));
            heeded.map_or(Ok(()), Err)
        };
        let (stands_still, ends) = (BEGINS + HAPPENS, BEGINS + HAPPENS + STILLNESS);
        let mut tick = Moment::START;
        while self.now < Moment::from_start(ends) {
            let events = self.monitors.iter().map(Monitor::next_event);
            self.now = events.min().expect("a monitor").min(tick).max(self.now);
            if self.now >= tick {
                self.happen();
                self.world.tick_at(self.now);
                self.truth.split |= self.world.is_split();
                let still = tick.since_start() >= stands_still;
                if tick.since_start() == stands_still {
                    self.monitors.iter_mut().for_each(|it| it.slow_down(self.now));
                }
                tick = tick + if still { STILL_TICK } else { TICK };
            }
            for at in 0..self.monitors.len() {
                self.monitors[at].prepare_lie(&self.world, &self.truth);
                if self.monitors[at].step(&self.world, &self.truth, self.now) {
                    heed(self.judge(at))?;
                }
            }
        }
        heed(checks::at_the_end(&self.monitors, &self.world, &self.truth))
    }

    fn judge(&mut self, at: usize) -> Vec<Broken> {
        let monitor = &mut self.monitors[at];
        let events = monitor.take_events();
        if self.tell {
            for event in events.iter().filter(|event| event.cluster() != Some(OTHER)) {
                let said = describe(monitor, event);
                writeln!(self.told, "{:>9}  {at}: {said}", self.now).expect("memory");
            }
        }
        let mut broken =
            checks::after_decision(monitor, &events, &self.world, &self.truth, self.now);
        for it in &mut broken {
            it.text.insert_str(0, &format!("monitor {at}: "));
        }
        broken
    }

    fn happen(&mut self) {
        while let Some((_, happening)) = self.due.take_if(|(due, _)| *due <= self.now) {
            let (world, truth) = (&mut self.world, &mut self.truth);
            let monitors = &mut self.monitors[..];
            let mut scene = Scene { world, truth, monitors, now: self.now };
            let before = scene.truth.rightful;
            scene.apply(happening);
            let writer = self.truth.rightful;
            if self.tell {
                let truth = if before == writer { "" } else { " (another reign)" };
                writeln!(self.told, "{:>9}  * {happening:?}, writer {writer}{truth}", self.now)
                    .expect("memory");
            }
            self.due = self.plot.next();
        }
    }
}

const OTHER: pointsman::engine::ClusterId = pointsman::engine::ClusterId(1);

/// Servers are called by their number in the world.
fn describe(monitor: &Monitor, event: &Event) -> String {
    let host = |server: pointsman::engine::ServerIndex| monitor.places[server.place()];
    match event {
        Event::State { server, from, to, reason, .. } => {
            format!("{} {from} -> {to}: {reason}", host(server.server))
        }
        Event::Write { cluster: CLUSTER, from, to, reason } => {
            format!("  write {:?} -> {:?}: {reason}", from.map(host), to.map(host))
        }
        Event::Read { to, reason, name, .. } => {
            let to: Vec<_> = to.iter().map(|server| host(*server)).collect();
            format!("  read[{name}] {to:?}: {reason}")
        }
        other => format!("  {other:?}"),
    }
}
