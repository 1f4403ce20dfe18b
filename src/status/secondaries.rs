//! How bad it is how far a secondary is.

use crate::{
    report::Severity,
    transfer::{SecondaryState, SecondaryView},
};

/// How bad it is.
pub fn severity_of_secondary(secondary: &SecondaryView) -> Severity {
    match secondary.state() {
        SecondaryState::NotReady | SecondaryState::Following => Severity::Ok,
        SecondaryState::Level if secondary.fault.is_none() => Severity::Ok,
        SecondaryState::Level | SecondaryState::Behind => Severity::Degraded,
    }
}
