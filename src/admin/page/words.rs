//! Times and durations for people.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::duration::Rough;

/// How long something took or has lasted, in milliseconds, in its two largest units at most:
/// `3 d 4 h`, `5 min 2 s`, `1.5 s`, `4 ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) u64);

/// How long before now a time in RFC 3339 was; `None` for one that cannot be read.
pub(super) fn age(time: &str, now: u64) -> Option<Span> {
    Some(Span(now.saturating_sub(millis(time)?)))
}

/// How long from now on until a time in RFC 3339.
pub(super) fn rest(time: &str, now: u64) -> Option<Span> {
    Some(Span(millis(time)?.saturating_sub(now)))
}

/// A time in RFC 3339 in milliseconds since 1970.
fn millis(time: &str) -> Option<u64> {
    let at: Timestamp = time.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

/// `12:03:04` of a time in RFC 3339 in UTC, and the day before it when that is not today.
pub(super) fn clock<'t>(time: &'t str, today: &str) -> &'t str {
    let second = time.get(..19).unwrap_or(time);
    match second.split_once('T') {
        Some((day, clock)) if day == today => clock,
        _ => second,
    }
}

/// `2026-11-21 14:59:58` of milliseconds since 1970, in UTC.
pub(super) fn moment(millis: u64) -> String {
    let at = i64::try_from(millis).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    let text = at.map(|at| at.to_string()).unwrap_or_default();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// `2026-11-21` of milliseconds since 1970.
pub(super) fn day(millis: u64) -> String {
    let at = i64::try_from(millis).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map(|at| at.to_string().chars().take(10).collect()).unwrap_or_default()
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(millis) = *self;
        match Rough::of(Duration::from_millis(millis)) {
            Rough::Seconds(0) => write!(f, "{millis} ms"),
            Rough::Seconds(seconds @ ..10) => write!(f, "{seconds}.{} s", millis % 1000 / 100),
            Rough::Seconds(seconds) => write!(f, "{seconds} s"),
            Rough::Minutes(minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
            Rough::Hours(hours, minutes) => write!(f, "{hours} h {minutes} min"),
            Rough::Days(days, hours) => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_540, "1.5 s"),
            (59_999, "59 s"),
            (302_000, "5 min 2 s"),
            (7_260_000, "2 h 1 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(Span(millis).to_string(), text);
        }
    }

    #[test]
    fn ages_count_from_now() {
        let now = 1_795_273_200_000;
        assert_eq!(day(now), "2026-11-21");
        assert_eq!(age("2026-11-21T14:59:58.500Z", now), Some(Span(1_500)));
        assert_eq!(age("2026-11-21T15:00:01.000Z", now), Some(Span(0)), "clocks may differ");
        assert_eq!(rest("2026-11-21T15:00:01.000Z", now), Some(Span(1_000)));
        assert_eq!(age("yesterday", now), None);
        assert_eq!(clock("2026-11-21T14:59:58.500Z", "2026-11-21"), "14:59:58");
        assert_eq!(clock("2026-11-20T14:59:58.500Z", "2026-11-21"), "2026-11-20T14:59:58");
    }
}
