//! How far the history of a cluster reaches, and since when: what every lag is measured by.
//!
//! Two friends read one novel, and I am ahead. I note when I come to a page: page 10 at 12:00, page
//! 20 at 12:05, page 30 at 12:10. At 12:12 you say that you are on page 24. The first page in my
//! notes that you have not reached is 30, and I was there at 12:10: you are two minutes behind, by my
//! watch alone. If I put the book down, you are in time as soon as you are on page 30, however long I
//! pause. My first note is weaker: nobody knows who read page 10 before me, so on page 5 you are
//! behind by twelve minutes *at least*.
//!
//! One memory for the whole cluster, fed by the primary and, when none answers, by the replicas: it
//! outlives a promotion, and replicas without a primary are compared with each other.

use std::{collections::VecDeque, time::Duration};

use super::{Lag, Moment, Position, RememberedPosition, Stream};

/// The streams of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    /// In order. A cluster has one or a few: a list is smaller than a map, and as fast.
    streams: Vec<(Stream, PositionRing)>,
    /// PostgreSQL: where timelines begin, as far as their primaries have shown it: the first
    /// position seen on each, which is the fork or somewhat later. In order.
    forks: Vec<(u32, Position)>,
}

/// Samples of one stream, oldest first, positions strictly rising.
#[derive(Clone, Debug, Default)]
pub struct PositionRing {
    samples: VecDeque<Sample>,
}

/// A point, and when it was first seen.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Milliseconds since the start of the process; before it when an earlier process saw it.
    at: i64,
    position: Position,
    /// Whoever showed it had shown less before, so that it was reached about then. Otherwise it may
    /// be older than its first sight.
    timed: bool,
}

/// The point of a stream that a server has come to, by its last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub(super) stream: Stream,
    pub(super) position: Position,
    /// When it was asked and first said so.
    pub(super) since: Moment,
    /// It had shown less before.
    pub(super) rose: bool,
}

/// How a replica lies to what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Nothing was shown that it could be compared with.
    NothingShown,
    /// The first point that it lacks is so old.
    Lacks(Duration),
    /// The first point that it lacks is at least so old.
    LacksAtLeast(Duration),
}

impl Positions {
    /// Somebody was seen at `position` of `stream`, by a question of `asked`. `rises` when the same
    /// server had shown less before.
    pub fn show(&mut self, stream: Stream, position: Position, asked: Moment, rises: bool) {
        self.ring_mut(stream).show(position, asked, rises);
    }

    /// All that one server was seen at before it was known to be the one, up to `end`.
    pub fn show_all(&mut self, stream: Stream, shown: &PositionRing, end: Option<Position>) {
        let ring = self.ring_mut(stream);
        let is_within = |sample: &&Sample| end.is_none_or(|end| sample.position < end);
        for sample in shown.samples.iter().filter(is_within) {
            let asked = Moment::from_millis(u64::try_from(sample.at).unwrap_or(0));
            ring.show(sample.position, asked, sample.timed);
        }
    }

    /// PostgreSQL: the primary was seen at `position` on `timeline`. What was seen before on earlier
    /// timelines holds up to the fork and no further; later ones are those of an undone promotion.
    /// Returns whether the timeline was not known before.
    pub fn begin_timeline(&mut self, timeline: u32, position: Position) -> bool {
        let known = self.forks.len();
        self.forks.retain(|(other, _)| *other <= timeline);
        let is_known = self.newest_timeline() == Some(timeline);
        if is_known && self.forks.len() == known {
            return false;
        }
        if !is_known {
            self.forks.push((timeline, position));
        }
        let wal = self.streams.iter_mut().find(|(stream, _)| *stream == Stream::Wal);
        if let Some((_, ring)) = wal {
            ring.forget_beyond(position);
        }
        !is_known
    }

    /// PostgreSQL: up to where a server on `timeline` can have come without having left what later
    /// timelines have; `None` when no later one was seen.
    pub fn fork_after(&self, timeline: u32) -> Option<Position> {
        self.forks.iter().filter(|(other, _)| *other > timeline).map(|(_, fork)| *fork).min()
    }

    /// PostgreSQL: the highest timeline that a primary was seen on.
    pub fn newest_timeline(&self) -> Option<u32> {
        self.forks.last().map(|(timeline, _)| *timeline)
    }

    /// PostgreSQL: where timelines begin, in order.
    pub fn forks(&self) -> &[(u32, Position)] {
        &self.forks
    }

    /// Keeps one sample in `reach / 256`, and none that is older than needed.
    pub fn thin_out(&mut self, reach: Duration) {
        for ring in self.streams.iter_mut().map(|(_, ring)| ring) {
            ring.thin_out(reach);
        }
    }

    /// Forgets what was shown in streams that `is_gone`.
    pub fn forget(&mut self, is_gone: impl Fn(&Stream) -> bool) {
        self.streams.retain(|(stream, _)| !is_gone(stream));
    }

    /// Forgets of each stream what lies beyond its `end`.
    pub fn bound(&mut self, end: impl Fn(&Stream) -> Position) {
        for (stream, ring) in &mut self.streams {
            ring.forget_beyond(end(stream));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether anything was shown of a stream.
    pub fn knows(&self, stream: &Stream) -> bool {
        self.ring(stream).is_some()
    }

    /// All streams.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().map(|(stream, _)| stream)
    }

    /// How a replica that had come to `applied` at `at` lies to what was shown of a stream.
    pub fn reached(&self, stream: &Stream, applied: Position, at: Moment) -> Reached {
        self.ring(stream).map_or(Reached::NothingShown, |ring| ring.reached(applied, at))
    }

    /// How a replica that has shown nothing of a stream lies to what was added to it before our eyes.
    pub fn lacks_all(&self, stream: &Stream, at: Moment) -> Reached {
        let added = self.ring(stream).and_then(|ring| ring.samples.iter().find(|it| it.timed));
        match added {
            Some(added) if added.at < millis(at) => Reached::Lacks(age(added.at, at)),
            _ => Reached::NothingShown,
        }
    }

    /// What a restart must not forget: a few samples of each stream.
    pub fn remember(&self, now: Moment) -> Vec<RememberedPosition> {
        let samples = self.streams.iter().flat_map(|(stream, ring)| {
            ring.outline().map(|sample| RememberedPosition {
                stream: stream.clone(),
                position: sample.position,
                age: age(sample.at, now),
            })
        });
        samples.collect()
    }

    /// Begins with what an earlier process has seen.
    pub fn restore(
        &mut self,
        remembered: &[RememberedPosition],
        forks: &[(u32, Position)],
        now: Moment,
    ) {
        self.forks = forks.to_vec();
        for RememberedPosition { stream, position, age } in remembered {
            let at = millis(now).saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            let ring = self.ring_mut(stream.clone());
            if ring.samples.back().is_none_or(|last| last.position < *position && last.at <= at) {
                let timed = !ring.samples.is_empty();
                ring.samples.push_back(Sample { at, position: *position, timed });
            }
        }
    }

    fn ring(&self, stream: &Stream) -> Option<&PositionRing> {
        self.streams.iter().find(|(known, _)| known == stream).map(|(_, ring)| ring)
    }

    /// That of a stream that nothing was shown of is empty.
    fn ring_mut(&mut self, stream: Stream) -> &mut PositionRing {
        let place = self.streams.binary_search_by(|(known, _)| known.cmp(&stream));
        let place = place.unwrap_or_else(|place| {
            // A cluster has few, and there may be thousands of clusters.
            self.streams.reserve_exact(1);
            self.streams.insert(place, (stream, PositionRing::default()));
            place
        });
        &mut self.streams[place].1
    }
}

impl PositionRing {
    /// Samples at most. Beyond it they are thinned out.
    const CAPACITY: usize = 512;
    /// Samples of each stream that outlast a restart.
    const OUTLINE: usize = 16;

    /// Somebody was seen at `position` when asked then.
    ///
    /// Only the first sight of a position counts: it has been there since.
    pub fn show(&mut self, position: Position, asked: Moment, timed: bool) {
        let at = millis(asked);
        if let Some(last) = self.samples.back() {
            if position <= last.position {
                return;
            }
            // Replies may overtake each other: whoever had this had all that lies before it.
            let mut later = self.samples.len();
            while later > 0 && self.samples[later - 1].at > at {
                later -= 1;
                self.samples[later].at = at;
            }
        }
        self.samples.push_back(Sample { at, position, timed });
    }

    /// Forgets everything: another history.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// The last point that was seen.
    pub fn last(&self) -> Option<Position> {
        self.samples.back().map(|sample| sample.position)
    }

    fn forget_beyond(&mut self, fork: Position) {
        self.samples.retain(|sample| sample.position <= fork);
    }

    pub fn thin_out(&mut self, reach: Duration) {
        if self.samples.len() < Self::CAPACITY {
            return;
        }
        let spacing = i64::try_from(reach.as_millis() / 256).unwrap_or(i64::MAX);
        let newest = self.samples.len() - Self::CAPACITY / 4;
        let mut kept = None;
        let mut index = 0;
        self.samples.retain(|sample| {
            index += 1;
            let keep = index > newest || kept.is_none_or(|kept| sample.at - kept >= spacing);
            if keep {
                kept = Some(sample.at);
            }
            keep
        });
        while self.samples.len() >= Self::CAPACITY {
            self.samples.pop_front();
        }
    }

    /// How a replica that had come to `applied` at `at` lies to it.
    pub fn reached(&self, applied: Position, at: Moment) -> Reached {
        let Some(oldest) = self.samples.front() else { return Reached::NothingShown };
        let at_ms = millis(at);
        let first_missing = self.samples.partition_point(|sample| sample.position <= applied);
        match self.samples.get(first_missing) {
            // One that was seen at the same time and may be older.
            Some(sample) if !sample.timed && sample.at.abs_diff(at_ms) < AT_ONCE_MS => {
                Reached::LacksAtLeast(age(sample.at, at))
            }
            Some(sample) if sample.at < at_ms => {
                let known = age(sample.at, at);
                match sample.timed && applied >= oldest.position {
                    true => Reached::Lacks(known),
                    false => Reached::LacksAtLeast(known),
                }
            }
            None if oldest.at > at_ms => Reached::NothingShown,
            _ => Reached::Lacks(Duration::ZERO),
        }
    }

    /// The same of what was added to a history that is measured elsewhere: a first point that was seen to
    /// be added is no lower bound.
    pub fn adds(&self, applied: Position, at: Moment) -> Reached {
        let first_missing = self.samples.partition_point(|sample| sample.position <= applied);
        match self.samples.get(first_missing).filter(|sample| sample.at < millis(at)) {
            Some(sample) if sample.timed => Reached::Lacks(age(sample.at, at)),
            Some(sample) => Reached::LacksAtLeast(age(sample.at, at)),
            None => Reached::NothingShown,
        }
    }

    /// A few samples, evenly spread, with the first and the last.
    fn outline(&self) -> impl Iterator<Item = Sample> {
        let (count, last) = (self.samples.len(), self.samples.len().saturating_sub(1));
        // An outline is its own outline.
        let step = if count <= Self::OUTLINE + 1 { 1 } else { count.div_ceil(Self::OUTLINE) };
        let chosen = (0..count).filter(move |index| index % step == 0 || *index == last);
        chosen.map(|index| self.samples[index])
    }
}

impl Reached {
    /// Two servers that were asked at about the same time lie so far apart without being late.
    const AT_ONCE: Duration = Duration::from_millis(AT_ONCE_MS);

    /// The lag of a replica that itself believes to be behind by `own`: `None` when its next reply
    /// will tell, `Some(None)` when it cannot be told.
    ///
    /// Its own number counts only where what was shown is no more than a lower bound.
    pub fn lag(self, own: Option<Duration>) -> Option<Option<Lag>> {
        match (self, own) {
            (Self::Lacks(lag), _) => Some(Some(Lag(lag))),
            (Self::NothingShown, Some(own)) => Some(Some(Lag(own))),
            (Self::LacksAtLeast(known), Some(own)) => Some(Some(Lag(own.max(known)))),
            (Self::NothingShown, None) => None,
            (Self::LacksAtLeast(known), None) if known < Self::AT_ONCE => None,
            (Self::LacksAtLeast(_), None) => Some(None),
        }
    }

    /// Whether a point is missing that is known to be older than `limit`.
    pub fn lacks_older_than(self, limit: Duration) -> bool {
        match self {
            Self::Lacks(age) | Self::LacksAtLeast(age) => age > limit,
            Self::NothingShown => false,
        }
    }

    /// The later of two.
    pub fn or_later(self, other: Self) -> Self {
        let key = |one: Self| match one {
            Self::NothingShown => (0, Duration::ZERO),
            Self::Lacks(lag) => (1, lag),
            Self::LacksAtLeast(lag) => (2, lag),
        };
        std::cmp::max_by_key(self, other, |one| key(*one))
    }
}

const AT_ONCE_MS: u64 = 700;

fn millis(moment: Moment) -> i64 {
    i64::try_from(moment.since_start().as_millis()).unwrap_or(i64::MAX)
}

fn age(at: i64, now: Moment) -> Duration {
    Duration::from_millis(u64::try_from(millis(now).saturating_sub(at)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PositionRing, Positions, Reached};
    use crate::engine::{Lag, Moment, Position, Stream};

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn ring(samples: &[(u64, u64)]) -> PositionRing {
        let mut ring = PositionRing::default();
        for (index, &(seconds, lsn)) in samples.iter().enumerate() {
            ring.show(Position::lsn(lsn), at(seconds), index > 0);
        }
        ring
    }

    fn lag(ring: &PositionRing, applied: u64, own: Option<u64>, now: u64) -> Option<u64> {
        let own = own.map(Duration::from_secs);
        let reached = ring.reached(Position::lsn(applied), at(now));
        reached.lag(own).flatten().map(|Lag(lag)| lag.as_secs())
    }

    #[test]
    fn lag_is_the_age_of_the_first_sample_not_reached() {
        let ring = ring(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(lag(&ring, 30, None, 4), Some(0));
        assert_eq!(lag(&ring, 35, None, 4), Some(0));
        assert_eq!(lag(&ring, 29, None, 4), Some(1));
        assert_eq!(lag(&ring, 20, None, 4), Some(1));
        assert_eq!(lag(&ring, 19, None, 4), Some(2));
    }

    #[test]
    fn an_idle_primary_makes_nobody_late() {
        let ring = ring(&[(1, 10), (2, 10), (600, 10)]);
        assert_eq!(lag(&ring, 10, Some(599), 601), Some(0));
    }

    #[test]
    fn behind_everything_is_unknown_unless_the_replica_tells() {
        let ring = ring(&[(10, 100), (11, 110)]);
        assert_eq!(lag(&ring, 5, Some(3600), 12), Some(3600));
        assert_eq!(lag(&ring, 5, Some(1), 12), Some(2));
        assert_eq!(lag(&ring, 5, None, 12), None);
        let reached = ring.reached(Position::lsn(5), at(12));
        assert_eq!(reached, Reached::LacksAtLeast(Duration::from_secs(2)));
    }

    #[test]
    fn a_first_sight_may_be_older_than_it_looks() {
        let mut ring = ring(&[(1, 10)]);
        ring.show(Position::lsn(60), at(2), false);
        assert_eq!(lag(&ring, 10, None, 3), None, "another server may have had it for hours");
        ring.show(Position::lsn(70), at(3), true);
        assert_eq!(lag(&ring, 60, None, 5), Some(2));
    }

    #[test]
    fn what_was_shown_up_to_the_fork_holds_on_the_new_timeline() {
        let mut positions = Positions::default();
        for (seconds, lsn) in [(1, 10), (2, 20), (3, 30)] {
            positions.show(Stream::Wal, Position::lsn(lsn), at(seconds), seconds > 1);
        }
        positions.begin_timeline(2, Position::lsn(25));
        positions.show(Stream::Wal, Position::lsn(25), at(9), false);
        positions.show(Stream::Wal, Position::lsn(40), at(10), true);
        let reached = |lsn| positions.reached(&Stream::Wal, Position::lsn(lsn), at(12));
        assert_eq!(reached(10), Reached::Lacks(Duration::from_secs(10)));
        assert_eq!(reached(25), Reached::Lacks(Duration::from_secs(2)));
        assert_eq!(positions.fork_after(1), Some(Position::lsn(25)));
        assert_eq!(positions.fork_after(2), None);
    }

    #[test]
    fn a_long_memory_is_thinned_out_and_not_cut() {
        let mut ring = PositionRing::default();
        for second in 0..20_000 {
            ring.show(Position::lsn(second + 1), at(second), second > 0);
            ring.thin_out(Duration::from_secs(20_000));
        }
        assert!(ring.samples.len() <= PositionRing::CAPACITY);
        let told = lag(&ring, 1000, None, 20_000).expect("known");
        assert!((18_900..=19_000).contains(&told), "{told}");
    }
}
