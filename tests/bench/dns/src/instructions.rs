//! User instructions per query, counted by callgrind: they do not depend on the neighbours of a
//! shared machine.
//!
//! Two runs that differ in nothing but the number of queries are subtracted, so that start and end
//! cancel out.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    contestant::Contestant,
    query::Question,
    running::Running,
    tally::count,
    udp::{Pressure, UdpLoad},
};

/// Instructions per query, by contestant, question, and whether the query has an OPT record.
pub(crate) type Instructions = BTreeMap<(Contestant, Question, bool), f64>;

/// Counts for `contestants`, with and without EDNS. `tell` hears how it goes.
pub(crate) fn count_instructions(
    contestants: &[Contestant],
    queries: u64,
    folder: &Path,
    tell: impl Fn(&str),
) -> io::Result<Instructions> {
    let mut counted = Instructions::new();
    for &contestant in contestants {
        let start = instructions(contestant, None, folder)?;
        for question in Question::ALL {
            for edns in [false, true] {
                let query = question.message(edns);
                let whole = instructions(contestant, Some((question, query, queries)), folder)?;
                let each = (count(whole) - count(start)) / count(queries);
                counted.insert((contestant, question, edns), each);
                let with = if edns { "with EDNS" } else { "plain" };
                tell(&format!(
                    "instructions  {}, {}, {with}: {each:.0}",
                    contestant.title(),
                    question.title()
                ));
            }
        }
    }
    Ok(counted)
}

/// All instructions of a server from start to end, that answers a few queries and then `load`.
fn instructions(
    contestant: Contestant,
    load: Option<(Question, Vec<u8>, u64)>,
    folder: &Path,
) -> io::Result<u64> {
    let folder = folder.join("callgrind");
    fs::create_dir_all(&folder)?;
    let out = folder.join("out.%p").display().to_string();
    // Counting is slow and needs no precedence.
    let under = "chrt --other 0 valgrind --tool=callgrind".split(' ').map(str::to_owned);
    let under: Vec<_> = under.chain([format!("--callgrind-out-file={out}")]).collect();
    let running = Running::start(contestant, &folder, &under)?;
    ask(contestant, Question::Write, Question::Write.message(false), FIRST)?;
    if let Some((question, query, queries)) = load {
        ask(contestant, question, query, queries)?;
    }
    running.stop()?;
    let mut total = 0;
    for file in outputs(&folder)? {
        total += totals(&fs::read_to_string(&file)?);
        fs::remove_file(file)?;
    }
    if total == 0 {
        return Err(io::Error::other(format!("{contestant:?}: callgrind left no count")));
    }
    Ok(total)
}

fn ask(contestant: Contestant, question: Question, query: Vec<u8>, queries: u64) -> io::Result<()> {
    let expected = contestant.expected(question);
    let mut load = UdpLoad::open(contestant.address(), query, expected, Pressure::Full)?;
    let tally = load.answer(queries, PATIENCE)?;
    if tally.answered < queries {
        return Err(io::Error::other(format!("{contestant:?} under callgrind: {tally:?}")));
    }
    Ok(())
}

fn outputs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_output = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("out."))
    };
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    Ok(paths.collect::<io::Result<Vec<_>>>()?.into_iter().filter(is_output).collect())
}

/// The sum in a file of callgrind; one file may hold several parts.
fn totals(output: &str) -> u64 {
    let totals = output.lines().filter_map(|line| line.strip_prefix("totals: "));
    totals.filter_map(|number| number.trim().parse::<u64>().ok()).sum()
}

/// Queries before the ones that count, so that nothing is done for the first time.
const FIRST: u64 = 1_000;

/// How long a server may take under valgrind.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::totals;

    #[test]
    fn the_sum_is_found() {
        assert_eq!(totals("events: Ir\nfn=(1)\n1 2\n\ntotals: 12\n"), 12);
        assert_eq!(totals("summary: 3\ntotals: 3\nx\ntotals: 4\n"), 7);
        assert_eq!(totals(""), 0);
    }
}
