//! Who each cluster's write name said over the last day.
//!
//! It is read off the chronicle, and off what is published where the chronicle has lost something.
//! Bounded: [`TURNS`] of each cluster, none older than [`WINDOW`] but the one that it began with. What
//! is not known stays unknown, as before the first change that is remembered.

use std::collections::{HashMap, VecDeque};

use crate::{
    chronicle::Entry,
    report::{Change, ChangeKind, What},
    wall_time::WallTime,
};

/// How far back it is remembered, in milliseconds.
pub const WINDOW: u64 = 24 * 60 * 60 * 1000;

/// Changes that are remembered of one cluster.
const TURNS: usize = 64;

/// Who a write name said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// This server.
    Server(Box<str>),
    /// It had no address.
    None,
    /// It is not known.
    Unknown,
}

/// A time in which a write name said one and the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch<'w> {
    /// When it began, within the window.
    pub from: WallTime,
    /// When it ended: now, for the last one.
    pub until: WallTime,
    /// Who.
    pub writer: &'w Writer,
}

/// What a cluster's write name says as it is published.
#[derive(Clone, Debug)]
pub struct PublishedWriter<'p> {
    /// The cluster.
    pub cluster: &'p str,
    /// Who.
    pub writer: Writer,
    /// Since when.
    pub since: WallTime,
}

/// The memory of all clusters that have a write name.
#[derive(Debug, Default)]
pub struct Writers {
    /// By the cluster's name.
    clusters: HashMap<Box<str>, Turns>,
    /// The last entry of the chronicle that was read.
    read_to: u64,
    looks: u64,
}

/// Of one cluster, the oldest in front: from when on who.
#[derive(Debug, Default)]
struct Turns {
    turns: VecDeque<(WallTime, Writer)>,
    seen: u64,
}

impl Writers {
    /// Takes in what happened and then what is published. Clusters that are not published any more
    /// are forgotten.
    pub fn note<'p>(
        &mut self,
        entries: impl Iterator<Item = &'p Entry>,
        published: impl Iterator<Item = PublishedWriter<'p>>,
        now: WallTime,
    ) {
        self.looks += 1;
        let read_to = self.read_to;
        for entry in entries.filter(|entry| entry.id > read_to) {
            self.read_to = self.read_to.max(entry.id);
            if let (Some(cluster), Some(writer)) = (&entry.change.cluster, said(&entry.change)) {
                self.of(cluster).turn(entry.change.at, writer);
            }
        }
        let looks = self.looks;
        for PublishedWriter { cluster, writer, since } in published {
            let turns = self.of(cluster);
            turns.seen = looks;
            // What the chronicle has of a later time is newer than what is published.
            if turns.turns.back().is_none_or(|(at, _)| *at < since) {
                turns.turn(since, writer);
            }
            turns.forget(now.earlier(WINDOW));
        }
        self.clusters.retain(|_, turns| turns.seen == looks);
    }

    /// The last day of a cluster, without gaps, up to `now`; empty for one without a write name.
    pub fn stretches(&self, cluster: &str, now: WallTime) -> Vec<Stretch<'_>> {
        let Some(turns) = self.clusters.get(cluster) else {
            return Vec::new();
        };
        let mut stretches = Vec::with_capacity(turns.turns.len() + 1);
        let (mut from, mut writer) = (now.earlier(WINDOW), &Writer::Unknown);
        for (at, next) in &turns.turns {
            let at = (*at).clamp(from, now);
            if next == writer {
                continue;
            }
            if at > from {
                stretches.push(Stretch { from, until: at, writer });
            }
            (from, writer) = (at, next);
        }
        stretches.push(Stretch { from, until: now, writer });
        stretches
    }

    fn of(&mut self, cluster: &str) -> &mut Turns {
        self.clusters.entry(cluster.into()).or_default()
    }
}

impl Turns {
    /// From `at` on it is `writer`; a clock that was set back turns nothing around.
    fn turn(&mut self, at: WallTime, writer: Writer) {
        match self.turns.back() {
            Some((_, last)) if *last == writer => {}
            last => {
                let at = last.map_or(at, |(before, _)| at.max(*before));
                self.turns.push_back((at, writer));
            }
        }
        while self.turns.len() > TURNS {
            self.turns.pop_front();
        }
    }

    /// Forgets what had ended at `end`.
    fn forget(&mut self, end: WallTime) {
        while self.turns.get(1).is_some_and(|(at, _)| *at <= end) {
            self.turns.pop_front();
        }
    }
}

/// Who the write name says from a change on, if it is a change of the write name.
fn said(change: &Change) -> Option<Writer> {
    let server = |server: Option<&str>| match server {
        Some(server) if !server.is_empty() => Writer::Server(server.into()),
        _ => Writer::None,
    };
    match &change.what {
        What::Write { to, .. } => Some(server(to.as_deref())),
        What::Earlier(earlier) => match earlier.kind {
            ChangeKind::WriteChanged | ChangeKind::NoWriter | ChangeKind::SplitBrain => {
                Some(server(earlier.words.to.as_deref()))
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::WriteReason;

    const DAY: u64 = WINDOW;

    fn at(millis: u64) -> WallTime {
        WallTime::from_unix_millis(10 * DAY + millis)
    }

    fn entry(id: u64, millis: u64, to: Option<&str>) -> Entry {
        let what = What::Write {
            name: "w.internal.".into(),
            from: None,
            to: to.map(Box::from),
            reason: WriteReason::Primary,
        };
        let change = Change { at: at(millis), cluster: Some("shop".into()), what };
        Entry { id, change: Arc::new(change) }
    }

    fn published(writer: &str, since: u64) -> PublishedWriter<'static> {
        PublishedWriter { cluster: "shop", writer: server(writer), since: at(since) }
    }

    fn server(name: &str) -> Writer {
        Writer::Server(name.into())
    }

    /// As `writer from-until`, in milliseconds of the tenth day.
    fn told(writers: &Writers, now: u64) -> Vec<String> {
        let millis = |time: WallTime| time.unix_millis() as i64 - 10 * DAY as i64;
        let stretches = writers.stretches("shop", at(now));
        let words = stretches.iter().map(|one| {
            let who = match one.writer {
                Writer::Server(server) => server,
                Writer::None => "none",
                Writer::Unknown => "unknown",
            };
            format!("{who} {}-{}", millis(one.from), millis(one.until))
        });
        words.collect()
    }

    #[test]
    fn what_was_before_the_first_change_is_unknown_and_nothing_is_told_twice() {
        let mut writers = Writers::default();
        let events = [entry(1, 100, Some("db1")), entry(2, 400, None), entry(3, 500, Some("db2"))];
        writers.note(events.iter(), [published("db2", 500)].into_iter(), at(900));
        // The same for another reason, and the same again.
        let more = [entry(3, 500, Some("db2")), entry(4, 600, Some("db2"))];
        writers.note(more.iter(), [published("db2", 500)].into_iter(), at(1_000));
        let first = format!("unknown {}-100", 1_000 - DAY as i64);
        let expected = [&*first, "db1 100-400", "none 400-500", "db2 500-1000"];
        assert_eq!(told(&writers, 1_000), expected);
    }

    #[test]
    fn a_start_that_knows_nothing_yet_is_part_of_what_is_unknown() {
        let mut writers = Writers::default();
        let not_ready = PublishedWriter { writer: Writer::Unknown, ..published("", 100) };
        writers.note([].into_iter(), [not_ready].into_iter(), at(200));
        writers.note([&entry(1, 300, None)].into_iter(), [published("", 0)].into_iter(), at(400));
        let unknown = format!("unknown {}-300", 400 - DAY as i64);
        assert_eq!(told(&writers, 400), [&*unknown, "none 300-400"]);
    }

    #[test]
    fn what_is_published_mends_what_the_chronicle_has_lost() {
        let mut writers = Writers::default();
        writers.note([].into_iter(), [published("db1", 100)].into_iter(), at(200));
        writers.note([].into_iter(), [published("db3", 300)].into_iter(), at(400));
        // A look between the chronicle and the publication turns nothing back.
        let event = entry(9, 500, Some("db1"));
        writers.note([&event].into_iter(), [published("db3", 300)].into_iter(), at(500));
        let told = told(&writers, 600);
        assert_eq!(told[1..], ["db1 100-300", "db3 300-500", "db1 500-600"]);
    }

    #[test]
    fn a_day_is_remembered_and_no_more_than_there_is_room_for() {
        let mut writers = Writers::default();
        for turn in 0..200_u64 {
            let event = entry(turn + 1, turn * 10, Some(if turn % 2 == 0 { "db1" } else { "db2" }));
            let writer = if turn % 2 == 0 { "db1" } else { "db2" };
            let published = published(writer, turn * 10);
            writers.note([&event].into_iter(), [published].into_iter(), at(turn * 10));
        }
        assert_eq!(told(&writers, 2_000).len(), TURNS + 1);
        let later = 1_985 + DAY;
        writers.note([].into_iter(), [published("db2", 1_990)].into_iter(), at(later));
        assert_eq!(told(&writers, later), ["db1 1985-1990", &format!("db2 1990-{later}")]);
        writers.note([].into_iter(), [].into_iter(), at(later));
        assert!(told(&writers, later).is_empty(), "a cluster that has left");
    }
}
