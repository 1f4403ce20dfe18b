//! The words of the admin API: what it takes and tells, as JSON.
//!
//! The server (`admin`) and its clients (`cli`, the status page) share these types, and the OpenAPI
//! document is made of them. A field may be added within `/v1`; none is ever removed or given
//! another meaning. Readers pass over fields that they do not know.
//!
//! Most types mirror those of `report`, which is where they are made from.
//!
//! Times are RFC 3339 in UTC with milliseconds. Durations are in the units that their names say.

mod audit;
mod change;
mod discovery;
mod event;
mod explain;
mod overrides;
mod probe;
mod promotion;
mod publish;
mod secondary;
mod session;
mod severity;
mod status;
#[cfg(test)]
mod tests;
mod why;

pub use self::{
    audit::{AuditEntry, AuditLog, AuditOutcome, AuditVia},
    change::{
        Accept, Changed, ConfigText, ConfigWish, DiscoveryText, NameChange, Ready, Refused,
        Reloaded, ServerAdd,
    },
    discovery::{ClusterDiscovery, DiscoveredServer, DiscoverySource, DiscoveryStatus},
    event::{EventEntry, EventKind, Events},
    explain::{Candidate, Explanation, WhatIf},
    overrides::{Drain, End, OverrideKind, OverrideStatus, Pin, Suspend, Undrain},
    probe::{Fact, ProbeFailure, ProbeStep, ProbeStepName, Probed},
    promotion::PromotionCandidate,
    publish::{PublishState, PublishStatus},
    secondary::{SecondaryState, SecondaryStatus},
    session::{KickStatus, SessionGroup, SessionReport, SessionState},
    severity::Severity,
    status::{
        ClusterStatus, Degradation, HookStatus, NameRole, NameStatus, Progress, ProgressKind,
        ServerStatus, Stability, StateStatus, Status, Upstream, WitnessStatus,
    },
    why::{Membership, Why},
};
use crate::wall_time::WallTime;

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(time: WallTime) -> String {
    format!("{time:.3}")
}
