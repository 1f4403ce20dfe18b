//! Who of several writable servers has the newer history, and whose word counts at all.

use super::topology::{
    MemberChannel, Trail, attached_replicas, is_attached, member_channels, only_passes_on, runs,
    trail,
};
use crate::engine::{
    GtidState, IoThread, Relation, ServerIndex, Thresholds, judge::case::Case, record::Record,
    trouble::Liveness,
};

/// Whether a writable server is really a replica that somebody forgot to protect.
///
/// In a ring each server replicates from another in the end. There the only writable one is the
/// primary, and of several the one that was published; the others count as its replicas while it is
/// there. A published server is a replica only once it receives from another that is writable
/// itself: a channel that was left behind takes nothing from it.
pub fn is_writable_replica(index: ServerIndex, case: Case<'_>) -> bool {
    member_channels(index, case).iter().any(|&MemberChannel { source, channel, .. }| {
        let writable = case.records[source].claims_writable();
        let liveness = case.liveness(source);
        let overshadowed = case.precedents.last_writer == Some(source)
            && writable
            && !matches!(liveness, Liveness::Gone(_));
        let ring = || trail(source, index, case) == Trail::Leads;
        // What it said before the other one turned writable is no word about that.
        let asked = || was_asked_since_turn(index, source, case);
        let follows = match case.precedents.published == Some(index) {
            true => writable && channel.io == IoThread::Running && asked(),
            false => runs(channel),
        };
        follows && (overshadowed || !ring())
    })
}

/// Whether the last reply of `one` is younger than the claim of `other` to be writable.
fn was_asked_since_turn(one: ServerIndex, other: ServerIndex, case: Case<'_>) -> bool {
    let turned = case.records[other].writable.map(|run| run.since);
    turned.is_none_or(|since| case.records[one].facts_at >= since)
}

/// How the transactions of one server lie to those of another, as far as that proves who took over
/// from whom.
///
/// Where one replicates from the other right now, being behind is nothing but lag. A server may
/// only be called ahead on a reply of the other from after the moment when it turned writable: an
/// older one would lack what the other has written since. One that is alive and does not answer is
/// outrun when its replicas show that it only passes on what the other writes, or when the other
/// has been writable for as long as a silent server keeps its role, and no replica receives from it
/// any more. Of two that carry one mark, a server and its copy, each has used the numbers of the
/// other.
pub fn history(one: ServerIndex, other: ServerIndex, case: Case<'_>) -> Relation {
    let follows = |replica: ServerIndex, source: ServerIndex| {
        let mut channels = member_channels(replica, case).into_iter();
        channels.any(|member| member.source == source && runs(member.channel))
            && was_asked_since_turn(replica, source, case)
    };
    let is_twin = || case.records[one].history.has_mark_of(&case.records[other].history);
    if follows(one, other) || follows(other, one) || is_twin() {
        return Relation::Unknown;
    }
    let outruns = |ahead: ServerIndex, behind: ServerIndex| {
        let Some(run) = case.records[ahead].writable else {
            return false;
        };
        match case.liveness(behind) {
            Liveness::Answering => case.records[behind].facts_at > run.since,
            Liveness::Doubtful(_) => false,
            _ => {
                let lasts = case.now.since(run.since) >= Thresholds::SATURATED_GRACE;
                only_passes_on(behind, case) || lasts && attached_replicas(behind, case) == 0
            }
        }
    };
    // Without GTIDs only those who replicate tell: when all have gone over, so has the cluster.
    let replaces = |new: ServerIndex, old: ServerIndex| {
        case.records[old].trouble.is_some() && outruns(new, old) && attached_replicas(new, case) > 0
    };
    match gtid(&case.records[one]).relation(gtid(&case.records[other])) {
        Relation::Ahead if !outruns(one, other) => Relation::Unknown,
        Relation::Behind if !outruns(other, one) => Relation::Unknown,
        Relation::Unknown if replaces(one, other) => Relation::Ahead,
        Relation::Unknown if replaces(other, one) => Relation::Behind,
        relation => relation,
    }
}

/// What a server has, by its last word or by what an earlier process has known.
fn gtid(record: &Record) -> &GtidState {
    &record.history.gtid
}

/// Whether the server that took over from `index` has given way: it replicates from this one, or it
/// says itself that it is not writable and has nothing that this one lacks. One that belongs to
/// another cluster now has only gone, unless a replica follows this server.
pub fn gave_way(heir: ServerIndex, index: ServerIndex, case: Case<'_>) -> bool {
    let record = &case.records[heir];
    let resigned = || {
        let relation = gtid(&case.records[index]).relation(gtid(record));
        !record.claims_writable() && matches!(relation, Relation::Equal | Relation::Ahead)
    };
    let follows = || is_attached(heir, index, case);
    let followed = || attached_replicas(index, case) > 0;
    case.answers(heir) && (resigned() || follows() || case.is_foreign(heir) && followed())
}
