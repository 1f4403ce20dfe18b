//! Tables of times, wrong turns and targets.

use std::time::Duration;

use pointsman_testbed::database::Engine;

use crate::{
    contestant::Contestant,
    fault::Fault,
    findings::{Findings, Row},
    table::Table,
    tally::Tally,
};

/// What was measured, ready to be shown.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The rounds.
    pub(crate) findings: &'a Findings,
}

/// A table: its row of findings, its heading, and a sentence about it.
const TABLES: [(Row, &str, &str); 8] = [
    (Row::Fault(Fault::Kill), "kill -9 of a replica", "until no user is sent to it"),
    (Row::Fault(Fault::Freeze), "SIGSTOP of a replica", "until no user is sent to it"),
    (Row::Fault(Fault::Drop), "packets of a replica dropped", "until no user is sent to it"),
    (
        Row::Returned(Fault::Primary),
        "kill -9 of the primary, promotion a second later",
        "from the return of the promotion until users who write are sent to the new primary",
    ),
    (
        Row::Returned(Fault::Switchover),
        "planned switchover",
        "from the return of the promotion until users who write are sent to the new primary",
    ),
    (
        Row::Visible(Fault::Primary),
        "promotion visible, after kill -9",
        "the same rounds, from the moment when the new primary itself says that it is writable",
    ),
    (
        Row::Visible(Fault::Switchover),
        "promotion visible, in a switchover",
        "the same rounds, from the moment when the new primary itself says that it is writable",
    ),
    (
        Row::Visible(Fault::Hinted),
        "promotion visible, in a switchover with a hint",
        "other rounds, in which `pointsman hint` follows the promotion; from the same moment",
    ),
];

/// Contestants in the order of the rows.
const ROWS: [Contestant; 6] = [
    Contestant::Pointsman,
    Contestant::PointsmanTuned,
    Contestant::Gdnsd,
    Contestant::GdnsdDefaults,
    Contestant::Haproxy,
    Contestant::HaproxyFast,
];

impl Report<'_> {
    /// All tables as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (row, title, meaning) in TABLES {
            if let Some(table) = self.times(row) {
                text += &format!("### {title}: {meaning}\n\n{table}\n");
            }
        }
        text += &format!("### Wrong turns of the write name\n\n{}\n", self.wrong_turns());
        text + &format!("### Targets of the milestone\n\n{}", self.targets())
    }

    /// A row per contestant, with columns for each engine; `None` when nobody was measured.
    fn times(&self, row: Row) -> Option<Table> {
        let mut headings = vec!["contestant"];
        for engine in Engine::ALL {
            headings.extend([engine.title(), "min ms", "median", "p99", "max"]);
        }
        let mut table = Table::new(&headings);
        let mut any = false;
        for contestant in ROWS {
            let tally = |engine| self.findings.tally(row, engine, contestant);
            if Engine::ALL.into_iter().all(|engine| tally(engine).is_none()) {
                continue;
            }
            any = true;
            let cells = Engine::ALL.into_iter().flat_map(|engine| times(tally(engine)));
            table.row([contestant.title().to_owned()].into_iter().chain(cells).collect());
        }
        any.then_some(table)
    }

    fn wrong_turns(&self) -> Table {
        let headings = ["contestant", "database", "to a server that is not writable", "no address"];
        let mut table = Table::new(&headings);
        for contestant in ROWS {
            for engine in Engine::ALL {
                let Some(moves) = self.findings.moves_of(engine, contestant) else { continue };
                table.row(vec![
                    contestant.title().to_owned(),
                    engine.title().to_owned(),
                    moves.wrong.to_string(),
                    moves.lapses.to_string(),
                ]);
            }
        }
        table
    }

    fn targets(&self) -> Table {
        let mut table = Table::new(&["target", "measured", "wanted", "result"]);
        for contestant in [Contestant::Pointsman, Contestant::PointsmanTuned] {
            for engine in Engine::ALL {
                let who = format!("{}, {}", contestant.title(), engine.title());
                for target in self.targets_of(contestant, engine) {
                    table.row(target.cells(&who));
                }
            }
        }
        table
    }

    fn targets_of(&self, contestant: Contestant, engine: Engine) -> Vec<Target> {
        let of = |row| self.findings.tally(row, engine, contestant).cloned();
        let crash = of(Row::Fault(Fault::Kill));
        let failover = of(Row::Visible(Fault::Primary));
        let switchover = of(Row::Visible(Fault::Switchover));
        let hinted = of(Row::Visible(Fault::Hinted));
        let mut targets = vec![
            Target::of("replica killed, median", crash.as_ref(), 50, 50.0),
            Target::of("replica killed, p99", crash.as_ref(), 99, 300.0),
            Target::of("promotion visible after kill -9, median", failover.as_ref(), 50, 150.0),
            Target::of("promotion visible after kill -9, p99", failover.as_ref(), 99, 400.0),
            Target::of("promotion visible in a switchover, median", switchover.as_ref(), 50, 150.0),
            Target::of("promotion visible in a switchover, p99", switchover.as_ref(), 99, 400.0),
            Target::of("promotion visible, with a hint, median", hinted.as_ref(), 50, 150.0),
            Target::of("promotion visible, with a hint, p99", hinted.as_ref(), 99, 400.0),
        ];
        let limit = contestant.silence_limit().unwrap_or(Duration::ZERO).as_secs_f64() * 1e3;
        let (frozen, dropped) = (of(Row::Fault(Fault::Freeze)), of(Row::Fault(Fault::Drop)));
        targets.extend([
            Target::of("replica frozen, median", frozen.as_ref(), 50, limit),
            Target::of("replica frozen, max", frozen.as_ref(), 100, limit),
            Target::of("packets dropped, median", dropped.as_ref(), 50, limit),
            Target::of("packets dropped, max", dropped.as_ref(), 100, limit),
        ]);
        if let Some(moves) = self.findings.moves_of(engine, contestant) {
            let wrong = u32::try_from(moves.wrong + moves.lapses).unwrap_or(u32::MAX);
            targets.push(Target {
                text: "wrong turns of the write name",
                measured: Some(Some(f64::from(wrong))),
                wanted: 0.0,
                unit: "",
            });
        }
        targets
    }
}

/// One target of the milestone: a number that may not exceed another.
struct Target {
    text: &'static str,
    measured: Option<Option<f64>>,
    wanted: f64,
    unit: &'static str,
}

impl Target {
    fn of(text: &'static str, tally: Option<&Tally>, percent: usize, wanted: f64) -> Self {
        let measured = tally.and_then(|tally| tally.percentile(percent));
        Self { text, measured, wanted, unit: " ms" }
    }

    fn cells(&self, who: &str) -> Vec<String> {
        let result = match self.measured {
            None => "not measured",
            Some(Some(measured)) if measured <= self.wanted => "reached",
            Some(_) => "missed",
        };
        let measured = self.measured.map_or_else(|| "–".to_owned(), time);
        let wanted = format!("≤ {:.0}{}", self.wanted, self.unit);
        vec![format!("{who}: {}", self.text), measured, wanted, result.to_owned()]
    }
}

/// Rounds, minimum, median, 99th percentile and maximum.
fn times(tally: Option<&Tally>) -> Vec<String> {
    let Some(tally) = tally else { return vec!["–".to_owned(); 5] };
    let cells = [0, 50, 99, 100].map(|percent| time(tally.percentile(percent).flatten()));
    [format!("{} rounds", tally.count())].into_iter().chain(cells).collect()
}

/// Whole milliseconds.
fn time(milliseconds: Option<f64>) -> String {
    milliseconds.map_or_else(|| "never".to_owned(), |time| format!("{:.0}", time.round() + 0.0))
}

#[cfg(test)]
mod tests {
    use super::{Target, time};
    use crate::tally::Tally;

    #[test]
    fn a_target_is_reached_missed_or_not_measured() {
        let mut tally = Tally::default();
        let result = |tally: &Tally| {
            Target::of("replica killed, median", Some(tally), 50, 50.0).cells("somebody").remove(3)
        };
        assert_eq!(result(&tally), "not measured");
        tally.add(Some(50.0));
        assert_eq!(result(&tally), "reached");
        tally.add(None);
        assert_eq!(result(&tally), "reached", "the median of two is the first");
        tally.add(None);
        assert_eq!(result(&tally), "missed");
    }

    #[test]
    fn times_are_whole() {
        assert_eq!(time(Some(-0.2)), "0");
        assert_eq!(time(Some(1234.5)), "1235");
        assert_eq!(time(Some(-850.4)), "-850");
        assert_eq!(time(None), "never");
    }
}
