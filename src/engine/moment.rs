//! Time as the engine knows it: an argument, never something it reads.

use std::{fmt, num::NonZeroU64, ops::Add, time::Duration};

/// A point on the monotonic clock of this process, counted from its start.
///
/// It can be built by hand, so a scenario may say "12 s" and a simulation may run a year in a
/// second. It reaches five hundred years; later ones are the last one.
///
/// An engine holds dozens of them per server, most as an `Option`: nanoseconds and one, for an
/// `Option` of what is never zero is no larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(NonZeroU64);

impl Moment {
    /// The start of the process.
    pub const START: Self = Self(NonZeroU64::MIN);

    /// The point `since_start` after the start of the process.
    pub fn from_start(since_start: Duration) -> Self {
        Self::START + since_start
    }

    /// The point `millis` milliseconds after the start of the process.
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis.saturating_mul(1_000_000)))
    }

    /// How long after the start of the process this is.
    pub const fn since_start(self) -> Duration {
        self.since(Self::START)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The point `earlier` before this one; the start of the process when that is later.
    pub fn before(self, earlier: Duration) -> Self {
        Self(
            NonZeroU64::new(self.0.get().saturating_sub(nanos(earlier))).unwrap_or(NonZeroU64::MIN),
        )
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::START
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later)))
    }
}

fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos().into())
}

/// Seconds with three decimals, as in a log line: `12.250s`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since_start();
        write!(f, "{}.{:03}s", since.as_secs(), since.subsec_millis())
    }
}
