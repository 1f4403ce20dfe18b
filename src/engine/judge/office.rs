//! Who is in office, and what that proves.
//!
//! The last published writer is in office until another server takes over from it. What it had is
//! what an heir must have inherited, also when it is gone.

use std::time::Duration;

use crate::engine::{
    ClusterPolicy, Facts, FailureKind, GtidState, Loss, Moment, Relation, ServerIndex,
    ids::Servers, reception::Opinion, record::Record, superseded::Superseded, trouble::Liveness,
};

use super::{Precedents, contest::Contest, is_foreign};

/// The last published writer, as far as its heirs are concerned.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Office {
    /// PostgreSQL: the timeline that it wrote on.
    pub(in crate::engine) timeline: Option<u32>,
    /// MySQL and MariaDB: what it was last known to have.
    pub(in crate::engine) gtid: GtidState,
    /// MySQL and MariaDB: what it had when it came into office.
    pub(in crate::engine) began_with: GtidState,
    /// When it came into office; `None` when that was before the start of the process.
    pub(in crate::engine) since: Option<Moment>,
}

impl Office {
    /// Two servers that turn writable within so long were promoted at about the same time, as far as
    /// anybody can tell who asks once in a while: another instance may have heard them the other way
    /// round.
    const AT_ONCE: Duration = Duration::from_secs(3);

    /// For so long after it came into office the name may still go over to the other one. Later there
    /// is more to lose by a move than by two instances that disagree.
    const YOUNG: Duration = Duration::from_secs(10);

    /// Whether the one in office is not just one of two that turned writable at about the same time.
    pub(in crate::engine::judge) fn precedes(&self, rival: &Record, now: Moment) -> bool {
        match (self.since, rival.writable) {
            // A copy, or an old primary that is back, was promoted by nobody.
            (Some(since), Some(run)) if run.promoted && now.since(since) < Self::YOUNG => {
                since + Self::AT_ONCE <= run.since || run.since + Self::AT_ONCE <= since
            }
            _ => true,
        }
    }
}

/// Whether a server is in office and has been alive ever since: nothing that others show about it is
/// worth more than its own word.
pub(super) fn lives_in_office(
    index: ServerIndex,
    record: &Record,
    precedents: Precedents<'_>,
) -> bool {
    precedents.published == Some(index) && !record.left_office
}

/// Whether a server that does not answer us is published since before the start of this process, so
/// that its role is known from then alone.
pub(super) fn is_remembered(
    index: ServerIndex,
    record: &Record,
    precedents: Precedents<'_>,
) -> bool {
    precedents.published == Some(index) && record.facts.is_none()
}

/// Whether the published server has only refused us since the start of this process.
pub(super) fn lives_by_refusal(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    use FailureKind::{Misconfigured, Saturated};
    let record = &records[index];
    is_remembered(index, record, precedents)
        && matches!(
            record.liveness(&policy.thresholds, now),
            Liveness::Alive(Saturated | Misconfigured)
        )
}

/// Whether the published server does not answer us while a member receives from it, as
/// `opinion(member, since)` tells of each since its silence began.
pub(super) fn lives_by_witness(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    opinion: &dyn Fn(ServerIndex, Moment) -> Opinion,
    now: Moment,
) -> bool {
    let record = &records[index];
    let (Liveness::Gone(kind), Some(trouble)) =
        (record.liveness(&policy.thresholds, now), &record.trouble)
    else {
        return false;
    };
    let others = records.indices().filter(|other| *other != index);
    precedents.published == Some(index)
        && kind.is_silence()
        && !record.history.lost
        && record.facts.as_ref().is_none_or(Facts::claims_writable)
        && others.map(|other| opinion(other, trouble.since)).min() == Some(Opinion::GoesOn)
}

/// Whether a member that answers, or may, has said nothing since `rival` says that it is writable.
pub(super) fn is_awaited(
    rival: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let Some(run) = records[rival].writable else { return false };
    records.iter().any(|record| {
        let liveness = record.liveness(&policy.thresholds, now);
        matches!(liveness, Liveness::Answering | Liveness::Doubtful(_))
            && record.facts_at < run.since
            && !is_foreign(record, precedents)
    })
}

/// Whether `one` answers, and was asked since `other` says that it is writable.
pub(super) fn was_asked_since(
    one: ServerIndex,
    other: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> bool {
    let record = &records[one];
    records[other].writable.is_none_or(|run| {
        record.liveness(&policy.thresholds, now) == Liveness::Answering
            && record.facts_at >= run.since
    })
}

/// Whether the members have gone over to a server that lost because they followed another one.
pub(super) fn has_won_over(
    index: ServerIndex,
    records: &Servers<Record>,
    followers: &dyn Fn(ServerIndex) -> usize,
) -> bool {
    records[index].superseded.as_ref().is_some_and(|superseded| {
        superseded.loss == Loss::Following
            && superseded.by.is_none_or(|by| followers(index) > followers(by))
    })
}

/// Whether the word of a superseded server counts again, because its heirs have given way, as
/// `gave_way` tells of each, or have been caught up with, or are gone while somebody made this server
/// writable, as we saw.
pub(super) fn is_reinstated(
    index: ServerIndex,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    followed: usize,
    follows: &dyn Fn(ServerIndex) -> bool,
    gave_way: &dyn Fn(ServerIndex) -> bool,
    is_gone: &dyn Fn(ServerIndex) -> bool,
) -> bool {
    let record = &records[index];
    let Some(Superseded { by, heir, loss, claim, .. }) = &record.superseded else {
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
        let says_no = records[heir].trouble.is_none()
            && records[heir].facts.as_ref().is_some_and(|facts| !facts.claims_writable());
        let is_itself = !records[heir].history.lost && (gone || says_no);
        let since = match &records[heir] {
            heir if heir.history.lost => Some(heir.history.lost_since),
            heir => heir.trouble.as_ref().filter(|_| gone).map(|trouble| trouble.began),
        };
        let turned = record.writable.filter(|run| run.turned);
        gave_way(heir)
            || is_itself && caught_up(&records[heir].history.gtid)
            || turned.is_some_and(|run| since.is_some_and(|since| since <= run.since))
            // Somebody has pointed the other members at it.
            || gone && *loss != Loss::Name && followed > 0 && !heir_is_followed(own, records, heir)
    };
    let mut heirs = by.iter().copied().chain(precedents.last_writer).filter(|heir| *heir != index);
    match by {
        Some(_) => heirs.all(has_given_way),
        // It has left the configuration.
        None => caught_up(heir) && heirs.all(has_given_way),
    }
}

/// Whether what a gone heir had is more than this server has, and somebody else has it.
fn heir_is_followed(own: &GtidState, records: &Servers<Record>, heir: ServerIndex) -> bool {
    let had = &records[heir].history.gtid;
    records.enumerate().any(|(index, record)| {
        index != heir
            && record.trouble.is_none()
            && record.history.gtid.relation(own) == Relation::Ahead
            && record.history.gtid.contains(had) == Some(true)
    })
}

/// Remembers who lost what, so that the absence of the winner proves nothing later.
pub(super) fn mark_losers(
    contest: &Contest,
    records: &mut Servers<Record>,
    precedents: Precedents<'_>,
) {
    if !precedents.ready {
        return;
    }
    for loser in &contest.losers {
        if let Some(loss) = loser.loss {
            let heir = match loser.against {
                Some(against) => records[against].history.gtid.clone(),
                None if precedents.office.gtid.is_unknown() => most_shown(loser.server, records),
                None => precedents.office.gtid.clone(),
            };
            records[loser.server].mark_superseded(loser.against, &heir, loss);
        }
    }
}

/// MySQL and MariaDB: the longest history that any other member has shown.
fn most_shown(index: ServerIndex, records: &Servers<Record>) -> GtidState {
    let others = records.enumerate().filter(|(other, record)| {
        *other != index && !record.history.lost && !record.history.gtid.is_unknown()
    });
    others.fold(GtidState::Unknown, |most, (_, record)| {
        let own = &record.history.gtid;
        if most.is_unknown() || own.relation(&most) == Relation::Ahead { own.clone() } else { most }
    })
}

/// Whether a server that answers and is writable has lost against `winner` by precedence alone: two
/// histories go on beside each other.
pub(super) fn has_rival(winner: Option<ServerIndex>, records: &Servers<Record>) -> bool {
    records.iter().any(|record| {
        let lost = record.superseded.as_ref().is_some_and(|superseded| {
            superseded.loss == Loss::Precedence && superseded.by == winner
        });
        lost && record.trouble.is_none() && record.writable.is_some()
    })
}

/// Whether a server is known to be gone.
pub(super) fn is_gone(liveness: Liveness) -> bool {
    matches!(liveness, Liveness::Gone(_))
}
