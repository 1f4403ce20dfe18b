//! Whether the write name went where it should not.

use std::time::Instant;

use crate::sight::{Run, Sights, Told};

/// Wrong turns of one contestant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Moves to a server that could not be written to.
    pub(crate) wrong: usize,
    /// Times without an address, although the primary was well.
    pub(crate) lapses: usize,
}

/// Who could be written to, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    writer: usize,
    promotion: Option<(usize, Instant, Instant)>,
}

impl Truth {
    /// Always the same.
    pub(crate) fn steady(writer: usize) -> Self {
        Self { writer, promotion: None }
    }

    /// First `old`, then `new`: a promotion was called for at one moment and visible at another.
    pub(crate) fn promotion(old: usize, new: usize, called: Instant, visible: Instant) -> Self {
        Self { writer: old, promotion: Some((new, called, visible)) }
    }

    /// Whether an answer may have begun to name `server` then. The old primary may be named on,
    /// which is no move, but not be returned to once another one is there; the new one not before
    /// somebody called for it.
    fn allows(&self, server: usize, run: &Run) -> bool {
        match self.promotion {
            None => server == self.writer,
            Some((new, called, visible)) => {
                server == self.writer && run.asked < visible || server == new && run.began >= called
            }
        }
    }
}

impl Moves {
    /// Counts what went wrong in `sights`. `last` is what was told last before them, and is brought
    /// up to date.
    pub(crate) fn judge(&mut self, sights: &Sights, truth: Truth, last: &mut Option<Told>) {
        for run in sights.runs() {
            if *last == Some(run.told) {
                continue;
            }
            *last = Some(run.told);
            match run.told {
                Told::Go(servers) => {
                    let named = (0..pointsman_testbed::database::SERVERS)
                        .filter(|one| servers.contains(*one));
                    let is_wrong = named.into_iter().any(|server| !truth.allows(server, run));
                    self.wrong += usize::from(is_wrong);
                }
                // In a failover a user may be told that there is nobody.
                Told::Nobody | Told::Silence => {
                    self.lapses += usize::from(truth.promotion.is_none());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Moves, Truth};
    use crate::sight::{Servers, Sights, Told};

    const OLD: Told = Told::Go(Servers::only(0));
    const NEW: Told = Told::Go(Servers::only(1));

    /// What is wrong with answers at these milliseconds, when the promotion is called for at 10 and
    /// visible at 20.
    fn judge(story: &[(u64, Told)], promoted: bool) -> Moves {
        #[expect(clippy::disallowed_methods, reason = "an instant can be had nowhere else")]
        let start = Instant::now();
        let at = |time| start + Duration::from_millis(time);
        let mut sights = Sights::default();
        for (time, told) in story {
            sights.note(*told, at(*time), at(*time));
        }
        let truth = match promoted {
            true => Truth::promotion(0, 1, at(10), at(20)),
            false => Truth::steady(0),
        };
        let mut moves = Moves::default();
        moves.judge(&sights, truth, &mut Some(OLD));
        moves
    }

    #[test]
    fn a_move_after_the_call_is_right_and_one_before_it_is_wrong() {
        let wrong = |wrong| Moves { wrong, lapses: 0 };
        assert_eq!(judge(&[(1, OLD), (15, NEW)], true), wrong(0));
        assert_eq!(judge(&[(1, OLD), (9, NEW), (25, NEW)], true), wrong(1));
        assert_eq!(judge(&[(1, OLD), (15, Told::Nobody), (25, NEW)], true), wrong(0));
        assert_eq!(judge(&[(15, NEW), (25, OLD)], true), wrong(1), "it went back");
        assert_eq!(judge(&[(90, OLD)], true), wrong(0), "to stay is slow, and no move");
    }

    #[test]
    fn a_steady_primary_is_named_all_the_time() {
        assert_eq!(judge(&[(1, OLD), (2, OLD)], false), Moves::default());
        let story = [(1, Told::Silence), (2, OLD), (3, NEW), (4, OLD), (5, Told::Nobody)];
        assert_eq!(judge(&story, false), Moves { wrong: 1, lapses: 2 });
    }
}
