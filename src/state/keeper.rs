//! Where changes are left for the saver: what is newer takes the place of what is older.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{ClusterImage, DiscoveryImage, Image, PushImage, StateHealth, limit::is_short};
use crate::{
    answers::Serial,
    clock::{self, Clock},
    config::AddedServer,
    engine::Moment,
};

/// How long a change that nobody waits for may wait for others to be saved with.
pub const GATHER: Duration = Duration::from_millis(200);

/// Why nothing is saved where no folder is configured.
const NOWHERE: &str = "no `directory` is set in [state]";

/// Why nothing is saved any more.
const ENDED: &str = "the service is stopping, and has saved its state for the last time";

/// What is done when a save has ended: `None` when all went well, else why not.
pub type Then = Box<dyn FnOnce(Option<Box<str>>) + Send>;

/// Takes changes to be saved. Clones take them for the same file. Nothing of it waits for the disk.
#[derive(Clone, Debug, Default)]
pub struct Keeper(Option<Arc<Shared>>);

/// What keepers and the saver share.
#[derive(Debug)]
pub struct Shared {
    slot: Mutex<Slot>,
    wake: Condvar,
    pub health: StateHealth,
    pub clock: Clock,
}

/// What has changed since the last save.
#[derive(Default)]
pub struct Slot {
    /// `None` for a cluster that there is no more.
    clusters: BTreeMap<Box<str>, Option<Arc<ClusterImage>>>,
    added: Option<Arc<[AddedServer]>>,
    discovery: BTreeMap<Box<str>, Arc<DiscoveryImage>>,
    published: BTreeMap<Box<str>, PushImage>,
    serial: Option<Serial>,
    /// Something has changed since then.
    pub since: Option<Moment>,
    /// The limit of the serial is to be saved at once.
    pub is_short: bool,
    pub waiting: Vec<Then>,
    pub stopping: bool,
    ended: bool,
}

impl Keeper {
    /// One that saves nothing, and says so to whoever waits for it.
    pub fn nowhere() -> Self {
        Self(None)
    }

    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(Some(shared))
    }

    /// Whether what it takes is saved.
    pub fn saves(&self) -> bool {
        self.0.is_some()
    }

    /// Takes clusters that have changed, by name; `None` for one that there is no more. They are
    /// saved soon, with the last changes of all clusters.
    pub fn note(&self, clusters: impl IntoIterator<Item = (Box<str>, Option<Arc<ClusterImage>>)>) {
        self.change(|slot| slot.clusters.extend(clusters));
    }

    /// Takes the servers that were added while the service ran, all of them.
    pub fn note_added(&self, added: impl Into<Arc<[AddedServer]>>) {
        let added = added.into();
        self.change(|slot| slot.added = Some(added));
    }

    /// Takes what discovery knows of a cluster.
    pub fn note_discovery(&self, cluster: Box<str>, known: Arc<DiscoveryImage>) {
        self.change(|slot| _ = slot.discovery.insert(cluster, known));
    }

    /// Takes what must not be forgotten of a name in somebody else's zone.
    pub fn note_push(&self, name: Box<str>, image: PushImage) {
        self.change(|slot| _ = slot.published.insert(name, image));
    }

    /// Takes the serial that is published now.
    pub fn note_serial(&self, serial: Serial) {
        let Some(shared) = &self.0 else {
            return;
        };
        shared.health.published(serial);
        let is_short = is_short(shared.health.limit(), serial, clock::unix_seconds());
        self.change(|slot| {
            slot.serial = Some(serial);
            slot.is_short |= is_short;
        });
    }

    /// Saves at once whatever has been taken, and then says so: `None` when it has been saved, else
    /// why not. `then` runs on the saver's thread and must not wait for anything.
    pub fn when_saved(&self, then: impl FnOnce(Option<Box<str>>) + Send + 'static) {
        let Some(shared) = &self.0 else {
            return then(Some(NOWHERE.into()));
        };
        let mut slot = shared.slot();
        if slot.ended {
            drop(slot);
            return then(Some(ENDED.into()));
        }
        slot.waiting.push(Box::new(then));
        slot.since.get_or_insert_with(|| shared.clock.now());
        shared.wake.notify_one();
    }

    /// The highest serial that may be published now.
    pub fn serial_limit(&self) -> Serial {
        self.0.as_ref().map_or(Serial::MAX, |shared| shared.health.limit())
    }

    /// Why the state is not being saved although it should be, as one line.
    pub fn fault(&self) -> Option<Box<str>> {
        self.0.as_ref()?.health.fault()
    }

    fn change(&self, change: impl FnOnce(&mut Slot)) {
        let Some(shared) = &self.0 else {
            return;
        };
        let mut slot = shared.slot();
        change(&mut slot);
        let is_first = slot.since.is_none();
        slot.since.get_or_insert_with(|| shared.clock.now());
        if is_first || slot.is_short {
            shared.wake.notify_one();
        }
    }
}

impl Shared {
    pub fn new(health: StateHealth, clock: Clock) -> Self {
        Self { slot: Mutex::default(), wake: Condvar::new(), health, clock }
    }

    pub fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or for so long.
    pub fn wait<'s>(&self, slot: MutexGuard<'s, Slot>, time: Duration) -> MutexGuard<'s, Slot> {
        self.wake.wait_timeout(slot, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks the saver to save for the last time.
    pub fn stop(&self) {
        self.slot().stopping = true;
        self.wake.notify_one();
    }

    /// Nothing will be saved any more: whoever still waits is told.
    pub fn end(&self) {
        let mut slot = self.slot();
        slot.ended = true;
        let waiting = mem::take(&mut slot.waiting);
        drop(slot);
        waiting.into_iter().for_each(|then| then(Some(ENDED.into())));
    }
}

impl Slot {
    /// Puts everything that has changed into `image`; those who wait for it to be saved.
    pub fn take(&mut self, image: &mut Image) -> Vec<Then> {
        for (name, cluster) in mem::take(&mut self.clusters) {
            match cluster {
                Some(cluster) => image.clusters.insert(name, cluster),
                None => image.clusters.remove(&name),
            };
        }
        if let Some(added) = self.added.take() {
            image.added = added;
        }
        image.discovery.append(&mut self.discovery);
        image.published.append(&mut self.published);
        if let Some(serial) = self.serial.take() {
            image.serial = serial.value();
        }
        (self.since, self.is_short) = (None, false);
        mem::take(&mut self.waiting)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("clusters", &self.clusters.len())
            .field("waiting", &self.waiting.len())
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}
