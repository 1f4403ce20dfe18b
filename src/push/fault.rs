//! Why somebody else's zone can be neither read nor changed.

use std::fmt;

use hickory_proto::op::ResponseCode;

/// Why somebody else's zone can be neither read nor changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushFault {
    /// There is no connection; with the system's words.
    Unreachable(Box<str>),
    /// There is no answer in time.
    Silent,
    /// What comes is no reply to what was sent.
    Garbled,
    /// The reply is not signed by who has our key.
    Unsigned,
    /// The server does not know our key (RFC 8945 section 5.2.1).
    BadKey,
    /// It has another secret for our key (RFC 8945 section 5.2.2).
    BadSignature,
    /// Its clock and ours are further apart than signatures allow (RFC 8945 section 5.2.3).
    BadTime,
    /// It does not answer questions for the zone.
    NotRead(ResponseCode),
    /// It answers, and has no authority for the zone.
    NoAuthority,
    /// It does not take the update.
    NotWritten(ResponseCode),
}

impl fmt::Display for PushFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::Silent => f.write_str("does not answer"),
            Self::Garbled => f.write_str("does not answer what was asked"),
            Self::Unsigned => f.write_str("answers without a signature of our key"),
            Self::BadKey => {
                f.write_str("does not know our key (BADKEY): compare name and algorithm")
            }
            Self::BadSignature => {
                f.write_str("has another secret for our key (BADSIG): compare the secrets")
            }
            Self::BadTime => f.write_str(
                "has a clock that differs from ours by more than 5 minutes (BADTIME): set the \
                 clocks right",
            ),
            Self::NotRead(code) => write!(f, "answers {code} when asked for the name"),
            Self::NoAuthority => f.write_str("does not have the zone"),
            Self::NotWritten(code) => {
                write!(
                    f,
                    "answers {code} to an update: may our key change the name and its owner record?"
                )
            }
        }
    }
}
