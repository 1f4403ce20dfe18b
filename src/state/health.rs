//! Whether the state can be saved.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::limit::limit_unsaved;
use crate::{
    answers::Serial,
    clock::{self, Clock},
    engine::Moment,
    wall_time::WallTime,
};

/// A save that takes longer than this is as good as none: the disk hangs.
const STUCK: Duration = Duration::from_secs(5);

/// How saving goes, to be asked at any time. A clone tells the same.
#[derive(Clone, Debug)]
pub struct StateHealth {
    found: Arc<Mutex<Found>>,
    clock: Clock,
}

/// What is wrong with the state file, if anything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateReport {
    /// Why nothing is saved at the moment, as one line, and since when.
    pub fault: Option<(Box<str>, WallTime)>,
    /// Whether the serial has used up what was saved for it, so that it grows once a second at most.
    pub is_serial_limited: bool,
    /// The file of an earlier process, where it was of no use and still lies about, and why.
    pub set_aside: Option<SetAside>,
}

/// A state file of no use, under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it, as one line.
    pub why: Box<str>,
}

#[derive(Debug)]
struct Found {
    /// The limit in the file.
    limit: Serial,
    /// The serial that is published.
    published: Serial,
    /// Milliseconds since 1970, while saves fail.
    failing_since: Option<u64>,
    set_aside: Option<SetAside>,
    /// A save has been under way since then.
    saving_since: Option<Moment>,
    /// Why the last save failed, if it did.
    fault: Option<Box<str>>,
}

impl StateHealth {
    /// Nothing has been saved yet; `limit` is in the file from before.
    pub(super) fn new(limit: Serial, set_aside: Option<SetAside>, clock: Clock) -> Self {
        let found = Found {
            limit,
            published: Serial::MIN,
            failing_since: None,
            set_aside,
            saving_since: None,
            fault: None,
        };
        Self { found: Arc::new(Mutex::new(found)), clock }
    }

    /// Why the state is not being saved, as one line; `None` while it is.
    pub fn fault(&self) -> Option<Box<str>> {
        let now = self.clock.now();
        self.with(|found| match found.stuck(now) {
            Some(time) => {
                let seconds = time.as_secs();
                Some(format!("the disk has not taken the state for {seconds} s").into())
            }
            None => found.fault.clone(),
        })
    }

    /// Everything that is wrong.
    pub fn report(&self) -> StateReport {
        let Some(why) = self.fault() else {
            let set_aside = self.with(|found| found.set_aside.clone());
            return StateReport { set_aside, ..StateReport::default() };
        };
        let (now, wall) = (self.clock.now(), clock::unix_millis());
        self.with(|found| {
            let stuck = found.stuck(now).map(|time| u64::try_from(time.as_millis()));
            let stuck_since = wall.saturating_sub(stuck.and_then(Result::ok).unwrap_or(0));
            let since = found.failing_since.unwrap_or(stuck_since);
            StateReport {
                fault: Some((why, WallTime::from_unix_millis(since))),
                is_serial_limited: found.published >= found.limit,
                set_aside: found.set_aside.clone(),
            }
        })
    }

    /// The highest serial that may be published. While nothing can be saved it follows the clock
    /// beyond what was saved: poolers that watch the serial must hear of changes all the same.
    pub(super) fn limit(&self) -> Serial {
        let now = self.clock.now();
        self.with(|found| match found.fault.is_some() || found.stuck(now).is_some() {
            true => limit_unsaved(found.limit, clock::unix_seconds()),
            false => found.limit,
        })
    }

    /// A table with this serial is published.
    pub(super) fn published(&self, serial: Serial) {
        self.with(|found| found.published = serial);
    }

    /// A save begins.
    pub(super) fn begin(&self) {
        let now = self.clock.now();
        self.with(|found| found.saving_since = Some(now));
    }

    /// It has ended: `limit` is in the file, or why not. Returns what was wrong before.
    pub(super) fn end(&self, outcome: Result<Serial, Box<str>>) -> Option<Box<str>> {
        self.with(|found| {
            found.saving_since = None;
            let before = found.fault.take();
            match outcome {
                Ok(limit) => (found.limit, found.failing_since) = (limit, None),
                Err(fault) => {
                    found.failing_since.get_or_insert_with(clock::unix_millis);
                    found.fault = Some(fault);
                }
            }
            before
        })
    }

    /// What lies about of an earlier process that is of no use.
    pub(super) fn set_aside(&self, aside: Option<SetAside>) {
        self.with(|found| found.set_aside = aside);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Found) -> T) -> T {
        work(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Found {
    fn stuck(&self, now: Moment) -> Option<Duration> {
        self.saving_since.map(|since| now.since(since)).filter(|time| *time > STUCK)
    }
}
