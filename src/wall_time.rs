//! Wall time, for people.

use std::fmt;

use jiff::Timestamp;

use crate::engine::Moment;

/// A wall time in milliseconds since 1970. It prints as RFC 3339 in UTC with whole seconds,
/// `2026-11-21T06:00:00Z`; with a precision (`{:.3}`) it has as many decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

impl WallTime {
    /// `millis` milliseconds after the start of 1970.
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// The wall time at [`Moment::START`], if it is this time at `now`.
    #[must_use]
    pub fn at_start(self, now: Moment) -> Self {
        Self(self.0.saturating_sub(millis(now)))
    }

    /// The wall time at `moment`, if this is the one at [`Moment::START`].
    #[must_use]
    pub fn at(self, moment: Moment) -> Self {
        Self(self.0.saturating_add(millis(moment)))
    }

    /// The time that `text` says in RFC 3339, with any offset; `None` when it is no such text, or
    /// lies before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let time: Timestamp = text.parse().ok()?;
        u64::try_from(time.as_millisecond()).ok().map(Self)
    }

    /// The time so many milliseconds earlier, not before 1970.
    #[must_use]
    pub fn earlier(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// Milliseconds since `earlier`; 0 when that is later, for clocks may differ.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How many milliseconds lie between the two, whichever is first.
    pub fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

fn millis(moment: Moment) -> u64 {
    u64::try_from(moment.since_start().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
        let precision = f.precision().unwrap_or(0);
        write!(f, "{time:.precision$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_as_people_and_programs_read_it() {
        let time = WallTime::from_unix_millis(1_795_240_800_250);
        assert_eq!(time.to_string(), "2026-11-21T06:00:00Z");
        assert_eq!(format!("{time:.3}"), "2026-11-21T06:00:00.250Z");
        assert_eq!(WallTime::default().to_string(), "1970-01-01T00:00:00Z");
        assert!(WallTime::from_unix_millis(u64::MAX).to_string().starts_with("9999-12-30T"));
    }

    #[test]
    fn it_reads_what_it_prints() {
        let time = WallTime::from_unix_millis(1_795_240_800_250);
        assert_eq!(WallTime::parse(&format!("{time:.3}")), Some(time));
        assert_eq!(WallTime::parse("2026-11-21T08:00:00.25+02:00"), Some(time));
        assert_eq!(time.earlier(250), WallTime::from_unix_millis(1_795_240_800_000));
        for odd in ["", "yesterday", "2026-11-21", "1960-01-01T00:00:00Z"] {
            assert_eq!(WallTime::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn moments_are_counted_from_the_start() {
        let now = WallTime::from_unix_millis(10_000);
        let start = now.at_start(Moment::from_millis(4_000));
        assert_eq!(start.at(Moment::from_millis(1_500)), WallTime::from_unix_millis(7_500));
        assert_eq!(start.distance(now), 4_000);
    }
}
