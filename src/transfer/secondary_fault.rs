//! What is wrong with a secondary, as far as it can be told.

use std::fmt;

use hickory_proto::op::ResponseCode;

/// What is wrong with a secondary. It prints as what the secondary does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondaryFault {
    /// We have no socket from which it could be told; with the system's words.
    NoSocket(Box<str>),
    /// The system cannot reach it; with its words.
    Unreachable(Box<str>),
    /// Several questions in a row had no answer.
    Silent,
    /// Its clock and ours are further apart than signatures allow (RFC 8945 section 5.2.3).
    BadTime,
    /// It does not know our key (RFC 8945 section 5.2.1).
    BadKey,
    /// It has another secret for our key (RFC 8945 section 5.2.2).
    BadSignature,
    /// It answers NOTIFY with this code.
    NotifyRefused(ResponseCode),
    /// It says a later serial than ours.
    Ahead,
    /// Its answer has no SOA record.
    NoSoa,
    /// It answers this code when asked for the SOA record.
    SoaRefused(ResponseCode),
}

impl fmt::Display for SecondaryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSocket(error) => write!(f, "cannot be told, for want of a socket: {error}"),
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::Silent => f.write_str("does not answer"),
            Self::BadTime => f.write_str(
                "has a clock that differs from ours by more than 5 minutes (BADTIME): set the \
                 clocks right",
            ),
            Self::BadKey => {
                f.write_str("does not know our key (BADKEY): compare name and algorithm")
            }
            Self::BadSignature => {
                f.write_str("has another secret for our key (BADSIG): compare the secrets")
            }
            Self::NotifyRefused(code) => write!(
                f,
                "answers NOTIFY with {code}: does it have the zone, and allow NOTIFY from us?"
            ),
            Self::Ahead => f.write_str("has a later serial than ours: it follows another primary"),
            Self::NoSoa => f.write_str("answers without a SOA record"),
            Self::SoaRefused(code) => write!(f, "answers {code} when asked for the SOA record"),
        }
    }
}
