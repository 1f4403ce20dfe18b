//! A login for one piece of work beside the probes: asks for whole tables, and leaves.
//!
//! It reaches the server as the probe does, with the same encryption and the same words for what
//! fails. What is asked is the caller's business.

use tokio::time::{Instant, timeout_at};

use super::{dial::Dial, mysql, postgres, trouble::GOODBYE};
use crate::engine::{ClusterKind, Failure, FailureKind};

/// A logged-in connection to a PostgreSQL, MySQL or MariaDB server. One that is dropped without
/// [`Visit::leave`] is a broken connection in the server's log.
pub struct Visit(Login);

enum Login {
    Postgres(Box<postgres::Wire>),
    MySql(Box<mysql::Link>),
}

/// One row: the text of each column, `None` for SQL's NULL.
pub type Row = Vec<Option<Box<str>>>;

/// Why a statement brought no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VisitError {
    /// The server refused the statement; the login is fine.
    Refused {
        /// The SQLSTATE, or the error number of MySQL and MariaDB.
        code: Box<str>,
        /// The server's words.
        message: Box<str>,
    },
    /// The login is of no more use.
    Broken(Failure),
}

impl Visit {
    /// Connects, encrypts and logs in by `deadline`.
    ///
    /// # Errors
    /// How it failed; [`FailureKind::Misconfigured`] also for `tcp`, where nobody logs in.
    pub async fn begin(
        kind: ClusterKind,
        dial: &mut Dial,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        match kind {
            ClusterKind::Postgres => {
                let wire =
                    postgres::Wire::open(dial, &postgres::options(dial.config.timeout), deadline)
                        .await?;
                Ok(Self(Login::Postgres(Box::new(wire))))
            }
            ClusterKind::MySql => {
                let mut kept = mysql::KeptLogin::default();
                let link = mysql::Link::open(dial, &mut kept, deadline).await?;
                Ok(Self(Login::MySql(Box::new(link))))
            }
            ClusterKind::Tcp => {
                Err(Failure::new(FailureKind::Misconfigured, "\"tcp\" servers take no login"))
            }
        }
    }

    /// All rows that `statement` returns, by `deadline`; at most [`Visit::ROWS_MAX`].
    ///
    /// # Errors
    /// [`VisitError`].
    pub async fn rows(
        &mut self,
        statement: &str,
        deadline: Instant,
    ) -> Result<Vec<Row>, VisitError> {
        let most = (Self::ROWS_MAX, OCTETS_MAX);
        match &mut self.0 {
            Login::Postgres(wire) => {
                let reply = wire.ask_for_table(statement, most, deadline).await?;
                reply.rows().map_err(VisitError::Broken)
            }
            Login::MySql(link) => match timeout_at(deadline, link.table(statement, most)).await {
                Ok(reply) => Ok(reply?.into_rows()),
                // The login is as old as the visit.
                Err(_) => Err(VisitError::Broken(Failure::new(
                    FailureKind::Unresponsive,
                    "logged in, but the question got no reply",
                ))),
            },
        }
    }

    /// Says goodbye.
    pub async fn leave(self) {
        let by = Instant::now() + GOODBYE;
        match self.0 {
            // A connection that does not take the goodbye is closed all the same.
            Login::Postgres(wire) => _ = timeout_at(by, wire.close()).await,
            Login::MySql(mut link) => link.quit(by).await,
        }
    }

    /// Rows of one reply at most.
    pub const ROWS_MAX: usize = 50_000;
}

/// Octets of one reply at most.
const OCTETS_MAX: usize = 32 * 1024 * 1024;

impl From<postgres::WireError> for VisitError {
    fn from(error: postgres::WireError) -> Self {
        match error {
            postgres::WireError::Database { code, message, .. } => Self::Refused { code, message },
            postgres::WireError::Broken(failure) => Self::Broken(failure),
        }
    }
}

impl From<mysql::Fault> for VisitError {
    fn from(fault: mysql::Fault) -> Self {
        match fault {
            mysql::Fault::Refused { code, message } => {
                Self::Refused { code: code.to_string().into(), message }
            }
            mysql::Fault::Broken(trouble) => Self::Broken(trouble.into_failure()),
        }
    }
}
