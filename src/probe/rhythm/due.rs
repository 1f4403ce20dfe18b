//! When the next question of a task is due, to a server or to a witness of one.
//!
//! Besides the advised cadence there are three other reasons to ask: it is the first question, the
//! last reply needs a second look, somebody hinted at a change.

use std::time::Duration;

use crate::engine::Moment;

/// When the next question is due.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// Then, whatever the advice.
    At(Moment),
    /// By the advised cadence, stretched or shrunk by this factor.
    Paced(f64),
    /// After a hint: as soon as hints may lead to questions, or sooner by the cadence.
    Hinted,
}

impl Due {
    /// The first question of a task that starts at `now`, after this `share` of the time (0 to 1) in
    /// which all tasks start.
    pub fn first(now: Moment, share: f64) -> Self {
        Self::At(now + START_SPREAD.mul_f64(share))
    }

    /// A second look at what the reply told for the first time that came at `now`.
    pub fn second_look(now: Moment) -> Self {
        Self::At(now + CONFIRM_DELAY)
    }

    /// A second look at a candidate that said for the first time at `now` that it is writable, while
    /// the write name waits for that. It was heard to follow or to be read-only just before.
    pub fn awaited_look(now: Moment) -> Self {
        Self::At(now + AWAITED_CONFIRM_DELAY)
    }

    /// The moment, if the last question began at `last_start` and the advised cadence is one every
    /// `rest`. A paced question is never due before `earliest`.
    pub fn at(self, last_start: Moment, rest: Duration, earliest: Moment) -> Moment {
        match self {
            Self::At(at) => at,
            Self::Paced(factor) => (last_start + rest.mul_f64(factor)).max(earliest),
            Self::Hinted => last_start + HINTS_APART.min(rest),
        }
    }
}

/// The first questions of all tasks are asked within this time, so that the first round stays short.
const START_SPREAD: Duration = Duration::from_millis(100);

/// Between a first hard failure, or a changed stance, and the second look. Long enough for the
/// second to be evidence of its own (a listener that is only replaced is back), short enough that
/// two still come to a verdict within a tenth of a second.
const CONFIRM_DELAY: Duration = Duration::from_millis(75);

/// The same, where a candidate is promoted: it follows no longer, which no restart of a listener and
/// no other server at its address explains. A promotion does not end again, so a reply of another
/// moment is all that the second look has to be.
const AWAITED_CONFIRM_DELAY: Duration = Duration::from_millis(10);

/// Between the starts of two hinted questions: a flood of hints must be no flood of questions.
const HINTS_APART: Duration = Duration::from_millis(50);
