//! What a restart must not forget, by the names of the configuration.
//!
//! Places in the configuration mean nothing to the next process, whose configuration may be another
//! one, so everything is kept by name: what is not configured any more is passed over, and the rest
//! is good as before. Times are milliseconds since 1970 by the wall clock.
//!
//! A field that may be missing is no new format; a new kind of event or of override is one.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::{answers::Serial, config::AddedServer};

mod added;
mod discovery;
mod event;
mod history;
mod overrides;
mod push;

pub use self::{
    discovery::{BindingImage, DiscoveryImage, TombstoneImage},
    event::{ConcernImage, EventImage},
    history::{
        DenialImage, ForkImage, HistoryImage, LeftBehindImage, OfficeImage, PositionImage,
        ReachImage, StreamImage,
    },
    overrides::OverrideImage,
    push::PushImage,
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
    #[serde(default, with = "added")]
    pub added: Arc<[AddedServer]>,
    /// What discovery knows, by the names of the clusters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub discovery: BTreeMap<Box<str>, Arc<DiscoveryImage>>,
    /// Names in zones of others, with the dots at their ends.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<Box<str>, PushImage>,
    /// The last changes, oldest first.
    #[serde(default)]
    pub events: Vec<EventImage>,
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
    /// What the last writer had when it was published.
    #[serde(default)]
    pub office: OfficeImage,
    /// What the read names said, by name.
    #[serde(default)]
    pub reads: LiteMap<Box<str>, Vec<Box<str>>>,
    /// The identity that all servers of the cluster share.
    #[serde(default)]
    pub identity: Option<u64>,
    /// The name of a group.
    #[serde(default)]
    pub group: Option<Box<str>>,
    /// An operator has said so, and not more than half of the servers carry it.
    #[serde(default)]
    pub identity_accepted: bool,
    /// Servers that another one took over from and that have not followed since.
    #[serde(default)]
    pub superseded: Vec<SupersededImage>,
    /// How far its history was known to reach.
    #[serde(default)]
    pub reach: Vec<ReachImage>,
    /// PostgreSQL: where timelines begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<ForkImage>,
    /// The server that the write name is pinned to has said that it is not writable.
    #[serde(default)]
    pub pin_denied: bool,
    /// What each server was, by name. Its state is told, and proves nothing any more.
    #[serde(default)]
    pub servers: LiteMap<Box<str>, ServerImage>,
    /// What operators have laid over it.
    #[serde(default)]
    pub overrides: Vec<OverrideImage>,
}

/// A server that another one took over from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupersededImage {
    /// Which.
    pub server: Box<str>,
    /// Its successor; `None` when that one has left the configuration.
    #[serde(default)]
    pub by: Option<Box<str>>,
    /// The PostgreSQL timeline that it was on, where known.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// The transactions that its successor was last known to have, as
    /// [`GtidState::to_text`](crate::engine::GtidState::to_text) tells them; empty when unknown.
    #[serde(default)]
    pub by_gtid: Box<str>,
    /// How it lost.
    #[serde(default)]
    pub loss: LossImage,
}

/// [`Loss`](crate::engine::Loss), as it is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossImage {
    /// The write name was moved away from it; also what a file says that does not tell.
    #[default]
    Name,
    /// The other one has a newer history.
    Age,
    /// Nothing but precedence was against it.
    Precedence,
    /// The other members follow the other one.
    Following,
    /// An operator has accepted the history of the other one.
    Acceptance,
}

/// What one server was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerImage {
    /// Its state, as the log has it.
    pub state: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Since when.
    pub since_ms: u64,
    /// Its published addresses: where its name is gone, they and the port tell which it is.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Its port; 0 when unknown.
    #[serde(default)]
    pub port: u16,
    /// What it was last known to have.
    #[serde(default)]
    pub history: Option<HistoryImage>,
}

impl Image {
    /// The highest serial that may have been published; `None` when nothing was.
    pub fn published_up_to(&self) -> Option<Serial> {
        Serial::new(self.serial.max(self.serial_limit))
    }
}

#[cfg(test)]
pub mod tests;
