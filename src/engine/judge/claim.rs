//! A server that says it is writable: whether its word counts, and what it is by how the contest
//! ended.

use super::{
    case::{Case, Hearing},
    contest::Contest,
    freshness::Freshness,
    verdicts::{HISTORY_LOST, read_only_primary, unconfirmed},
};
use crate::engine::{
    FailureKind, Lag, Loss, ServerIndex, ServerState, StateReason,
    conclusion::Conclusion,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// Whether a server takes part in the question who is the primary: it says that it is writable,
/// nothing proves that it is gone, and its word counts.
pub fn is_claimant(index: ServerIndex, case: Case<'_>) -> bool {
    let record = &case.records[index];
    let published = case.precedents.published == Some(index);
    let present = match case.liveness(index) {
        Liveness::Answering => true,
        // One that was gone or not ready before is not more present for being silent now.
        Liveness::Doubtful(_) => !case.conclusions[index].is_away(),
        Liveness::ProbeSilent
        | Liveness::Alive(FailureKind::Saturated | FailureKind::Misconfigured) => published,
        Liveness::Gone(_) | Liveness::Unheard | Liveness::Alive(_) => false,
    };
    present
        && record.claims_writable()
        && (published || record.is_confirmed_writable())
        && !record.heart.is_stopped(case.now)
        && !case.has_lost_history(index)
        && !case.is_foreign(index)
}

/// The verdict on a server that says it is writable, given how the contest ended. `lag` is how late it
/// is for readers if it was a replica before, as [`Freshness::pass`] takes it.
pub fn writable_verdict(
    index: ServerIndex,
    hearing: &mut Hearing<'_>,
    contest: &Contest,
    lag: Option<Option<Lag>>,
) -> Verdict {
    let now = hearing.now;
    let (record, conclusion) = hearing.of(index);
    let stale = why_stale(index, conclusion, contest);
    if record.heart.is_stopped(now) && stale.is_none() {
        return read_only_primary(StateReason::CannotWrite);
    }
    if contest.champion == Some(index) {
        conclusion.mark_back();
        conclusion.left_office = false;
        // Where it is the cluster is, from now on.
        conclusion.return_to_branch();
        return Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteEligibility::Eligible,
            read: ReadEligibility::Primary,
            lag: None,
        };
    }
    if conclusion.has_lost_history(record) && contest.against(index).is_none() {
        return HISTORY_LOST;
    }
    match stale {
        Some(reason) => Verdict::out(ServerState::StalePrimary, reason),
        None => unsettled(index, hearing, lag),
    }
}

/// The verdict while nothing tells yet whether it is right: it stays what it was. Was that a replica, it
/// goes on to be measured.
fn unsettled(index: ServerIndex, hearing: &mut Hearing<'_>, lag: Option<Option<Lag>>) -> Verdict {
    let policy = hearing.policy;
    let (record, conclusion) = hearing.of(index);
    let before = unconfirmed(conclusion);
    if before.read != ReadEligibility::Replica {
        return before;
    }
    let measured = Freshness::pass(conclusion, record, policy, lag, true).attached();
    Verdict { state: measured.state, lag: measured.lag, ..before }
}

/// What speaks against the word of a server that calls itself a primary: that it has lost now, or
/// before.
pub fn why_stale(
    index: ServerIndex,
    conclusion: &Conclusion,
    contest: &Contest,
) -> Option<StateReason> {
    contest.against(index).or_else(|| {
        let superseded = conclusion.superseded.as_ref()?;
        Some(match (superseded.loss, superseded.by) {
            (Loss::Name | Loss::Age | Loss::Acceptance, _) => StateReason::NotRejoined,
            (Loss::Following, Some(by)) => StateReason::Unfollowed(by),
            (Loss::Precedence, Some(by)) if contest.champion == Some(by) => {
                StateReason::SecondWriter(by)
            }
            (Loss::Precedence | Loss::Following, _) => StateReason::LostContest,
        })
    })
}

/// Whether a server that calls itself a primary has lost against the one that is right.
pub fn is_stale(index: ServerIndex, case: Case<'_>, contest: &Contest) -> bool {
    contest.champion.is_some_and(|champion| champion != index)
        && (contest.against(index).is_some() || case.superseded(index).is_some())
}
