//! Histories as the state file has them, and back: ages become wall times.
//!
//! What is kept is bounded on the way out, so that ten thousand clusters fit into a file, and on
//! the way in, for a file may have been written by anybody.

use std::{cmp::Reverse, time::Duration};

use crate::{
    engine::{
        GtidState, LeftBehind, Position, RememberedDenial, RememberedHistory, RememberedPosition,
        ServerIndex, Stream,
    },
    state::{
        DenialImage, ForkImage, HistoryImage, LeftBehindImage, PositionImage, ReachImage,
        StreamImage,
    },
};

/// Octets of the transactions of one server. A longer text counts as unknown, which proves nothing.
const GTID_OCTETS: usize = 256 << 10;

/// Octets of a `server_uuid`, and of a source with its tag.
pub const NAME_OCTETS: usize = 128;

/// Streams of one cluster: those that have moved last.
const STREAMS: usize = 64;

/// Timelines of one cluster.
const FORKS: usize = 128;

/// Positions of one stream: the newest.
const POSITIONS: usize = 128;

/// A position is kept when it is older than the next newer one by this share and this time. So few
/// of them reach far back, and a lag that is measured by them is too small by a fifth at most.
const STEP: (u32, Duration) = (4, Duration::from_millis(100));

/// No position counts as older.
const OLDEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What a server has, to be kept at the wall time `now_ms`.
pub fn history_image(history: &RememberedHistory, now_ms: u64) -> HistoryImage {
    HistoryImage {
        uuid: history.uuid.clone(),
        server_id: history.server_id,
        timeline: history.timeline,
        reached: history.reached.map(fork_image),
        durable: history.durable.map(|position| position.offset),
        gtid: gtid_text(&history.gtid),
        lost: history.lost,
        followed: history.followed,
        denial: history.denial.as_ref().map(|denial| DenialImage {
            asked_ms: now_ms.saturating_sub(millis(denial.age)),
            written: gtid_text(&denial.written),
        }),
        left_behind: history.left_behind.map(|why| match why {
            LeftBehind::DeadBranch => LeftBehindImage::DeadBranch,
            LeftBehind::StrayTimeline(timeline) => LeftBehindImage::StrayTimeline(timeline),
            LeftBehind::Diverged => LeftBehindImage::Diverged,
            LeftBehind::Astray => LeftBehindImage::Astray,
        }),
        cannot_write: history.cannot_write,
    }
}

/// What a server was kept to have, at the wall time `now_ms`.
pub fn history(server: ServerIndex, image: &HistoryImage, now_ms: u64) -> RememberedHistory {
    RememberedHistory {
        server,
        uuid: image.uuid.clone().filter(|uuid| uuid.len() <= NAME_OCTETS),
        server_id: image.server_id,
        timeline: image.timeline,
        reached: image.reached.map(fork),
        durable: image.durable.map(Position::lsn),
        gtid: gtid(&image.gtid),
        lost: image.lost,
        followed: image.followed,
        denial: image.denial.as_ref().map(|denial| RememberedDenial {
            age: age(denial.asked_ms, now_ms),
            written: gtid(&denial.written),
        }),
        left_behind: image.left_behind.map(|why| match why {
            LeftBehindImage::DeadBranch => LeftBehind::DeadBranch,
            LeftBehindImage::StrayTimeline(timeline) => LeftBehind::StrayTimeline(timeline),
            LeftBehindImage::Diverged => LeftBehind::Diverged,
            LeftBehindImage::Astray => LeftBehind::Astray,
        }),
        cannot_write: image.cannot_write,
    }
}

/// A point on a timeline, to be kept.
pub fn fork_image((timeline, position): (u32, Position)) -> ForkImage {
    ForkImage { timeline, lsn: position.offset }
}

/// A point on a timeline that was kept.
fn fork(image: ForkImage) -> (u32, Position) {
    (image.timeline, Position::lsn(image.lsn))
}

/// Where timelines were kept to begin, one of each, in order.
pub fn forks(images: &[ForkImage]) -> Vec<(u32, Position)> {
    let mut forks: Vec<_> = images.iter().copied().map(fork).collect();
    forks.sort_unstable();
    forks.dedup_by_key(|(timeline, _)| *timeline);
    // The newest are those that matter.
    forks.split_off(forks.len().saturating_sub(FORKS))
}

/// Transactions as they are kept.
pub fn gtid_text(gtid: &GtidState) -> Box<str> {
    let text = gtid.to_text();
    if text.len() <= GTID_OCTETS { text.into() } else { "".into() }
}

/// Transactions as they were kept.
pub fn gtid(text: &str) -> GtidState {
    let text = if text.len() <= GTID_OCTETS { text } else { "" };
    GtidState::parse_text(text).unwrap_or_default()
}

/// How far a cluster's history reaches, to be kept at the wall time `now_ms`.
pub fn reach_images(positions: &[RememberedPosition], now_ms: u64) -> Vec<ReachImage> {
    let mut streams: Vec<(&Stream, Vec<&RememberedPosition>)> = Vec::new();
    for position in positions {
        match streams.iter_mut().find(|(stream, _)| **stream == position.stream) {
            Some((_, seen)) => seen.push(position),
            None => streams.push((&position.stream, vec![position])),
        }
    }
    streams.sort_by_key(|(_, seen)| seen.last().map(|newest| newest.age));
    streams.truncate(STREAMS);
    streams.sort_by_key(|(stream, _)| *stream);
    let image = |position: &RememberedPosition| PositionImage {
        segment: position.position.segment,
        offset: position.position.offset,
        seen_ms: now_ms.saturating_sub(millis(position.age)),
    };
    let images = streams.into_iter().map(|(stream, seen)| ReachImage {
        stream: match stream {
            Stream::Wal => StreamImage::Wal,
            Stream::Source(source) => StreamImage::Source(source.clone()),
            Stream::Domain(domain) => StreamImage::Domain(*domain),
        },
        seen: thinned(&seen).into_iter().map(image).collect(),
    });
    images.collect()
}

/// The newest of `positions`, the oldest, and so many between them that each is older than the next
/// by a [`STEP`] at least. Both are oldest first.
fn thinned<'a>(positions: &[&'a RememberedPosition]) -> Vec<&'a RememberedPosition> {
    let (share, time) = STEP;
    let mut kept: Vec<&RememberedPosition> = Vec::new();
    for (index, position) in positions.iter().enumerate().rev() {
        let is_far = kept.last().is_none_or(|newer| {
            position.age >= newer.age.saturating_add(newer.age / share).saturating_add(time)
        });
        if is_far || index == 0 {
            kept.push(position);
        }
    }
    kept.truncate(POSITIONS);
    kept.reverse();
    kept
}

/// How far a cluster's history was kept to reach, oldest first. `now_ms` is the wall time.
pub fn positions(reach: &[ReachImage], now_ms: u64) -> Vec<RememberedPosition> {
    let mut positions: Vec<_> = reach
        .iter()
        .filter_map(|image| Some((stream(&image.stream)?, &image.seen)))
        .take(STREAMS)
        .flat_map(|(stream, seen)| {
            let newest = seen.iter().skip(seen.len().saturating_sub(POSITIONS));
            newest.map(move |seen| RememberedPosition {
                stream: stream.clone(),
                position: Position { segment: seen.segment, offset: seen.offset },
                age: age(seen.seen_ms, now_ms),
            })
        })
        .collect();
    positions.sort_by_key(|seen| Reverse(seen.age));
    positions
}

fn stream(image: &StreamImage) -> Option<Stream> {
    Some(match image {
        StreamImage::Wal => Stream::Wal,
        StreamImage::Source(source) if source.len() > NAME_OCTETS => return None,
        StreamImage::Source(source) => Stream::Source(source.clone()),
        StreamImage::Domain(domain) => Stream::Domain(*domain),
    })
}

/// How long ago a wall time was.
pub fn age(then_ms: u64, now_ms: u64) -> Duration {
    Duration::from_millis(now_ms.saturating_sub(then_ms)).min(OLDEST)
}

/// Milliseconds of an age.
pub fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stream: &Stream, offset: u64, age_ms: u64) -> RememberedPosition {
        let position = Position { segment: 0, offset };
        RememberedPosition { stream: stream.clone(), position, age: Duration::from_millis(age_ms) }
    }

    #[test]
    fn a_position_has_grown_older_by_the_time_nobody_was_there() {
        let streams = [Stream::Wal, Stream::Source("a:tag".into()), Stream::Domain(7)];
        let known: Vec<_> = streams.iter().map(|stream| seen(stream, 5, 2_000)).collect();
        let images = reach_images(&known, 1_000_000);
        let told: Vec<_> = images.iter().map(|image| image.seen[0].seen_ms).collect();
        assert_eq!(told, [998_000; 3]);
        let an_hour_later = positions(&images, 1_000_000 + 3_600_000);
        let expected: Vec<_> = streams.iter().map(|stream| seen(stream, 5, 3_602_000)).collect();
        assert_eq!(an_hour_later, expected);
        // A clock that was set back makes nothing younger than new.
        assert_eq!(positions(&images, 0)[0].age, Duration::ZERO);
    }

    /// Two a second for four minutes.
    #[test]
    fn few_positions_reach_as_far_back_and_none_is_missed_by_more_than_a_step() {
        let all: Vec<_> = (0..500).map(|n| seen(&Stream::Wal, n, (500 - n) * 500)).collect();
        let images = reach_images(&all, 1_000_000);
        let kept = positions(&images, 1_000_000);
        assert!((10..40).contains(&kept.len()), "{} of them", kept.len());
        assert_eq!((kept.first(), kept.last()), (all.first(), all.last()));
        assert!(kept.is_sorted_by_key(|seen| Reverse(seen.age)));
        for missed in &all {
            let next = kept.iter().find(|kept| kept.position.offset >= missed.position.offset);
            let next = next.expect("the newest is kept");
            let least = missed.age * 3 / 4;
            assert!(next.age + Duration::from_millis(600) >= least, "{next:?} for {missed:?}");
        }
    }

    #[test]
    fn what_a_stranger_may_have_written_is_bounded() {
        let position = PositionImage { segment: 1, offset: u64::MAX, seen_ms: 0 };
        let reach = |stream| ReachImage { stream, seen: vec![position; 10 * POSITIONS] };
        let long = StreamImage::Source("x".repeat(NAME_OCTETS + 1).into());
        let mut images = vec![reach(long)];
        images.extend((0..10).map(|_| reach(StreamImage::Wal)));
        let kept = positions(&images, u64::MAX);
        assert_eq!(kept.len(), 10 * POSITIONS);
        assert!(kept.iter().all(|seen| seen.age == OLDEST && seen.stream == Stream::Wal));

        let endless = "mysql:".to_owned() + &" ".repeat(GTID_OCTETS);
        for odd in [endless.as_str(), "mysql:x", "?"] {
            assert_eq!(gtid(odd), GtidState::Unknown, "{:.20}", odd);
        }
        let uuid = Some("x".repeat(NAME_OCTETS + 1).into());
        let image = HistoryImage { uuid, ..HistoryImage::default() };
        assert_eq!(history(ServerIndex::new(0), &image, 0).uuid, None);
    }

    #[test]
    fn a_history_comes_back_as_it_was() {
        let text = "mariadb:0-1-17;0-1-17,0-2-16";
        let known = RememberedHistory {
            server: ServerIndex::new(2),
            uuid: Some("3e11fa47-71ca-11e1-9e33-c80aa9429562".into()),
            server_id: 7,
            timeline: Some(3),
            reached: Some((2, Position::lsn(77))),
            durable: Some(Position::lsn(70)),
            gtid: GtidState::parse_text(text).expect("a state"),
            lost: true,
            followed: true,
            denial: Some(RememberedDenial {
                age: Duration::from_secs(3),
                written: GtidState::parse_text("mariadb:0-2-16;0-2-16").expect("a state"),
            }),
            left_behind: Some(LeftBehind::StrayTimeline(4)),
            cannot_write: true,
        };
        let image = history_image(&known, 1_000_000);
        assert_eq!(&*image.gtid, text);
        assert_eq!(image.denial.as_ref().map(|denial| denial.asked_ms), Some(997_000));
        assert_eq!(history(ServerIndex::new(2), &image, 1_000_000), known);
        let later = history(ServerIndex::new(2), &image, 1_060_000);
        assert_eq!(later.denial.map(|denial| denial.age), Some(Duration::from_secs(63)));
    }
}
