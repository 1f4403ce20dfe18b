//! What an application has lived to see: a write after the other.

use std::time::{Duration, Instant};

/// What came of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This server has acknowledged it.
    Acknowledged(usize),
    /// There was an error; or nobody to connect to.
    Failed,
}

/// One write, when the application knew what came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    /// When.
    pub(crate) at: Instant,
    /// What.
    pub(crate) outcome: Outcome,
}

/// All writes of some time, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    writes: Vec<Write>,
}

impl Story {
    /// Adds the next one.
    pub(crate) fn add(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// When the application wrote again: the first of [`SURE`] writes in a row that `server`
    /// acknowledged.
    pub(crate) fn resumed(&self, server: usize) -> Option<Instant> {
        let steady = self
            .writes
            .windows(SURE)
            .find(|some| some.iter().all(|write| write.outcome == Outcome::Acknowledged(server)));
        steady.map(|some| some[0].at)
    }

    /// Whether the last ones went to `server`, or to any if there is none, the very last one within
    /// `lately` of `now`.
    pub(crate) fn is_well(&self, server: Option<usize>, now: Instant, lately: Duration) -> bool {
        let newest = &self.writes[self.writes.len().saturating_sub(SURE)..];
        let is_there = |write: &Write| match (write.outcome, server) {
            (Outcome::Acknowledged(by), Some(server)) => by == server,
            (Outcome::Acknowledged(_), None) => true,
            (Outcome::Failed, _) => false,
        };
        newest.len() == SURE
            && newest.iter().all(is_there)
            && newest.last().is_some_and(|write| now < write.at + lately)
    }

    /// Writes that `server` acknowledged after `moment`.
    pub(crate) fn acknowledged_after(&self, server: usize, moment: Instant) -> usize {
        let is_such =
            |write: &&Write| write.outcome == Outcome::Acknowledged(server) && write.at > moment;
        self.writes.iter().filter(is_such).count()
    }

    /// The longest time from one acknowledged act to the next, and after the last one until `end`,
    /// whoever acknowledged it.
    pub(crate) fn longest_pause(&self, end: Instant) -> Duration {
        let acknowledged = self.writes.iter().filter(|write| write.outcome != Outcome::Failed);
        let moments: Vec<_> = acknowledged.map(|write| write.at).chain([end]).collect();
        let pauses = moments.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0]));
        pauses.max().unwrap_or_default()
    }

    /// Errors.
    pub(crate) fn failed(&self) -> usize {
        self.writes.iter().filter(|write| write.outcome == Outcome::Failed).count()
    }

    /// Errors after `moment`.
    pub(crate) fn failed_after(&self, moment: Instant) -> usize {
        let is_such = |write: &&Write| write.outcome == Outcome::Failed && write.at > moment;
        self.writes.iter().filter(is_such).count()
    }
}

/// So many writes in a row make sure.
const SURE: usize = 5;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Outcome, SURE, Story, Write};

    const OLD: Outcome = Outcome::Acknowledged(0);
    const NEW: Outcome = Outcome::Acknowledged(1);

    /// A write each millisecond.
    fn tell(outcomes: &[(Outcome, usize)]) -> (Instant, Story) {
        let start = Instant::now();
        let mut story = Story::default();
        let all = outcomes.iter().flat_map(|(outcome, count)| vec![*outcome; *count]);
        for (number, outcome) in (0..).zip(all) {
            story.add(Write { at: start + Duration::from_millis(number), outcome });
        }
        (start, story)
    }

    #[test]
    fn writing_again_is_steady() {
        let (start, story) =
            tell(&[(OLD, 3), (Outcome::Failed, 2), (NEW, 1), (Outcome::Failed, 1), (NEW, SURE)]);
        let ms = |number| start + Duration::from_millis(number);
        assert_eq!(story.resumed(1), Some(ms(7)));
        assert_eq!(story.resumed(0), None);
        assert_eq!(story.failed_after(ms(4)), 1);
        assert_eq!(story.acknowledged_after(0, ms(0)), 2);
        let few = tell(&[(NEW, SURE - 1)]);
        assert_eq!(few.1.resumed(1), None);
    }

    #[test]
    fn an_application_is_well_while_it_writes() {
        let (start, story) = tell(&[(OLD, 1), (NEW, SURE)]);
        let last = start + Duration::from_millis(5);
        let lately = Duration::from_millis(10);
        assert!(story.is_well(Some(1), last, lately));
        assert!(story.is_well(None, last, lately));
        assert!(!story.is_well(Some(0), last, lately));
        assert!(!story.is_well(Some(1), last + lately, lately), "it waits for something");
        let (start, failing) = tell(&[(NEW, SURE), (Outcome::Failed, 1)]);
        assert!(!failing.is_well(None, start, lately));
    }

    #[test]
    fn a_pause_is_between_two_that_succeed_and_lasts_until_the_end() {
        let (start, story) = tell(&[(OLD, 2), (Outcome::Failed, 3), (NEW, 2)]);
        let ms = Duration::from_millis;
        assert_eq!(story.longest_pause(start + ms(6)), ms(4));
        assert_eq!(story.longest_pause(start + ms(16)), ms(10));
        assert_eq!(Story::default().longest_pause(start), Duration::ZERO);
    }
}
