//! A change, as it is saved: in words, for nobody acts on it any more.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    chronicle::Entry,
    report::{Change, ChangeKind, Earlier, Severity, What, Words},
    wall_time::WallTime,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventImage {
    /// Its number.
    pub id: u64,
    /// When: RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// What kind.
    #[serde(serialize_with = "write_kind", deserialize_with = "read_kind")]
    pub kind: ChangeKind,
    /// Of which cluster; `None` when it is about all of them.
    pub cluster: Option<Box<str>>,
    /// Of which server, if it is about one.
    pub server: Option<Box<str>>,
    /// Of which served name, if it is about one.
    pub name: Option<Box<str>>,
    /// What was before.
    pub from: Option<String>,
    /// What was then.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The words of the failure behind it; empty when there was none.
    pub detail: String,
    /// How bad it was; a file that does not tell is judged by the kind.
    #[serde(default)]
    pub concern: Option<ConcernImage>,
}

/// [`Severity`], as it is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcernImage {
    /// All was well.
    None,
    /// Somebody wanted it.
    Wanted,
    /// Somebody should have looked.
    Look,
    /// Clients were not served as promised.
    Harm,
}

impl From<&Entry> for EventImage {
    fn from(entry: &Entry) -> Self {
        let change = &*entry.change;
        let Words { from, to, reason, detail } = change.words();
        Self {
            id: entry.id,
            at: format!("{:.3}", change.at),
            kind: change.kind(),
            cluster: change.cluster.clone(),
            server: change.server().map(Box::from),
            name: change.name().map(Box::from),
            from,
            to,
            reason,
            detail,
            concern: Some(match Severity::of_change(change) {
                Severity::Ok => ConcernImage::None,
                Severity::Wanted => ConcernImage::Wanted,
                Severity::Degraded => ConcernImage::Look,
                Severity::Outage => ConcernImage::Harm,
            }),
        }
    }
}

impl From<EventImage> for Entry {
    fn from(image: EventImage) -> Self {
        let EventImage { id, at, kind, cluster, server, name, from, to, reason, detail, concern } =
            image;
        let severity = match concern {
            Some(ConcernImage::None) => Severity::Ok,
            Some(ConcernImage::Wanted) => Severity::Wanted,
            Some(ConcernImage::Look) => Severity::Degraded,
            Some(ConcernImage::Harm) => Severity::Outage,
            None => of_kind(kind),
        };
        let words = Words { from, to, reason, detail };
        let earlier = Earlier { kind, severity, server, name, words };
        let at = WallTime::parse(&at).unwrap_or_default();
        let change = Change { at, cluster, what: What::Earlier(Box::new(earlier)) };
        Self { id, change: change.into() }
    }
}

/// What is known of a change by its kind alone.
fn of_kind(kind: ChangeKind) -> Severity {
    match kind {
        ChangeKind::NoWriter
        | ChangeKind::ServerStranger
        | ChangeKind::SplitBrain
        | ChangeKind::ReadEmpty
        | ChangeKind::Isolated => Severity::Outage,
        ChangeKind::Reconnected
        | ChangeKind::ServerSighted
        | ChangeKind::ServerJoined
        | ChangeKind::SecondaryLevel
        | ChangeKind::PublishWritten
        | ChangeKind::PublishLevel => Severity::Ok,
        ChangeKind::ServerLeft
        | ChangeKind::Override
        | ChangeKind::Accepted
        | ChangeKind::Config => Severity::Wanted,
        ChangeKind::WriteChanged
        | ChangeKind::ServerState
        | ChangeKind::ReadChanged
        | ChangeKind::Witness
        | ChangeKind::DiscoverySource
        | ChangeKind::SecondaryBehind
        | ChangeKind::PublishRighted
        | ChangeKind::PublishStopped
        | ChangeKind::Kick => Severity::Degraded,
    }
}

fn write_kind<S: Serializer>(kind: &ChangeKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn read_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChangeKind, D::Error> {
    let name = String::deserialize(deserializer)?;
    ChangeKind::parse(&name).ok_or_else(|| D::Error::custom(format!("no kind is called {name:?}")))
}
