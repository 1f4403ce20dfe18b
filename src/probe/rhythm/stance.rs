//! What a server last showed, as far as a change of it calls for a second look.

use crate::engine::{Evidence, Facts, Outcome, PostgresRole};

/// The part of an outcome that decides whether the next probe can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Nothing: not asked yet, or a failure that is no hard evidence.
    Unknown,
    /// Hard evidence that it is gone.
    Gone,
    /// It accepts writes.
    Writable,
    /// It is a primary by role and accepts no writes, or MySQL's equal of it.
    ReadOnly,
    /// It follows, or roles do not apply.
    Follower,
}

impl Stance {
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Failed(failure) if failure.kind.evidence() == Evidence::Hard => Self::Gone,
            Outcome::Failed(_) => Self::Unknown,
            Outcome::Answered(facts) => Self::of_facts(facts),
            Outcome::Witnessed(..) => Self::Unknown,
        }
    }

    pub fn of_facts(facts: &Facts) -> Self {
        match facts {
            Facts::Tcp => Self::Follower,
            facts if facts.claims_writable() => Self::Writable,
            Facts::Postgres(facts) => match facts.role {
                PostgresRole::Primary { .. } => Self::ReadOnly,
                PostgresRole::Standby { .. } => Self::Follower,
            },
            Facts::MySql(_) => Self::ReadOnly,
        }
    }

    /// Whether a server that said it follows, or that it is read-only, is writable.
    pub fn is_promotion(self, before: Self) -> bool {
        self == Self::Writable && matches!(before, Self::ReadOnly | Self::Follower)
    }

    /// Whether this, after `before`, is worth a second look at once.
    pub fn calls_for_second_look(self, before: Self) -> bool {
        match (before, self) {
            (before, now) if before == now => false,
            (_, Self::Unknown) => false,
            (_, Self::Gone | Self::Writable) => true,
            (before, _) => !matches!(before, Self::Unknown | Self::Gone),
        }
    }
}
