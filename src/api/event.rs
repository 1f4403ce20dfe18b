//! What has happened: `GET /v1/events` and its stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last changes, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The changes.
    pub events: Vec<EventEntry>,
}

/// What kind of change. Hooks are called by these names, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The write name says another server, or none, or the same for another reason.
    WriteChanged,
    /// The write name has no address any more.
    NoWriter,
    /// Two servers are writable and nothing tells which is right.
    SplitBrain,
    /// A server is in another state.
    ServerState,
    /// A read name says other servers, or the same for another reason.
    ReadChanged,
    /// A read name has no address any more.
    ReadEmpty,
    /// A witness says something else of a server.
    Witness,
    /// Every server of every cluster is silent.
    Isolated,
    /// A server answered again after that.
    Reconnected,
    /// An operator laid an override, or it ended.
    Override,
    /// An operator has made the history of one server the cluster's.
    Accepted,
    /// The configuration changed while the service ran.
    Config,
    /// Sessions were ended on a server that has lost the write name, or would have been.
    Kick,
}

impl EventKind {
    /// Every kind, in the order of this list.
    pub const ALL: [Self; 13] = [
        Self::WriteChanged,
        Self::NoWriter,
        Self::SplitBrain,
        Self::ServerState,
        Self::ReadChanged,
        Self::ReadEmpty,
        Self::Witness,
        Self::Isolated,
        Self::Reconnected,
        Self::Override,
        Self::Accepted,
        Self::Config,
        Self::Kick,
    ];

    /// Its name, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteChanged => "write_changed",
            Self::NoWriter => "no_writer",
            Self::SplitBrain => "split_brain",
            Self::ServerState => "server_state",
            Self::ReadChanged => "read_changed",
            Self::ReadEmpty => "read_empty",
            Self::Witness => "witness",
            Self::Isolated => "isolated",
            Self::Reconnected => "reconnected",
            Self::Override => "override",
            Self::Accepted => "accepted",
            Self::Config => "config",
            Self::Kick => "kick",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventEntry {
    /// Grows with every change, across restarts.
    pub id: u64,
    /// When.
    pub at: String,
    /// What kind.
    pub kind: EventKind,
    /// Of which cluster; `None` when it is about all of them.
    pub cluster: Option<String>,
    /// Of which server, if it is about one.
    pub server: Option<String>,
    /// Of which served name, if it is about one.
    pub name: Option<String>,
    /// What was before: a state, or servers with commas between.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The words of the failure behind it; empty when there is none.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    #[test]
    fn kinds_have_the_same_names_everywhere() {
        for kind in EventKind::ALL {
            let json = serde_json::to_value(kind).expect("a word");
            assert_eq!(json, kind.name());
        }
        let mut kinds = EventKind::ALL.to_vec();
        kinds.dedup();
        assert_eq!(kinds.len(), EventKind::ALL.len());
    }
}
