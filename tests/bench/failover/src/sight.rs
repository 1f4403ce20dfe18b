//! What one user of one contestant was told, over time, and when that changed.

use std::{collections::VecDeque, time::Instant};

/// What a user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A replica to read from.
    Read,
    /// The primary.
    Write,
}

/// Some of the servers of a cluster, which are numbered from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Servers(u8);

/// What a user was told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// To go to one of these: an answer's addresses, or the one server behind a connection.
    Go(Servers),
    /// There is nobody: an answer without addresses, or a connection that was refused.
    Nobody,
    /// Nothing, in time.
    Silence,
}

/// The same was told for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// What.
    pub(crate) told: Told,
    /// When the first question was asked to which this was the answer.
    pub(crate) asked: Instant,
    /// When that answer came.
    pub(crate) began: Instant,
    /// How many answers in a row said so.
    pub(crate) count: usize,
}

/// Everything that was told about one wish.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sights {
    runs: VecDeque<Run>,
}

impl Servers {
    /// These.
    pub(crate) fn of(numbers: &[usize]) -> Self {
        Self(numbers.iter().fold(0, |set, number| set | 1 << number))
    }

    /// This one.
    pub(crate) const fn only(number: usize) -> Self {
        Self(1 << number)
    }

    /// Whether `server` is among them.
    pub(crate) fn contains(self, server: usize) -> bool {
        self.0 & 1 << server != 0
    }

    /// All of both.
    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Sights {
    /// Adds what was told `now` to a question of `asked`.
    pub(crate) fn note(&mut self, told: Told, asked: Instant, now: Instant) {
        match self.runs.back_mut() {
            Some(run) if run.told == told => run.count += 1,
            _ => self.runs.push_back(Run { told, asked, began: now, count: 1 }),
        }
    }

    /// All of it, in order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// When users were no longer sent to `server`: the first of [`SURE`] answers in a row that sent
    /// them elsewhere. Being sent nowhere is neither.
    pub(crate) fn left(&self, server: usize) -> Option<Instant> {
        self.stretch(|told| match told {
            Told::Go(servers) => Some(!servers.contains(server)),
            Told::Nobody | Told::Silence => None,
        })
    }

    /// When users came to be sent to `server` and nobody else: the first of [`SURE`] answers in a
    /// row that did so.
    pub(crate) fn arrived(&self, server: usize) -> Option<Instant> {
        self.stretch(|told| Some(told == Told::Go(Servers::only(server))))
    }

    /// Where the newest [`SURE`] answers sent users, taken together; `None` when one of them sent
    /// them nowhere, or there were not so many.
    pub(crate) fn lately(&self) -> Option<Servers> {
        let mut union = Servers::default();
        let mut count = 0;
        for run in self.runs.iter().rev() {
            let Told::Go(servers) = run.told else { return None };
            union = union.and(servers);
            count += run.count;
            if count >= SURE {
                return Some(union);
            }
        }
        None
    }

    /// The beginning of the first [`SURE`] answers in a row that are as wanted; what is neither
    /// wanted nor unwanted does not interrupt them.
    fn stretch(&self, wanted: impl Fn(Told) -> Option<bool>) -> Option<Instant> {
        let (mut first, mut count) = (None, 0);
        for run in &self.runs {
            match wanted(run.told) {
                Some(true) => {
                    first = first.or(Some(run.began));
                    count += run.count;
                }
                Some(false) => (first, count) = (None, 0),
                None => {}
            }
            if count >= SURE {
                return first;
            }
        }
        None
    }
}

/// So many answers make sure of something. A balancer that alternates between two servers has
/// named both several times by then.
const SURE: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{SURE, Servers, Sights, Told};

    /// Tells `story`, an answer per millisecond, and gives the time of an instant in it.
    fn tell(story: &[(Told, usize)]) -> (Sights, impl Fn(Instant) -> u128 + use<>) {
        #[expect(clippy::disallowed_methods, reason = "an instant can be had nowhere else")]
        let start = Instant::now();
        let mut sights = Sights::default();
        let mut now = start;
        for (told, count) in story {
            for _ in 0..*count {
                let asked = now;
                now += Duration::from_millis(1);
                sights.note(*told, asked, now);
            }
        }
        (sights, move |instant| instant.duration_since(start).as_millis())
    }

    fn go(servers: &[usize]) -> Told {
        Told::Go(Servers::of(servers))
    }

    #[test]
    fn a_set_loses_a_server() {
        let (sights, time) = tell(&[(go(&[1, 2]), 5), (go(&[2]), SURE)]);
        assert_eq!(sights.left(1).map(&time), Some(6));
        assert_eq!(sights.left(2), None);
        let (unsure, _) = tell(&[(go(&[1, 2]), 5), (go(&[2]), SURE - 1)]);
        assert_eq!(unsure.left(1), None);
    }

    #[test]
    fn a_short_return_puts_the_time_off() {
        let story = [(go(&[1, 2]), 5), (go(&[2]), SURE - 1), (go(&[1, 2]), 1), (go(&[2]), SURE)];
        let (sights, time) = tell(&story);
        assert_eq!(sights.left(1).map(time), Some(5 + SURE as u128 + 1));
    }

    #[test]
    fn an_alternating_balancer_leaves_with_its_last_connection() {
        let (sights, time) = tell(&[
            (go(&[1]), 1),
            (go(&[2]), 1),
            (go(&[1]), 1),
            (Told::Nobody, 3),
            (go(&[2]), SURE),
        ]);
        assert_eq!(sights.left(1).map(time), Some(7), "being refused is not being sent elsewhere");
    }

    #[test]
    fn the_write_name_arrives_once() {
        let (sights, time) = tell(&[(go(&[0]), 4), (Told::Nobody, 3), (go(&[1]), SURE)]);
        assert_eq!(sights.arrived(1).map(time), Some(8));
        let (back, time) = tell(&[(go(&[0]), 4), (go(&[1]), SURE), (go(&[0]), 1)]);
        assert_eq!(back.arrived(1).map(time), Some(5), "what comes later is another matter");
        let (brief, _) = tell(&[(go(&[0]), 4), (go(&[1]), SURE - 1), (Told::Nobody, 1)]);
        assert_eq!(brief.arrived(1), None);
    }

    #[test]
    fn lately_is_the_union_of_the_newest() {
        let (sights, _) = tell(&[(Told::Silence, 1), (go(&[1]), SURE - 1), (go(&[2]), 1)]);
        assert_eq!(sights.lately(), Some(Servers::of(&[1, 2])));
        let (few, _) = tell(&[(Told::Silence, 1), (go(&[1]), SURE - 1)]);
        assert_eq!(few.lately(), None);
    }
}
