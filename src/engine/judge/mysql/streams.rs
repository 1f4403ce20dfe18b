//! How far the cluster's transactions reach, stream by stream, by all that its members show.

use super::{mysql_facts, replica::is_related, topology::member_channels};
use crate::engine::{
    ClusterPolicy, Moment, Position, ServerIndex, Stream,
    ids::Servers,
    judge::{Precedents, is_foreign, reach},
    positions::Positions,
    record::Record,
    trouble::Liveness,
};

/// Notes what the fresh replies of members show.
///
/// While there is a primary, what it has is the measure, also what it had shown before it was known to
/// be the one: it may never reply again. Without one the replicas are compared with
/// each other, less what each has written itself: an errant transaction of one makes nobody late.
pub(super) fn note(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    leaders: &[ServerIndex],
    now: Moment,
) {
    let counts = |record: &Record| {
        record.liveness(&policy.thresholds, now) == Liveness::Answering
            && !is_foreign(record, precedents)
            && !record.history.lost
    };
    if leaders.iter().any(|leader| records[*leader].reset) {
        positions.clear();
    }
    let follows: Servers<bool> =
        records.indices().map(|index| receives(index, policy, records)).collect();
    let mixed: Servers<bool> =
        records.indices().map(|index| is_mixed(index, policy, records)).collect();
    for (index, record) in records.enumerate_mut() {
        let reset = std::mem::take(&mut record.reset);
        let leads = leaders.contains(&index);
        if !record.fresh && !leads {
            continue;
        }
        let reach = mysql_facts(record).map(|facts| facts.gtid.reach()).unwrap_or_default();
        if record.fresh {
            record.note_shown(reach.iter().map(|(stream, last, _)| (stream.clone(), point(*last))));
        }
        if reset || !counts(record) || record.left_behind.is_some() {
            continue;
        }
        if !leads && (!leaders.is_empty() || !follows[index]) {
            continue;
        }
        let Some(facts) = mysql_facts(record) else { continue };
        let own = |stream: &Stream, server: Option<u32>| match (stream, &facts.identity.uuid) {
            (Stream::Source(source), Some(uuid)) => {
                source.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(uuid))
            }
            _ => server.is_some_and(|server| server == facts.identity.server_id),
        };
        for ((stream, _, server), shown) in reach.iter().zip(&record.shown) {
            // A gap of a replica closes in a moment, and what only one receives that has a source
            // outside may come from there.
            let alone = stream.begins_after_a_gap() || mixed[index];
            let counts = !alone || positions.knows(stream);
            if leads || counts && !own(stream, *server) {
                positions.show(stream.clone(), shown.position, shown.since, shown.rose);
            }
        }
    }
    bound_by_leaders(records, positions, leaders);
    positions.thin_out(reach(policy));
    for record in records.iter_mut() {
        record.positions.thin_out(reach(policy));
    }
}

/// Whether a server follows a member, or is one of ours behind a server that nobody knows: the top of
/// a site, or a replica whose source has left the configuration.
fn receives(index: ServerIndex, policy: &ClusterPolicy, records: &Servers<Record>) -> bool {
    let shown = mysql_facts(&records[index]).and_then(|facts| facts.channels.as_ref());
    !member_channels(index, policy, records).is_empty()
        || shown.is_some_and(|channels| !channels.is_empty()) && is_related(index, policy, records)
}

/// Whether a server follows a member, and somebody outside, too.
fn is_mixed(index: ServerIndex, policy: &ClusterPolicy, records: &Servers<Record>) -> bool {
    let shown = mysql_facts(&records[index]).and_then(|facts| facts.channels.as_ref());
    let ours = member_channels(index, policy, records).len();
    ours > 0 && shown.is_some_and(|channels| channels.len() > ours)
}

/// What the leaders do not have is lost: nobody will ever reach it.
fn bound_by_leaders(records: &Servers<Record>, positions: &mut Positions, leaders: &[ServerIndex]) {
    let fresh = leaders.iter().map(|leader| &records[*leader]).filter(|record| record.fresh);
    let reached: Vec<_> = fresh
        .filter_map(mysql_facts)
        .filter(|facts| !facts.gtid.is_unknown())
        .flat_map(|facts| facts.gtid.reach())
        .collect();
    if reached.is_empty() {
        return;
    }
    let last = |stream: &Stream| {
        let of_it = reached.iter().filter(|(known, ..)| known == stream);
        of_it.map(|(_, last, _)| *last).max()
    };
    positions.forget(|stream| last(stream).is_none());
    positions.bound(|stream| point(last(stream).unwrap_or(0)));
}

/// The point of a stream of GTIDs at this number.
pub(super) fn point(number: u64) -> Position {
    Position { segment: 0, offset: number }
}
