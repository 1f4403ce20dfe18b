//! How much something asks for attention.
//!
//! A change is judged by what it led to, not by its kind alone. Only what ends well is well: a name
//! that moved or shrank is to be looked at even if what it says now is right, for somebody's sessions
//! are elsewhere.

use super::{
    Change, ClusterView, Concern, Configuration, NameReason, NameView, PASSES_WITHIN, ServerView,
    What,
};
use crate::{
    engine::{Degradation, ReadReason, ServerState, Word, WriteReason},
    wall_time::WallTime,
};

impl Concern {
    /// That of a change.
    pub fn of_change(change: &Change) -> Self {
        match &change.what {
            What::State { to, .. } => Self::of_state(*to),
            What::Witness { to, .. } => of_witness(*to),
            What::Write { from, to, reason, .. } => of_write(from == to, to.is_some(), *reason),
            What::Read { from, to, reason, .. } => of_read(from.len(), to.len(), *reason),
            What::Isolated => Self::Harm,
            What::Reconnected => Self::None,
            What::Kick { .. } => Self::Look,
            What::Override { .. } | What::OverrideDropped { .. } | What::Accepted { .. } => {
                Self::Wanted
            }
            What::Configuration(Configuration::Changed { .. }) => Self::Wanted,
            What::Configuration(Configuration::Refused { .. }) => Self::Look,
            What::Earlier(earlier) => earlier.concern,
        }
    }

    /// That of a cluster at `now`: of its names, its servers and what was laid over it.
    pub fn of_cluster(cluster: &ClusterView, now: WallTime) -> Self {
        let names = cluster.names.iter().map(Self::of_name);
        let servers = cluster.servers.iter().map(|server| Self::of_server(server, now));
        let laid = if cluster.overrides.is_empty() { Self::None } else { Self::Wanted };
        names
            .chain(servers.map(|concern| concern.min(Self::Look)))
            .max()
            .map_or(laid, |most| most.max(laid))
    }

    /// That of a name.
    pub fn of_name(name: &NameView) -> Self {
        match (name.reason.degradation(), name.servers.is_empty()) {
            (Degradation::None, false) => Self::None,
            (Degradation::NotReady, _) => Self::Look,
            (_, true) => Self::Harm,
            (Degradation::Stale, _) if matches!(name.reason, NameReason::Write(_)) => Self::Harm,
            _ => Self::Look,
        }
    }

    /// That of a server by its state, which may have lasted for too long at `now`.
    pub fn of_server(server: &ServerView, now: WallTime) -> Self {
        let age = u128::from(now.since(server.since));
        match Self::of_state(server.state) {
            _ if server.transient && age >= PASSES_WITHIN.as_millis() => Self::Harm,
            Self::None if server.drained => Self::Wanted,
            concern => concern,
        }
    }

    /// That of a state.
    pub fn of_state(state: ServerState) -> Self {
        match state {
            ServerState::Primary | ServerState::Replica | ServerState::Up => Self::None,
            ServerState::Maintenance => Self::Wanted,
            ServerState::Down => Self::Harm,
            state if state.is_alarming() => Self::Harm,
            _ => Self::Look,
        }
    }
}

fn of_write(is_same: bool, has_server: bool, reason: WriteReason) -> Concern {
    match reason {
        _ if !has_server => Concern::Harm,
        // It says what it promises: confirmed, or moved.
        WriteReason::Primary
        | WriteReason::MostPreferred
        | WriteReason::Incumbent
        | WriteReason::HeldFlapping
        | WriteReason::Pinned => {
            if is_same {
                Concern::None
            } else {
                Concern::Look
            }
        }
        // Harmless, and not what it promises: somebody's wish, or what an earlier process said.
        WriteReason::Frozen | WriteReason::Remembered => Concern::Look,
        _ => Concern::Harm,
    }
}

fn of_read(before: usize, now: usize, reason: ReadReason) -> Concern {
    let is_well = matches!(reason, ReadReason::Fit | ReadReason::Few);
    match now {
        0 => Concern::Harm,
        _ if is_well && now >= before => Concern::None,
        _ => Concern::Look,
    }
}

fn of_witness(word: Option<Word>) -> Concern {
    match word {
        Some(Word::Up) => Concern::None,
        Some(Word::Drain | Word::Maint) => Concern::Wanted,
        // No word is a witness that is silent.
        Some(Word::NotLeader | Word::Down) | None => Concern::Look,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::StateReason, report::WishKey};

    fn of(what: What) -> Concern {
        Concern::of_change(&Change {
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
        use ServerState::{Down, Maintenance, Primary, Replica, ReplicaLagging, StalePrimary};
        for (expected, what) in [
            (Concern::Harm, state(Primary, Down)),
            (Concern::Look, state(Replica, ReplicaLagging)),
            (Concern::Harm, state(Down, StalePrimary)),
            (Concern::None, state(Down, Replica)),
            (Concern::Wanted, state(Replica, Maintenance)),
            (Concern::Look, write("db1", "db2", WriteReason::Primary)),
            (Concern::Look, write("", "db2", WriteReason::Primary)),
            (Concern::None, write("db1", "db1", WriteReason::Primary)),
            (Concern::Harm, write("db1", "db1", WriteReason::HeldUnreachable)),
            (Concern::Look, write("db1", "db1", WriteReason::Frozen)),
            (Concern::Harm, write("db1", "", WriteReason::Primary)),
            (Concern::Harm, write("db1", "db1", WriteReason::HeldSplitBrain)),
            (Concern::None, read(&["db2"], &["db2", "db3"], ReadReason::Fit)),
            (Concern::Look, read(&["db2", "db3"], &["db3"], ReadReason::Fit)),
            (Concern::Look, read(&["db2"], &["db1", "db2"], ReadReason::WithPrimary)),
            (Concern::Harm, read(&["db2"], &[], ReadReason::Fit)),
            (Concern::Look, witness(Some(Word::Up), Some(Word::Down))),
            (Concern::Look, witness(Some(Word::Up), None)),
            (Concern::None, witness(Some(Word::Down), Some(Word::Up))),
        ] {
            assert_eq!(of(what.clone()), expected, "{what:?}");
        }
        let refused = Configuration::Refused { faults: "".into() };
        let changed = Configuration::Changed { done: "reloaded".into(), detail: "".into() };
        assert_eq!(of(What::Configuration(refused)), Concern::Look);
        assert_eq!(of(What::Configuration(changed)), Concern::Wanted);
    }

    #[test]
    fn nothing_that_takes_a_server_or_a_name_away_is_marked_as_well() {
        let serves = |state: &ServerState| {
            matches!(state, ServerState::Primary | ServerState::Replica | ServerState::Up)
        };
        for to in ServerState::ALL.into_iter().filter(|state| !serves(state)) {
            assert_ne!(of(state(ServerState::Replica, to)), Concern::None, "{to}");
        }
        let reason = "disk".into();
        let (wish, server, why) = (WishKey::Freeze, None, super::super::DropReason::TimeOver);
        for what in [
            write("db1", "", WriteReason::NotWritable),
            read(&["db1"], &[], ReadReason::Fit),
            witness(Some(Word::Up), None),
            What::Isolated,
            What::OverrideDropped { wish, server, why, reason },
            What::Kick { server: "db1".into(), done: "".into(), detail: "".into() },
        ] {
            assert_ne!(of(what.clone()), Concern::None, "{what:?}");
        }
    }
}
