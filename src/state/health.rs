//! Whether the state can be saved.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{answers::Serial, clock::Clock, engine::Moment};

/// A save that takes longer than this is as good as none: the disk hangs.
const STUCK: Duration = Duration::from_secs(5);

/// How saving goes, to be asked at any time. A clone tells the same.
#[derive(Clone, Debug)]
pub struct StateHealth {
    found: Arc<Mutex<Found>>,
    clock: Clock,
}

#[derive(Debug)]
struct Found {
    /// The limit in the file.
    limit: Serial,
    /// A save has been under way since then.
    saving_since: Option<Moment>,
    /// Why the last save failed, if it did.
    fault: Option<Box<str>>,
}

impl StateHealth {
    /// Nothing has been saved yet; `limit` is in the file from before.
    pub(super) fn new(limit: Serial, clock: Clock) -> Self {
        let found = Found { limit, saving_since: None, fault: None };
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

    /// The highest serial that may be published. There is no limit while nothing can be saved:
    /// answers follow their servers all the same.
    pub(super) fn limit(&self) -> Serial {
        let now = self.clock.now();
        self.with(|found| match found.fault.is_some() || found.stuck(now).is_some() {
            true => Serial::MAX,
            false => found.limit,
        })
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
                Ok(limit) => found.limit = limit,
                Err(fault) => found.fault = Some(fault),
            }
            before
        })
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
