//! What a replica receives, channel by channel: a second opinion on a primary that does not answer
//! us.

use std::time::Duration;

use super::{Moment, Position};

/// How far each channel of a replica has received, and when it last went on.
///
/// PostgreSQL has one channel, without a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Reception {
    /// By name. Nearly always one, so that a list is smaller than a map and as fast.
    channels: Box<[(Box<str>, Progress)]>,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    noted: Moment,
    received: Received,
    advance: Option<Advance>,
}

/// The two replies between which a channel last received something.
#[derive(Clone, Copy, Debug)]
struct Advance {
    after: Moment,
    by: Moment,
}

/// What a channel has received so far, in its source's coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Received {
    pub(super) position: Option<Position>,
    pub(super) heartbeats: Option<u64>,
}

impl Reception {
    /// How long a source counts as alive after something was received from it. The heartbeat of
    /// replication itself may be slower; a primary that writes is not.
    const LASTS: Duration = Duration::from_secs(10);

    /// One reply of the replica. A channel that it does not name is forgotten.
    pub(super) fn note<'a>(
        &mut self,
        channels: impl Iterator<Item = (&'a str, Received)>,
        now: Moment,
    ) {
        self.channels = channels
            .map(|(name, received)| {
                let advance = match self.progress(name) {
                    Some(last) if received > last.received => {
                        Some(Advance { after: last.noted, by: now })
                    }
                    Some(last) => last.advance,
                    None => None,
                };
                (name.into(), Progress { noted: now, received, advance })
            })
            .collect();
    }

    /// Whether `channel` received something that its source sent after `since`, and did so lately.
    pub(super) fn goes_on(&self, channel: &str, since: Moment, now: Moment) -> bool {
        let advance = self.progress(channel).and_then(|progress| progress.advance);
        advance.is_some_and(|Advance { after, by }| after >= since && now.since(by) <= Self::LASTS)
    }

    fn progress(&self, channel: &str) -> Option<Progress> {
        let named = self.channels.iter().find(|(name, _)| **name == *channel);
        named.map(|(_, progress)| *progress)
    }
}

#[cfg(test)]
mod tests {
    use super::{Received, Reception};
    use crate::engine::{Moment, Position};

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn received(position: u64, heartbeats: u64) -> Received {
        Received { position: Some(Position::lsn(position)), heartbeats: Some(heartbeats) }
    }

    #[test]
    fn only_what_came_between_two_replies_after_the_moment_counts() {
        let mut reception = Reception::default();
        reception.note([("", received(10, 0))].into_iter(), at(1));
        assert!(!reception.goes_on("", at(0), at(1)), "one reply shows no progress");
        reception.note([("", received(20, 0))].into_iter(), at(3));
        assert!(reception.goes_on("", at(1), at(3)));
        assert!(!reception.goes_on("", at(2), at(3)), "it may have come before 2 s");
        assert!(!reception.goes_on("other", at(1), at(3)));
        reception.note([("", received(20, 1))].into_iter(), at(4));
        assert!(reception.goes_on("", at(2), at(4)), "a heartbeat is a sign of life");
    }

    #[test]
    fn progress_of_long_ago_proves_nothing() {
        let mut reception = Reception::default();
        reception.note([("", received(10, 0))].into_iter(), at(1));
        reception.note([("", received(20, 0))].into_iter(), at(2));
        for seconds in 3..=12 {
            reception.note([("", received(20, 0))].into_iter(), at(seconds));
            assert!(reception.goes_on("", at(1), at(seconds)), "{seconds}");
        }
        assert!(!reception.goes_on("", at(1), at(13)));
    }

    #[test]
    fn a_channel_that_was_removed_and_made_anew_starts_anew() {
        let mut reception = Reception::default();
        reception.note([("a", received(10, 0)), ("b", received(1, 0))].into_iter(), at(1));
        reception.note([("b", received(2, 0))].into_iter(), at(2));
        reception.note([("a", received(50, 0)), ("b", received(2, 0))].into_iter(), at(3));
        assert!(!reception.goes_on("a", at(0), at(3)));
        assert!(reception.goes_on("b", at(0), at(3)));
    }
}
