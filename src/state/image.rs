//! What a restart must not forget, by the names of the configuration.
//!
//! Places in the configuration mean nothing to the next process, whose configuration may be another
//! one, so everything is kept by name: what is not configured any more is passed over, and the rest
//! is good as before. Times are milliseconds since 1970 by the wall clock.
//!
//! A field that may be missing is no new format; a new kind of event or of override is one.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    answers::Serial,
    api::{EventEntry, OverrideKind, ServerAdd},
};

/// Everything that is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// When it was saved.
    pub saved_at_ms: u64,
    /// The SOA serial then.
    pub serial: u32,
    /// No higher serial has been published, nor will be until a higher limit is saved.
    pub serial_limit: u32,
    /// By the names of the clusters.
    #[serde(default)]
    pub clusters: BTreeMap<Box<str>, Arc<ClusterImage>>,
    /// Servers that were added while the service ran, in the order in which they came.
    #[serde(default)]
    pub added: Arc<[ServerAdd]>,
    /// The last changes, oldest first.
    #[serde(default)]
    pub events: Vec<Arc<EventEntry>>,
    /// No change has had this id or a higher one.
    #[serde(default)]
    pub next_event_id: u64,
}

/// One cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterImage {
    /// The server that the write name said.
    #[serde(default)]
    pub write: Option<Box<str>>,
    /// The last one that it said, also after a withdrawal.
    #[serde(default)]
    pub last_writer: Option<Box<str>>,
    /// What the read names said, by name.
    #[serde(default)]
    pub reads: BTreeMap<Box<str>, Vec<Box<str>>>,
    /// The identity that all servers of the cluster share.
    #[serde(default)]
    pub identity: Option<u64>,
    /// Servers that another one took over from and that have not followed since.
    #[serde(default)]
    pub superseded: Vec<SupersededImage>,
    /// What each server was, by name. It is told, and proves nothing any more.
    #[serde(default)]
    pub servers: BTreeMap<Box<str>, ServerImage>,
    /// What operators have laid over it.
    #[serde(default)]
    pub overrides: Vec<OverrideImage>,
}

/// A server that another one took over from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupersededImage {
    /// Which.
    pub server: Box<str>,
    /// Its successor.
    pub by: Box<str>,
    /// The PostgreSQL timeline that it was on, where known.
    #[serde(default)]
    pub timeline: Option<u32>,
}

/// What one server was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerImage {
    /// Its state, as the log has it.
    pub state: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Since when.
    pub since_ms: u64,
}

/// One override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideImage {
    /// What kind.
    pub kind: OverrideKind,
    /// The server that it is about, if it is about one.
    #[serde(default)]
    pub server: Option<Box<str>>,
    /// A drain of the write name too, or a pin that holds even while the server is not writable.
    pub force: bool,
    /// Who asked for it.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Since when it is in force.
    pub since_ms: u64,
    /// When it ends by itself; `None` for never.
    #[serde(default)]
    pub until_ms: Option<u64>,
}

impl Image {
    /// The highest serial that may have been published; `None` when nothing was.
    pub fn published_up_to(&self) -> Option<Serial> {
        Serial::new(self.serial.max(self.serial_limit))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::{collection, option, prelude::*};

    use super::*;
    use crate::api::EventKind;

    fn name() -> impl Strategy<Value = Box<str>> {
        // Any text: nothing that a stranger may have written must break the file.
        any::<String>().prop_map(Into::into)
    }

    fn laid() -> impl Strategy<Value = OverrideImage> {
        let kind = prop_oneof![
            Just(OverrideKind::Drain),
            Just(OverrideKind::Pin),
            Just(OverrideKind::Freeze),
            Just(OverrideKind::Maintenance)
        ];
        let times = (any::<u64>(), option::of(any::<u64>()));
        (kind, option::of(name()), any::<bool>(), name(), name(), times).prop_map(
            |(kind, server, force, author, reason, (since_ms, until_ms))| OverrideImage {
                kind,
                server,
                force,
                author,
                reason,
                since_ms,
                until_ms,
            },
        )
    }

    fn superseded() -> impl Strategy<Value = SupersededImage> {
        (name(), name(), option::of(any::<u32>()))
            .prop_map(|(server, by, timeline)| SupersededImage { server, by, timeline })
    }

    fn server() -> impl Strategy<Value = ServerImage> {
        (name(), name(), any::<u64>()).prop_map(|(state, reason, since_ms)| ServerImage {
            state,
            reason,
            since_ms,
        })
    }

    fn cluster() -> impl Strategy<Value = Arc<ClusterImage>> {
        (
            (option::of(name()), option::of(name()), option::of(any::<u64>())),
            collection::btree_map(name(), collection::vec(name(), 0..4), 0..3),
            collection::vec(superseded(), 0..3),
            collection::btree_map(name(), server(), 0..4),
            collection::vec(laid(), 0..4),
        )
            .prop_map(
                |((write, last_writer, identity), reads, superseded, servers, overrides)| {
                    Arc::new(ClusterImage {
                        write,
                        last_writer,
                        reads,
                        identity,
                        superseded,
                        servers,
                        overrides,
                    })
                },
            )
    }

    fn event() -> impl Strategy<Value = Arc<EventEntry>> {
        let text = any::<String>;
        (any::<u64>(), text(), option::of(text()), text(), text()).prop_map(
            |(id, at, cluster, reason, detail)| {
                Arc::new(EventEntry {
                    id,
                    at,
                    kind: EventKind::ServerState,
                    server: cluster.clone(),
                    name: None,
                    from: cluster.clone(),
                    to: None,
                    cluster,
                    reason,
                    detail,
                })
            },
        )
    }

    fn added() -> impl Strategy<Value = ServerAdd> {
        let text = any::<String>;
        (text(), text(), text(), text()).prop_map(|(cluster, name, address, author)| ServerAdd {
            cluster,
            name,
            address,
            author,
        })
    }

    /// Any image at all.
    pub(in crate::state) fn any_image() -> impl Strategy<Value = Image> {
        (
            (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>()),
            collection::btree_map(name(), cluster(), 0..4),
            collection::vec(added(), 0..3),
            collection::vec(event(), 0..5),
        )
            .prop_map(|(numbers, clusters, added, events)| {
                let (saved_at_ms, serial, serial_limit, next_event_id) = numbers;
                Image {
                    saved_at_ms,
                    serial,
                    serial_limit,
                    clusters,
                    added: added.into(),
                    events,
                    next_event_id,
                }
            })
    }
}
