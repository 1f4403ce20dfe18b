//! The only reader of clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::engine::Moment;

/// Tells the time as the engine counts it. It is tokio's clock, so that a test can pause it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Moment {
        Moment::from_start(self.start.elapsed())
    }

    /// The instant at which [`Self::now`] gives `moment`, to sleep until.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.start + moment.since_start()
    }
}

/// Seconds since 1970 by the wall clock, for the SOA serial. 0 on a clock before that.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads clocks")]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
