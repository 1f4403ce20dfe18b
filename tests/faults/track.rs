//! All rows of one engine, one after another, on the same servers.

use std::{
    fmt,
    net::Ipv4Addr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crate::{
    play,
    row::{Course, Kind, Row},
    stage::Stage,
    watch::Findings,
};

/// What came of many rows.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Rows, each counted once for each phase and engine.
    pub(crate) rows: usize,
    pub(crate) answers: usize,
    pub(crate) false_moves: usize,
    /// What went wrong, row by row.
    pub(crate) failed: Vec<String>,
}

/// Plays every row of `kind` in each of its phases. A row that fails does not stop the others: they
/// go on with new servers.
pub(crate) fn run(kind: Kind, addresses: [Ipv4Addr; 3], rows: &[Row], networked: bool) -> Tally {
    let mut tally = Tally::default();
    let mut stage = None;
    for row in rows.iter().filter(|row| row.kinds.contains(&kind)) {
        for course in &row.courses {
            let ready = stage.get_or_insert_with(|| Stage::set(kind, addresses, networked));
            let title = format!("{kind:?}, {}, {}", row.name, course.phase);
            let began = Instant::now();
            let played = played(ready, row, course);
            let took = began.elapsed().as_secs_f32();
            tally.rows += 1;
            let wrong = match played {
                Ok(findings) => {
                    tally.answers += findings.answers;
                    tally.false_moves += findings.false_moves;
                    findings.wrong
                }
                Err(words) => vec![words],
            };
            if wrong.is_empty() {
                println!("{title}: {took:.1} s");
            } else {
                println!("{title}: FAILED after {took:.1} s");
                tally.failed.push(format!("{title}: {}", wrong.join("\n")));
                stage = None;
            }
        }
    }
    tally
}

fn played(stage: &mut Stage, row: &Row, course: &Course) -> Result<Findings, String> {
    caught(|| play::play(stage, row, course))
}

/// What `work` returns, or the words of its panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|words| {
        let text = words.downcast_ref::<String>().cloned();
        text.or_else(|| words.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "a panic without words".to_owned())
    })
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.answers += other.answers;
        self.false_moves += other.false_moves;
        self.failed.extend(other.failed);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, answers, false_moves, failed } = self;
        let failed = failed.len();
        write!(
            f,
            "{rows} rows, {false_moves} false moves of the write name, {failed} failed, \
             {answers} answers"
        )
    }
}
