//! How far the cluster's write-ahead log reaches, by all that its members show.

use crate::engine::{
    Position, PostgresFacts, PostgresRole, ServerIndex, Stream,
    judge::case::{Case, Hearing},
    positions::Positions,
    record::Record,
};

/// Notes what the fresh replies of members show of the log. What the primary had shown before it was
/// known to be the one counts as well: it may never reply again.
pub fn note(hearing: &mut Hearing<'_>, positions: &mut Positions, champion: Option<ServerIndex>) {
    let leading = champion.and_then(|champion| {
        let record = &hearing.records[champion];
        Some((record.primary_timeline()?, written(record)?, record.history.began))
    });
    if let Some((timeline, position, began)) = leading {
        positions.begin_timeline(timeline, began.map_or(position, |(_, fork)| fork));
    }
    let timeline = match leading {
        Some((timeline, ..)) => Some(timeline),
        None => common_timeline(hearing.case()),
    };
    for index in hearing.records.indices() {
        let leads = champion == Some(index);
        let fresh = hearing.case().has_news(index);
        if !leads && !fresh {
            continue;
        }
        let counts = counts(index, hearing.case());
        let (record, conclusion) = hearing.of(index);
        if fresh {
            let last = written(record).or_else(|| came_to(record));
            let point = last.map(|position| (Stream::Wal, position));
            conclusion.note_shown(record, point.into_iter());
        }
        if !counts || conclusion.left_behind.is_some() {
            continue;
        }
        let measures = leads || record.primary_timeline().is_none() && on(record, timeline);
        for shown in conclusion.shown.iter().filter(|_| measures) {
            positions.show(shown.stream.clone(), shown.position, shown.since, shown.rose);
        }
    }
    positions.thin_out(hearing.policy.reach());
}

/// Whether what a server shows is of this cluster, and of now.
fn counts(server: ServerIndex, case: Case<'_>) -> bool {
    case.answers(server) && !case.is_foreign(server)
}

/// Where a primary has come to.
pub fn written(record: &Record) -> Option<Position> {
    match record.postgres()?.role {
        PostgresRole::Primary { position, .. } => Some(position),
        PostgresRole::Standby { .. } => None,
    }
}

/// How far a standby has come: what it has received or replayed.
fn came_to(record: &Record) -> Option<Position> {
    match record.postgres()?.role {
        PostgresRole::Standby { received, replayed, .. } => received.max(replayed),
        PostgresRole::Primary { .. } => None,
    }
}

/// Whether a standby is on `timeline` or may be.
fn on(record: &Record, timeline: Option<u32>) -> bool {
    let own = record.postgres().and_then(PostgresFacts::standby_timeline);
    own.is_none() || timeline.is_none() || own == timeline
}

/// The timeline that most standbys have come to, the highest among equals.
fn common_timeline(case: Case<'_>) -> Option<u32> {
    let members = case.indices().filter(|&member| counts(member, case));
    let mut timelines: Vec<_> =
        members.filter_map(|member| case.records[member].postgres()?.standby_timeline()).collect();
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
