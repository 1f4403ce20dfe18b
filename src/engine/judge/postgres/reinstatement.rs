//! When the word of a server that lost a contest counts again.

use super::followers::{adherents, followers, followers_of};
use crate::engine::{
    Loss, PostgresRole, ServerIndex,
    judge::{
        case::{Case, Hearing},
        tenure::{has_won_over, is_reinstated},
    },
};

/// Ends the memory of a lost contest where its reason has gone.
pub fn reinstate(hearing: &mut Hearing<'_>) {
    for index in hearing.records.indices() {
        let Some(own) = hearing.records[index].primary_timeline() else {
            continue;
        };
        // Who streams from it was built from it, or has nothing that it lacks.
        if hearing.case().has_lost_history(index) && is_followed(index, hearing.case()) {
            hearing.conclusions[index].claim_history();
        }
        if counts_again(index, own, hearing.case()) {
            hearing.conclusions[index].superseded = None;
        }
    }
}

/// Whether the word of a superseded server on the timeline `own` counts again.
fn counts_again(index: ServerIndex, own: u32, case: Case<'_>) -> bool {
    let Some(superseded) = case.superseded(index) else {
        return false;
    };
    // A promotion before an operator's word proves nothing against it.
    let promoted = superseded.loss != Loss::Acceptance && was_promoted(index, own, case);
    let followed = followers(index, case);
    // Who has only lost its stream, or is away, has not gone over.
    let support = |one| if one == index { followed } else { adherents(one, case) };
    let follows = |heir| followers_of(index, case).any(|one| one == heir);
    let gave_way = |heir| gave_way(heir, own, case);
    let (nobody, none) = (|_| false, |_| 0);
    promoted
        || has_won_over(index, case, &support)
        || is_reinstated(index, case, &none, &follows, &gave_way, &nobody)
}

/// Whether a standby that was asked since this server is what it is now follows it.
fn is_followed(index: ServerIndex, case: Case<'_>) -> bool {
    let Some(run) = case.records[index].writable else { return false };
    followers_of(index, case).any(|standby| case.records[standby].facts_at >= run.since)
}

/// Whether a server on the timeline `own` was promoted since it was superseded. Only a standby is
/// promoted, so what it wrote on its own is gone.
fn was_promoted(index: ServerIndex, own: u32, case: Case<'_>) -> bool {
    match case.superseded(index).map(|superseded| superseded.timeline) {
        Some(Some(written)) => own > written,
        // It was a standby and hid its timeline; one that is newer than all others comes from a
        // promotion.
        Some(None) => {
            let others = case.others(index).filter(|&other| !case.is_foreign(other));
            others
                .filter_map(|other| case.records[other].history.timeline)
                .all(|newest| own > newest)
        }
        None => false,
    }
}

/// Whether the server that took over from one on the timeline `own` has given way: it streams that
/// timeline. One that belongs to another cluster now has only gone, whoever follows whom: its volume may
/// come back.
pub fn gave_way(heir: ServerIndex, own: u32, case: Case<'_>) -> bool {
    let follows = match case.records[heir].postgres_role() {
        Some(PostgresRole::Standby { receiver, timeline, recovery_timeline, .. }) => {
            receiver.is_attached()
                && (*timeline).max(*recovery_timeline).is_some_and(|timeline| timeline <= own)
        }
        _ => false,
    };
    case.answers(heir) && follows
}
