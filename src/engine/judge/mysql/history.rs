//! Who of several writable servers has the newer history, and whose word counts at all.

use super::topology::{
    MemberChannel, Trail, attached_replicas, is_attached, member_channels, runs, trail,
};
use crate::engine::{
    ClusterPolicy, GtidState, IoThread, Moment, Relation, ServerIndex, Thresholds,
    ids::Servers,
    judge::{Precedents, is_foreign},
    record::Record,
    trouble::Liveness,
};

/// Whether a writable server is really a replica that somebody forgot to protect.
///
/// In a ring each server replicates from another in the end. There the only writable one is the
/// primary, and of several the one that was published; the others count as its replicas while it is
/// there. A published server is a replica only once it receives from another that is writable
/// itself: a channel that was left behind takes nothing from it.
pub(super) fn is_writable_replica(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    member_channels(index, policy, records).iter().any(
        |&MemberChannel { source, channel, .. }| {
            let writable = records[source].claims_writable();
            let liveness = records[source].liveness(&policy.thresholds, now);
            let overshadowed = precedents.last_writer == Some(source)
                && writable
                && !matches!(liveness, Liveness::Gone(_));
            let ring = || trail(source, index, policy, records) == Trail::Leads;
            let follows = match precedents.published == Some(index) {
                true => writable && channel.io == IoThread::Running,
                false => runs(channel),
            };
            follows && (overshadowed || !ring())
        },
    )
}

/// How the transactions of one server lie to those of another, as far as that proves who took over
/// from whom.
///
/// Where one replicates from the other right now, being behind is nothing but lag. A server may
/// only be called ahead on a reply of the other from after the moment when it turned writable: an
/// older one would lack what the other has written since. One that is alive and does not answer is
/// outrun when the other has been writable for as long as a silent server keeps its role, and no
/// replica receives from it any more.
pub(super) fn history(
    one: ServerIndex,
    other: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> Relation {
    let follows = |replica: ServerIndex, source: ServerIndex| {
        let mut channels = member_channels(replica, policy, records).into_iter();
        channels.any(|member| member.source == source && runs(member.channel))
    };
    if follows(one, other) || follows(other, one) {
        return Relation::Unknown;
    }
    let outruns = |ahead: ServerIndex, behind: ServerIndex| {
        let Some(run) = records[ahead].writable else {
            return false;
        };
        match records[behind].liveness(&policy.thresholds, now) {
            Liveness::Answering => records[behind].facts_at > run.since,
            Liveness::Doubtful(_) => false,
            _ => {
                now.since(run.since) >= Thresholds::SATURATED_GRACE
                    && attached_replicas(behind, policy, records, now) == 0
            }
        }
    };
    // Without GTIDs only those who replicate tell: when all have gone over, so has the cluster.
    let replaces = |new: ServerIndex, old: ServerIndex| {
        records[old].trouble.is_some()
            && outruns(new, old)
            && attached_replicas(new, policy, records, now) > 0
    };
    match gtid(&records[one]).relation(gtid(&records[other])) {
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
pub(super) fn gave_way(
    heir: ServerIndex,
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let record = &records[heir];
    let resigned = || {
        let relation = gtid(&records[index]).relation(gtid(record));
        !record.claims_writable() && matches!(relation, Relation::Equal | Relation::Ahead)
    };
    let follows = || is_attached(heir, index, policy, records);
    let followed = || attached_replicas(index, policy, records, now) > 0;
    record.liveness(&policy.thresholds, now) == Liveness::Answering
        && (resigned() || follows() || is_foreign(record, precedents) && followed())
}
