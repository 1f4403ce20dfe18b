//! Why a query is not looked up, and the codes that say so.

use super::edns::ExtendedError;

/// Why a query is not looked up.
pub struct Refusal {
    /// The response code.
    pub code: u16,
    /// What explains it.
    pub error: Option<ExtendedError<'static>>,
}

/// The frame or the options are broken.
pub const FORM_ERROR: Refusal = Refusal { code: FORMERR, error: None };

/// A refusal without an explanation.
pub fn refuse<T>(code: u16) -> Result<T, Refusal> {
    Err(Refusal { code, error: None })
}

/// A refusal with one.
pub fn refuse_because<T>(code: u16, error: ExtendedError<'static>) -> Result<T, Refusal> {
    Err(Refusal { code, error: Some(error) })
}

// Response codes (RFC 6895 section 2.3).

/// Nothing is wrong.
pub const NOERROR: u16 = 0;
/// The query is broken.
pub const FORMERR: u16 = 1;
/// We cannot answer now.
pub const SERVFAIL: u16 = 2;
/// There is no such name.
pub const NXDOMAIN: u16 = 3;
/// We do not do such things.
pub const NOTIMP: u16 = 4;
/// The client may not have that.
pub const REFUSED: u16 = 5;
/// The signature is not good.
pub const NOTAUTH: u16 = 9;
/// There is no such version of EDNS.
pub const BADVERS: u16 = 16;
/// The cookie is none of ours.
pub const BADCOOKIE: u16 = 23;
