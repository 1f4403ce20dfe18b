//! What stands in the cells of tables: a lag, and the tone of a severity.

use super::screen::Tone;
use crate::api::Severity;

/// A lag in seconds and tenths.
pub fn lag(millis: Option<u64>) -> String {
    match millis {
        Some(millis) => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        None => "-".to_owned(),
    }
}

/// How a severity looks.
pub fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Ok => Tone::Good,
        Severity::Wanted => Tone::Plain,
        Severity::Degraded => Tone::Doubtful,
        Severity::Outage => Tone::Bad,
    }
}
