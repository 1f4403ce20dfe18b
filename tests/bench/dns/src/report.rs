//! Medians in tables, and the targets that follow from them.

use crate::{
    contestant::Contestant,
    instructions::Instructions,
    measure::{Findings, Udp},
    query::Question,
    table::Table,
    tally::{mean, median},
};

/// What was measured, ready to be shown.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The rounds.
    pub(crate) findings: &'a Findings,
    /// The counts.
    pub(crate) instructions: &'a Instructions,
    /// Who took part, in the order of the rows.
    pub(crate) contestants: &'a [Contestant],
}

/// One target of the milestone: a ratio and its limit.
struct Target {
    text: String,
    ratio: Option<f64>,
    limit: Limit,
}

enum Limit {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
}

impl Report<'_> {
    /// All tables as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for question in Question::ALL {
            text += &format!("UDP, {}\n\n{}\n", question.title(), self.udp(question));
        }
        text += &format!("TCP, read name, 100 connections of 16 queries\n\n{}\n", self.tcp());
        text += &format!("User instructions per query\n\n{}\n", self.counts());
        text + &format!("Targets: ratios of medians\n\n{}", self.targets())
    }

    fn udp(&self, question: Question) -> Table {
        let mut table = Table::new(&[
            "server",
            "queries/s",
            "core busy",
            "CPU µs/query (quartiles)",
            "user µs",
            "p50 µs at half",
            "p99 µs at half",
            "lost",
        ]);
        for &contestant in self.contestants {
            let Some(udp) = self.of(contestant, question) else { continue };
            let (full, half) = (&udp.full, &udp.half);
            let lost = [full.lost.as_slice(), half.lost.as_slice()].concat();
            table.row(vec![
                contestant.title().to_owned(),
                thousands(median(&full.rate)),
                percent(median(&full.busy)),
                with_range(&full.cpu),
                decimals(mean(&full.user), 2),
                decimals(median(&half.p50), 0),
                decimals(median(&half.p99), 0),
                lost_percent(mean(&lost)),
            ]);
        }
        table
    }

    fn tcp(&self) -> Table {
        let headings =
            ["server", "queries/s", "core busy", "CPU µs/query (quartiles)", "user µs", "lost"];
        let mut table = Table::new(&headings);
        for contestant in self.contestants {
            let Some(tcp) = self.findings.tcp.get(contestant) else { continue };
            table.row(vec![
                contestant.title().to_owned(),
                thousands(median(&tcp.rate)),
                percent(median(&tcp.busy)),
                with_range(&tcp.cpu),
                decimals(mean(&tcp.user), 2),
                lost_percent(mean(&tcp.lost)),
            ]);
        }
        table
    }

    fn counts(&self) -> Table {
        let mut table = Table::new(&[
            "server",
            "write name",
            "write name, EDNS",
            "read name",
            "read name, EDNS",
        ]);
        for &contestant in self.contestants {
            let cell = |question, edns| {
                let counted = self.instructions.get(&(contestant, question, edns));
                decimals(counted.copied(), 0)
            };
            if self.instructions.contains_key(&(contestant, Question::Write, false)) {
                table.row(vec![
                    contestant.title().to_owned(),
                    cell(Question::Write, false),
                    cell(Question::Write, true),
                    cell(Question::Read, false),
                    cell(Question::Read, true),
                ]);
            }
        }
        table
    }

    fn targets(&self) -> Table {
        let mut table = Table::new(&["target", "ratio", "wanted", "result"]);
        let targets = Question::ALL.into_iter().flat_map(|question| self.targets_of(question));
        for Target { text, ratio, limit } in targets.chain(self.tcp_target()) {
            let result = match ratio.map(|ratio| limit.admits(ratio)) {
                Some(true) => "reached",
                Some(false) => "missed",
                None => "not measured",
            };
            table.row(vec![text, decimals(ratio, 3), limit.text(), result.to_owned()]);
        }
        table
    }

    fn targets_of(&self, question: Question) -> Vec<Target> {
        use Contestant::{Changing, Echo, Pointsman};
        let name = question.title();
        let cpu = |contestant| median(&self.of(contestant, question)?.full.cpu);
        let rate = |contestant| median(&self.of(contestant, question)?.full.rate);
        let p99 = |contestant| median(&self.of(contestant, question)?.half.p99);
        let counted = |contestant| self.instructions.get(&(contestant, question, false)).copied();
        let target =
            |text: &str, ratio, limit| Target { text: format!("{name}: {text}"), ratio, limit };
        let mut targets = vec![target(
            "CPU per query / echo's",
            ratio(cpu(Pointsman), cpu(Echo)),
            Limit::AtMost(1.15),
        )];
        for peer in Contestant::PEERS {
            let text = format!("CPU per query / {}'s", peer.title());
            targets.push(target(&text, ratio(cpu(Pointsman), cpu(peer)), Limit::Below(1.0)));
        }
        let best = Contestant::PEERS.into_iter().filter_map(p99).min_by(f64::total_cmp);
        let fewest = Contestant::PEERS.into_iter().filter_map(counted).min_by(f64::total_cmp);
        let changing = ratio(rate(Changing), rate(Pointsman));
        targets.extend([
            target(
                "user instructions / fewest of the peers",
                ratio(counted(Pointsman), fewest),
                Limit::Below(1.0),
            ),
            target("queries/s with 100 changes/s / without", changing, Limit::AtLeast(0.95)),
            target(
                "p99 at half load / best peer's",
                ratio(p99(Pointsman), best),
                Limit::AtMost(1.0),
            ),
        ]);
        targets
    }

    fn tcp_target(&self) -> Option<Target> {
        let rate = |contestant| median(&self.findings.tcp.get(&contestant)?.rate);
        Some(Target {
            text: "TCP: queries/s / NSD's".to_owned(),
            ratio: ratio(rate(Contestant::Pointsman), rate(Contestant::Nsd)),
            limit: Limit::AtLeast(1.0),
        })
    }

    fn of(&self, contestant: Contestant, question: Question) -> Option<&Udp> {
        self.findings.udp.get(&(contestant, question))
    }
}

impl Limit {
    fn admits(&self, ratio: f64) -> bool {
        match *self {
            Self::AtMost(limit) => ratio <= limit,
            Self::Below(limit) => ratio < limit,
            Self::AtLeast(limit) => ratio >= limit,
        }
    }

    fn text(&self) -> String {
        match *self {
            Self::AtMost(limit) => format!("≤ {limit:.2}"),
            Self::Below(limit) => format!("< {limit:.2}"),
            Self::AtLeast(limit) => format!("≥ {limit:.2}"),
        }
    }
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    Some(ours? / theirs?)
}

fn decimals(number: Option<f64>, places: usize) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.places$}"))
}

/// A number of thousands, with a unit.
fn thousands(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{:.1} k", number / 1_000.0))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// A share of lost queries; a loss is never rounded to nothing.
fn lost_percent(share: Option<f64>) -> String {
    match share {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(share) if share < 0.000_1 => "< 0.01 %".to_owned(),
        Some(share) => format!("{:.2} %", share * 100.0),
    }
}

/// The median, and between what the middle half of all slices lies.
fn with_range(numbers: &[f64]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quarter = sorted.len() / 4;
    let low = sorted.get(quarter).copied();
    let high = sorted.iter().rev().nth(quarter).copied();
    format!("{} ({}–{})", decimals(median(numbers), 2), decimals(low, 2), decimals(high, 2))
}

#[cfg(test)]
mod tests {
    use super::{Limit, lost_percent, ratio, thousands, with_range};

    #[test]
    fn limits() {
        assert!(Limit::AtMost(1.15).admits(1.15) && !Limit::AtMost(1.15).admits(1.151));
        assert!(!Limit::Below(1.0).admits(1.0) && Limit::Below(1.0).admits(0.999));
        assert!(Limit::AtLeast(0.95).admits(0.95) && !Limit::AtLeast(0.95).admits(0.949));
    }

    #[test]
    fn cells() {
        assert_eq!(with_range(&[2.0, 3.0, 2.5]), "2.50 (2.00–3.00)");
        assert_eq!(with_range(&[1.0, 2.0, 3.0, 4.0, 9.0]), "3.00 (2.00–4.00)");
        assert_eq!(thousands(Some(123_456.0)), "123.5 k");
        assert_eq!(lost_percent(Some(0.0)), "0");
        assert_eq!(lost_percent(Some(0.000_01)), "< 0.01 %");
        assert_eq!(ratio(Some(1.0), None), None);
    }
}
