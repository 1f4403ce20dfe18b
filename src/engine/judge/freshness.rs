//! How fresh a replica is, by all its read names together.

use crate::engine::{
    ClusterPolicy, Lag, ServerState, StateReason,
    conclusion::Conclusion,
    record::Record,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// What a replica's position comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// It is fresh enough for at least one read name.
    fresh: bool,
    /// How far it is behind; `None` when that cannot be told.
    pub(super) lag: Option<Lag>,
    /// There is a primary that answers, so that it was compared with the present.
    compared: bool,
    /// Its lag is within the longest limit of all.
    within: bool,
    /// Only its next reply can tell.
    undecided: bool,
}

impl Freshness {
    /// Passes a fresh reply of a replica through the gates of all read names.
    ///
    /// `lag` is `None` when only the next reply can tell, which leaves the gates as they are, and
    /// `Some(None)` when it cannot be told, which is late.
    pub(super) fn pass(
        conclusion: &mut Conclusion,
        record: &Record,
        policy: &ClusterPolicy,
        lag: Option<Option<Lag>>,
        compared: bool,
    ) -> Self {
        let undecided = lag.is_none() && !conclusion.gates.iter().any(|gate| gate.is_known());
        if let (true, Some(lag)) = (conclusion.has_news(record), lag) {
            for (gate, read) in conclusion.gates.iter_mut().zip(&policy.reads) {
                gate.pass(lag, read.max_lag);
            }
        }
        let fresh =
            conclusion.gates.is_empty() || conclusion.gates.iter().any(|gate| gate.is_fresh());
        let before = || conclusion.settled.filter(|_| conclusion.left_behind.is_none());
        let lag = lag.unwrap_or_else(|| before().and_then(|settled| settled.lag));
        let within = lag.is_some_and(|Lag(lag)| lag <= policy.reach());
        Self { fresh, lag, compared, within, undecided }
    }

    /// The verdict on a replica that receives what it should.
    pub(super) fn attached(self) -> Verdict {
        let Self { fresh, lag, compared, within, undecided } = self;
        let (state, reason) = match (fresh, compared, lag) {
            (false, _, None) if undecided => (ServerState::Replica, StateReason::LagUnknown),
            (true, true, _) => (ServerState::Replica, StateReason::Fresh),
            (true, false, Some(Lag(lag))) if !lag.is_zero() => {
                (ServerState::Replica, StateReason::Fresh)
            }
            (true, false, _) => (ServerState::Replica, StateReason::LacksNothingShown),
            (false, _, Some(_)) if within => (ServerState::ReplicaLagging, StateReason::CatchingUp),
            (false, _, Some(lag)) => (ServerState::ReplicaLagging, StateReason::Behind(lag)),
            (false, _, None) => (ServerState::ReplicaLagging, StateReason::LagUnknown),
        };
        Verdict {
            state,
            reason,
            write: WriteEligibility::Refused,
            read: ReadEligibility::Replica,
            lag,
        }
    }
}
