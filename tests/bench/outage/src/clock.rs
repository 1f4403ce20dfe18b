//! The clock that all clients read, whatever their language: CLOCK_MONOTONIC of clock_gettime(2).

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One moment by both of its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    reading: Duration,
}

impl Clock {
    /// Now.
    pub(crate) fn read() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).expect("the machine has started");
        let rest = u32::try_from(now.tv_nsec).expect("less than a second");
        Self { instant: Instant::now(), reading: Duration::new(seconds, rest) }
    }

    /// The moment of a reading in nanoseconds; that of [`Self::read`] for an earlier one.
    pub(crate) fn instant(&self, nanoseconds: u64) -> Instant {
        self.instant + Duration::from_nanos(nanoseconds).saturating_sub(self.reading)
    }
}
