//! The epochs of all names: what a reload and a restart must not forget.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::{Fingerprint, Remembered};
use crate::state::{Keeper, PushImage};

/// How long an update waits until its epoch is saved. What it leaves behind in the zone is read again after a restart.
const WAIT_FOR_DISK: Duration = Duration::from_secs(1);

/// The epochs by name. Clones share them.
#[derive(Clone, Debug)]
pub struct Memory {
    known: Arc<Mutex<BTreeMap<Box<str>, Remembered>>>,
    keeper: Keeper,
}

impl Memory {
    /// What an earlier process has left.
    pub fn new(images: &BTreeMap<Box<str>, PushImage>, keeper: Keeper) -> Self {
        let known = images.iter().map(|(name, image)| {
            let fingerprint = image.set.as_deref().and_then(Fingerprint::parse);
            (name.clone(), Remembered { epoch: image.epoch, fingerprint })
        });
        Self { known: Arc::new(Mutex::new(known.collect())), keeper }
    }

    /// What is known of a name.
    pub(super) fn of(&self, name: &str) -> Option<Remembered> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Keeps what is known of a name now, and returns when that is saved, or cannot be soon.
    pub(super) async fn keep(&self, name: &str, remembered: Remembered) {
        let before = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name.into(), remembered)
        };
        if before == Some(remembered) {
            return;
        }
        let Remembered { epoch, fingerprint } = remembered;
        let set = fingerprint.map(|fingerprint| fingerprint.to_string().into());
        self.keeper.note_push(name.into(), PushImage { epoch, set });
        let (saved, is_saved) = oneshot::channel();
        self.keeper.when_saved(move |_| _ = saved.send(()));
        _ = timeout(WAIT_FOR_DISK, is_saved).await;
    }
}
