//! What a hook has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{clock, wall_time::WallTime};

/// The numbers of one hook since the start of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTally {
    /// Its name.
    pub name: Box<str>,
    /// Attempts that have ended, well or not.
    pub runs: u64,
    /// Those that did not end well.
    pub failures: u64,
    /// Events that were never told: the queue was full, or the last attempt failed.
    pub dropped: u64,
    /// Events that are still to be told, with the one that is being told.
    pub pending: usize,
    /// Since when no attempt has ended well; `None` when the last one did, or there was none.
    pub failing_since: Option<WallTime>,
}

/// The same while it counts.
#[derive(Debug, Default)]
pub struct Counts {
    pub runs: AtomicU64,
    pub failures: AtomicU64,
    pub dropped: AtomicU64,
    /// Milliseconds since 1970; 0 while it does not fail.
    failing_since: AtomicU64,
}

impl Counts {
    /// One more attempt has ended.
    pub fn attempt(&self, well: bool) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if well {
            self.failing_since.store(0, Ordering::Relaxed);
            return;
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        let first = |since: u64| (since == 0).then(clock::unix_millis);
        // It has been failing for longer otherwise.
        _ = self.failing_since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, first);
    }

    /// Since when no attempt has ended well.
    pub fn failing_since(&self) -> Option<WallTime> {
        match self.failing_since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(WallTime::from_unix_millis(since)),
        }
    }

    /// So many events more are lost.
    pub fn drop(&self, events: u64) {
        self.dropped.fetch_add(events, Ordering::Relaxed);
    }
}
