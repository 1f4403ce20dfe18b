//! What came of attempts that were made again and again: writes of a session that is held, or new
//! connections.

use std::time::Duration;

/// One attempt. Times are those since the beginning of the rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    /// Whether it went to a server that had the name at the beginning; `None` when it went nowhere.
    pub is_old: Option<bool>,
    /// Why it failed, if it did.
    pub failure: Option<Box<str>>,
}

/// What is kept of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many were good.
    pub good: u64,
    /// How many were not.
    pub failed: u64,
    /// When the last one was good before one was on a new server.
    pub last_good: Option<Duration>,
    /// When the first one was good on a new server.
    pub first_good: Option<Duration>,
    /// How many were good on an old server, and began after the name had moved.
    pub astray: u64,
    /// The first failure, and when.
    pub first_failure: Option<(Duration, Box<str>)>,
    /// When the last one failed.
    pub last_failure: Option<Duration>,
}

impl Attempts {
    /// Takes one in; `moved` is when the name moved, if it has.
    pub fn note(&mut self, attempt: Attempt, moved: Option<Duration>) {
        let Attempt { began, ended, is_old, failure } = attempt;
        if let Some(words) = failure {
            self.failed += 1;
            self.last_failure = Some(ended);
            self.first_failure.get_or_insert((ended, words));
            return;
        }
        self.good += 1;
        if is_old == Some(false) {
            self.first_good.get_or_insert(ended);
            return;
        }
        if self.first_good.is_none() {
            self.last_good = Some(ended);
        }
        self.astray += u64::from(moved.is_some_and(|moved| began > moved));
    }

    /// From the last good one on an old server to the first on a new one.
    pub fn outage(&self) -> Option<Duration> {
        Some(self.first_good?.saturating_sub(self.last_good?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn attempt(began: u64, ended: u64, is_old: bool, failure: Option<&str>) -> Attempt {
        let failure = failure.map(Box::from);
        Attempt { began: ms(began), ended: ms(ended), is_old: Some(is_old), failure }
    }

    #[test]
    fn an_outage_is_between_the_last_good_one_and_the_first_elsewhere() {
        let mut all = Attempts::default();
        all.note(attempt(0, 2, true, None), None);
        all.note(attempt(100, 103, true, None), None);
        all.note(attempt(200, 210, true, Some("read-only")), None);
        all.note(attempt(300, 310, true, Some("refused")), None);
        assert_eq!(all.outage(), None);
        all.note(attempt(400, 420, false, None), Some(ms(350)));
        all.note(attempt(500, 505, false, None), Some(ms(350)));
        assert_eq!(all.outage(), Some(ms(317)));
        assert_eq!((all.good, all.failed, all.astray), (4, 2, 0));
        assert_eq!(all.first_failure, Some((ms(210), "read-only".into())));
        assert_eq!(all.last_failure, Some(ms(310)));
    }

    #[test]
    fn one_on_an_old_server_is_astray_only_when_it_began_after_the_move() {
        let moved = Some(ms(350));
        let mut all = Attempts::default();
        all.note(attempt(340, 360, true, None), moved);
        assert_eq!((all.astray, all.last_good), (0, Some(ms(360))));
        all.note(attempt(351, 352, true, None), moved);
        assert_eq!(all.astray, 1);
        all.note(attempt(400, 420, false, None), moved);
        all.note(attempt(500, 520, true, None), moved);
        assert_eq!((all.astray, all.last_good), (2, Some(ms(352))));
    }
}
