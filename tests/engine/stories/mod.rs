//! Random stories of one world and two monitors, judged by the truth of the world.
//!
//! Each server is probed in its own phase, with jitter, losses and slow replies. Chapters happen to
//! the servers (failovers, stale returns, lost volumes, copies, strays, locks, lag, views of a
//! group) and to the monitors (restarts, reloads, isolation, operators), all at random times. Then
//! everything is still for a while, and the names must be right.
//!
//! In stories from the seed 1,000,000,000 on, a fifth as many, operators do more by hand:
//! switchovers in steps, also undone ones, a writer whose disk hangs, a promotion of one that lacks
//! what another one has. In those from 2,000,000,000 on, a tenth as many, servers of MySQL and
//! MariaDB have transactions of their own.
//!
//! The stories of a test run that still break an oracle stand in `open.txt`. A run fails when another
//! one does, and when one of these does not any more. It lists the broken oracles with some seeds of
//! each, and tells the first story of each:
//!
//! ```text
//! cargo test --test engine stories::                        what fits into a test run
//! UPDATE_OPEN_STORIES=1 cargo test --test engine stories::  writes open.txt anew: read every line of the difference
//! STORIES=10000000 cargo test --test engine stories::       ten million, for a night
//! STORY_SEED=17 cargo test --test engine stories::          plays one alone and tells it
//! STORY_ORACLES=liveness,twins cargo test ...               these oracles only
//! ```

mod checks;
mod driver;
mod happening;
mod knowledge;
mod lie;
mod monitor;
mod open;
mod oracle;
mod plot;
mod policies;
mod reload;
mod scene;
mod story;
mod truth;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use oracle::{Broken, Oracle};
use story::{BY_HAND, ERRANT, Story};

/// As many as a test run has time for.
const STORIES: u64 = 100_000;

#[test]
fn the_names_are_right_by_the_truth_of_the_world() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let oracles = oracles();
    let alone = number("STORY_SEED");
    let count = number("STORIES").unwrap_or(STORIES);
    let by_hand = BY_HAND..BY_HAND + count / 5;
    let errant = ERRANT..ERRANT + count / 10;
    let seeds = || match alone {
        Some(seed) => (seed..seed + 1).chain(0..0).chain(0..0),
        None => (0..count).chain(by_hand.clone()).chain(errant.clone()),
    };
    let tally = std::thread::scope(|scope| {
        let play = |first: usize| {
            let (seeds, oracles) = (seeds(), oracles.clone());
            scope.spawn(move || {
                let mut tally = Tally::default();
                for seed in seeds.skip(first).step_by(2) {
                    tally.play(seed, &oracles);
                }
                tally
            })
        };
        let halves = [play(0), play(1)];
        let mut both = Tally::default();
        for half in halves {
            both.add(half.join().expect("a story plays to its end"));
        }
        both
    });
    // Stories in which nobody is ever promoted would prove nothing.
    let stories = seeds().count() as u64;
    assert!(stories < 100 || tally.reigns > stories / 4, "{} reigns", tally.reigns);
    if std::env::var_os("UPDATE_OPEN_STORIES").is_some() {
        return open::write(&tally.broken);
    }
    let open = if alone.is_some() { Seeds::new() } else { open::read() };
    let is_asked = |oracle: &Oracle, seed: &u64| {
        let is_played = *seed < count || by_hand.contains(seed) || errant.contains(seed);
        oracles.contains(oracle) && is_played
    };
    let mended = less(&open, &tally.broken, is_asked);
    assert!(mended.is_empty(), "open.txt says that these break an oracle: {mended:?}");
    let broken = less(&tally.broken, &open, |_, _| true);
    assert!(broken.is_empty(), "{}", report(&broken));
}

fn oracles() -> Vec<Oracle> {
    match std::env::var("STORY_ORACLES") {
        Ok(names) => names.split(',').map(Oracle::named).collect(),
        Err(_) => Oracle::ALL.to_vec(),
    }
}

/// Stories by the oracle that they break, by their seeds.
type Seeds = BTreeMap<Oracle, BTreeSet<u64>>;

/// Those of `all` that `counts` which are not among `known`.
fn less(all: &Seeds, known: &Seeds, counts: impl Fn(&Oracle, &u64) -> bool) -> Seeds {
    let is_known = |oracle, seed| known.get(oracle).is_some_and(|seeds| seeds.contains(seed));
    let mut rest = Seeds::new();
    for (oracle, seeds) in all {
        for seed in seeds.iter().filter(|seed| counts(oracle, seed) && !is_known(oracle, seed)) {
            rest.entry(*oracle).or_default().insert(*seed);
        }
    }
    rest
}

/// What came of many stories.
#[derive(Default)]
struct Tally {
    reigns: u64,
    broken: Seeds,
}

impl Tally {
    fn play(&mut self, seed: u64, oracles: &[Oracle]) {
        let (reigns, broken) = Story::new(seed).play(oracles);
        self.reigns += u64::from(reigns);
        if let Some(Broken { oracle, .. }) = broken {
            self.broken.entry(oracle).or_default().insert(seed);
        }
    }

    fn add(&mut self, other: Self) {
        self.reigns += other.reigns;
        for (oracle, seeds) in other.broken {
            self.broken.entry(oracle).or_default().extend(seeds);
        }
    }
}

fn report(broken: &Seeds) -> String {
    let mut report = String::from("oracles are broken\n");
    for (oracle, seeds) in broken {
        let some: Vec<_> = seeds.iter().take(8).collect();
        writeln!(report, "  {oracle}: {} stories, seeds {some:?}", seeds.len()).expect("memory");
    }
    for (oracle, seeds) in broken {
        let Some(&seed) = seeds.first() else { continue };
        let mut story = Story::new(seed);
        story.tell = true;
        let told = story.play_and_tell(&[*oracle]);
        writeln!(report, "\nseed {seed}:\n{told}").expect("memory");
    }
    report
}
