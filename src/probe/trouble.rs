//! Why a session is of no more use, and how long it is said goodbye to.

use std::time::Duration;

use crate::engine::{Failure, FailureKind};

/// Why a session is of no more use.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server ended it because it was idle for long. Says nothing about the server.
    Expired,
    /// Something to report.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Trouble {
    /// The failure to report when no silent way out is left.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Expired => Failure::new(
                FailureKind::Troubled,
                "the server ends sessions faster than they are used",
            ),
            Self::Failed(failure) => failure,
        }
    }
}

/// How long a goodbye may take: a full socket buffer is no reason to hang around.
pub const GOODBYE: Duration = Duration::from_millis(100);
