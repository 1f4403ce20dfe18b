//! How far a replica is behind: by GTIDs stream by stream, by its source's binary log, by its own
//! word.

use std::time::Duration;

use super::{standpoint::Standpoint, topology::is_left_out};
use crate::engine::{
    Channel, GtidState, IoThread, Lag, Position, ServerIndex, Stream, judge::case::Case,
    positions::Reached, record::Record, trouble::Liveness,
};

/// How far a replica is behind: `None` when its next reply will tell, `Some(None)` when it cannot
/// be told.
///
/// By GTIDs a replica is compared with all that any member has shown, stream by stream. A direct
/// replica is measured by its source's binary log, too. Behind another replica, coordinates cannot
/// be compared: there the server's own number and its source's lag add up.
pub fn lag(
    index: ServerIndex,
    channel: &Channel,
    source: ServerIndex,
    case: Case<'_>,
    standpoint: Standpoint<'_>,
) -> Option<Option<Lag>> {
    let (replica, primary) = (&case.records[index], standpoint.primary_for(source));
    if replica.supposed_lag.is_some() {
        return Some(replica.supposed_lag);
    }
    let own = channel.seconds_behind.map(Duration::from_secs);
    let present = primary.is_some_and(|primary| case.records[primary].trouble.is_none());
    let direct = primary.is_none_or(|primary| primary == source);
    let mut reached = by_gtid(index, Some(channel), case, standpoint);
    if direct && !case.has_lost_history(source) {
        reached = reached.or_later(by_coordinates(replica, channel, &case.records[source]));
    }
    if reached != Reached::NothingShown {
        return with_own_word(reached.lag(own), own, present);
    }
    if channel.io != IoThread::Running {
        return None;
    }
    let upstream = match case.conclusions[source].settled {
        Some(settled) if Some(source) != primary => {
            settled.lag.map_or(Duration::ZERO, |Lag(lag)| lag)
        }
        _ => Duration::ZERO,
    };
    Some(own.map(|own| Lag(own + upstream)))
}

/// A replica's own number is a word against it where nobody shows the present.
pub fn with_own_word(
    lag: Option<Option<Lag>>,
    own: Option<Duration>,
    present: bool,
) -> Option<Option<Lag>> {
    match (lag, own) {
        (Some(Some(Lag(lag))), Some(own)) if !present => Some(Some(Lag(lag.max(own)))),
        (lag, _) => lag,
    }
}

/// How a replica lies to what was shown in each stream of GTIDs. Of a domain of which it shows
/// nothing only what was written since it is watched is missing, and nothing of one that it, or
/// somebody between, leaves out. What it has written itself, and the last writer had not, makes up
/// for nothing.
pub fn by_gtid(
    index: ServerIndex,
    channel: Option<&Channel>,
    case: Case<'_>,
    standpoint: Standpoint<'_>,
) -> Reached {
    let (replica, positions) = (&case.records[index], standpoint.positions);
    let Some(own) = replica.mysql().map(|facts| &facts.gtid) else {
        return Reached::NothingShown;
    };
    if own.is_unknown() || own.is_empty() {
        return Reached::NothingShown;
    }
    let (at, number) = (replica.facts_at, replica.history.server_id);
    let left_out = |domain: u32| {
        let between = |primary| is_left_out(domain, index, primary, case);
        channel.is_some_and(|it| !it.domains.contain(domain))
            || standpoint.champion.is_some_and(between)
    };
    let reaches = |stream| own.reaches_as_replica(stream, number, standpoint.office);
    let streams = positions.streams().map(|stream| match (reaches(stream), stream) {
        (_, Stream::Domain(domain)) if left_out(*domain) => Reached::NothingShown,
        (Some(last), _) => positions.reached(stream, Position::transaction(last), at),
        (None, Stream::Source(_)) => positions.reached(stream, Position::transaction(0), at),
        (None, Stream::Domain(_)) => positions.lacks_all(stream, at),
        (None, Stream::Wal) => Reached::NothingShown,
    });
    streams.fold(Reached::NothingShown, Reached::or_later)
}

/// How late a former replica is that says that it is writable, by what it lacks of all that was shown.
/// While the one in office lives and does not answer us, what it writes cannot be told.
pub fn lag_of_claimant(
    index: ServerIndex,
    case: Case<'_>,
    standpoint: Standpoint<'_>,
) -> Option<Option<Lag>> {
    let lives_unheard = |champion| match case.liveness(champion) {
        Liveness::Alive(_) | Liveness::Gone(_) | Liveness::ProbeSilent => true,
        Liveness::Answering | Liveness::Doubtful(_) | Liveness::Unheard => false,
    };
    match standpoint.champion.is_some_and(lives_unheard) {
        true => Some(None),
        false => by_gtid(index, None, case, standpoint).lag(None),
    }
}

/// How a direct replica lies to the binary log of its source.
fn by_coordinates(replica: &Record, channel: &Channel, source: &Record) -> Reached {
    let Some(applied) = channel.applied else { return Reached::NothingShown };
    let impossible = source.positions.last().is_some_and(|last| applied > last)
        && source.facts_at >= replica.facts_came;
    match impossible {
        // The source has begun its log anew, and the coordinate is of the old one.
        true => Reached::LacksAtLeast(Duration::from_secs(1)),
        false => source.positions.reached(applied, replica.facts_at),
    }
}

/// Whether a replica that receives nothing shares nothing with the last writer: it is no late copy,
/// and what it lacks is not counted in seconds.
pub fn is_of_another_history(replica: &Record, channel: &Channel, office: &GtidState) -> bool {
    let own = &replica.history.gtid;
    channel.io != IoThread::Running
        && !own.is_empty()
        && !office.is_empty()
        && own.shares(office) == Some(false)
}
