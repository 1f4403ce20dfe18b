//! Ends of MySQL connections that wait for what a fresh one says.
//!
//! `offline_mode` ends the sessions of all ordinary users and then tells the reason to whoever logs
//! in (3032): such a server was never gone. So when MySQL or MariaDB has ended a session of ours,
//! that is told together with the next outcome, or not at all when that one is maintenance. While
//! the server is still ending sessions it may end the fresh one, too: then it is asked once more.
//! None of this delays the news of a crash, for nobody listens then and that is known at once; an
//! outcome that is late is not waited for.

use std::time::Duration;

use crate::engine::{ClusterKind, Failure, FailureKind, Moment, Outcome};

/// What is not told yet, in the order of what happened.
#[derive(Debug, Default)]
pub struct Held(Vec<Told>);

/// An outcome, and when the question was sent that it answers.
#[derive(Debug)]
pub struct Told {
    /// When, or when the outcome came though nobody had asked.
    pub asked: Moment,
    /// What it found.
    pub outcome: Outcome,
}

impl Held {
    /// Whether a server of this `kind` is asked again before `outcome` is told. `begins`: an
    /// established session has ended, and the next probe is due at once.
    pub(super) fn waits(&self, kind: ClusterKind, outcome: &Outcome, begins: bool) -> bool {
        let is_closed =
            matches!(outcome, Outcome::Failed(Failure { kind: FailureKind::Closed, .. }));
        kind == ClusterKind::MySql
            && is_closed
            && (begins && self.0.is_empty() || self.0.len() == 1)
    }

    /// Keeps it until the next outcome.
    pub(super) fn keep(&mut self, told: Told) {
        self.0.push(told);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be told, with the latest.
    pub fn with(&mut self, latest: Option<Told>) -> Vec<Told> {
        let mut all = std::mem::take(&mut self.0);
        let is_maintenance = latest.as_ref().is_some_and(|latest| {
            matches!(&latest.outcome, Outcome::Failed(failure)
                if failure.kind == FailureKind::Offline)
        });
        if is_maintenance {
            all.clear();
        }
        all.into_iter().chain(latest).collect()
    }
}

/// How long an end may wait.
pub const HELD_FOR: Duration = Duration::from_millis(100);
