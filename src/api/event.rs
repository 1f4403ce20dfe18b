//! What has happened: `GET /v1/events` and its stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Severity, rfc3339};
use crate::{
    chronicle::Entry,
    report::{self, ChangeKind, Words},
};

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
    /// An operator created an override, or it ended.
    Override,
    /// An operator has made the history of one server the cluster's.
    Accepted,
    /// The configuration changed while the service ran.
    Config,
    /// Sessions were ended on a server that has lost the write name, or would have been.
    Kick,
    /// A source of discovery names a server that is none of its cluster's.
    ServerSighted,
    /// A server was found, has proven that it belongs, and joins.
    ServerJoined,
    /// A server that was found has left, or many would leave at once.
    ServerLeft,
    /// A server carries a cluster's identity, is writable, and was never seen following.
    ServerStranger,
    /// A source of discovery has failed, or a part of what it says cannot be read.
    DiscoverySource,
    /// A secondary has lacked changes of a zone for 5 s.
    SecondaryBehind,
    /// A secondary has them again.
    SecondaryLevel,
    /// A name in somebody else's zone says something else, as we do.
    PublishWritten,
    /// Somebody had changed it, and it was put right.
    PublishRighted,
    /// It is left alone, or cannot be changed.
    PublishStopped,
    /// It says what we say, after that.
    PublishLevel,
}

impl From<ChangeKind> for EventKind {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::WriteChanged => Self::WriteChanged,
            ChangeKind::NoWriter => Self::NoWriter,
            ChangeKind::SplitBrain => Self::SplitBrain,
            ChangeKind::ServerState => Self::ServerState,
            ChangeKind::ReadChanged => Self::ReadChanged,
            ChangeKind::ReadEmpty => Self::ReadEmpty,
            ChangeKind::Witness => Self::Witness,
            ChangeKind::Isolated => Self::Isolated,
            ChangeKind::Reconnected => Self::Reconnected,
            ChangeKind::Override => Self::Override,
            ChangeKind::Accepted => Self::Accepted,
            ChangeKind::Config => Self::Config,
            ChangeKind::Kick => Self::Kick,
            ChangeKind::ServerSighted => Self::ServerSighted,
            ChangeKind::ServerJoined => Self::ServerJoined,
            ChangeKind::ServerLeft => Self::ServerLeft,
            ChangeKind::ServerStranger => Self::ServerStranger,
            ChangeKind::DiscoverySource => Self::DiscoverySource,
            ChangeKind::SecondaryBehind => Self::SecondaryBehind,
            ChangeKind::SecondaryLevel => Self::SecondaryLevel,
            ChangeKind::PublishWritten => Self::PublishWritten,
            ChangeKind::PublishRighted => Self::PublishRighted,
            ChangeKind::PublishStopped => Self::PublishStopped,
            ChangeKind::PublishLevel => Self::PublishLevel,
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
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// What was before: a state, or servers with commas between; read `from_servers` for these.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// The servers that the name said before, in config order, where a name has changed.
    #[serde(default)]
    pub from_servers: Option<Vec<String>>,
    /// The servers that it says now.
    #[serde(default)]
    pub to_servers: Option<Vec<String>>,
    /// Why.
    pub reason: String,
    /// The words of the failure behind it; empty when there is none.
    pub detail: String,
}

impl From<&Entry> for EventEntry {
    fn from(entry: &Entry) -> Self {
        let change = &entry.change;
        let Words { from, to, reason, detail } = change.words();
        let answers = change.answers();
        let side = |which: usize| {
            let servers = &answers.as_ref()?[which];
            Some(servers.iter().map(|server| (*server).to_owned()).collect())
        };
        Self {
            id: entry.id,
            at: rfc3339(change.at),
            kind: change.kind().into(),
            cluster: change.cluster.as_deref().map(str::to_owned),
            server: change.server().map(str::to_owned),
            name: change.name().filter(|name| !name.is_empty()).map(str::to_owned),
            severity: report::Severity::of_change(change).into(),
            from,
            to,
            from_servers: side(0),
            to_servers: side(1),
            reason,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChangeKind, EventKind};

    #[test]
    fn kinds_have_the_same_names_everywhere() {
        for kind in ChangeKind::ALL {
            let json = serde_json::to_value(EventKind::from(kind)).expect("a word");
            assert_eq!(json, kind.name());
            assert_eq!(ChangeKind::parse(kind.name()), Some(kind));
        }
        let mut kinds = ChangeKind::ALL.to_vec();
        kinds.dedup();
        assert_eq!(kinds.len(), ChangeKind::ALL.len());
    }
}
