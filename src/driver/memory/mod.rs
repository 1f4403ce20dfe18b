//! What the driver tells of itself to those who remember: the chronicle and the state file.
//!
//! What is kept of a cluster is made anew when something happened in it, or when its memory is
//! another one. How far histories reach changes with every probe: that is kept with whatever else
//! is, once a minute, and at the end. Neither the chronicle nor the file is waited for.

mod history;
mod image;
mod places;
mod restore;

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;
use tracing::{error, info};

use self::{
    image::{cluster_image, name_of},
    restore::{Restored, restore},
};
use crate::{
    answers::{Layout, Serial},
    chronicle::Chronicle,
    clock,
    config::AddedServer,
    engine::{
        ClusterId, Engine, Event, Moment, Remembered, RememberedHistory, RememberedLoss,
        RememberedOffice,
    },
    report::Change,
    state::{ClusterImage, Image, Keeper},
    wall_time::WallTime,
};

/// A cluster in which nothing happens is asked for its memory this often at most: a name may be
/// decided otherwise beneath an override, and nobody is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Clusters that are looked at in one go for how far their histories reach: about a millisecond's
/// work.
const AT_ONCE: usize = 64;

/// Nothing counts as older.
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
    /// How long ago the oldest override was laid that is still in force, or the oldest position was
    /// seen that is remembered: moments begin then.
    pub(super) fn age(&self) -> Duration {
        let now = clock::unix_millis();
        let clusters = self.image.iter().flat_map(|image| image.clusters.values());
        let since = clusters.flat_map(|cluster| {
            let laid = cluster.overrides.iter().map(|laid| laid.since_ms);
            let seen = cluster.reach.iter().flat_map(|reach| &reach.seen);
            laid.chain(seen.map(|seen| seen.seen_ms))
        });
        let now = now.max(self.image.as_ref().map_or(0, |image| image.saved_at_ms));
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
            for change in dropped {
                info!(
                    event = "override",
                    cluster = change.cluster.as_deref(),
                    server = change.server(),
                    "{}",
                    change.words().reason
                );
                chronicle.add(change);
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
        Memory { keeper, chronicle, kept: Vec::new(), names, due: BTreeSet::new() }
    }
}

/// What is remembered, as it was last told.
#[derive(Debug)]
pub struct Memory {
    keeper: Keeper,
    chronicle: Chronicle,
    /// By [`ClusterId`]; none where nothing is saved.
    kept: Vec<Kept>,
    /// Names of clusters that may be in the file.
    names: BTreeSet<Box<str>>,
    /// Clusters of which it is to be seen whether their histories reach further.
    due: BTreeSet<ClusterId>,
}

/// One cluster.
#[derive(Debug)]
struct Kept {
    decided: Decided,
    image: Arc<ClusterImage>,
    /// When it was last asked for its memory.
    looked: Moment,
}

/// What tells one memory from another, but for what changes with every probe: a hash of it. Ten
/// thousand memories would take as much room as all that is judged by, and two that differ have one
/// hash once in 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decided(u64);

impl Decided {
    fn of(memory: &Remembered) -> Self {
        let Remembered {
            write,
            last_writer,
            office: RememberedOffice { timeline, gtid: _, began_with, led: _, left },
            reads,
            identity,
            group,
            identity_accepted,
            superseded,
            histories,
            positions: _,
            forks,
            pin_denied,
        } = memory;
        let mut hasher = DefaultHasher::new();
        (write, last_writer, (timeline, began_with, left), reads).hash(&mut hasher);
        (identity, group, identity_accepted, forks, pin_denied).hash(&mut hasher);
        for loss in superseded {
            let RememberedLoss { server, heir, timeline, heir_gtid: _, loss } = loss;
            (server, heir, timeline, loss).hash(&mut hasher);
        }
        for history in histories {
            let RememberedHistory {
                server,
                uuid,
                server_id,
                timeline,
                reached: _,
                durable: _,
                gtid: _,
                lost,
                followed,
                denial: _,
                left_behind,
                cannot_write,
            } = history;
            (server, uuid, server_id, timeline).hash(&mut hasher);
            (lost, followed, left_behind, cannot_write).hash(&mut hasher);
        }
        // So that a loss is not taken for a history.
        (superseded.len(), histories.len()).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What images are made of.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub engine: &'a Engine,
    pub layout: &'a Layout,
    /// The wall time at [`Moment::START`].
    pub start: WallTime,
    pub now: Moment,
}

impl View<'_> {
    fn kept(self, id: ClusterId, memory: &Remembered) -> Kept {
        let image = Arc::new(cluster_image(id, memory, self));
        Kept { decided: Decided::of(memory), image, looked: self.now }
    }
}

impl Memory {
    /// Keeps all clusters, and forgets those that there are no more: at the start, when there is
    /// another configuration, and at the end.
    pub fn note_all(&mut self, view: View<'_>) {
        if !self.keeper.saves() {
            return;
        }
        let ids = || (0..view.layout.clusters().len()).map(ClusterId);
        self.kept = ids().map(|id| view.kept(id, &view.engine.remember(id))).collect();
        self.due.clear();
        let named = ids().map(|id| name_of(view.layout, id));
        let images: Vec<_> =
            named.zip(self.kept.iter().map(|kept| Arc::clone(&kept.image))).collect();
        let names: BTreeSet<_> = images.iter().map(|(name, _)| name.clone()).collect();
        let gone: Vec<_> = self.names.difference(&names).map(|name| (name.clone(), None)).collect();
        self.names = names;
        let images = images.into_iter().map(|(name, image)| (name, Some(image)));
        self.keeper.note(gone.into_iter().chain(images));
    }

    /// Keeps the servers that were added while the service ran.
    pub fn note_added(&self, added: &Arc<[AddedServer]>) {
        self.keeper.note_added(Arc::clone(added));
    }

    /// Tells the chronicle what happened, and keeps the clusters of which there is something new.
    pub fn note(
        &mut self,
        judged: &[ClusterId],
        events: &[Event],
        changes: Vec<Arc<Change>>,
        view: View<'_>,
    ) {
        for change in changes {
            self.chronicle.add(change);
        }
        let happened: BTreeSet<_> = events.iter().filter_map(Event::cluster).collect();
        let mut images = Vec::new();
        for &id in judged {
            let Some(kept) = self.kept.get_mut(id.0) else {
                continue;
            };
            let has_news = happened.contains(&id);
            if !has_news && view.now < kept.looked + LOOK_EVERY {
                continue;
            }
            kept.looked = view.now;
            let now = view.engine.remember(id);
            if has_news || Decided::of(&now) != kept.decided {
                *kept = view.kept(id, &now);
                images.push((name_of(view.layout, id), Some(Arc::clone(&kept.image))));
            }
        }
        for _ in 0..AT_ONCE {
            let Some(id) = self.due.pop_first() else {
                break;
            };
            let Some(kept) = self.kept.get_mut(id.0) else {
                continue;
            };
            let now = view.kept(id, &view.engine.remember(id));
            if reaches_further(&now.image, &kept.image) {
                images.push((name_of(view.layout, id), Some(Arc::clone(&now.image))));
                *kept = now;
            }
        }
        if !images.is_empty() || !events.is_empty() {
            self.keeper.note(images);
        }
    }

    /// Answers a change when all that was noted has been saved, or could not be: `told` puts why
    /// into the answer. Nobody waits here.
    pub fn answer_when_saved<T: Send + 'static, E: Send + 'static>(
        &self,
        done: Result<T, E>,
        reply: oneshot::Sender<Result<T, E>>,
        told: fn(T, Option<Box<str>>) -> T,
    ) {
        // Who asked may have left.
        match done {
            Ok(done) => self.keeper.when_saved(move |unsaved| {
                _ = reply.send(Ok(told(done, unsaved)));
            }),
            Err(refusal) => _ = reply.send(Err(refusal)),
        }
    }

    /// The highest serial that may be published now.
    pub fn serial_limit(&self) -> Serial {
        self.keeper.serial_limit()
    }

    /// A table with this serial is published from now on.
    pub fn note_serial(&self, published: Serial) {
        self.keeper.note_serial(published);
    }

    /// Calls `then` when all that was noted has been saved, or with why it could not be.
    pub fn when_saved(&self, then: impl FnOnce(Option<Box<str>>) + Send + 'static) {
        self.keeper.when_saved(then);
    }

    /// Reminds of a state that cannot be saved, and lets the next calls of [`Self::note`] see whose
    /// histories reach further. Called once a minute.
    pub fn remind(&mut self) {
        self.due = (0..self.kept.len()).map(ClusterId).collect();
        if let Some(fault) = self.keeper.fault() {
            error!(event = "state_unsaved", "still: {fault}");
        }
    }
}

/// Whether a server has more than before, or a stream has come further. Which older positions are
/// kept changes with time alone, and is not asked.
fn reaches_further(now: &ClusterImage, before: &ClusterImage) -> bool {
    let histories = |image: &ClusterImage| -> Vec<_> {
        image.servers.values().map(|server| server.history.clone()).collect()
    };
    let newest = |image: &ClusterImage| -> Vec<_> {
        let reach = image.reach.iter();
        let newest = reach.map(|reach| {
            let last = reach.seen.last().map(|seen| (seen.segment, seen.offset));
            (reach.stream.clone(), last)
        });
        newest.collect()
    };
    histories(now) != histories(before)
        || now.superseded != before.superseded
        || newest(now) != newest(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{HistoryImage, PositionImage, ReachImage, ServerImage, StreamImage};

    #[test]
    fn only_what_is_newer_reaches_further() {
        let seen = |offset, seen_ms| PositionImage { segment: 0, offset, seen_ms };
        let image = |gtid: &str, seen: &[PositionImage]| {
            let history = Some(HistoryImage { gtid: gtid.into(), ..HistoryImage::default() });
            ClusterImage {
                servers: [("db1".into(), ServerImage { history, ..ServerImage::default() })]
                    .into_iter()
                    .collect(),
                reach: vec![ReachImage { stream: StreamImage::Wal, seen: seen.into() }],
                ..ClusterImage::default()
            }
        };
        let before = image("mysql:", &[seen(1, 100), seen(2, 200)]);
        let mut other_state = before.clone();
        let told = other_state.servers.get_mut("db1").expect("it is there");
        (told.state, told.since_ms) = ("Down".into(), 7);
        for same in [image("mysql:", &[seen(2, 200)]), other_state] {
            assert!(!reaches_further(&same, &before), "{same:?}");
        }
        let more = "mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1";
        for further in
            [image("mysql:", &[seen(2, 200), seen(3, 300)]), image(more, &[seen(2, 200)])]
        {
            assert!(reaches_further(&further, &before), "{further:?}");
        }
    }

    #[test]
    fn what_changes_with_every_probe_is_no_decision() {
        use crate::engine::{GtidState, Position, RememberedPosition, ServerIndex, Stream};
        let gtid = GtidState::parse_text("mysql:").expect("a state");
        let memory = |gtid: &GtidState, lost, offset| Remembered {
            histories: vec![RememberedHistory {
                server: ServerIndex::new(0),
                uuid: None,
                server_id: 1,
                timeline: None,
                reached: None,
                durable: None,
                gtid: gtid.clone(),
                lost,
                followed: false,
                denial: None,
                left_behind: None,
                cannot_write: false,
            }],
            positions: vec![RememberedPosition {
                stream: Stream::Wal,
                position: Position::lsn(offset),
                age: Duration::ZERO,
            }],
            ..Remembered::default()
        };
        let before = Decided::of(&memory(&gtid, false, 1));
        assert_eq!(Decided::of(&memory(&GtidState::Unknown, false, 2)), before);
        assert_ne!(Decided::of(&memory(&gtid, true, 1)), before);
    }
}
