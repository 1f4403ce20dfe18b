//! How durations and numbers are written in reports.

use std::time::Duration;

/// `0.317 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// `1 write`, `2 writes`.
pub fn times(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The same of milliseconds.
pub fn of_millis(millis: u128) -> String {
    seconds(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}
