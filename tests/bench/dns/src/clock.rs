//! The monotonic clock of the load, read in one place.

use std::time::{Duration, Instant};

/// Now.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whole nanoseconds, at most four seconds' worth of them.
pub(crate) fn nanoseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos()).unwrap_or(u32::MAX)
}
