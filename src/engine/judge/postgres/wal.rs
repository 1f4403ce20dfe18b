//! How far the cluster's write-ahead log reaches, by all that its members show.

use super::{postgres_facts, primary_timeline};
use crate::engine::{
    ClusterPolicy, Moment, Position, PostgresRole, ServerIndex, Stream,
    history::standby_timeline,
    ids::Servers,
    judge::{Precedents, is_foreign, reach},
    positions::Positions,
    record::Record,
    trouble::Liveness,
};

/// Notes what the fresh replies of members show of the log. What the primary had shown before it was
/// known to be the one counts as well: it may never reply again.
pub(super) fn note(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    champion: Option<ServerIndex>,
    now: Moment,
) {
    let answers = |record: &Record| {
        record.liveness(&policy.thresholds, now) == Liveness::Answering
            && !is_foreign(record, precedents)
    };
    let leading = champion.and_then(|champion| {
        let record = &records[champion];
        Some((primary_timeline(record)?, written(record)?))
    });
    if let Some((timeline, position)) = leading {
        let began = champion.and_then(|champion| records[champion].history.began);
        positions.begin_timeline(timeline, began.map_or(position, |(_, fork)| fork));
    }
    let timeline = match leading {
        Some((timeline, _)) => Some(timeline),
        None => common_timeline(records.iter().filter(|record| answers(record))),
    };
    for (index, record) in records.enumerate_mut() {
        let leads = champion == Some(index);
        if record.fresh {
            let last = written(record).or_else(|| came_to(record));
            record.note_shown(last.map(|position| (Stream::Wal, position)).into_iter());
        }
        if !leads && !record.fresh || !answers(record) || record.left_behind.is_some() {
            continue;
        }
        let counts = leads || primary_timeline(record).is_none() && on(record, timeline);
        for shown in record.shown.iter().filter(|_| counts) {
            positions.show(shown.stream.clone(), shown.position, shown.since, shown.rose);
        }
    }
    positions.thin_out(reach(policy));
}

/// Where a primary has come to.
pub(super) fn written(record: &Record) -> Option<Position> {
    match postgres_facts(record)?.role {
        PostgresRole::Primary { position, .. } => Some(position),
        PostgresRole::Standby { .. } => None,
    }
}

/// How far a standby has come: what it has received or replayed.
fn came_to(record: &Record) -> Option<Position> {
    match postgres_facts(record)?.role {
        PostgresRole::Standby { received, replayed, .. } => received.max(replayed),
        PostgresRole::Primary { .. } => None,
    }
}

/// Whether a standby is on `timeline` or may be.
fn on(record: &Record, timeline: Option<u32>) -> bool {
    let own = postgres_facts(record).and_then(standby_timeline);
    own.is_none() || timeline.is_none() || own == timeline
}

/// The timeline that most standbys have come to, the highest among equals.
fn common_timeline<'a>(records: impl Iterator<Item = &'a Record>) -> Option<u32> {
    let mut timelines: Vec<_> =
        records.filter_map(|record| standby_timeline(postgres_facts(record)?)).collect();
    timelines.sort_unstable();
    let mut runs = timelines.chunk_by(|one, other| one == other);
    let mut most: Option<&[u32]> = None;
    for run in &mut runs {
        if most.is_none_or(|most| run.len() >= most.len()) {
            most = Some(run);
        }
    }
    most.map(|run| run[0])
}
