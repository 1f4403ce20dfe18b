//! How bad something is, in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::report;

/// How bad something is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
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
    pub fn words(self) -> &'static str {
        report::Severity::from(self).words()
    }
}

impl From<Severity> for report::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Self::Ok,
            Severity::Wanted => Self::Wanted,
            Severity::Degraded => Self::Degraded,
            Severity::Outage => Self::Outage,
        }
    }
}

impl From<report::Severity> for Severity {
    fn from(severity: report::Severity) -> Self {
        match severity {
            report::Severity::Ok => Self::Ok,
            report::Severity::Wanted => Self::Wanted,
            report::Severity::Degraded => Self::Degraded,
            report::Severity::Outage => Self::Outage,
        }
    }
}
