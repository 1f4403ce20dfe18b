//! What the driver tells of itself to those who remember: the chronicle and the state file.
//!
//! What is kept of a cluster is made anew when something happened in it, or when its memory is
//! another one, and not with every probe. Neither the chronicle nor the file is waited for.

mod image;
mod restore;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tracing::{error, info};

use self::{
    image::{cluster_image, name_of},
    restore::{Restored, restore},
};
use super::entry::entry;
use crate::{
    answers::{Layout, Serial, WallTime},
    api::ServerAdd,
    clock,
    control::{Chronicle, Laid},
    engine::{ClusterId, Engine, Event, Moment, Remembered},
    state::{Image, Keeper},
};

/// No override counts as older.
const OLDEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What a driver begins with and what it leaves behind.
#[derive(Debug, Default)]
pub struct Past {
    /// What an earlier process left.
    pub image: Option<Image>,
    /// The first serial.
    pub serial: Option<Serial>,
    /// Where what is to be kept goes.
    pub keeper: Keeper,
    /// Where changes are told.
    pub chronicle: Chronicle,
}

impl Past {
    /// How long ago the oldest override was laid that is still in force: moments begin then.
    pub(super) fn age(&self) -> Duration {
        let now = clock::unix_millis();
        let clusters = self.image.iter().flat_map(|image| image.clusters.values());
        let since = clusters.flat_map(|cluster| &cluster.overrides).map(|laid| laid.since_ms);
        let age = now.saturating_sub(since.min().unwrap_or(now));
        Duration::from_millis(age).min(OLDEST)
    }

    /// The serial to begin with.
    pub(super) fn serial(&self) -> Serial {
        self.serial.unwrap_or_else(|| Serial::first(None, clock::unix_seconds()))
    }

    /// Lets the clusters of `layout` begin with what is known of them, and remembers from there on.
    pub(super) fn restore(self, engine: &mut Engine, layout: &Layout, now: Moment) -> Memory {
        let Self { image, keeper, chronicle, .. } = self;
        let image = image.unwrap_or_default();
        let names = image.clusters.keys().cloned().collect();
        let (mut clusters, mut overrides) = (0, 0);
        for Restored { cluster, remembered, overrides: laid, dropped } in
            restore(&image, layout, now)
        {
            clusters += 1;
            overrides += laid.len();
            engine.restore(cluster, &remembered, now);
            laid.into_iter().for_each(|laid| engine.resume(cluster, laid));
            for entry in dropped {
                info!(
                    event = "override",
                    cluster = entry.cluster,
                    server = entry.server,
                    "{}",
                    entry.reason
                );
                chronicle.add(entry);
            }
        }
        // So that an override has its say before the first answer.
        engine.decide(now);
        if clusters > 0 {
            let age = clock::unix_millis().saturating_sub(image.saved_at_ms) / 1_000;
            info!(
                event = "restored",
                clusters,
                overrides,
                "names say what they said {age} s ago until the first round of probes has ended"
            );
        }
        Memory { keeper, chronicle, kept: Vec::new(), names }
    }
}

/// What is remembered, as it was last told.
#[derive(Debug)]
pub(super) struct Memory {
    keeper: Keeper,
    chronicle: Chronicle,
    /// By [`ClusterId`].
    kept: Vec<Remembered>,
    /// Names of clusters that may be in the file.
    names: BTreeSet<Box<str>>,
}

impl Memory {
    /// Keeps all clusters, and forgets those that there are no more: at the start, and when there
    /// is another configuration.
    pub(super) fn note_all(&mut self, engine: &Engine, layout: &Layout, start: WallTime) {
        let ids = || (0..layout.clusters().len()).map(ClusterId);
        self.kept = ids().map(|id| engine.remember(id)).collect();
        let images: Vec<_> = ids()
            .zip(&self.kept)
            .map(|(id, kept)| (name_of(layout, id), cluster_image(id, kept, engine, layout, start)))
            .collect();
        let names: BTreeSet<_> = images.iter().map(|(name, _)| name.clone()).collect();
        let gone: Vec<_> = self.names.difference(&names).map(|name| (name.clone(), None)).collect();
        self.names = names;
        let images = images.into_iter().map(|(name, image)| (name, Some(Arc::new(image))));
        self.keeper.note(gone.into_iter().chain(images));
    }

    /// Keeps the servers that were added while the service ran.
    pub(super) fn note_added(&self, added: &Arc<[ServerAdd]>) {
        self.keeper.note_added(Arc::clone(added));
    }

    /// Tells the chronicle what happened, and keeps the clusters of which there is something new.
    pub(super) fn note(
        &mut self,
        judged: &[ClusterId],
        events: &[Event],
        (engine, layout): (&Engine, &Layout),
        start: WallTime,
    ) {
        let at = WallTime::from_unix_millis(clock::unix_millis());
        for event in events {
            self.chronicle.add(entry(event, layout, at));
        }
        let happened: BTreeSet<_> = events.iter().filter_map(Event::cluster).collect();
        let mut images = Vec::new();
        for &id in judged {
            let now = engine.remember(id);
            let Some(kept) = self.kept.get_mut(id.0) else {
                continue;
            };
            if now != *kept || happened.contains(&id) {
                let image = cluster_image(id, &now, engine, layout, start);
                images.push((name_of(layout, id), Some(Arc::new(image))));
                *kept = now;
            }
        }
        if !images.is_empty() || !events.is_empty() {
            self.keeper.note(images);
        }
    }

    /// Answers a change when all that was noted has been saved, or could not be. Nobody waits here.
    pub(super) fn answer_when_saved<E: Send + 'static>(
        &self,
        done: Result<Laid, E>,
        reply: oneshot::Sender<Result<Laid, E>>,
    ) {
        // Who asked may have left.
        match done {
            Ok(laid) => self.keeper.when_saved(move |unsaved| {
                _ = reply.send(Ok(Laid { unsaved, ..laid }));
            }),
            Err(refusal) => _ = reply.send(Err(refusal)),
        }
    }

    /// The highest serial that may be published now.
    pub(super) fn serial_limit(&self) -> Serial {
        self.keeper.serial_limit()
    }

    /// A table with this serial is published from now on.
    pub(super) fn note_serial(&self, published: Serial) {
        self.keeper.note_serial(published);
    }

    /// Calls `then` when all that was noted has been saved, or with why it could not be.
    pub(super) fn when_saved(&self, then: impl FnOnce(Option<Box<str>>) + Send + 'static) {
        self.keeper.when_saved(then);
    }

    /// Reminds of a state that cannot be saved. Called once a minute.
    pub(super) fn remind(&self) {
        if let Some(fault) = self.keeper.fault() {
            error!(event = "state_unsaved", "still: {fault}");
        }
    }
}
