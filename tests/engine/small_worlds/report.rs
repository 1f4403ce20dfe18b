//! Plays the worlds that are asked for, and tells what is wrong.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

use pointsman::engine::Engine;

use crate::{
    allowed::ALLOWED,
    class::{Class, Example, tell},
    explore::{Findings, Order, Stories, explore},
    run::Stage,
    world::{WORLDS, World},
};

/// So many classes are told in full; the rest is in the file.
const TOLD: usize = 5;

/// Plays the worlds whose names begin with `product` and that are asked for.
pub(crate) fn play(product: &str) {
    let asked = env::var("SMALL_WORLDS").ok();
    let asked = asked.as_deref();
    let played = WORLDS.iter().filter(|world| {
        world.name.starts_with(product)
            && match asked {
                None => !world.large,
                Some("large") => world.large,
                Some(name) => name == world.name,
            }
    });
    let (mut wrong, mut idle) = (String::new(), vec![true; ALLOWED.len()]);
    for world in played {
        if let Ok(story) = env::var("SMALL_WORLDS_STORY") {
            tell_all_orders(world, &story);
            continue;
        }
        let findings = explore::<Engine>(world);
        assert!(findings.runs > 0, "{}: nothing can happen", world.name);
        wrong += &judged(world, &findings, &mut idle);
    }
    let idle = ALLOWED
        .iter()
        .zip(idle)
        .filter(|(row, idle)| *idle && asked.is_none() && row.worlds.starts_with(product));
    for (row, _) in idle {
        wrong += &format!(
            "allowed, and nothing needs it: {}, {:?}: {}: {}\n",
            row.worlds, row.promise, row.words, row.ends
        );
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What is wrong in one world, as text. Rows of the table that are needed are no longer `idle`.
fn judged(world: &World, findings: &Findings, idle: &mut [bool]) -> String {
    let stage = Stage::new(world);
    let (mut unexpected, mut allowed): (Vec<(&Class, &Example)>, _) = (vec![], String::new());
    for (class, example) in &findings.classes {
        match ALLOWED.iter().position(|row| row.allows(world.name, class)) {
            Some(row) => {
                idle[row] = false;
                allowed += &format!("{class} ({}): {}\n", example.count, ALLOWED[row].why);
            }
            None => unexpected.push((class, example)),
        }
    }
    let say = |line: String| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    };
    say(format!(
        "{}: {} runs of {} tuples of stories, {} classes that break a promise, {} of them allowed",
        world.name,
        findings.runs,
        findings.tuples,
        findings.classes.len(),
        findings.classes.len() - unexpected.len()
    ));
    let told = |(class, example): &(&Class, &Example)| {
        format!(
            "{class} ({} times)\n  SMALL_WORLDS={} SMALL_WORLDS_STORY='{}'\n{}\n",
            example.count,
            world.name,
            example.codes(&stage),
            example.told(&stage)
        )
    };
    let list = unexpected.iter().map(|(class, example)| format!("{class} ({})\n", example.count));
    let list: String = list.collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small-worlds");
    fs::create_dir_all(&folder).expect("the folder for reports");
    let all: String = unexpected.iter().map(told).collect();
    let file = folder.join(format!("{}.txt", world.name));
    fs::write(&file, format!("{list}\n{all}\nallowed:\n{allowed}")).expect("the report");
    if unexpected.is_empty() {
        return String::new();
    }
    // One of each promise is told before a second one of any.
    let mut first: Vec<_> = unexpected.iter().collect();
    first.dedup_by_key(|(class, _)| class.promise);
    let shown: String = first.into_iter().take(TOLD).map(told).collect();
    format!("{}:\n{list}\n{shown}all of them: {}\n\n", world.name, file.display())
}

/// Tells one tuple of stories in every order of arrival.
fn tell_all_orders(world: &World, codes: &str) {
    let stage = Stage::new(world);
    let stories: Stories = codes
        .split(',')
        .enumerate()
        .map(|(server, story)| {
            let number = |code: &str| {
                let known = stage.alphabets[server].iter();
                let found = known.map(|word| word.to_string()).position(|known| known == code);
                found.unwrap_or_else(|| panic!("{code}: not in the alphabet of db{}", server + 1))
            };
            story.split_whitespace().map(number).collect()
        })
        .collect();
    assert_eq!(stories.len(), stage.servers(), "one story for each server, with commas between");
    let left: Vec<_> = stories.iter().map(Vec::len).collect();
    let mut orders = vec![];
    orders_of(left, &mut vec![], &mut orders);
    for order in orders {
        let names: Vec<_> = order.iter().map(|server| format!("db{}", server + 1)).collect();
        let told = tell(&stage, &stories, &order);
        let _ = writeln!(io::stderr().lock(), "in the order {}:\n{told}", names.join(" "));
    }
}

fn orders_of(left: Vec<usize>, order: &mut Order, orders: &mut Vec<Order>) {
    if left.iter().all(|&words| words == 0) {
        orders.push(order.clone());
    }
    for server in 0..left.len() {
        if left[server] > 0 {
            let mut fewer = left.clone();
            fewer[server] -= 1;
            order.push(server);
            orders_of(fewer, order, orders);
            order.pop();
        }
    }
}
