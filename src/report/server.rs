//! One server by its name.

use std::{net::IpAddr, time::Duration};

use super::{ClusterReport, NameView, ServerReport, Severity, WitnessReport};
use crate::{
    answers::PublishedServer,
    engine::{
        Extent, Lag, Moment, Progress, ServerIndex, ServerState, Standing, StateReason, Upstream,
        Wish,
    },
    wall_time::WallTime,
};

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its name.
    pub name: Box<str>,
    /// The published addresses.
    pub addresses: Vec<IpAddr>,
    /// The published port.
    pub port: u16,
    /// Its state.
    pub state: ServerState,
    /// Why it is in that state.
    pub reason: StateReason,
    /// Since when.
    pub since: WallTime,
    /// How far it is behind the primary, where known.
    pub lag: Option<Lag>,
    /// Whom it replicates from, by its last good reply; `None` when it does not, or does not tell.
    pub upstream: Option<Upstream<Box<str>>>,
    /// How far what it has reaches, while its cluster misses a writer.
    pub extent: Option<Extent>,
    /// What its next probes may make of it, while something is being counted.
    pub progress: Option<Progress>,
    /// The words of its present failure, if it fails.
    pub failure: Option<Box<str>>,
    /// The names that say it now.
    pub names: Vec<Box<str>>,
    /// What others say of it.
    pub witnesses: Box<[WitnessReport]>,
    /// Whether it was added while the service ran and is not in the configuration file.
    pub added: bool,
    /// Whether an operator has drained it.
    pub drained: bool,
    /// Whether its state is one that should pass soon.
    pub transient: bool,
    /// Whether it has not passed for longer than `PASSES_WITHIN`.
    pub overdue: bool,
    /// How bad it is that it is so.
    pub severity: Severity,
}

impl ServerView {
    /// The server without its upstream, which only its cluster can name.
    pub(super) fn new(
        index: ServerIndex,
        server: &PublishedServer,
        report: &ServerReport,
        cluster: &ClusterReport,
        names: &[NameView],
        now: WallTime,
    ) -> Self {
        let Standing { state, reason, since, lag } = report.standing;
        let saying = names.iter().filter(|name| name.says(&server.name));
        let drains = |wish| matches!(wish, Wish::Drain { server: drained, .. } if drained == index);
        Self {
            name: (&*server.name).into(),
            addresses: server.addresses.to_vec(),
            port: server.port,
            state,
            reason,
            since: cluster.start.at(since),
            lag,
            upstream: None,
            extent: report.extent.clone(),
            progress: report.progress,
            failure: report.failure.clone(),
            names: saying.map(|name| name.name.clone()).collect(),
            witnesses: report.witnesses.clone(),
            added: report.added,
            drained: cluster.overrides.iter().any(|laid| drains(laid.wish)),
            transient: is_transient(report.standing),
            overdue: lasts_too_long(
                report.standing,
                Duration::from_millis(now.since(cluster.start.at(since))),
            ),
            severity: Severity::default(),
        }
    }
}

/// How long a state may last that should pass.
pub const PASSES_WITHIN: Duration = Duration::from_secs(60);

/// Whether a server's state is one that should pass soon: it starts, or somebody has paused replay
/// and may have forgotten it. A delay is on purpose, and a donor is busy for as long as it takes.
pub fn is_transient(standing: Standing) -> bool {
    let Standing { state, reason, .. } = standing;
    match state {
        ServerState::Starting => reason != StateReason::Donor,
        ServerState::OutOfService => reason == StateReason::ReplayPaused,
        _ => false,
    }
}

/// Whether it should have passed by `now`: then somebody is to look.
pub fn is_overdue(standing: Standing, now: Moment) -> bool {
    lasts_too_long(standing, now.since(standing.since))
}

fn lasts_too_long(standing: Standing, age: Duration) -> bool {
    is_transient(standing) && age >= PASSES_WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FailureKind;

    #[test]
    fn what_should_pass_is_overdue_after_a_minute_and_what_is_on_purpose_never_is() {
        use FailureKind::Starting as StartsUp;
        use ServerState::{Down, OutOfService, Replica, Starting};
        for (state, reason, should_pass) in [
            (Starting, StateReason::Fails(StartsUp), true),
            (Starting, StateReason::NotInGroup, true),
            (Starting, StateReason::Donor, false),
            (OutOfService, StateReason::ReplayPaused, true),
            (OutOfService, StateReason::DelayedOnPurpose, false),
            (OutOfService, StateReason::ClientsKeptAway, false),
            (Replica, StateReason::Fresh, false),
            // An alarm of its own, from the first moment on.
            (Down, StateReason::Fails(FailureKind::Refused), false),
        ] {
            let since = Moment::from_millis(2_000);
            let standing = Standing { state, reason, since, lag: None };
            assert_eq!(is_transient(standing), should_pass, "{state}: {reason}");
            let begun = Moment::from_millis(2_000);
            assert!(!is_overdue(standing, begun + (PASSES_WITHIN - Duration::from_millis(1))));
            assert_eq!(
                is_overdue(standing, begun + PASSES_WITHIN),
                should_pass,
                "{state}: {reason}"
            );
        }
    }
}
