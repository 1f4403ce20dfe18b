//! Durations as people write and read them, alike in the configuration file, over the API and on
//! the command line.
//!
//! A duration is a sum of whole numbers, each with its unit: `250ms`, `30m`, `1h30m`. A number
//! without a unit is none, because whoever wrote it may have meant any unit.

use std::time::Duration;

/// How durations are written, after "write ".
pub const FORM: &str = "a number and its unit, as in 250ms, 5s, 30m, 2h, 1h30m or 7d";

/// The same where a duration stands in quotes.
pub const FORM_IN_QUOTES: &str = "a number and its unit in quotes, as in \"250ms\", \"5s\", \
                                  \"30m\", \"2h\", \"1h30m\" or \"7d\"";

/// Why a text is no duration. [`FORM`] says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is a number and nothing else.
    #[error("has no unit")]
    NoUnit,
    /// It is a duration behind a minus.
    #[error("is negative")]
    Negative,
    /// It is more than 2^64 ms.
    #[error("is longer than any time that fits")]
    TooLong,
    /// It is anything else.
    #[error("is not a duration")]
    Malformed,
}

/// The duration that `text` means, in whole milliseconds.
///
/// # Errors
///
/// What is wrong with it, to be said after the text.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    match text.strip_prefix('-') {
        Some(rest) => sum(rest).and(Err(DurationError::Negative)),
        None => sum(text),
    }
}

fn sum(text: &str) -> Result<Duration, DurationError> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|o| o.is_ascii_digit());
    if is_number(text) {
        return Err(DurationError::NoUnit);
    }
    let mut rest = text;
    let mut millis = 0_u64;
    loop {
        let (digits, from_unit) = cut(rest, |next| !next.is_ascii_digit());
        let (unit, more) = cut(from_unit, |next| next.is_ascii_digit());
        let unit = UNITS.iter().find(|known| known.0 == unit).filter(|_| is_number(digits));
        let (_, unit_millis) = unit.ok_or(DurationError::Malformed)?;
        let number = digits.parse::<u64>().ok();
        millis = number
            .and_then(|number| number.checked_mul(*unit_millis))
            .and_then(|part| millis.checked_add(part))
            .ok_or(DurationError::TooLong)?;
        if more.is_empty() {
            return Ok(Duration::from_millis(millis));
        }
        rest = more;
    }
}

/// `text` before the first character that `ends` it, and the rest.
fn cut(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// `time` in the largest unit that shows all of its milliseconds: `90s`, `1500ms`, `1h`.
pub fn written(time: Duration) -> String {
    let millis = time.as_millis();
    let fits = |unit: &u64| millis.is_multiple_of(u128::from(*unit));
    match UNITS.iter().find(|(_, unit)| fits(unit)) {
        Some((name, unit)) if millis > 0 => format!("{}{name}", millis / u128::from(*unit)),
        _ => "0s".into(),
    }
}

/// The units with their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration in its two largest units, for people who need no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rough {
    /// Less than a minute: seconds.
    Seconds(u64),
    /// Less than an hour: minutes and seconds.
    Minutes(u64, u64),
    /// Less than a day: hours and minutes.
    Hours(u64, u64),
    /// Days and hours.
    Days(u64, u64),
}

impl Rough {
    /// `time`, rounded down.
    pub fn of(time: Duration) -> Self {
        let seconds = time.as_secs();
        match seconds {
            ..60 => Self::Seconds(seconds),
            60..3_600 => Self::Minutes(seconds / 60, seconds % 60),
            3_600..86_400 => Self::Hours(seconds / 3_600, seconds / 60 % 60),
            86_400.. => Self::Days(seconds / 86_400, seconds / 3_600 % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("1500ms", 1_500),
            ("5s", 5_000),
            ("30m", 1_800_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("7d", 604_800_000),
            ("1d1h1m1s1ms", 90_061_001),
            ("18446744073709551615ms", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_told_apart() {
        for (error, texts) in [
            (DurationError::NoUnit, &["1", "0", "99999999999999999999", "-1"][..]),
            (DurationError::Negative, &["-1s", "-1h30m"]),
            (
                DurationError::TooLong,
                &[
                    "99999999999999999999s",
                    "9999999999999999999d",
                    "18446744073709551615ms1ms",
                    "18446744073709551615d",
                ],
            ),
            (
                DurationError::Malformed,
                &[
                    "", "-", "--1s", "s", "5x", "1 s", "5s ", " 5s", "1.5s", "1sec", "1S", "1h30",
                    "h30m", "1h-30m", "１s", "1h 30m", "+1s",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(parse(text), Err(error), "{text:?}");
            }
        }
    }

    #[test]
    fn both_forms_show_the_same_durations() {
        let plain = FORM_IN_QUOTES.replace('"', "").replace(" in quotes", "");
        assert_eq!(plain, FORM);
        let (_, examples) = FORM.split_once("as in ").expect("examples");
        for example in examples.split([',', ' ']).filter(|word| !matches!(*word, "" | "or")) {
            assert!(parse(example).is_ok(), "{example}");
        }
    }

    #[test]
    fn what_is_written_means_the_same() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (5_400_000, "90m"),
            (7_200_000, "2h"),
            (172_800_000, "2d"),
        ] {
            let time = Duration::from_millis(millis);
            assert_eq!(written(time), text);
            assert_eq!(parse(text), Ok(time));
        }
    }

    #[test]
    fn rough_durations_have_their_two_largest_units() {
        for (seconds, rough) in [
            (0, Rough::Seconds(0)),
            (59, Rough::Seconds(59)),
            (60, Rough::Minutes(1, 0)),
            (3_599, Rough::Minutes(59, 59)),
            (7_260, Rough::Hours(2, 1)),
            (86_399, Rough::Hours(23, 59)),
            (273_600, Rough::Days(3, 4)),
        ] {
            assert_eq!(Rough::of(Duration::from_millis(seconds * 1_000 + 999)), rough);
        }
    }
}
