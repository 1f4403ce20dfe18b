//! How much a change asks for attention: by what it led to, not by its kind alone.
//!
//! Only what ends well is marked as well. A name that moved or shrank is to be looked at even if
//! what it says now is right: somebody's sessions are elsewhere.

use super::view::Concern;
use crate::{
    api::{EventEntry, EventKind},
    engine::{ReadReason, Word, WriteReason},
};

/// Reasons of a write name that says what it promises.
const WRITES_WELL: [WriteReason; 5] = [
    WriteReason::Primary,
    WriteReason::MostPreferred,
    WriteReason::Incumbent,
    WriteReason::HeldFlapping,
    WriteReason::Pinned,
];

/// Reasons of a write name that are harmless and yet not what it promises: somebody's wish, and
/// what an earlier process said.
const WRITES_AS_BEFORE: [WriteReason; 2] = [WriteReason::Frozen, WriteReason::Remembered];

/// Reasons of a read name that says what it promises.
const READS_WELL: [ReadReason; 2] = [ReadReason::Fit, ReadReason::Few];

impl Concern {
    /// That of a change.
    pub(super) fn of_event(event: &EventEntry) -> Self {
        let [from, to] = [&event.from, &event.to].map(|side| side.as_deref().unwrap_or_default());
        match event.kind {
            EventKind::NoWriter
            | EventKind::SplitBrain
            | EventKind::ReadEmpty
            | EventKind::Isolated => Self::Harm,
            EventKind::ServerState => Self::of_state(to),
            EventKind::WriteChanged => of_write(from, to, &event.reason),
            EventKind::ReadChanged => of_read(from, to, &event.reason),
            EventKind::Witness => of_witness(to),
            EventKind::Reconnected => Self::None,
            EventKind::Kick => Self::Look,
            EventKind::Override | EventKind::Accepted => Self::Wanted,
            // A reload that was refused leaves what was in force.
            EventKind::Config if event.reason.starts_with("not reloaded") => Self::Look,
            EventKind::Config => Self::Wanted,
        }
    }
}

fn of_write(from: &str, to: &str, reason: &str) -> Concern {
    let is_one_of = |reasons: &[WriteReason]| reasons.iter().any(|one| one.to_string() == reason);
    if to.is_empty() {
        Concern::Harm
    } else if is_one_of(&WRITES_WELL) {
        // Confirmed, and not moved.
        if from == to { Concern::None } else { Concern::Look }
    } else if is_one_of(&WRITES_AS_BEFORE) {
        Concern::Look
    } else {
        Concern::Harm
    }
}

fn of_read(from: &str, to: &str, reason: &str) -> Concern {
    let count = |servers: &str| servers.split(',').filter(|server| !server.is_empty()).count();
    let is_well = READS_WELL.iter().any(|one| one.to_string() == reason);
    match count(to) {
        0 => Concern::Harm,
        now if is_well && now >= count(from) => Concern::None,
        _ => Concern::Look,
    }
}

fn of_witness(word: &str) -> Concern {
    match Word::ALL.into_iter().find(|one| one.to_string() == word) {
        Some(Word::Up) => Concern::None,
        Some(Word::Drain | Word::Maint) => Concern::Wanted,
        // No word is a witness that is silent.
        Some(Word::NotLeader | Word::Down) | None => Concern::Look,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ServerState;

    fn of(kind: EventKind, from: &str, to: &str, reason: &str) -> Concern {
        Concern::of_event(&EventEntry {
            id: 1,
            at: "2026-11-21T06:00:00.000Z".into(),
            kind,
            cluster: Some("orders".into()),
            server: None,
            name: None,
            from: (!from.is_empty()).then(|| from.into()),
            to: (!to.is_empty()).then(|| to.into()),
            reason: reason.into(),
            detail: String::new(),
        })
    }

    #[test]
    fn only_what_ends_well_is_marked_as_well() {
        use EventKind::{ReadChanged, ServerState, Witness, WriteChanged};
        let [held, primary] = [WriteReason::HeldUnreachable, WriteReason::Primary].map(text);
        let frozen = WriteReason::Frozen.to_string();
        let [fit, helped] = [ReadReason::Fit, ReadReason::WithPrimary].map(|one| one.to_string());
        for (expected, kind, from, to, reason) in [
            (Concern::Harm, ServerState, "Primary", "Down", "connection refused"),
            (Concern::Look, ServerState, "Replica", "ReplicaLagging", ""),
            (Concern::Harm, ServerState, "Down", "StalePrimary", ""),
            (Concern::None, ServerState, "Down", "Replica", ""),
            (Concern::Wanted, ServerState, "Replica", "Maintenance", ""),
            (Concern::Look, WriteChanged, "db1", "db2", &*primary),
            (Concern::Look, WriteChanged, "", "db2", &*primary),
            (Concern::None, WriteChanged, "db1", "db1", &*primary),
            (Concern::Harm, WriteChanged, "db1", "db1", &*held),
            (Concern::Look, WriteChanged, "db1", "db1", &*frozen),
            (Concern::Harm, WriteChanged, "db1", "", &*primary),
            (Concern::None, ReadChanged, "db2", "db2,db3", &*fit),
            (Concern::Look, ReadChanged, "db2,db3", "db3", &*fit),
            (Concern::Look, ReadChanged, "db2", "db1,db2", &*helped),
            (Concern::Harm, ReadChanged, "db2", "", &*fit),
            (Concern::Look, Witness, "up", "down", "patroni"),
            (Concern::Look, Witness, "up", "", "patroni"),
            (Concern::None, Witness, "down", "up", "patroni"),
        ] {
            assert_eq!(of(kind, from, to, reason), expected, "{kind:?} {from} → {to}: {reason}");
        }
        let refused = of(EventKind::Config, "", "", "not reloaded: the configuration has faults");
        assert_eq!(
            (refused, of(EventKind::Config, "", "", "reloaded")),
            (Concern::Look, Concern::Wanted)
        );
    }

    #[test]
    fn nothing_that_takes_a_server_or_a_name_away_is_marked_as_well() {
        for kind in EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Reconnected) {
            assert_ne!(of(kind, "db1", "", ""), Concern::None, "{kind:?}");
        }
        let serves = |state: &ServerState| {
            matches!(state, ServerState::Primary | ServerState::Replica | ServerState::Up)
        };
        for state in ServerState::ALL.into_iter().filter(|state| !serves(state)) {
            let concern = of(EventKind::ServerState, "Replica", &state.to_string(), "");
            assert_ne!(concern, Concern::None, "{state}");
        }
    }

    fn text(reason: WriteReason) -> String {
        reason.to_string()
    }
}
