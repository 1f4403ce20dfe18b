//! What an earlier process knew of names in zones of others, and how it goes on with them.

use crate::{
    chronicle::Chronicle,
    driver::Past,
    publish::Reader,
    push::{Memory, PushContext, PushService, Pushes},
};

/// What an earlier process has left.
#[derive(Debug)]
pub struct KnownPushes {
    memory: Memory,
    chronicle: Chronicle,
    pushes: Pushes,
}

impl KnownPushes {
    /// What is in `past`.
    pub fn of(past: &Past) -> Self {
        let images = past.image.as_ref().map(|image| image.published.clone()).unwrap_or_default();
        Self {
            memory: Memory::new(&images, past.keeper.clone()),
            chronicle: past.chronicle.clone(),
            pushes: Pushes::default(),
        }
    }

    /// What will be seen of it.
    pub fn pushes(&self) -> Pushes {
        self.pushes.clone()
    }

    /// Pushing that goes on with it, once a configuration is followed.
    pub fn begin(self, reader: &Reader) -> PushService {
        let Self { memory, chronicle, pushes } = self;
        PushService::new(PushContext { reader: reader.clone(), chronicle, memory, pushes })
    }
}
