//! The verdict on a server that does not answer now: what it was, what its failure proves, and what
//! others know of it.

use std::time::Duration;

use super::{
    case::{Case, Hearing},
    contest::Contest,
    tenure::is_remembered,
};
use crate::engine::{
    FailureKind, Moment, ServerIndex, ServerState, StateReason, Thresholds,
    conclusion::Conclusion,
    reception::Opinion,
    record::Record,
    trouble::Liveness,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// The verdict on a server whose last probe was not answered; `None` when its facts are to be
/// judged.
///
/// "Cannot log in" is not "down": a server that is alive keeps the role it had.
pub fn by_liveness(index: ServerIndex, hearing: &mut Hearing<'_>) -> Option<Verdict> {
    let (liveness, now) = (hearing.case().liveness(index), hearing.now);
    let (record, conclusion) = hearing.of(index);
    let settled = conclusion.settled;
    let verdict = match liveness {
        Liveness::Answering => return None,
        Liveness::Unheard => Verdict::UNHEARD,
        Liveness::Doubtful(kind) => {
            let before = match conclusion.verdict {
                Verdict::UNHEARD => Verdict::UNHEARD.because(StateReason::Fails(kind)),
                before => before,
            };
            Verdict { write: unproven(before.write), ..before }
        }
        Liveness::ProbeSilent => {
            conclusion.mark_away(record);
            let unheard = Verdict { write: WriteEligibility::Gone, ..Verdict::UNHEARD };
            let before = settled.unwrap_or(unheard);
            Verdict {
                state: ServerState::Unknown,
                reason: StateReason::ProbeSilent,
                write: unproven(before.write),
                read: match before.read {
                    ReadEligibility::Replica | ReadEligibility::LastResort => {
                        ReadEligibility::LastResort
                    }
                    _ => ReadEligibility::No,
                },
                lag: before.lag,
            }
        }
        Liveness::Gone(kind) => {
            conclusion.mark_away(record);
            conclusion.end_run();
            Verdict {
                state: ServerState::Down,
                reason: StateReason::Fails(kind),
                write: WriteEligibility::Gone,
                read: ReadEligibility::No,
                lag: None,
            }
        }
        Liveness::Alive(kind) => alive_but_refusing(record, conclusion, kind, now),
    };
    match settled.map(|settled| settled.read) {
        Some(ReadEligibility::Never) => Some(Verdict { read: ReadEligibility::Never, ..verdict }),
        _ => Some(verdict),
    }
}

/// The verdict on a server that does not answer now, when those who do prove its last word
/// outdated.
pub fn overruled(
    index: ServerIndex,
    verdict: Verdict,
    conclusion: &Conclusion,
    contest: &Contest,
) -> Verdict {
    match contest.against(index) {
        Some(reason)
            if conclusion.settled.is_some_and(|settled| settled.state == verdict.state) =>
        {
            Verdict::out(ServerState::StalePrimary, reason)
        }
        // It is away and takes no writes; only its own word would withdraw it before its successor is confirmed.
        Some(_) if verdict.write == WriteEligibility::Gone => verdict,
        Some(_) => Verdict { write: WriteEligibility::Refused, ..verdict },
        None => verdict,
    }
}

/// What is left of a server's eligibility for writes when it does not answer: it may stay, and is not
/// chosen anew.
fn unproven(write: WriteEligibility) -> WriteEligibility {
    match write {
        WriteEligibility::Eligible => WriteEligibility::Open,
        other => other,
    }
}

/// Whether a server has been full for so short a time that it keeps its role without question.
pub fn is_patient(record: &Record, now: Moment) -> bool {
    let lasts = record.refuses_since().map_or(Duration::ZERO, |since| now.since(since));
    lasts < Thresholds::SATURATED_GRACE
}

fn alive_but_refusing(
    record: &Record,
    conclusion: &mut Conclusion,
    kind: FailureKind,
    now: Moment,
) -> Verdict {
    let reason = StateReason::Fails(kind);
    // Of one that has shown no role since the start, nothing but an earlier process's word is left.
    let lasts = record.refuses_since().map_or(Duration::ZERO, |since| now.since(since));
    let unheard = match lasts < Thresholds::SATURATED_GRACE {
        true => Verdict::UNHEARD,
        false => Verdict { write: WriteEligibility::Gone, ..Verdict::UNHEARD },
    };
    let settled = conclusion.settled.unwrap_or(unheard);
    let before = Verdict { write: unproven(settled.write), reason, ..settled };
    match kind {
        FailureKind::Saturated => {
            let patient = is_patient(record, now);
            // Clients find no slot either, so that others are better, if there are any.
            Verdict {
                state: ServerState::Saturated,
                write: match before.write {
                    WriteEligibility::Open if !patient => WriteEligibility::Gone,
                    other => other,
                },
                read: match before.read {
                    ReadEligibility::Replica if !patient => ReadEligibility::LastResort,
                    other => other,
                },
                ..before
            }
        }
        FailureKind::Misconfigured => Verdict { state: ServerState::Misconfigured, ..before },
        FailureKind::Offline => Verdict::out(ServerState::OutOfService, reason),
        FailureKind::GroupUnready => {
            conclusion.mark_away(record);
            Verdict::out(ServerState::Starting, reason)
        }
        _ => {
            conclusion.mark_away(record);
            conclusion.end_run();
            Verdict { write: WriteEligibility::Gone, ..Verdict::out(ServerState::Starting, reason) }
        }
    }
}

/// The verdict on a primary whose probes time out while a replica still receives from it: our way
/// to it is broken, not the server. While no replica tells so, and one may yet, it stays what it
/// was, unless another server is writable. `None` when neither is the case.
///
/// `opinion(replica, since)` is what a replica tells of this primary, silent `since` then.
pub fn unreachable_from_here(
    index: ServerIndex,
    case: Case<'_>,
    contest: &Contest,
    opinion: &dyn Fn(ServerIndex, Moment) -> Opinion,
) -> Option<Verdict> {
    let Liveness::Gone(kind) = case.liveness(index) else {
        return None;
    };
    let since = case.records[index].trouble.as_ref()?.since;
    let conclusion = &case.conclusions[index];
    let settled = match conclusion.settled {
        None if is_remembered(index, case) => {
            Verdict { state: ServerState::Primary, ..Verdict::UNHEARD }
        }
        settled => settled.filter(|settled| settled.state == ServerState::Primary)?,
    };
    if !kind.is_silence() || contest.against(index).is_some() {
        return None;
    }
    let before = conclusion.verdict;
    let reason = match kind.may_be_ours() {
        true => StateReason::UnreachableFromHere,
        false => StateReason::Unresponsive,
    };
    // A replica whose own probe is mute may leave its word open for ever; nobody waits so long.
    let patient = case.now.since(since) < case.policy.thresholds.stale_after * 2;
    match case.others(index).map(|replica| opinion(replica, since)).min()? {
        Opinion::GoesOn => Some(Verdict {
            write: WriteEligibility::Open,
            read: ReadEligibility::No,
            ..settled.because(reason)
        }),
        Opinion::Pending
            if before.state == ServerState::Primary && contest.champion.is_none() && patient =>
        {
            Some(Verdict { write: unproven(before.write), ..before })
        }
        Opinion::Pending | Opinion::Nothing => None,
    }
}
