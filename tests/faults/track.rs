//! All rows of one engine, one after another, on the same servers.

use std::{fmt, net::Ipv4Addr, time::Instant};

use pointsman_testbed::{
    attempt::{Failure, at_most_twice, attempt},
    group::Kind,
};

use crate::{
    play,
    row::{Course, Row},
    stage::Stage,
};

/// Servers that do not get ready in time say nothing of Pointsman: a row is given so many new sets of
/// them before it has failed.
const SETS_MAX: usize = 3;

/// What came of many rows.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Rows, each counted once for each phase and engine.
    pub(crate) rows: usize,
    pub(crate) answers: usize,
    pub(crate) false_moves: usize,
    /// Sets of servers that did not get ready for a row, with their words.
    pub(crate) unready: Vec<String>,
    /// Rows that failed once, with their words.
    pub(crate) unsteady: Vec<String>,
    /// What went wrong, row by row.
    pub(crate) failed: Vec<String>,
}

/// The servers of a track, once they have been started and while nothing has gone wrong with them.
struct Track<'r> {
    kind: Kind,
    addresses: [Ipv4Addr; 3],
    networked: bool,
    stage: Option<Stage>,
    rows: &'r [Row],
    tally: Tally,
}

/// Plays every row of `kind` in each of its phases. A row that fails does not stop the others: they
/// go on with new servers.
pub(crate) fn run(kind: Kind, addresses: [Ipv4Addr; 3], rows: &[Row], networked: bool) -> Tally {
    let tally = Tally::default();
    let mut track = Track { kind, addresses, networked, stage: None, rows, tally };
    for row in track.rows.iter().filter(|row| row.kinds.contains(&kind)) {
        for course in &row.courses {
            track.play(row, course);
        }
    }
    track.tally
}

impl Track<'_> {
    /// Plays a row, and once more where a busy machine may be why it failed.
    fn play(&mut self, row: &Row, course: &Course) {
        let title = format!("{:?}, {}, {}", self.kind, row.name, course.phase);
        self.tally.rows += 1;
        let (first, result) = at_most_twice(|| self.once(row, course, &title));
        self.tally.unsteady.extend(first.map(|words| format!("{title}: {words}")));
        if let Err(failure) = result {
            self.tally.failed.push(format!("{title}: {failure}"));
        }
    }

    fn once(&mut self, row: &Row, course: &Course, title: &str) -> Result<(), Failure> {
        let began = Instant::now();
        let result = self.ready_for(row, title).and_then(|mut stage| {
            let findings = attempt(|| play::play(&mut stage, row, course))?;
            self.tally.answers += findings.answers;
            self.tally.false_moves += findings.false_moves;
            if findings.wrong.is_empty() {
                self.stage = Some(stage);
                return Ok(());
            }
            Err(Failure::of(findings.false_moves, findings.wrong.join("\n")))
        });
        let took = began.elapsed().as_secs_f32();
        match &result {
            Ok(()) => println!("{title}: {took:.1} s"),
            Err(_) => println!("{title}: FAILED after {took:.1} s"),
        }
        result
    }

    /// Servers that are ready for `row`.
    fn ready_for(&mut self, row: &Row, title: &str) -> Result<Stage, Failure> {
        for _ in 1..=SETS_MAX {
            let last = self.stage.take();
            let ready = attempt(|| {
                let new = || Stage::set(self.kind, self.addresses, self.networked);
                let mut stage = last.unwrap_or_else(new);
                stage.make_ready(row);
                stage
            });
            match ready {
                Ok(stage) => return Ok(stage),
                Err(failure) => self.tally.unready.push(format!("{title}: {failure}")),
            }
        }
        Err(Failure::Otherwise(format!("{SETS_MAX} sets of servers did not get ready")))
    }
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.answers += other.answers;
        self.false_moves += other.false_moves;
        self.unready.extend(other.unready);
        self.unsteady.extend(other.unsteady);
        self.failed.extend(other.failed);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, answers, false_moves, unready, unsteady, failed } = self;
        let (failed, unready, unsteady) = (failed.len(), unready.len(), unsteady.len());
        write!(
            f,
            "{rows} rows, {false_moves} false moves of the write name, {failed} failed, \
             {unsteady} played twice, {answers} answers, \
             {unready} times new servers because the old did not get ready"
        )
    }
}
