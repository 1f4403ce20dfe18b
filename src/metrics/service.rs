//! What the service as a whole counts.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering},
    },
};

use crate::clock;

/// Counts of rare things. A clone counts the same.
#[derive(Clone, Debug)]
pub struct ServiceCounts(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Milliseconds since 1970.
    started: u64,
    hints: AtomicU64,
    log_lines_lost: AtomicU64,
    /// The system's number of the error with which lines cannot be written; 0 for none.
    log_fault: AtomicI32,
    /// Milliseconds since 1970, of the last attempt; negative when it failed.
    reloaded: AtomicI64,
    state_failures: AtomicU64,
    /// 0: never tried, 1: saved, 2: failed.
    state_saved: AtomicU64,
}

impl ServiceCounts {
    /// When the process started, in milliseconds since 1970.
    pub fn started_millis(&self) -> u64 {
        self.0.started
    }

    /// A hint was taken.
    pub fn hint(&self) {
        self.0.hints.fetch_add(1, Ordering::Relaxed);
    }

    /// How many hints were taken.
    pub fn hints(&self) -> u64 {
        self.0.hints.load(Ordering::Relaxed)
    }

    /// So many lines of the log were lost since the start.
    pub fn log_lost(&self, lines: u64) {
        self.0.log_lines_lost.store(lines, Ordering::Relaxed);
    }

    /// Lines of the log cannot be written as of now, or can.
    pub fn log_written(&self, fault: Option<&io::Error>) {
        let number = fault.map_or(0, |fault| fault.raw_os_error().unwrap_or(UNKNOWN));
        self.0.log_fault.store(number, Ordering::Relaxed);
    }

    /// Why lines of the log cannot be written; `None` when they can.
    pub fn log_fault(&self) -> Option<io::Error> {
        match self.0.log_fault.load(Ordering::Relaxed) {
            0 => None,
            UNKNOWN => Some(io::ErrorKind::Other.into()),
            number => Some(io::Error::from_raw_os_error(number)),
        }
    }

    /// How many lines of the log were lost.
    pub fn log_lines_lost(&self) -> u64 {
        self.0.log_lines_lost.load(Ordering::Relaxed)
    }

    /// The configuration was read again, with this outcome.
    pub fn reloaded(&self, well: bool) {
        let now = now();
        self.0.reloaded.store(if well { now } else { -now }, Ordering::Relaxed);
    }

    /// Whether the last attempt to read the configuration succeeded, and when it was, in
    /// milliseconds since 1970. The start is such an attempt.
    pub fn last_reload(&self) -> (bool, u64) {
        let reloaded = self.0.reloaded.load(Ordering::Relaxed);
        (reloaded >= 0, reloaded.unsigned_abs())
    }

    /// The state file can be written, or cannot, as of now.
    pub fn state_saved(&self, well: bool) {
        let before = self.0.state_saved.swap(if well { 1 } else { 2 }, Ordering::Relaxed);
        if !well && before != 2 {
            self.0.state_failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the state file can be written; `None` when there is none.
    pub fn is_state_saved(&self) -> Option<bool> {
        match self.0.state_saved.load(Ordering::Relaxed) {
            0 => None,
            saved => Some(saved == 1),
        }
    }

    /// How often it came to be that the state file could not be written.
    pub fn state_failures(&self) -> u64 {
        self.0.state_failures.load(Ordering::Relaxed)
    }
}

impl Default for ServiceCounts {
    /// Of a process that starts now.
    fn default() -> Self {
        Self(Arc::new(Counts {
            started: clock::unix_millis(),
            hints: AtomicU64::new(0),
            log_lines_lost: AtomicU64::new(0),
            log_fault: AtomicI32::new(0),
            reloaded: AtomicI64::new(now()),
            state_failures: AtomicU64::new(0),
            state_saved: AtomicU64::new(0),
        }))
    }
}

/// An error without a number of the system's.
const UNKNOWN: i32 = -1;

fn now() -> i64 {
    i64::try_from(clock::unix_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_a_reload_that_succeeded() {
        let counts = ServiceCounts::default();
        let (well, at) = counts.last_reload();
        assert!(well && at >= counts.started_millis());
        counts.reloaded(false);
        assert!(!counts.last_reload().0 && counts.last_reload().1 >= at);
        counts.reloaded(true);
        assert!(counts.last_reload().0);
    }

    #[test]
    fn a_state_file_that_was_never_written_is_neither_saved_nor_not() {
        let counts = ServiceCounts::default();
        assert_eq!((counts.is_state_saved(), counts.state_failures()), (None, 0));
        counts.state_saved(false);
        counts.state_saved(false);
        assert_eq!((counts.is_state_saved(), counts.state_failures()), (Some(false), 1));
        counts.state_saved(true);
        assert_eq!((counts.is_state_saved(), counts.state_failures()), (Some(true), 1));
    }
}
