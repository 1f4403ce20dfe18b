//! When the word of a server that lost a contest counts again.

use super::{
    followers::{adherents, followers, followers_of},
    postgres_role, primary_timeline,
};
use crate::engine::{
    ClusterPolicy, Loss, Moment, PostgresRole, ServerIndex,
    ids::Servers,
    judge::{
        Precedents, is_foreign,
        office::{has_won_over, is_reinstated},
    },
    record::Record,
    trouble::Liveness,
};

/// Ends the memory of a lost contest where its reason has gone.
pub(super) fn reinstate(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) {
    for index in records.indices() {
        let Some(own) = primary_timeline(&records[index]) else {
            continue;
        };
        // Who streams from it was built from it, or has nothing that it lacks.
        if records[index].history.lost && is_followed(index, policy, records, now) {
            records[index].history.mark_followed();
        }
        let Some(superseded) = &records[index].superseded else {
            continue;
        };
        // A promotion before an operator's word proves nothing against it.
        let promoted = superseded.loss != Loss::Acceptance
            && was_promoted(&records[index], own, records, precedents);
        let followed = followers(index, policy, records, now);
        // Who has only lost its stream, or is away, has not gone over.
        let support =
            |one| if one == index { followed } else { adherents(one, policy, records, now) };
        let won_over = has_won_over(index, records, &support);
        let follows = |heir| followers_of(index, policy, records, now).any(|one| one == heir);
        let gave_way = |heir| gave_way(heir, own, followed, policy, records, precedents, now);
        let nobody = |_| false;
        if promoted
            || won_over
            || is_reinstated(index, records, precedents, 0, &follows, &gave_way, &nobody)
        {
            records[index].superseded = None;
        }
    }
}

/// Whether a standby that was asked since this server is what it is now follows it.
fn is_followed(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> bool {
    let Some(run) = records[index].writable else { return false };
    followers_of(index, policy, records, now).any(|standby| records[standby].facts_at >= run.since)
}

/// Whether a server on the timeline `own` was promoted since it was superseded. Only a standby is
/// promoted, so what it wrote on its own is gone.
fn was_promoted(
    record: &Record,
    own: u32,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
) -> bool {
    match record.superseded.as_ref().map(|superseded| superseded.timeline) {
        Some(Some(written)) => own > written,
        // It was a standby and hid its timeline; one that is newer than all others comes from a
        // promotion.
        Some(None) => {
            let others = records.iter().filter(|other| !std::ptr::eq(*other, record));
            let others = others.filter(|other| !is_foreign(other, precedents));
            others.filter_map(|other| other.history.timeline).all(|newest| own > newest)
        }
        None => false,
    }
}

/// Whether the server that took over from one on the timeline `own` has given way: it streams that
/// timeline. One that belongs to another cluster now has only gone, unless a member follows this
/// server (`followed`).
pub(super) fn gave_way(
    heir: ServerIndex,
    own: u32,
    followed: usize,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let heir = &records[heir];
    let follows = match postgres_role(heir) {
        Some(PostgresRole::Standby { receiver, timeline, recovery_timeline, .. }) => {
            receiver.is_attached()
                && (*timeline).max(*recovery_timeline).is_some_and(|timeline| timeline <= own)
        }
        _ => false,
    };
    heir.liveness(&policy.thresholds, now) == Liveness::Answering
        && (follows || followed > 0 && is_foreign(heir, precedents))
}
