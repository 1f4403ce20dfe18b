//! The figures as tables.

use std::{fmt, fs, time::Duration};

use crate::{discovery, measure::Found, table::Table};

/// All measurements.
#[derive(Debug)]
pub(crate) struct Report {
    /// One server.
    pub(crate) alone: Found,
    /// All servers are well.
    pub(crate) well: Found,
    /// One in ten is silent and one refuses.
    pub(crate) troubled: Found,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [("all well", &self.well), ("10 % silent, 10 % refuse", &self.troubled)];
        let headings: Vec<_> =
            ["figure"].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
        let mut table = Table::new(&headings);
        let mut row = |figure: String, value: &dyn Fn(&Found) -> String| {
            let values = columns.iter().map(|(_, found)| value(found));
            table.row([figure].into_iter().chain(values).collect());
        };
        row("servers, of which answer".to_owned(), &|found| {
            format!("{}, {}", found.servers, found.servers - found.troubled)
        });
        row("questions answered per second".to_owned(), &|found| {
            format!("{:.0}", count(found.tally.questions()) / found.time.as_secs_f64())
        });
        row("share of one core".to_owned(), &|found| {
            format!("{:.1} %", 100.0 * found.cpu.as_secs_f64() / found.time.as_secs_f64())
        });
        row("CPU µs per answered question, all included".to_owned(), &|found| {
            format!("{:.1}", found.cpu.as_secs_f64() * 1e6 / count(found.tally.questions()))
        });
        row("resident, MiB".to_owned(), &|found| {
            format!("{:.1}", count(found.resident_kib) / 1024.0)
        });
        row("memory per server, KiB".to_owned(), &|found| {
            let more = found.resident_kib.saturating_sub(self.alone.resident_kib);
            format!("{:.1}", count(more) / (count_of(found.servers) - 1.0))
        });
        row("most sockets of one server".to_owned(), &|found| {
            found.tally.most_sockets().to_string()
        });
        row("first connections: all within, ms".to_owned(), &|found| {
            let connects = found.servers - found.troubled;
            milliseconds(found.tally.start_spread(connects, WINDOW).1)
        });
        row("first connections: most in any 10 ms".to_owned(), &|found| {
            let connects = found.servers - found.troubled;
            found.tally.start_spread(connects, WINDOW).0.to_string()
        });
        write!(
            f,
            "### Cost and start\n\n{table}\n### The clock of the probes, as the servers see it\n\n"
        )?;
        write!(f, "{}", self.jitter())?;
        writeln!(f, "\nWith one server alone {} KiB are resident.", self.alone.resident_kib)
    }
}

impl Report {
    fn jitter(&self) -> Table {
        let mut table = Table::new(&[
            "deviation from the interval, ms",
            "median",
            "p99",
            "max",
            "p99 beyond design",
            "mean interval beyond 1 s",
        ]);
        let designed = [0.5, 0.99, 1.0].map(|part| milliseconds(DESIGNED.mul_f64(part)));
        let [median, p99, max] = designed;
        let nothing = "0.0".to_owned();
        table.row(vec!["designed: ±5 %".to_owned(), median, p99, max, nothing.clone(), nothing]);
        for (name, found) in [
            ("one server", &self.alone),
            ("all well", &self.well),
            ("10 % silent, 10 % refuse", &self.troubled),
        ] {
            let all = found.tally.deviations(INTERVAL);
            let p99 = percentile(&all, 99);
            table.row(vec![
                name.to_owned(),
                milliseconds(percentile(&all, 50)),
                milliseconds(p99),
                milliseconds(percentile(&all, 100)),
                milliseconds(p99.saturating_sub(DESIGNED.mul_f64(0.99))),
                milliseconds(found.tally.mean_excess(INTERVAL)),
            ]);
        }
        table
    }
}

/// What discovery costs, a column for each scene. The first is without.
#[derive(Debug)]
pub(crate) struct DiscoveryReport(pub(crate) Vec<discovery::Found>);

impl fmt::Display for DiscoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ["figure"].into_iter().chain(self.0.iter().map(|found| found.scene.name));
        let mut table = Table::new(&headings.collect::<Vec<_>>());
        let mut row = |figure: &str, value: &dyn Fn(&discovery::Found) -> String| {
            let values = self.0.iter().map(value);
            table.row([figure.to_owned()].into_iter().chain(values).collect());
        };
        row("servers, of which in the file", &|found| {
            let in_file = found.servers / discovery::SERVERS * found.scene.in_file;
            format!("{}, {in_file}", found.servers)
        });
        row("share of one core at rest", &|found| {
            format!("{:.1} %", 100.0 * found.cpu.as_secs_f64() / found.time.as_secs_f64())
        });
        row("resident, MiB", &|found| format!("{:.1}", count(found.resident_kib) / 1024.0));
        let per_minute = |number: u64, found: &discovery::Found| {
            let minutes = found.time.as_secs_f64() / 60.0;
            format!("{:.1}", count(number) / count_of(found.servers) / minutes)
        };
        row("probes of a server and minute", &|found| per_minute(found.counts.probes, found));
        row("further queries of a server and minute", &|found| {
            per_minute(found.counts.introductions, found)
        });
        row("logins of a server and minute", &|found| per_minute(found.counts.logins, found));
        let seconds = |time: Option<Duration>| {
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
        };
        row("start until all have joined, s", &|found| seconds(found.all_joined));
        row("one more standby: median, s", &|found| {
            seconds(found.joins.get(found.joins.len() / 2).copied())
        });
        row("one more standby: worst, s", &|found| seconds(found.joins.last().copied()));
        write!(f, "### Discovery\n\n{table}")
    }
}

/// Processor, cores, kernel and load, one line each.
pub(crate) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "processor{}, {cores} cores\nkernel: Linux {}\nload before: {}\n",
        model.unwrap_or(": unknown").trim_start(),
        kernel.trim(),
        load.trim()
    )
}

/// The value below which `percent` of the sorted `values` are.
fn percentile(values: &[Duration], percent: usize) -> Duration {
    let last = values.len().saturating_sub(1);
    values.get(last * percent / 100).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn count(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn count_of(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// The default interval of probes.
const INTERVAL: Duration = Duration::from_secs(1);

/// The most by which Pointsman stretches or shrinks it on purpose; all lengths are equally likely.
const DESIGNED: Duration = Duration::from_millis(50);

/// The window in which first connections are counted.
const WINDOW: Duration = Duration::from_millis(10);
