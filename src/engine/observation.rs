//! What one probe of one server came to.

use std::fmt;

use super::{Check, Facts, Moment, ServerId, Testimony};

/// One probe of one server. Stamped with its moments by whoever hands it to the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Whom the probe asked.
    pub server: ServerId,
    /// When it asked. What a reply says was true then or later, and need not be true any more when
    /// it arrives: evidence is dated by the question.
    pub asked: Moment,
    /// What it found.
    pub outcome: Outcome,
}

/// A dead database is an outcome, never an error of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The server answered every question.
    Answered(Facts),
    /// It did not, and this is how.
    Failed(Failure),
    /// A witness was asked about it, and said this or could not be reached.
    Witnessed(Check, Result<Testimony, Failure>),
}

impl Outcome {
    /// Whether it proves that our network reaches the server's host.
    pub fn is_from_the_host(&self) -> bool {
        match self {
            Self::Answered(_) => true,
            Self::Failed(failure) => !failure.kind.may_be_ours(),
            Self::Witnessed(..) => false,
        }
    }
}

/// How a probe failed: its kind decides, its detail is only for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the failure proves.
    pub kind: FailureKind,
    /// The server's or the system's words, without secrets; for the log and the status.
    pub detail: Box<str>,
}

impl Failure {
    /// A failure of `kind`, in the words of whoever reported it.
    pub fn new(kind: FailureKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What a failed probe proves. The tables in `docs/PROBES.md` map SQLSTATEs and error numbers to
/// these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// Nobody listens on the port. Hard evidence.
    Refused,
    /// The connection ended in the middle (EOF, reset, an administrator's termination). Hard
    /// evidence once a second connect agrees.
    Closed,
    /// The server says that it is shutting down. Hard evidence.
    ShuttingDown,
    /// No reply within the deadline, and no connection was accepted meanwhile. Soft evidence.
    TimedOut,
    /// The host accepted the connection, and then nothing came within the deadline: our network
    /// carries as far as the host. Soft evidence.
    Unresponsive,
    /// The network says that there is no way to the host. Soft evidence.
    Unreachable,
    /// The probe address is a host name and it does not resolve. Soft evidence.
    Unresolved,
    /// The reply does not follow the protocol. Soft evidence.
    Garbled,
    /// The server is in trouble: disk full, out of memory, internal error, statement timeout. Soft
    /// evidence.
    Troubled,
    /// Alive, not ready for clients yet.
    Starting,
    /// Alive, and every connection slot is taken.
    Saturated,
    /// Alive, and it does not let the probe in: password, host rule, missing database or grant,
    /// TLS, own limits.
    Misconfigured,
    /// Alive, and kept from clients by its administrator.
    Offline,
    /// Alive, and its group has no quorum or does not count it as a member.
    GroupUnready,
}

/// What kind of evidence a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The server is gone, once confirmed.
    Hard,
    /// The server may be gone; several in a row are needed.
    Soft,
    /// The server is alive and said why it cannot answer.
    Alive,
}

impl FailureKind {
    /// All kinds, for tests and documentation.
    pub const ALL: [Self; 14] = [
        Self::Refused,
        Self::Closed,
        Self::ShuttingDown,
        Self::TimedOut,
        Self::Unresponsive,
        Self::Unreachable,
        Self::Unresolved,
        Self::Garbled,
        Self::Troubled,
        Self::Starting,
        Self::Saturated,
        Self::Misconfigured,
        Self::Offline,
        Self::GroupUnready,
    ];

    /// How much this failure proves.
    pub fn evidence(self) -> Evidence {
        match self {
            Self::Refused | Self::Closed | Self::ShuttingDown => Evidence::Hard,
            Self::TimedOut
            | Self::Unresponsive
            | Self::Unreachable
            | Self::Unresolved
            | Self::Garbled
            | Self::Troubled => Evidence::Soft,
            Self::Starting
            | Self::Saturated
            | Self::Misconfigured
            | Self::Offline
            | Self::GroupUnready => Evidence::Alive,
        }
    }

    /// Whether the failure leaves open that our own network is at fault: nothing of the host was
    /// heard.
    pub fn may_be_ours(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unreachable | Self::Unresolved)
    }

    /// Whether the database said nothing, wherever that was lost: others may know that it lives.
    pub fn is_silence(self) -> bool {
        self.may_be_ours() || self == Self::Unresponsive
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Closed => "connection closed",
            Self::ShuttingDown => "shutting down",
            Self::TimedOut => "no reply in time",
            Self::Unresponsive => "accepts connections and does not answer",
            Self::Unreachable => "host unreachable",
            Self::Unresolved => "host name does not resolve",
            Self::Garbled => "reply does not follow the protocol",
            Self::Troubled => "server in trouble",
            Self::Starting => "starting up",
            Self::Saturated => "no free connection slot",
            Self::Misconfigured => "does not let the probe in",
            Self::Offline => "in offline mode",
            Self::GroupUnready => "its group does not count it in",
        })
    }
}

/// `connection refused` or, with a detail, `does not let the probe in (28P01 password
/// authentication failed)`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.detail {
            "" => write!(f, "{}", self.kind),
            detail => write!(f, "{} ({detail})", self.kind),
        }
    }
}
