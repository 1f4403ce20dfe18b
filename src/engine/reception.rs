//! What a replica receives, channel by channel: a second opinion on a primary that does not answer
//! us.
//!
//! Somebody does not answer the telephone, and we ask a friend who gets letters from there. "Seven so
//! far", the friend says at noon, which tells nothing: they may be old. "Eight", an hour later: one
//! came in between, so the writer is alive and our telephone is broken. "Still seven" speaks for
//! nobody.
//!
//! A primary is silent since 10 s. Its replica has received up to 100 by its reply of 11 s and up to
//! 140 by that of 12 s: the primary goes on. Had the replies come at 9 s and 12 s, the 40 might be
//! from before the silence, and the next reply must tell. Had it stayed at 100 from 11 s to 12 s, the
//! replica would be no witness.
//!
//! Two things count. Positions move only when a primary somewhere up the line has written. Signs of
//! life come from the next server alone, also when nothing is written: a replica of a replica hears
//! them long after the primary is dead. On an idle line they are rare, every 30 s by the defaults of
//! PostgreSQL and MariaDB, so they count until the next one is overdue.

use std::time::Duration;

use super::{Moment, Position};

/// How far each channel of a replica has received, and when it last went on.
///
/// PostgreSQL has one channel, without a name.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    /// By name. Nearly always one, so that a list is smaller than a map and as fast.
    channels: Box<[(Box<str>, Progress)]>,
}

/// Where a server stands whose life is in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is the source of the channel.
    Source,
    /// The source of the channel, as far as anybody knows, receives from it in turn.
    Beyond,
}

/// What a channel tells of a server that does not answer us.
///
/// The weightier comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// That it lives: something of it came.
    GoesOn,
    /// Not yet anything: it takes two replies of the replica to show that something came between.
    Pending,
    /// Nothing: the channel stands still, or is not connected.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    noted: Moment,
    /// The reply before that one.
    noted_before: Option<Moment>,
    received: Received,
    /// The position moved.
    moved: Option<Advance>,
    /// Anything came.
    heard: Option<Advance>,
    /// When anything came last, or could have come first.
    quiet_since: Moment,
}

/// The two replies between which a channel last received something.
#[derive(Clone, Copy, Debug)]
struct Advance {
    after: Moment,
    by: Moment,
    /// How long nothing had come before.
    pause: Duration,
}

/// What a channel has received so far, in its source's coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub position: Option<Position>,
    /// Grows with every sign of life.
    pub beats: Option<u64>,
    /// By the replica's own word the channel is connected to its source.
    pub connected: bool,
}

impl Reception {
    /// How long a source counts as alive after something was received from it. A primary that
    /// writes is not slower.
    const LASTS: Duration = Duration::from_secs(10);

    /// The most that is waited for the next sign of life of an idle source: as long as the defaults
    /// of PostgreSQL (`wal_receiver_timeout`) and MariaDB (`slave_net_timeout`) let a replica wait.
    const LASTS_AT_MOST: Duration = Duration::from_secs(60);

    /// One reply of the replica. A channel that it does not name is forgotten.
    pub fn note<'a>(&mut self, channels: impl Iterator<Item = (&'a str, Received)>, now: Moment) {
        self.channels = channels
            .map(|(name, received)| {
                let progress = match self.progress(name) {
                    Some(last) => last.next(received, now),
                    None => Progress::begin(received, now),
                };
                (name.into(), progress)
            })
            .collect();
    }

    /// Whether `channel` is connected, and received something that the server at its `origin` sent
    /// after `since`, and did so lately.
    pub fn opinion(&self, channel: &str, origin: Origin, since: Moment, now: Moment) -> Opinion {
        let Some(progress) = self.progress(channel).filter(|last| last.received.connected) else {
            return Opinion::Nothing;
        };
        let lately = |advance: Option<Advance>, lasts: fn(&Advance) -> Duration| {
            advance.is_some_and(|advance| {
                advance.after >= since && now.since(advance.by) <= lasts(&advance)
            })
        };
        let heard = origin == Origin::Source && lately(progress.heard, Advance::next_overdue);
        match progress.noted_before {
            _ if heard || lately(progress.moved, |_| Self::LASTS) => Opinion::GoesOn,
            Some(before) if before >= since => Opinion::Nothing,
            _ => Opinion::Pending,
        }
    }

    fn progress(&self, channel: &str) -> Option<Progress> {
        let named = self.channels.iter().find(|(name, _)| **name == *channel);
        named.map(|(_, progress)| *progress)
    }
}

impl Progress {
    fn begin(received: Received, now: Moment) -> Self {
        let (moved, heard) = (None, None);
        Self { noted: now, noted_before: None, received, moved, heard, quiet_since: now }
    }

    fn next(self, received: Received, now: Moment) -> Self {
        let moved = grows(self.received.position, received.position);
        let heard = moved || grows(self.received.beats, received.beats);
        let pause = now.since(self.quiet_since);
        let advance = Advance { after: self.noted, by: now, pause };
        Self {
            noted: now,
            noted_before: Some(self.noted),
            received,
            moved: if moved { Some(advance) } else { self.moved },
            heard: if heard { Some(advance) } else { self.heard },
            quiet_since: if heard { now } else { self.quiet_since },
        }
    }
}

impl Advance {
    /// After what time without another one something must be wrong: half as long again as it took
    /// this one.
    fn next_overdue(&self) -> Duration {
        (self.pause * 3 / 2).clamp(Reception::LASTS, Reception::LASTS_AT_MOST)
    }
}

fn grows<T: PartialOrd>(before: Option<T>, now: Option<T>) -> bool {
    before.zip(now).is_some_and(|(before, now)| now > before)
}

#[cfg(test)]
mod tests {
    use super::{Opinion, Origin, Received, Reception};
    use crate::engine::{Moment, Position};

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn received(position: u64, beats: u64) -> Received {
        let position = Some(Position::lsn(position));
        Received { position, beats: Some(beats), connected: true }
    }

    fn told(reception: &Reception, channel: &str, origin: Origin, since: u64, now: u64) -> Opinion {
        reception.opinion(channel, origin, at(since), at(now))
    }

    fn goes_on(reception: &Reception, since: u64, now: u64) -> bool {
        told(reception, "", Origin::Source, since, now) == Opinion::GoesOn
    }

    #[test]
    fn only_what_came_between_two_replies_after_the_moment_counts() {
        let mut reception = Reception::default();
        reception.note([("", received(10, 0))].into_iter(), at(1));
        assert!(!goes_on(&reception, 0, 1), "one reply shows no progress");
        reception.note([("", received(20, 0))].into_iter(), at(3));
        assert!(goes_on(&reception, 1, 3));
        assert!(!goes_on(&reception, 2, 3), "it may have come before 2 s");
        assert_eq!(told(&reception, "other", Origin::Source, 1, 3), Opinion::Nothing);
        reception.note([("", received(20, 1))].into_iter(), at(4));
        assert!(goes_on(&reception, 2, 4), "a heartbeat is a sign of life");
        let beyond = |since| told(&reception, "", Origin::Beyond, since, 4);
        assert_ne!(beyond(2), Opinion::GoesOn, "of its source, and of nobody beyond");
        assert_eq!(beyond(1), Opinion::GoesOn, "a position is of both");
    }

    #[test]
    fn it_takes_two_replies_to_tell_that_nothing_came() {
        let mut reception = Reception::default();
        let replies = [
            (1, Opinion::Pending),
            (2, Opinion::Pending),
            (4, Opinion::Pending),
            (5, Opinion::Nothing),
        ];
        for (seconds, told_then) in replies {
            reception.note([("", received(10, 0))].into_iter(), at(seconds));
            assert_eq!(told(&reception, "", Origin::Source, 3, seconds), told_then, "{seconds}");
        }
    }

    #[test]
    fn progress_of_long_ago_proves_nothing() {
        let mut reception = Reception::default();
        reception.note([("", received(10, 0))].into_iter(), at(1));
        reception.note([("", received(20, 0))].into_iter(), at(2));
        for seconds in 3..=12 {
            reception.note([("", received(20, 0))].into_iter(), at(seconds));
            assert!(goes_on(&reception, 1, seconds), "{seconds}");
        }
        assert!(!goes_on(&reception, 1, 13));
    }

    #[test]
    fn an_idle_source_is_given_the_time_it_takes_between_its_signs_of_life() {
        let mut reception = Reception::default();
        for seconds in 1..=30 {
            reception.note([("", received(10, 0))].into_iter(), at(seconds));
        }
        reception.note([("", received(10, 1))].into_iter(), at(31));
        assert!(goes_on(&reception, 30, 31 + 45), "30 s, and half as long again");
        assert!(!goes_on(&reception, 30, 31 + 46));
        assert_ne!(told(&reception, "", Origin::Beyond, 30, 31), Opinion::GoesOn);
        reception.note([("", received(10, 1))].into_iter(), at(600));
        reception.note([("", received(11, 1))].into_iter(), at(601));
        assert!(goes_on(&reception, 600, 601 + 60));
        assert!(!goes_on(&reception, 600, 601 + 61), "nobody waits for ever");
    }

    #[test]
    fn a_channel_that_has_lost_its_source_is_no_witness() {
        let mut reception = Reception::default();
        reception.note([("", received(10, 0))].into_iter(), at(1));
        reception.note([("", received(20, 0))].into_iter(), at(2));
        assert!(goes_on(&reception, 1, 2));
        let lost = Received { connected: false, ..received(20, 0) };
        reception.note([("", lost)].into_iter(), at(3));
        assert!(!goes_on(&reception, 1, 3));
    }

    #[test]
    fn a_channel_that_was_removed_and_made_anew_starts_anew() {
        let mut reception = Reception::default();
        reception.note([("a", received(10, 0)), ("b", received(1, 0))].into_iter(), at(1));
        reception.note([("b", received(2, 0))].into_iter(), at(2));
        reception.note([("a", received(50, 0)), ("b", received(2, 0))].into_iter(), at(3));
        assert_eq!(told(&reception, "a", Origin::Source, 0, 3), Opinion::Pending);
        assert_eq!(told(&reception, "b", Origin::Source, 0, 3), Opinion::GoesOn);
    }
}
