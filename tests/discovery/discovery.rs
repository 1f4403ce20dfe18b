//! Servers that join, leave, lie and change address in the middle of failovers and restarts: seeded random stories
//! of one ledger and one engine, judged by the truth of their world.
//!
//! `DISCOVERY_STORIES=100000` plays more of them, `DISCOVERY_SEED=n` one alone.

extern crate pointsman_discovery_tests as pointsman;

mod random;
mod story;
mod world;

use story::Story;

/// Stories of a test run: a few seconds.
const STORIES: u64 = 1_000;

#[test]
fn nothing_unproven_is_ever_published() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("DISCOVERY_SEED") {
        let story = Story::play(seed);
        println!("{}", story.log.join("\n"));
        assert_eq!(story.broken, Vec::<String>::new(), "seed {seed}");
        return;
    }
    let stories = number("DISCOVERY_STORIES").unwrap_or(STORIES);
    let (mut joined, mut strangers, mut removed, mut moved, mut restarts) = (0, 0, 0, 0, 0);
    for seed in 0..stories {
        let story = Story::play(seed);
        assert_eq!(story.broken, Vec::<String>::new(), "DISCOVERY_SEED={seed} tells the story");
        joined += story.joined;
        strangers += story.strangers;
        removed += story.removed;
        moved += story.moved;
        restarts += story.restarts;
    }
    // Nothing is proven by stories in which nothing happens.
    let told = format!("{joined} joined, {strangers} strangers, {removed} removed, {moved} moved");
    let enough = stories / 20;
    assert!(joined > stories / 2 && strangers > enough && removed > enough / 4, "{told}");
    assert!(moved > enough && restarts > stories, "{told}, {restarts} restarts");
}
