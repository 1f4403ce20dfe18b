//! The only reader of clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::{engine::Moment, wall_time::WallTime};

/// Tells the time as the engine counts it. It is tokio's clock, so that a test can pause it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// What it showed then.
    shown: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self::started(Duration::ZERO)
    }

    /// A clock that has been running for so long, so that it has moments for what was before this
    /// process.
    pub fn started(ago: Duration) -> Self {
        Self { start: Instant::now(), shown: ago }
    }

    /// The time since the start.
    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// The moment that [`Self::now`] gives at `instant`; the start for an earlier one.
    pub fn moment(&self, instant: Instant) -> Moment {
        let since_start = instant.saturating_duration_since(self.start);
        Moment::from_start(self.shown.saturating_add(since_start))
    }

    /// The instant at which [`Self::now`] gives `moment`, to sleep until.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.start + moment.since_start().saturating_sub(self.shown)
    }
}

/// The time by the wall clock, for people.
pub fn wall_time() -> WallTime {
    WallTime::from_unix_millis(unix_millis())
}

/// Seconds since 1970 by the wall clock, for the SOA serial. 0 on a clock before that.
pub fn unix_seconds() -> u64 {
    since_1970().as_secs()
}

/// Milliseconds since 1970 by the wall clock, to tell people when something was. 0 on a clock
/// before that.
pub fn unix_millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads clocks")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
