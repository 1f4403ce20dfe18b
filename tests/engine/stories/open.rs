//! The stories of a test run that still break an oracle, in `open.txt`.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::{Seeds, oracle::Oracle};

/// Seeds on a line of the file.
const ON_A_LINE: usize = 14;

/// A line is the name of an oracle and seeds of stories that break it. Lines with a hash at their
/// beginning are for people.
pub(super) fn read() -> Seeds {
    let mut seeds = Seeds::new();
    for line in text().lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let numbers = words.map(|word| word.parse::<u64>().expect("a seed"));
        seeds.entry(Oracle::named(name)).or_default().extend(numbers);
    }
    seeds
}

/// Writes the file anew; the lines for people stay.
pub(super) fn write(broken: &Seeds) {
    let mut out = String::new();
    for line in text().lines().take_while(|line| line.starts_with('#')) {
        writeln!(out, "{line}").expect("memory");
    }
    for (oracle, seeds) in broken {
        let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
        for some in seeds.chunks(ON_A_LINE) {
            writeln!(out, "{oracle} {}", some.join(" ")).expect("memory");
        }
    }
    fs::write(path(), out).expect("the file can be written");
}

fn text() -> String {
    fs::read_to_string(path()).expect("open.txt is there")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("stories/open.txt")
}
