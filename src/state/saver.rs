//! The thread that saves: it alone waits for the disk.
//!
//! What nobody waits for is saved within a quarter of a second of the first change, so that a storm
//! costs a few saves a second. What somebody waits for is saved at once. After a failure saving is
//! tried again, ever less often, up to every half minute; who waits is told of a failure right away.

use std::{
    io, mem,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};
use tracing::{error, info};

use super::{
    EventImage, Folder, Image, Keeper, SaveError, StateHealth,
    keeper::{GATHER, Shared, Slot, Then},
    limit::{is_short, limit_ahead},
};
use crate::{
    answers::Serial,
    chronicle::Chronicle,
    clock::{self, Clock},
    engine::Moment,
};

/// How often to look whether the limit of the serial is to be saved anew, in a quiet service.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The first pause after a failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the last save may take.
const LAST_SAVE: Duration = Duration::from_secs(3);

/// Ids of changes that may be given before the next save; after a kill the next process leaves out
/// the rest of them.
const IDS_AHEAD: u64 = 100_000;

/// What is wrong after a fault of ours.
const FAILED: &str = "the thread that saves the state has failed; restart Pointsman";

/// A saver at work. Dropped, it saves for the last time, and nobody waits for that.
#[derive(Debug)]
pub struct Saver {
    shared: Arc<Shared>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Saver {
    /// Saves to `folder` what is left with the keeper, and the changes of `chronicle`. `image` is
    /// what there is to begin with, and is saved at once: `serial`, above all, the first of this
    /// process.
    ///
    /// # Errors
    /// What the system says when there can be no further thread.
    pub fn start(
        folder: Folder,
        image: Image,
        serial: Serial,
        chronicle: Chronicle,
    ) -> io::Result<Self> {
        let clock = Clock::start();
        let limit = image.published_up_to().unwrap_or(Serial::MIN);
        let health = StateHealth::new(limit, folder.set_aside().cloned(), clock);
        let shared = Arc::new(Shared::new(health, clock));
        let (end, ended) = oneshot::channel();
        let keeper = Keeper::new(Arc::clone(&shared));
        keeper.note_serial(serial);
        // The first save is urgent: until it has been made the serial stands still.
        shared.slot().is_short = true;
        let round = Round {
            folder,
            image,
            serial,
            chronicle,
            shared: Arc::clone(&shared),
            pause: FIRST_PAUSE,
            retry_at: None,
        };
        thread::Builder::new().name("state".into()).spawn(move || {
            let shared = Arc::clone(&round.shared);
            // A panic has been logged by then; whoever waits must not wait for ever.
            if panic::catch_unwind(AssertUnwindSafe(|| round.run())).is_err() {
                _ = shared.health.end(Err(FAILED.into()));
            }
            shared.end();
            _ = end.send(());
        })?;
        Ok(Self { shared, ended: Some(ended) })
    }

    /// Where changes are left.
    pub fn keeper(&self) -> Keeper {
        Keeper::new(Arc::clone(&self.shared))
    }

    /// How saving goes.
    pub fn health(&self) -> StateHealth {
        self.shared.health.clone()
    }

    /// Saves for the last time. The serial must not grow any more: the next process begins right
    /// above it.
    pub async fn stop(mut self) {
        self.shared.stop();
        if let Some(ended) = self.ended.take()
            && timeout(LAST_SAVE, ended).await.is_err()
        {
            error!(event = "state_unsaved", "the state could not be saved in time for the end");
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// What the thread works with.
struct Round {
    folder: Folder,
    /// What is or will be in the file.
    image: Image,
    serial: Serial,
    chronicle: Chronicle,
    shared: Arc<Shared>,
    /// After the next failure.
    pause: Duration,
    /// The last save failed, and what nobody waits for waits until then.
    retry_at: Option<Moment>,
}

impl Round {
    fn run(mut self) {
        loop {
            let (waiting, stopping) = self.gather();
            self.shared.health.begin();
            let outcome = self.save(stopping);
            let unsaved = outcome.as_ref().err().map(|error| error.to_string().into());
            self.settle(outcome);
            waiting.into_iter().for_each(|then| then(unsaved.clone()));
            if stopping {
                return;
            }
        }
    }

    /// Waits until it is time to save and takes what is to be saved; whether it is for the last
    /// time.
    fn gather(&mut self) -> (Vec<Then>, bool) {
        let shared = Arc::clone(&self.shared);
        let mut slot = shared.slot();
        loop {
            let wait = self.wait(&slot);
            if wait.is_zero() {
                break;
            }
            slot = shared.wait(slot, wait);
        }
        let waiting = slot.take(&mut self.image);
        let stopping = slot.stopping;
        drop(slot);
        self.serial = Serial::new(self.image.serial).unwrap_or(self.serial);
        (waiting, stopping)
    }

    /// How long to wait until the next save, if nothing else changes.
    fn wait(&self, slot: &Slot) -> Duration {
        if slot.stopping || !slot.waiting.is_empty() {
            return Duration::ZERO;
        }
        let now = self.shared.clock.now();
        let until_retry = self.retry_at.map_or(Duration::ZERO, |retry_at| retry_at.since(now));
        let limit = Serial::new(self.image.serial_limit).unwrap_or(Serial::MIN);
        let short = slot.is_short || is_short(limit, self.serial, clock::unix_seconds());
        if short || self.retry_at.is_some() {
            return until_retry;
        }
        slot.since.map_or(LOOK_EVERY, |since| (since + GATHER).since(now))
    }

    fn save(&mut self, is_last: bool) -> Result<Serial, SaveError> {
        let limit = match is_last {
            true => self.serial,
            false => limit_ahead(self.serial, clock::unix_seconds()),
        };
        let (events, next_id) = self.chronicle.kept();
        let before = mem::replace(&mut self.image.serial_limit, limit.value());
        self.image.saved_at_ms = clock::unix_millis();
        self.image.serial = self.serial.value();
        self.image.events = events.iter().map(|entry| EventImage::from(&**entry)).collect();
        self.image.next_event_id = if is_last { next_id } else { next_id + IDS_AHEAD };
        let saved = self.folder.save(&self.image);
        if saved.is_err() {
            self.image.serial_limit = before;
        }
        saved.map(|()| limit)
    }

    /// Notes how a save went, and when to try again.
    fn settle(&mut self, outcome: Result<Serial, SaveError>) {
        match outcome {
            Ok(limit) => {
                (self.retry_at, self.pause) = (None, FIRST_PAUSE);
                self.shared.health.set_aside(self.folder.set_aside().cloned());
                if self.shared.health.end(Ok(limit)).is_some() {
                    info!(event = "state_saved", "the state is being saved again");
                }
            }
            Err(error) => {
                let text: Box<str> = format!("the state cannot be saved: {error}").into();
                // What stays wrong is told once a minute by whoever reminds of it.
                if self.shared.health.end(Err(text.clone())).is_none() {
                    error!(
                        event = "state_unsaved",
                        "{text}; answers go on, but a restart would forget what has changed"
                    );
                }
                self.retry_at = Some(self.shared.clock.now() + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests;
