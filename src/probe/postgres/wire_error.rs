//! Why a login or a statement got no reply: the server's own word, or how the connection failed.

use std::{error::Error as _, io};

use super::{guard::Refused, sqlstate};
use crate::{
    engine::{Failure, FailureKind},
    probe::{
        socket::{Meter, kind_of},
        tls,
        trouble::Trouble,
    },
};

/// Why a statement got no reply.
#[derive(Clone, Debug)]
pub enum WireError {
    /// The server said why.
    Database { code: Box<str>, verdict: sqlstate::Verdict, message: Box<str> },
    /// The connection or the protocol failed.
    Broken(Failure),
}

impl WireError {
    /// What an error of the protocol library means, given what the socket saw.
    pub(super) fn new(error: &tokio_postgres::Error, meter: &Meter) -> Self {
        Self::judged(error, meter, sqlstate::judge)
    }

    /// The same before the login is complete.
    pub(super) fn of_login(error: &tokio_postgres::Error, meter: &Meter) -> Self {
        Self::judged(error, meter, sqlstate::judge_login)
    }

    fn judged(
        error: &tokio_postgres::Error,
        meter: &Meter,
        judge: fn(&str, &str, Option<&str>) -> sqlstate::Verdict,
    ) -> Self {
        if let Some(database) = error.as_db_error() {
            let (code, message) = (database.code().code(), database.message());
            let verdict = judge(code, message, database.routine());
            // Why a server is not ready is in its detail only, in its own language.
            let message = match (code, database.detail()) {
                ("57P03", Some(detail)) => format!("{message} ({detail})").into(),
                _ => message.into(),
            };
            return Self::Database { code: code.into(), verdict, message };
        }
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        let inner = source.and_then(io::Error::get_ref);
        if let Some(rustls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Broken(tls::misconfigured(rustls));
        }
        if let Some(refused) = inner.and_then(|inner| inner.downcast_ref::<Refused>()) {
            return Self::Broken(Failure::new(FailureKind::Misconfigured, refused.to_string()));
        }
        if let Some(end) = meter.end() {
            return Self::Broken(end.clone());
        }
        let mut detail = error.to_string();
        if let Some(source) = error.source() {
            detail = format!("{detail}: {source}");
        }
        // The library keeps the kind of its errors to itself; its own words are stable within one
        // major version, and every word that is not known here is a soft failure.
        let kind = match detail.as_str() {
            text if text.starts_with("error performing TLS handshake")
                || text.starts_with("authentication error")
                || text.starts_with("invalid configuration") =>
            {
                FailureKind::Misconfigured
            }
            "connection closed" => FailureKind::Closed,
            _ => match source.map(kind_of) {
                Some(FailureKind::TimedOut) => FailureKind::TimedOut,
                _ => FailureKind::Garbled,
            },
        };
        Self::Broken(Failure::new(kind, detail))
    }

    /// How a connection ended. Only a client that has left ends it without an error.
    pub(super) fn of_end(end: Result<(), tokio_postgres::Error>, meter: &Meter) -> Self {
        match end {
            Ok(()) => Self::closed(),
            Err(error) => Self::new(&error, meter),
        }
    }

    pub(super) fn closed() -> Self {
        Self::Broken(Failure::new(FailureKind::Closed, "the server closed the connection"))
    }

    /// The more telling of the two ways in which reply and connection ended.
    pub(super) fn or_rather(self, end: Option<&Self>) -> Self {
        match (&self, end) {
            (Self::Broken(_), Some(end)) => end.clone(),
            _ => self,
        }
    }

    /// Whether the same statement may well succeed at once.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Database { code, .. } if sqlstate::is_passing(code))
    }

    /// Whether a login without TLS may succeed where this one did not.
    pub(super) fn may_pass_without_tls(&self) -> bool {
        match self {
            Self::Database { code, .. } => &**code == "28000",
            Self::Broken(failure) => {
                failure.kind == FailureKind::Misconfigured && failure.detail.contains("TLS")
            }
        }
    }
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Broken(failure) => Self::Failed(failure),
            WireError::Database { verdict: sqlstate::Verdict::Expired, .. } => Self::Expired,
            WireError::Database { code, verdict: sqlstate::Verdict::Failed(kind), message } => {
                Self::Failed(Failure::new(kind, format!("{code} {message}")))
            }
        }
    }
}
