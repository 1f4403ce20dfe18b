//! How far the cluster's transactions reach, stream by stream, by all that its members show.

use std::collections::BTreeMap;

use super::{replica::is_related, topology::member_channels};
use crate::engine::{
    MySqlFacts, Position, ServerIndex, Stream,
    ids::Servers,
    judge::case::{Case, Hearing},
    positions::Positions,
    record::Record,
};

/// Notes what the fresh replies of members show.
///
/// While there is a primary, what it has is the measure, also what it had shown before it was known to
/// be the one: it may never reply again. Without one the replicas are compared with
/// each other, less what each of them has written itself: an errant transaction of one makes nobody
/// late, whoever has it from there.
pub fn note(hearing: &mut Hearing<'_>, positions: &mut Positions, leaders: &[ServerIndex]) {
    let case = hearing.case();
    let began_anew =
        |leader: &ServerIndex| case.conclusions[*leader].has_begun_anew(&case.records[*leader]);
    if leaders.iter().any(began_anew) {
        positions.clear();
    }
    let follows: Servers<bool> = case.indices().map(|index| receives(index, case)).collect();
    let mixed: Servers<bool> = case.indices().map(|index| is_mixed(index, case)).collect();
    for index in hearing.records.indices() {
        let leads = leaders.contains(&index);
        let fresh = hearing.case().has_news(index);
        if !fresh && !leads {
            continue;
        }
        let counts = counts(index, hearing.case());
        let reach = hearing.records[index].mysql().map(|facts| facts.gtid.reach());
        let reach = reach.unwrap_or_default();
        let case = hearing.case();
        let errant: Vec<bool> = match leads {
            true => vec![false; reach.len()],
            false => reach.iter().map(|point| is_errant(point, index, case)).collect(),
        };
        let (record, conclusion) = hearing.of(index);
        if fresh {
            let last = |(stream, last, _): &(Stream, u64, _)| {
                (stream.clone(), Position::transaction(*last))
            };
            conclusion.note_shown(record, reach.iter().map(last));
        }
        if conclusion.has_begun_anew(record) || !counts || conclusion.left_behind.is_some() {
            continue;
        }
        if !leads && (!leaders.is_empty() || !follows[index]) {
            continue;
        }
        for (((stream, ..), shown), errant) in reach.iter().zip(&conclusion.shown).zip(errant) {
            // A gap of a replica closes in a moment, and what only one receives that has a source
            // outside may come from there.
            let alone = stream.begins_after_a_gap() || mixed[index];
            let counts = !alone || positions.knows(stream);
            if leads || counts && !errant {
                positions.show(stream.clone(), shown.position, shown.since, shown.rose);
            }
        }
    }
    // Who leads because nobody else was heard yet may lack what was known before.
    if hearing.precedents.ready {
        bound_by_leaders(hearing.case(), positions, leaders);
    }
    positions.thin_out(hearing.policy.reach());
}

/// Whether what a server shows is of this cluster, and of now.
fn counts(server: ServerIndex, case: Case<'_>) -> bool {
    case.answers(server) && !case.is_foreign(server) && !case.has_lost_history(server)
}

/// Whether the point of a stream that a replica shows was written by itself, or, beyond all that the
/// last writer had, by another one that has it as a replica. One that has not may be a writer by now.
fn is_errant(
    (stream, last, server): &(Stream, u64, Option<u32>),
    shown_by: ServerIndex,
    case: Case<'_>,
) -> bool {
    let (office, last_writer) = (&case.precedents.office.gtid, case.precedents.last_writer);
    let is_beyond = !office.is_unknown() && office.reaches(stream) < Some(*last);
    let is_replica = |member: ServerIndex| {
        let record = &case.records[member];
        let writes = record.claims_writable() || last_writer == Some(member);
        let has = record.history.gtid.reaches(stream) >= Some(*last);
        is_beyond && has && !writes && case.answers(member)
    };
    case.indices().filter(|&member| member == shown_by || is_replica(member)).any(|member| {
        let facts = case.records[member].mysql();
        facts.is_some_and(|facts| is_its_own(stream, *server, facts))
    })
}

/// Whether a server has written a stream itself, of which the last transaction is by `server`.
fn is_its_own(stream: &Stream, server: Option<u32>, facts: &MySqlFacts) -> bool {
    match (stream, &facts.identity.uuid) {
        (Stream::Source(source), Some(uuid)) => {
            source.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(uuid))
        }
        _ => server.is_some_and(|server| server == facts.identity.server_id),
    }
}

/// Whether a server follows a member, or is one of ours behind a server that nobody knows: the top of
/// a site, or a replica whose source has left the configuration.
fn receives(index: ServerIndex, case: Case<'_>) -> bool {
    let shown = case.records[index].mysql().and_then(|facts| facts.channels.as_ref());
    !member_channels(index, case).is_empty()
        || shown.is_some_and(|channels| !channels.is_empty()) && is_related(index, case)
}

/// Whether a server follows a member, and somebody outside, too.
fn is_mixed(index: ServerIndex, case: Case<'_>) -> bool {
    let shown = case.records[index].mysql().and_then(|facts| facts.channels.as_ref());
    let ours = member_channels(index, case).len();
    ours > 0 && shown.is_some_and(|channels| channels.len() > ours)
}

/// What the leaders do not have is lost: nobody will ever reach it.
fn bound_by_leaders(case: Case<'_>, positions: &mut Positions, leaders: &[ServerIndex]) {
    let fresh = leaders.iter().filter(|&&leader| case.has_news(leader));
    let fresh = fresh.map(|leader| &case.records[*leader]);
    let shown = fresh.filter_map(Record::mysql).filter(|facts| !facts.gtid.is_unknown());
    let mut reached: BTreeMap<Stream, u64> = BTreeMap::new();
    for (stream, last, _) in shown.flat_map(|facts| facts.gtid.reach()) {
        let highest = reached.entry(stream).or_default();
        *highest = last.max(*highest);
    }
    if reached.is_empty() {
        return;
    }
    let last = |stream: &Stream| reached.get(stream).copied();
    positions.forget(|stream| last(stream).is_none());
    positions.bound(|stream| Position::transaction(last(stream).unwrap_or(0)));
}
