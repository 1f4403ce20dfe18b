//! The SOA serial: it grows by every published change and never goes back.
//!
//! PgBouncer's zone check compares serials as a signed 32-bit difference from a start value of 0,
//! and acts only when the serial has grown. So serials stay in 1 … 2³¹−1, which every resolver and
//! pooler orders alike.
//!
//! The rule is `max(last + 1, unix seconds)`: two instances that change at about the same time
//! agree to the second, and a lost state file does not make the serial fall. At the upper bound,
//! which the clock reaches on 2038-01-19, the serial stays where it is: a serial that stands still
//! costs poolers an early flush, one that wraps round would stop every later one.

use std::fmt;

/// An SOA serial in 1 … 2³¹−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(u32);

impl Serial {
    /// The lowest serial.
    pub const MIN: Self = Self(1);
    /// The highest serial; there is none after it.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// `value` as a serial; `None` outside 1 … 2³¹−1.
    pub fn new(value: u32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&value).then_some(Self(value))
    }

    /// The first serial of this process: after `restored`, the last one of the previous process,
    /// where known. `unix_seconds` is wall time in seconds since 1970.
    pub fn first(restored: Option<Self>, unix_seconds: u64) -> Self {
        restored.map_or_else(|| Self::at(unix_seconds), |restored| restored.next(unix_seconds))
    }

    /// The serial of a change at `unix_seconds`: the wall time, or one more than this where that is
    /// higher. [`Self::MAX`] is followed by itself.
    #[must_use]
    pub fn next(self, unix_seconds: u64) -> Self {
        Self(self.0 + 1).min(Self::MAX).max(Self::at(unix_seconds))
    }

    /// The serial of a change at `unix_seconds` that must not exceed `limit`. At the limit it stands
    /// still: that costs poolers an early flush, and one that goes back would stop every later one.
    #[must_use]
    pub fn next_within(self, unix_seconds: u64, limit: Self) -> Self {
        self.next(unix_seconds).min(limit).max(self)
    }

    /// The serial that is higher by so much, or [`Self::MAX`].
    #[must_use]
    pub fn ahead(self, by: u32) -> Self {
        Self(self.0.saturating_add(by)).min(Self::MAX)
    }

    /// The number.
    pub fn value(self) -> u32 {
        self.0
    }

    /// The wall time, forced into the range.
    fn at(unix_seconds: u64) -> Self {
        Self(u32::try_from(unix_seconds).unwrap_or(u32::MAX)).clamp(Self::MIN, Self::MAX)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_range_that_poolers_order_alike_is_a_serial() {
        assert_eq!(Serial::new(0), None);
        assert_eq!(Serial::new(1), Some(Serial::MIN));
        assert_eq!(Serial::new(0x7fff_ffff), Some(Serial::MAX));
        assert_eq!(Serial::new(0x8000_0000), None);
    }

    #[test]
    fn it_follows_the_clock_and_never_falls_behind_itself() {
        assert_eq!(Serial::first(None, 0), Serial::MIN);
        assert_eq!(Serial::first(None, 1_700_000_000).value(), 1_700_000_000);
        let ahead = Serial::new(1_800_000_000).unwrap();
        assert_eq!(Serial::first(Some(ahead), 1_700_000_000).value(), 1_800_000_001);
        assert_eq!(ahead.next(1_900_000_000).value(), 1_900_000_000);
        assert_eq!(ahead.next(1_800_000_000).value(), 1_800_000_001);
    }

    #[test]
    fn it_stands_still_at_the_upper_bound() {
        assert_eq!(Serial::MAX.next(1_900_000_000), Serial::MAX);
        assert_eq!(Serial::MAX.next(u64::MAX), Serial::MAX);
        assert_eq!(Serial::first(None, 1 << 31), Serial::MAX);
    }

    #[test]
    fn it_stands_still_at_a_limit_and_does_not_go_back_to_one() {
        let [low, serial, high] = [5, 10, 20].map(|value| Serial::new(value).unwrap());
        assert_eq!(serial.next_within(15, high).value(), 15);
        assert_eq!(serial.next_within(1_000, high), high);
        assert_eq!(high.next_within(1_000, high), high);
        assert_eq!(serial.next_within(1_000, low), serial);
        assert_eq!(serial.ahead(7).value(), 17);
        assert_eq!(Serial::MAX.ahead(1), Serial::MAX);
    }

    proptest! {
        #[test]
        fn each_change_grows_it(last in 1_u32..0x7fff_ffff, now in any::<u64>()) {
            let last = Serial::new(last).unwrap();
            let next = last.next(now);
            prop_assert!(next > last);
            prop_assert_eq!(Serial::new(next.value()), Some(next));
        }
    }
}
