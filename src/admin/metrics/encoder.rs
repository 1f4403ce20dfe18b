//! The two text forms of metrics: Prometheus' own (version 0.0.4) and OpenMetrics 1.0.
//!
//! They differ in the name of a counter's family (OpenMetrics leaves `_total` to its samples), in
//! the `# UNIT` line and in the `# EOF` at the end.

use std::fmt::{self, Write};

/// The form that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// What a family of metrics is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows; its samples end in `_total`.
    Counter,
    /// A number that comes and goes.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, with the prefix and the unit, without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The unit that its name ends with, if it has one.
    pub unit: Option<&'static str>,
    /// The labels of its samples, but for `le`.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

/// A text of metrics that grows.
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    text: String,
}

impl Family {
    /// A gauge without a unit.
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, unit: None, labels, help }
    }

    /// A counter without a unit.
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, unit: None, labels, help }
    }

    /// A histogram of seconds.
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram, unit: Some("seconds"), labels, help }
    }

    /// The same in `unit`, with which its name ends.
    pub const fn of(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

impl Encoder {
    /// An empty text.
    pub fn new(format: Format) -> Self {
        Self { format, text: String::with_capacity(16 * 1024) }
    }

    /// Begins a family; its samples must follow before the next one begins.
    pub fn family(&mut self, family: &Family) {
        let Family { name, kind, unit, help, .. } = family;
        let total = match (self.format, kind) {
            (Format::Prometheus, Kind::Counter) => "_total",
            _ => "",
        };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.put(format_args!("# HELP {name}{total} {help}\n# TYPE {name}{total} {kind}\n"));
        if let (Format::OpenMetrics, Some(unit)) = (self.format, unit) {
            self.put(format_args!("# UNIT {name} {unit}\n"));
        }
    }

    /// A sample of `family` with the values of its labels, in their order.
    pub fn sample(&mut self, family: &Family, values: &[&str], value: impl fmt::Display) {
        let suffix = if family.kind == Kind::Counter { "_total" } else { "" };
        self.line(family, suffix, values, None, value);
    }

    /// The samples of a histogram: the upper ends of all buckets but the last, in seconds, how many
    /// observations there were up to each, and their sum.
    pub fn histogram(
        &mut self,
        family: &Family,
        values: &[&str],
        ends: impl Iterator<Item = f64>,
        cumulative: &[u64],
        sum: f64,
    ) {
        for (end, count) in ends.zip(cumulative) {
            // With a point, always: `le` is compared as a text.
            self.line(family, "_bucket", values, Some(&format!("{end:?}")), count);
        }
        let all = cumulative.last().copied().unwrap_or(0);
        self.line(family, "_bucket", values, Some("+Inf"), all);
        self.line(family, "_sum", values, None, sum);
        self.line(family, "_count", values, None, all);
    }

    fn line(
        &mut self,
        family: &Family,
        suffix: &str,
        values: &[&str],
        end: Option<&str>,
        value: impl fmt::Display,
    ) {
        self.put(format_args!("{}{suffix}", family.name));
        let labels = family.labels.iter().copied().zip(values.iter().copied());
        let mut before = '{';
        for (label, value) in labels.chain(end.map(|end| ("le", end))) {
            self.put(format_args!("{before}{label}=\"{}\"", Escaped(value)));
            before = ',';
        }
        let close = if before == ',' { "}" } else { "" };
        self.put(format_args!("{close} {value}\n"));
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn put(&mut self, arguments: fmt::Arguments<'_>) {
        self.text.write_fmt(arguments).expect("a string takes everything");
    }
}

/// The value of a label between its quotes.
struct Escaped<'v>(&'v str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: Family = Family::counter("x_things", &["kind"], "Things seen.");
    const LASTED: Family = Family::histogram("x_seconds", &["who"], "How long it took.");

    fn text(format: Format) -> String {
        let mut encoder = Encoder::new(format);
        encoder.family(&COUNTER);
        encoder.sample(&COUNTER, &["a\"b\\c\nd"], 3);
        encoder.family(&LASTED);
        encoder.histogram(&LASTED, &["db1"], [0.1, 1.0].into_iter(), &[1, 2, 4], 2.5);
        encoder.finish()
    }

    #[test]
    fn the_text_of_prometheus() {
        let expected = r#"# HELP x_things_total Things seen.
# TYPE x_things_total counter
x_things_total{kind="a\"b\\c\nd"} 3
# HELP x_seconds How long it took.
# TYPE x_seconds histogram
x_seconds_bucket{who="db1",le="0.1"} 1
x_seconds_bucket{who="db1",le="1.0"} 2
x_seconds_bucket{who="db1",le="+Inf"} 4
x_seconds_sum{who="db1"} 2.5
x_seconds_count{who="db1"} 4
"#;
        assert_eq!(text(Format::Prometheus), expected);
    }

    #[test]
    fn the_text_of_openmetrics() {
        let text = text(Format::OpenMetrics);
        assert!(text.starts_with("# HELP x_things Things seen.\n# TYPE x_things counter\n"));
        assert!(text.contains("\nx_things_total{kind="));
        assert!(text.contains("# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n"));
        assert!(text.ends_with("\nx_seconds_count{who=\"db1\"} 4\n# EOF\n"));
    }
}
