//! Who is in office, and what that proves: when the word of the one in office, or of one that lost
//! against it, counts.

use super::{
    case::{Case, Hearing},
    contest::Contest,
};
use crate::engine::{
    Facts, FailureKind, GtidState, Loss, Moment, Relation, ServerIndex, Thresholds,
    reception::Opinion, superseded::Superseded, trouble::Liveness,
};

/// Whether a server is in office and has been alive ever since: nothing that others show about it is
/// worth more than its own word.
pub fn lives_in_office(index: ServerIndex, case: Case<'_>) -> bool {
    case.precedents.published == Some(index) && !case.conclusions[index].left_office
}

/// Whether a server that does not answer us is published since before the start of this process, so
/// that its role is known from then alone.
pub fn is_remembered(index: ServerIndex, case: Case<'_>) -> bool {
    case.precedents.published == Some(index) && case.records[index].facts.is_none()
}

/// Whether the published server has only refused us since the start of this process.
pub fn lives_by_refusal(index: ServerIndex, case: Case<'_>) -> bool {
    use FailureKind::{Misconfigured, Saturated};
    is_remembered(index, case)
        && matches!(case.liveness(index), Liveness::Alive(Saturated | Misconfigured))
}

/// Whether the published server does not answer us while a member receives from it, as
/// `opinion(member, since)` tells of each since its silence began.
pub fn lives_by_witness(
    index: ServerIndex,
    case: Case<'_>,
    opinion: &dyn Fn(ServerIndex, Moment) -> Opinion,
) -> bool {
    let record = &case.records[index];
    let (Liveness::Gone(kind), Some(trouble)) = (case.liveness(index), &record.trouble) else {
        return false;
    };
    let others = case.others(index);
    case.precedents.published == Some(index)
        && kind.is_silence()
        && !case.has_lost_history(index)
        && record.facts.as_ref().is_none_or(Facts::claims_writable)
        && others.map(|other| opinion(other, trouble.since)).min() == Some(Opinion::GoesOn)
}

/// Whether a member that answers, or may, has said nothing since `rival` says that it is writable.
pub fn is_awaited(rival: ServerIndex, case: Case<'_>) -> bool {
    let Some(run) = case.records[rival].writable else { return false };
    case.indices().any(|member| {
        matches!(case.liveness(member), Liveness::Answering | Liveness::Doubtful(_))
            && case.records[member].facts_at < run.since
            && !case.is_foreign(member)
    })
}

/// Whether a server that is gone may be in the middle of a restart.
fn is_just_gone(member: ServerIndex, case: Case<'_>) -> bool {
    let began = case.records[member].trouble.as_ref().map(|trouble| trouble.began);
    case.is_gone(member)
        && began.is_some_and(|began| case.now.since(began) < Thresholds::MAY_BE_BACK)
}

/// Whether members that refuse us, or have just gone, keep the one in office, while that one answers: of
/// them, by their last words, and of those that answer as many follow it as any other claimant. What they
/// say next may disprove it.
///
/// `followers` are those that answer; `follows(member, one)` is by the last word.
pub fn is_kept_by_missed(
    incumbent: Option<ServerIndex>,
    claimants: &[ServerIndex],
    case: Case<'_>,
    followers: &dyn Fn(ServerIndex) -> usize,
    follows: &dyn Fn(ServerIndex, ServerIndex) -> bool,
) -> bool {
    let Some(one) = incumbent.filter(|&one| case.answers(one)) else {
        return false;
    };
    let is_missed = |member: &ServerIndex| {
        matches!(case.liveness(*member), Liveness::Alive(_)) || is_just_gone(*member, case)
    };
    let missed = case.others(one).filter(|member| is_missed(member) && follows(*member, one));
    let missed = missed.count();
    if missed == 0 {
        return false;
    }
    let kept = missed + followers(one);
    claimants.iter().all(|&rival| rival == one || followers(rival) <= kept)
}

/// Whether `one` answers, and was asked since `other` says that it is writable.
pub fn was_asked_since(one: ServerIndex, other: ServerIndex, case: Case<'_>) -> bool {
    case.records[other]
        .writable
        .is_none_or(|run| case.answers(one) && case.records[one].facts_at >= run.since)
}

/// Notes of servers that are started in turn on one shared volume what each of them lacks when it comes
/// up: what it writes from then on says nothing of what it has found there.
pub fn note_arrivals(hearing: &mut Hearing<'_>) {
    if !shares_storage(hearing.case()) {
        return;
    }
    let records = hearing.records;
    for (index, record) in records.enumerate() {
        let Some(run) = record.writable else { continue };
        let last = hearing.precedents.last_writer.filter(|last| *last != index);
        let conclusion = &mut hearing.conclusions[index];
        if conclusion.came_up.is_none_or(|(since, _)| since != run.since) {
            let lacks = |last| !record.history.goes_on_from(&records[last].history);
            conclusion.came_up = Some((run.since, last.is_some_and(lacks)));
        }
    }
}

/// Whether a writable server has come up, on shared storage, with what the last writer had left there.
pub fn has_the_volume(index: ServerIndex, case: Case<'_>) -> bool {
    shares_storage(case) && case.conclusions[index].came_up.is_some_and(|(_, lacks)| !lacks)
}

/// Whether it has come up so since a server that is gone was heard last.
fn has_taken_the_volume(index: ServerIndex, heir: ServerIndex, case: Case<'_>) -> bool {
    let left = &case.records[heir];
    case.is_gone(heir)
        && has_the_volume(index, case)
        && case.records[index].writable.is_some_and(|run| run.since >= left.facts_came)
}

/// Whether the servers of this cluster are started in turn on one shared volume.
pub fn shares_storage(case: Case<'_>) -> bool {
    case.policy.write.is_some_and(|write| write.shared_storage)
}

/// Whether the members have gone over to a server that lost because they followed another one.
pub fn has_won_over(
    index: ServerIndex,
    case: Case<'_>,
    followers: &dyn Fn(ServerIndex) -> usize,
) -> bool {
    case.superseded(index).is_some_and(|superseded| {
        superseded.loss == Loss::Following
            && superseded.by.is_none_or(|by| followers(index) > followers(by))
    })
}

/// Whether the word of a superseded server counts again, because its heirs have given way, as
/// `gave_way` tells of each, or have been caught up with, or are gone while somebody made this server
/// writable, as we saw, or pointed members at it, as `won_since(heir)` counts those since each was heard.
pub fn is_reinstated(
    index: ServerIndex,
    case: Case<'_>,
    won_since: &dyn Fn(ServerIndex) -> usize,
    follows: &dyn Fn(ServerIndex) -> bool,
    gave_way: &dyn Fn(ServerIndex) -> bool,
    is_gone: &dyn Fn(ServerIndex) -> bool,
) -> bool {
    let record = &case.records[index];
    let Some(Superseded { by, heir, loss, claim, .. }) = case.superseded(index) else {
        return false;
    };
    if !record.is_confirmed_writable() {
        return false;
    }
    // What it has is not the cluster's, however much it is, until one of the two follows the other.
    if *loss == Loss::Acceptance {
        return by.is_some_and(follows);
    }
    let own = &record.history.gtid;
    // One that lacked something and goes on writing may have used its own numbers a second time.
    let goes_on =
        *loss == Loss::Age && claim.is_some() && *claim == record.writable.map(|run| run.since);
    let caught_up = |heir: &GtidState| {
        let (number, uuid) = (record.history.server_id, record.history.uuid.as_deref());
        let ambiguous = goes_on && heir.is_written_by(number, uuid);
        !heir.is_empty() && !ambiguous && own.contains(heir) == Some(true)
    };
    let has_given_way = |heir: ServerIndex| {
        let gone = is_gone(heir);
        // One that came up anew shows no more what it won with: it is gone, too. One that is there
        // and writable, or may be, is contested, however idle it is.
        let says_no = case.records[heir].trouble.is_none()
            && case.records[heir].facts.as_ref().is_some_and(|facts| !facts.claims_writable());
        let is_itself = !case.has_lost_history(heir) && (gone || says_no);
        let since = match &case.records[heir] {
            it if case.has_lost_history(heir) => Some(it.history.lost_since),
            // Nobody knows when it died: it was there when it was heard last.
            it => gone.then_some(it.facts_at),
        };
        let turned = record.writable.filter(|run| run.turned);
        let is_followed = || won_since(heir) > 0 && !heir_is_followed(own, case, heir);
        gave_way(heir)
            || has_taken_the_volume(index, heir, case)
            || is_itself && caught_up(&case.records[heir].history.gtid)
            || turned.is_some_and(|run| since.is_some_and(|since| since <= run.since))
            // Somebody has pointed the other members at it.
            || gone && *loss != Loss::Name && is_followed()
    };
    let mut heirs =
        by.iter().copied().chain(case.precedents.last_writer).filter(|heir| *heir != index);
    match by {
        Some(_) => heirs.all(has_given_way),
        // It has left the configuration.
        None => caught_up(heir) && heirs.all(has_given_way),
    }
}

/// Whether what a gone heir had is more than this server has, and somebody else has it.
fn heir_is_followed(own: &GtidState, case: Case<'_>, heir: ServerIndex) -> bool {
    let had = &case.records[heir].history.gtid;
    case.records.enumerate().any(|(index, record)| {
        index != heir
            && record.trouble.is_none()
            && record.history.gtid.relation(own) == Relation::Ahead
            && record.history.gtid.contains(had) == Some(true)
    })
}

/// Remembers who lost what, so that the absence of the winner proves nothing later.
pub fn mark_losers(contest: &Contest, hearing: &mut Hearing<'_>) {
    if !hearing.precedents.ready {
        return;
    }
    let office = &hearing.precedents.office.gtid;
    for loser in &contest.losers {
        if let Some(loss) = loser.loss {
            let heir = match loser.against {
                Some(against) => hearing.records[against].history.gtid.clone(),
                None if office.is_unknown() => most_shown(loser.server, hearing.case()),
                None => office.clone(),
            };
            let (record, conclusion) = hearing.of(loser.server);
            conclusion.mark_superseded(record, loser.against, &heir, loss);
        }
    }
}

/// MySQL and MariaDB: the longest history that any other member has shown.
fn most_shown(index: ServerIndex, case: Case<'_>) -> GtidState {
    let others = case.others(index).filter(|&other| {
        !case.has_lost_history(other) && !case.records[other].history.gtid.is_unknown()
    });
    others.fold(GtidState::Unknown, |most, other| {
        let own = &case.records[other].history.gtid;
        if most.is_unknown() || own.relation(&most) == Relation::Ahead { own.clone() } else { most }
    })
}

/// Whether a server that answers and is writable has lost against `winner` by precedence alone: two
/// histories go on beside each other.
pub fn has_rival(winner: Option<ServerIndex>, case: Case<'_>) -> bool {
    case.indices().any(|rival| {
        let lost = case.superseded(rival).is_some_and(|superseded| {
            superseded.loss == Loss::Precedence && superseded.by == winner
        });
        let record = &case.records[rival];
        // What another cluster, or an empty server, writes there goes on beside nothing.
        let is_ours = !case.is_foreign(rival) && !case.has_lost_history(rival);
        lost && is_ours && record.trouble.is_none() && record.writable.is_some()
    })
}
