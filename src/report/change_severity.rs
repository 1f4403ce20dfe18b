//! How bad a change is.
//!
//! A change is judged by what it led to, not by its kind alone. Only what ends well is well: a name
//! that moved or shrank is to be looked at even if what it says now is right, for somebody's sessions
//! are elsewhere.

use super::{Change, Configuration, PublishTurn, SecondaryTurn, Severity, What};
use crate::engine::{ReadReason, ServerState, Word, WriteReason};

impl Severity {
    /// How bad a change is.
    pub fn of_change(change: &Change) -> Self {
        match &change.what {
            What::State { to, .. } => Self::of_state(*to),
            What::Witness { to, .. } => of_witness(*to),
            What::Write { from, to, reason, .. } => of_write(from == to, to.is_some(), *reason),
            What::Read { from, to, reason, .. } => of_read(from.len(), to.len(), *reason),
            What::Isolated => Self::Outage,
            What::Reconnected => Self::Ok,
            What::Kick { .. } => Self::Degraded,
            What::Override { .. } | What::OverrideDropped { .. } | What::Accepted { .. } => {
                Self::Wanted
            }
            What::Configuration(Configuration::Changed { .. }) => Self::Wanted,
            What::Configuration(Configuration::Refused { .. }) => Self::Degraded,
            What::Discovery(discovery) => discovery.severity(),
            What::Secondary { turn: SecondaryTurn::Behind { .. }, .. } => Self::Degraded,
            What::Secondary { turn: SecondaryTurn::Level { .. }, .. } => Self::Ok,
            What::Publish { turn, .. } => match turn {
                PublishTurn::Written { .. } | PublishTurn::Level => Self::Ok,
                PublishTurn::Righted { .. } | PublishTurn::Stopped { .. } => Self::Degraded,
            },
            What::Earlier(earlier) => earlier.severity,
        }
    }

    /// How bad a state is by itself.
    pub fn of_state(state: ServerState) -> Self {
        match state {
            ServerState::Primary | ServerState::Replica | ServerState::Up => Self::Ok,
            ServerState::OutOfService => Self::Wanted,
            ServerState::Down => Self::Outage,
            state if state.is_alarming() => Self::Outage,
            _ => Self::Degraded,
        }
    }
}

fn of_write(is_same: bool, has_server: bool, reason: WriteReason) -> Severity {
    match reason {
        WriteReason::Drained | WriteReason::Maintenance => Severity::Wanted,
        _ if !has_server => Severity::Outage,
        // It says what it promises: confirmed, or moved.
        WriteReason::Primary
        | WriteReason::MostPreferred
        | WriteReason::Incumbent
        | WriteReason::HeldFlapping
        | WriteReason::Pinned => {
            if is_same {
                Severity::Ok
            } else {
                Severity::Degraded
            }
        }
        WriteReason::Frozen => Severity::Wanted,
        // Harmless, and not what it promises: what an earlier process said.
        WriteReason::Remembered => Severity::Degraded,
        _ => Severity::Outage,
    }
}

fn of_read(before: usize, now: usize, reason: ReadReason) -> Severity {
    let is_well = matches!(reason, ReadReason::Eligible | ReadReason::Few);
    match now {
        _ if reason.is_wished() => Severity::Wanted,
        0 => Severity::Outage,
        _ if is_well && now >= before => Severity::Ok,
        _ => Severity::Degraded,
    }
}

fn of_witness(word: Option<Word>) -> Severity {
    match word {
        Some(Word::Up) => Severity::Ok,
        Some(Word::Drain | Word::Maint) => Severity::Wanted,
        // No word is a witness that is silent.
        Some(Word::NotLeader | Word::Down) | None => Severity::Degraded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::StateReason, report::WishKey, wall_time::WallTime};

    fn of(what: What) -> Severity {
        Severity::of_change(&Change {
            at: WallTime::default(),
            cluster: Some("orders".into()),
            what,
        })
    }

    fn state(from: ServerState, to: ServerState) -> What {
        let (server, reason, detail) = ("db1".into(), StateReason::Fresh, "".into());
        What::State { server, from, to, reason, detail }
    }

    fn write(from: &str, to: &str, reason: WriteReason) -> What {
        let [from, to] = [from, to].map(|name| (!name.is_empty()).then(|| name.into()));
        What::Write { name: "db-write.internal.".into(), from, to, reason }
    }

    fn read(from: &[&str], to: &[&str], reason: ReadReason) -> What {
        let [from, to] = [from, to].map(|names| names.iter().map(|name| (*name).into()).collect());
        What::Read { name: "db-read.internal.".into(), from, to, reason }
    }

    fn witness(from: Option<Word>, to: Option<Word>) -> What {
        let (server, check, detail) = ("db1".into(), crate::engine::Check::Patroni, "".into());
        What::Witness { server, check, from, to, detail }
    }

    #[test]
    fn only_what_ends_well_is_marked_as_well() {
        use ServerState::{Down, OutOfService, Primary, Replica, ReplicaLagging, StalePrimary};
        for (expected, what) in [
            (Severity::Outage, state(Primary, Down)),
            (Severity::Degraded, state(Replica, ReplicaLagging)),
            (Severity::Outage, state(Down, StalePrimary)),
            (Severity::Ok, state(Down, Replica)),
            (Severity::Wanted, state(Replica, OutOfService)),
            (Severity::Degraded, write("db1", "db2", WriteReason::Primary)),
            (Severity::Degraded, write("", "db2", WriteReason::Primary)),
            (Severity::Ok, write("db1", "db1", WriteReason::Primary)),
            (Severity::Outage, write("db1", "db1", WriteReason::HeldUnreachable)),
            (Severity::Wanted, write("db1", "db1", WriteReason::Frozen)),
            (Severity::Wanted, write("db1", "", WriteReason::Maintenance)),
            (Severity::Wanted, read(&["db2"], &[], ReadReason::Drained)),
            (Severity::Outage, write("db1", "", WriteReason::Primary)),
            (Severity::Outage, write("db1", "db1", WriteReason::HeldSplitBrain)),
            (Severity::Ok, read(&["db2"], &["db2", "db3"], ReadReason::Eligible)),
            (Severity::Degraded, read(&["db2", "db3"], &["db3"], ReadReason::Eligible)),
            (Severity::Degraded, read(&["db2"], &["db1", "db2"], ReadReason::WithPrimary)),
            (Severity::Outage, read(&["db2"], &[], ReadReason::Eligible)),
            (Severity::Degraded, witness(Some(Word::Up), Some(Word::Down))),
            (Severity::Degraded, witness(Some(Word::Up), None)),
            (Severity::Ok, witness(Some(Word::Down), Some(Word::Up))),
        ] {
            assert_eq!(of(what.clone()), expected, "{what:?}");
        }
        let refused = Configuration::Refused { faults: "".into() };
        let changed = Configuration::Changed { done: "reloaded".into(), detail: "".into() };
        assert_eq!(of(What::Configuration(refused)), Severity::Degraded);
        assert_eq!(of(What::Configuration(changed)), Severity::Wanted);
    }

    #[test]
    fn nothing_that_takes_a_server_or_a_name_away_is_marked_as_well() {
        let serves = |state: &ServerState| {
            matches!(state, ServerState::Primary | ServerState::Replica | ServerState::Up)
        };
        for to in ServerState::ALL.into_iter().filter(|state| !serves(state)) {
            assert_ne!(of(state(ServerState::Replica, to)), Severity::Ok, "{to}");
        }
        let reason = "disk".into();
        let (wish, server, why) = (WishKey::Freeze, None, super::super::DropReason::TimeOver);
        for what in [
            write("db1", "", WriteReason::NotWritable),
            read(&["db1"], &[], ReadReason::Eligible),
            witness(Some(Word::Up), None),
            What::Isolated,
            What::OverrideDropped { wish, server, why, reason },
            What::Kick { server: "db1".into(), done: "".into(), detail: "".into() },
        ] {
            assert_ne!(of(what.clone()), Severity::Ok, "{what:?}");
        }
    }
}
