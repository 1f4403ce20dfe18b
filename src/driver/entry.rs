//! Changes in words, for the chronicle: places become names.

use crate::{
    answers::{Layout, NameRole, WallTime},
    api::{EventEntry, EventKind},
    engine::{ClusterId, Event, Override, OverrideTurn, ServerId, ServerIndex, Word, WriteReason},
};

/// `event`, which happened at `at` in a cluster of `layout`. Its id is given by the chronicle.
pub(super) fn entry(event: &Event, layout: &Layout, at: WallTime) -> EventEntry {
    let told = Told { layout, cluster: event.cluster(), at };
    match event {
        Event::State { server, from, to, reason, detail } => EventEntry {
            server: told.server(server.server),
            from: Some(from.to_string()),
            to: Some(to.to_string()),
            detail: detail.to_string(),
            ..told.entry(EventKind::ServerState, reason.to_string())
        },
        Event::Witness { server: ServerId { server, .. }, check, from, to, detail } => EventEntry {
            server: told.server(*server),
            from: from.as_ref().map(Word::to_string),
            to: to.as_ref().map(Word::to_string),
            detail: detail.to_string(),
            ..told.entry(EventKind::Witness, check.to_string())
        },
        Event::Write { from, to, reason, .. } => EventEntry {
            name: told.name(None),
            from: told.servers(from.as_slice()),
            to: told.servers(to.as_slice()),
            ..told.entry(write_kind(*to, *reason), reason.to_string())
        },
        Event::Read { name, from, to, reason, .. } => {
            let kind = if to.is_empty() { EventKind::ReadEmpty } else { EventKind::ReadChanged };
            EventEntry {
                name: told.name(Some(*name)),
                from: told.servers(from),
                to: told.servers(to),
                ..told.entry(kind, reason.to_string())
            }
        }
        Event::Override { laid, turn, .. } => told.laid(laid, turn),
        Event::Accepted { accepted, .. } => EventEntry {
            server: told.server(accepted.server),
            detail: accepted.because.to_string(),
            ..told.entry(EventKind::Accepted, format!("history accepted by {}", accepted.by))
        },
        Event::Isolated => {
            let reason = "no server of any cluster answers: our own network is suspected";
            told.entry(EventKind::Isolated, reason.to_owned())
        }
        Event::Reconnected => {
            told.entry(EventKind::Reconnected, "a server answers again".to_owned())
        }
    }
}

fn write_kind(to: Option<ServerIndex>, reason: WriteReason) -> EventKind {
    match (to, reason) {
        (_, WriteReason::HeldSplitBrain | WriteReason::SplitBrain) => EventKind::SplitBrain,
        (None, _) => EventKind::NoWriter,
        (Some(_), _) => EventKind::WriteChanged,
    }
}

/// What all changes are told with.
struct Told<'a> {
    layout: &'a Layout,
    cluster: Option<ClusterId>,
    at: WallTime,
}

impl Told<'_> {
    fn entry(&self, kind: EventKind, reason: String) -> EventEntry {
        let listing = self.cluster.and_then(|ClusterId(id)| self.layout.clusters().get(id));
        EventEntry {
            id: 0,
            at: format!("{:.3}", self.at),
            kind,
            cluster: listing.map(|listing| listing.name.to_string()),
            server: None,
            name: None,
            from: None,
            to: None,
            reason,
            detail: String::new(),
        }
    }

    fn laid(&self, laid: &Override, turn: &OverrideTurn) -> EventEntry {
        let wish = laid.wish.to_string();
        let reason = match turn {
            OverrideTurn::Laid => format!("{wish} laid by {}", laid.author),
            OverrideTurn::Lifted { .. } | OverrideTurn::Expired => format!("{wish} {turn}"),
        };
        let (from, to) = match turn {
            OverrideTurn::Laid => (None, Some(wish)),
            OverrideTurn::Lifted { .. } | OverrideTurn::Expired => (Some(wish), None),
        };
        EventEntry {
            server: laid.wish.server().and_then(|server| self.server(server)),
            from,
            to,
            detail: laid.reason.to_string(),
            ..self.entry(EventKind::Override, reason)
        }
    }

    fn server(&self, ServerIndex(index): ServerIndex) -> Option<String> {
        let listing = self.layout.clusters().get(self.cluster?.0)?;
        listing.servers.get(index).map(|server| server.name.to_string())
    }

    /// With commas between; `None` for nobody.
    fn servers(&self, servers: &[ServerIndex]) -> Option<String> {
        let names: Vec<_> = servers.iter().filter_map(|server| self.server(*server)).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// The read name at this place of the cluster's, or the write name.
    fn name(&self, read: Option<usize>) -> Option<String> {
        let is_meant = |role| match role {
            NameRole::Write => read.is_none(),
            NameRole::Read { index, .. } => read == Some(index),
        };
        let mut names = self.layout.served_of(self.cluster?);
        names.find(|name| is_meant(name.role)).map(|name| name.name.to_string())
    }
}
