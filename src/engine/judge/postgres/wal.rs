//! How far the cluster's write-ahead log reaches, by all that its members show.

use std::time::Duration;

use crate::engine::{
    Lag, Loss, Position, PostgresFacts, PostgresRole, ServerIndex, Stream,
    conclusion::Conclusion,
    judge::{
        case::{Case, Hearing},
        tenure::shares_storage,
    },
    positions::{Positions, Reached, Shown},
    record::Record,
    superseded::Superseded,
    written_beside::WrittenBeside,
};

/// Notes what the fresh replies of members show of the log. What the primary had shown before it was
/// known to be the one counts as well: it may never reply again.
pub fn note(hearing: &mut Hearing<'_>, positions: &mut Positions, champion: Option<ServerIndex>) {
    let leading = champion.and_then(|champion| {
        let record = &hearing.records[champion];
        let (timeline, position) = (record.primary_timeline()?, written(record)?);
        Some((champion, timeline, position, record.history.began))
    });
    if let Some((primary, timeline, position, began)) = leading {
        let fork = began.map_or(position, |(_, fork)| fork);
        if positions.begin_timeline(timeline, fork) {
            show_past_of_others((primary, timeline), fork, hearing.case(), positions);
        }
        show_own_past((primary, timeline), hearing, positions);
    }
    let timeline = match leading {
        Some((_, timeline, ..)) => Some(timeline),
        None => common_timeline(hearing.case()),
    };
    let reach = hearing.policy.reach();
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
        if counts && fresh && !leads {
            note_beside(record, conclusion, reach);
        }
        if !counts || conclusion.left_behind.is_some() {
            continue;
        }
        let measures = leads || record.primary_timeline().is_none() && on(record, timeline);
        for shown in conclusion.shown.iter().filter(|_| measures) {
            positions.show(shown.stream.clone(), shown.position, shown.since, shown.rose);
        }
    }
    positions.thin_out(reach);
}

/// The primary may have written for long before it was known to be the one.
fn show_own_past(
    (primary, timeline): (ServerIndex, u32),
    hearing: &mut Hearing<'_>,
    positions: &mut Positions,
) {
    let past = hearing.conclusions[primary].wrote_beside.take();
    if let Some(past) = past.filter(|past| past.timeline == timeline) {
        positions.show_all(Stream::Wal, &past.points, None);
    }
}

/// A timeline that begins goes on from what was written on earlier ones up to there, also by one that had
/// lost because the members followed another one. What was written by one that was older than some other did
/// not lead there.
fn show_past_of_others(
    (primary, timeline): (ServerIndex, u32),
    fork: Position,
    case: Case<'_>,
    positions: &mut Positions,
) {
    let led_there = |other: ServerIndex| {
        let conclusion = &case.conclusions[other];
        let led = |lost: &Superseded| lost.loss == Loss::Following || lost.by == Some(primary);
        let past = conclusion.wrote_beside.as_deref().filter(|past| past.timeline < timeline);
        past.filter(|_| case.superseded(other).is_none_or(led) && !conclusion.left_for_sure)
    };
    let mut earlier: Vec<_> = case.others(primary).filter_map(led_there).collect();
    earlier.sort_by_key(|past| past.timeline);
    for past in earlier {
        positions.show_all(Stream::Wal, &past.points, Some(fork));
    }
}

/// What a server has written beside the primary. Whoever has lost proves nothing.
fn heeded_beside(server: ServerIndex, case: Case<'_>) -> Option<&WrittenBeside> {
    let conclusion = &case.conclusions[server];
    let heeded = conclusion.superseded.is_none() && !conclusion.left_for_sure;
    conclusion.wrote_beside.as_deref().filter(|_| heeded)
}

/// The highest timeline that any server has written on beside the primary.
pub fn newest_beside(case: Case<'_>) -> Option<u32> {
    case.indices().filter_map(|server| Some(heeded_beside(server, case)?.timeline)).max()
}

/// Notes what a server writes that is not the one. A standby has given up what it wrote.
fn note_beside(record: &Record, conclusion: &mut Conclusion, reach: Duration) {
    match record.primary_timeline() {
        Some(timeline) if !conclusion.has_lost_history(record) => {
            for Shown { position, since, rose, .. } in &conclusion.shown {
                let point = (*position, *since, *rose);
                WrittenBeside::note(&mut conclusion.wrote_beside, timeline, point, reach);
            }
        }
        Some(_) => {}
        None => conclusion.wrote_beside = None,
    }
}

/// How a standby that receives nothing lies to what other members have written on later timelines than
/// it has come to, whatever has become of them.
pub fn reached_beside(index: ServerIndex, case: Case<'_>) -> Reached {
    let record = &case.records[index];
    let Some(facts) = record.postgres().filter(|facts| !facts.is_attached()) else {
        return Reached::NothingShown;
    };
    let on = facts.standby_timeline().max(record.history.reached.map(|(on, _)| on));
    let PostgresRole::Standby { replayed: Some(replayed), .. } = facts.role else {
        return Reached::NothingShown;
    };
    let others = case.others(index).filter_map(|other| heeded_beside(other, case));
    let later = others.filter(|it| on.is_some_and(|on| on < it.timeline));
    let reached = later.map(|it| it.points.adds(replayed, record.facts_at));
    reached.fold(Reached::NothingShown, Reached::or_later)
}

/// How late a former standby is that says that it is writable: what it had when its timeline began
/// counts. On no later one than the last writer's nothing has promoted it, and what it has cannot be told.
pub fn lag_of_claimant(
    index: ServerIndex,
    case: Case<'_>,
    positions: &Positions,
) -> Option<Option<Lag>> {
    let record = &case.records[index];
    let (own, had) = (record.primary_timeline(), case.precedents.office.timeline);
    if !shares_storage(case) && own.is_some() && own <= had {
        return Some(None);
    }
    let (_, began) = record.history.began?;
    positions.reached(&Stream::Wal, began, record.facts_at).lag(None)
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
