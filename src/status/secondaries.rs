//! How bad it is how far others are: secondaries, and names in zones of others.

use crate::{
    push::PushView,
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

/// How bad it is how far a name in somebody else's zone is.
pub fn severity_of_push(push: &PushView) -> Severity {
    match push.state.is_bad() || !push.astray.is_empty() {
        true => Severity::Degraded,
        false => Severity::Ok,
    }
}
