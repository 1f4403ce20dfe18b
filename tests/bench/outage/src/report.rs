//! Tables of outages, and the targets.

use crate::{
    contestant::{Contestant, Stage},
    fault::Fault,
    findings::{Findings, Outages},
    table::Table,
    tally::Tally,
};

/// What was measured, ready to be shown.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The rounds.
    pub(crate) findings: &'a Findings,
}

impl Report<'_> {
    /// All tables as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for stage in Stage::ALL {
            for fault in Fault::ALL {
                if let Some(table) = self.outages(stage, fault) {
                    let (stage, fault) = (stage.title(), fault.title());
                    text += &format!("### {stage}, {fault}: ms without a write\n\n{table}\n");
                }
            }
        }
        let readers = self.readers();
        text += &format!("### Applications that read: ms without a read\n\n{readers}\n");
        text += &format!(
            "### Pointsman names the new primary: ms after it says that it is writable\n\n{}\n",
            self.moves()
        );
        text + &format!("### Targets of outages\n\n{}", self.targets())
    }

    fn outages(&self, stage: Stage, fault: Fault) -> Option<Table> {
        let mut table = Table::new(&[
            "application",
            "rounds",
            "after writable: median",
            "worst",
            "after the fault: median",
            "worst",
            "never",
            "errors afterwards",
        ]);
        let mut any = false;
        for who in stage.contestants() {
            let Some(outages) = self.findings.of(stage, fault, who) else { continue };
            any = true;
            let of = |tally: &Tally, percent| time(tally.percentile(percent));
            table.row(vec![
                who.title(),
                outages.visible.count().to_string(),
                of(&outages.visible, 50),
                of(&outages.visible, 100),
                of(&outages.fault, 50),
                of(&outages.fault, 100),
                outages.never.to_string(),
                outages.relapses.to_string(),
            ]);
        }
        any.then_some(table)
    }

    fn readers(&self) -> Table {
        let mut table =
            Table::new(&["cluster, fault, application", "rounds", "median", "worst", "errors"]);
        for (stage, fault, who, pauses) in self.findings.pauses() {
            table.row(vec![
                format!("{}, {}, {}", stage.title(), fault.title(), who.title()),
                pauses.longest.count().to_string(),
                time(pauses.longest.percentile(50)),
                time(pauses.longest.percentile(100)),
                pauses.failed.to_string(),
            ]);
        }
        table
    }

    fn moves(&self) -> Table {
        let mut table = Table::new(&["cluster and fault", "rounds", "median", "worst"]);
        for stage in Stage::ALL {
            for fault in Fault::ALL {
                let Some(moves) = self.findings.moves(stage, fault) else { continue };
                table.row(vec![
                    format!("{}, {}", stage.title(), fault.title()),
                    moves.count().to_string(),
                    time(moves.percentile(50)),
                    time(moves.percentile(100)),
                ]);
            }
        }
        table
    }

    fn targets(&self) -> Table {
        let mut table = Table::new(&["target", "measured", "wanted", "result"]);
        // Where Patroni promotes there is no call to count from.
        for stage in [Stage::Postgres, Stage::MariaDb] {
            for fault in Fault::ALL {
                for who in stage.contestants() {
                    if let Some(outages) = self.findings.of(stage, fault, who) {
                        let of_it = targets(stage, fault, who, outages);
                        of_it.into_iter().for_each(|target| table.row(target.cells()));
                    }
                }
            }
            let all = stage.contestants().into_iter();
            let astray = all.filter_map(|who| self.findings.of(stage, Fault::Switchover, who));
            let astray: Vec<_> = astray.map(|outages| outages.astray).collect();
            if !astray.is_empty() {
                let target = Target {
                    text: format!(
                        "{}: writes acknowledged by the old primary after the name moved, planned",
                        stage.title()
                    ),
                    measured: Some(count(astray.iter().sum())),
                    wanted: 0.0,
                    unit: "",
                };
                table.row(target.cells());
            }
        }
        table
    }
}

/// What is wanted of one application in one fault.
fn targets(stage: Stage, fault: Fault, who: Contestant, outages: &Outages) -> Vec<Target> {
    if !who.has_targets() {
        return Vec::new();
    }
    let of = |what: &str, tally: &Tally, percent, wanted| Target {
        text: format!("{}, {}: {what}", stage.title(), fault.title()),
        measured: tally.percentile(percent).flatten(),
        wanted,
        unit: " ms",
    };
    match fault {
        Fault::Kill | Fault::Switchover => vec![
            of("after writable, median", &outages.visible, 50, 150.0),
            of("after writable, worst", &outages.visible, 100, 500.0),
        ],
        Fault::Freeze | Fault::Hole => {
            vec![of("from the promotion, worst", &outages.called, 100, 3000.0)]
        }
    }
}

/// A number that may not exceed another.
struct Target {
    text: String,
    /// `None` is beyond all numbers.
    measured: Option<f64>,
    wanted: f64,
    unit: &'static str,
}

impl Target {
    fn cells(self) -> Vec<String> {
        let result = match self.measured {
            Some(measured) if measured <= self.wanted => "reached",
            Some(_) | None => "missed",
        };
        let wanted = format!("≤ {:.0}{}", self.wanted, self.unit);
        vec![self.text, time(Some(self.measured)), wanted, result.to_owned()]
    }
}

/// Whole milliseconds, of rounds if there were any.
fn time(milliseconds: Option<Option<f64>>) -> String {
    match milliseconds {
        None => "–".to_owned(),
        Some(None) => "never".to_owned(),
        Some(Some(time)) => format!("{:.0}", time.round() + 0.0),
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::{Report, time};
    use crate::{contestant::Stage, fault::Fault, findings::Findings};

    /// The rows of targets when the one application that has some came back so late.
    fn targets(fault: Fault, rounds: &[Option<f64>]) -> String {
        let mut findings = Findings::default();
        let mut all = Stage::Postgres.contestants().into_iter();
        let who = all.find(|who| who.has_targets()).expect("there is one");
        let outages = findings.entry(Stage::Postgres, fault, who);
        for round in rounds {
            outages.visible.add(*round);
            outages.called.add(*round);
        }
        Report { findings: &findings }.targets().to_string()
    }

    #[test]
    fn a_target_is_reached_or_missed() {
        let kill = targets(Fault::Kill, &[Some(100.0), Some(400.0)]);
        assert_eq!(kill.matches("reached").count(), 2, "{kill}");
        let slow = targets(Fault::Kill, &[Some(151.0), Some(501.0)]);
        assert_eq!(slow.matches("missed").count(), 2, "{slow}");
        let frozen = targets(Fault::Freeze, &[Some(100.0), None]);
        assert!(frozen.contains("never") && frozen.contains("missed"), "{frozen}");
    }

    #[test]
    fn times_are_whole() {
        assert_eq!(time(Some(Some(-0.2))), "0");
        assert_eq!(time(Some(Some(1234.5))), "1235");
        assert_eq!(time(Some(None)), "never");
        assert_eq!(time(None), "–");
    }
}
