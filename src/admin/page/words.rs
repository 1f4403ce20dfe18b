//! Times, durations and states for people.

use std::{fmt, time::Duration};

use crate::{duration::Rough, engine::Stability, wall_time::WallTime};

/// How long something took or has lasted, in milliseconds, in its two largest units at most:
/// `3 d 4 h`, `5 min 2 s`, `1.5 s`, `4 ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub(super) u64);

/// Whether the names of a cluster may change soon, in one word.
pub fn stability(stability: Stability) -> &'static str {
    match stability {
        Stability::Stable => "stable",
        Stability::Settling => "settling",
    }
}

/// `12:03:04`, and the day before it when that is not today.
pub fn clock(time: WallTime, today: WallTime) -> String {
    let (text, today) = (time.to_string(), day(today));
    let second = text.get(..19).unwrap_or(&text);
    match second.split_once('T') {
        Some((day, clock)) if day == today => clock.to_owned(),
        _ => second.to_owned(),
    }
}

/// `2026-11-21 14:59:58`, in UTC.
pub fn moment(time: WallTime) -> String {
    let text = time.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// `2026-11-21`.
fn day(time: WallTime) -> String {
    time.to_string().chars().take(10).collect()
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
    fn the_day_is_told_when_it_is_not_today() {
        let time = |text| WallTime::parse(text).expect("a time");
        let now = WallTime::from_unix_millis(1_795_273_200_000);
        assert_eq!(moment(now), "2026-11-21 15:00:00");
        assert_eq!(clock(time("2026-11-21T14:59:58.500Z"), now), "14:59:58");
        assert_eq!(clock(time("2026-11-20T14:59:58.500Z"), now), "2026-11-20T14:59:58");
    }
}
