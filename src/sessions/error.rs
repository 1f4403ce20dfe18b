//! Why nothing is known of a server's sessions, or none was ended.

use crate::{engine::Failure, plain_text::one_line, probe::VisitError};

/// It prints with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionsError {
    /// No server has this name.
    #[error("there is no server {0:?}; `pointsman status` lists them")]
    UnknownServer(Box<str>),
    /// There is nobody to ask.
    #[error("{0} has no sessions that could be asked for: servers of engine \"tcp\" have none")]
    NoSessions(Box<str>),
    /// There is no user to ask as.
    #[error("nobody logs in to {0}; give [cluster.probe] a `user`, or [cluster.kick] one")]
    NoLogin(Box<str>),
    /// Nobody has said whose sessions may be ended.
    #[error(
        "no sessions of {0} may be ended: [cluster.kick] of its cluster is off or missing; its \
         `users` and `databases` say whose are meant, and `mode` = \"on\" that they are ended"
    )]
    KickIsOff(Box<str>),
    /// Clients are led to it.
    #[error(
        "{server} is in {name}, so its sessions are left alone; `pointsman drain` takes it out"
    )]
    InAName {
        /// The server.
        server: Box<str>,
        /// The first name that says it.
        name: Box<str>,
    },
    /// The server could not be reached or asked.
    #[error("{server} cannot be asked for its sessions: {fault}")]
    Failed {
        /// The server.
        server: Box<str>,
        /// What failed.
        fault: Fault,
    },
}

/// What a visit to a server came to, if not to what it was for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection, no login, or no reply.
    #[error("{0}")]
    Broken(Failure),
    /// It refused a statement.
    #[error("it refuses with {code}: {message}")]
    Refused {
        /// SQLSTATE or error number.
        code: Box<str>,
        /// The server's words.
        message: Box<str>,
    },
    /// The user lacks a right.
    #[error("{user} may not {what}; run on the primary: {grant}")]
    Missing {
        /// The user.
        user: Box<str>,
        /// What it may not do.
        what: &'static str,
        /// The SQL that gives the right.
        grant: Box<str>,
    },
    /// A reply that is not what the statement returns.
    #[error("its reply to {0} is not understood")]
    Odd(&'static str),
    /// A name may have come back to it.
    #[error("a name may say it again")]
    Returned,
}

impl From<VisitError> for Fault {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::Refused { code, message } => {
                // The server's words go into logs: they stay in one line.
                Self::Refused { code, message: one_line(&message).into() }
            }
            VisitError::Broken(failure) => Self::Broken(failure),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}
