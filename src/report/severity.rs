//! How bad something is, as every voice tells it: page, command line, metrics, API.

use std::fmt;

/// How bad. What an operator has wished is no alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    #[default]
    Ok,
    /// As an operator wants it: an override decides it.
    Wanted,
    /// Clients are served, and somebody should look.
    Degraded,
    /// Clients are not served as promised, or writes are in danger.
    Outage,
}

impl Severity {
    /// As people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wanted => "as wanted",
            Self::Degraded => "degraded",
            Self::Outage => "outage",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
