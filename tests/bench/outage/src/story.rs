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

    /// Whether the last writes went to `server`, the very last one within `lately` of `now`.
    pub(crate) fn is_well(&self, server: usize, now: Instant, lately: Duration) -> bool {
        let newest = &self.writes[self.writes.len().saturating_sub(SURE)..];
        newest.len() == SURE
            && newest.iter().all(|write| write.outcome == Outcome::Acknowledged(server))
            && newest.last().is_some_and(|write| now < write.at + lately)
    }

    /// Writes that `server` acknowledged after `moment`.
    pub(crate) fn acknowledged_after(&self, server: usize, moment: Instant) -> usize {
        let is_such =
            |write: &&Write| write.outcome == Outcome::Acknowledged(server) && write.at > moment;
        self.writes.iter().filter(is_such).count()
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
        assert!(story.is_well(1, last, lately));
        assert!(!story.is_well(0, last, lately));
        assert!(!story.is_well(1, last + lately, lately), "it waits for something");
        let (start, failing) = tell(&[(NEW, SURE), (Outcome::Failed, 1)]);
        assert!(!failing.is_well(1, start, lately));
    }
}
