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

    /// After a hint; the last question began at `last_start`.
    pub fn after_hint(last_start: Moment) -> Self {
        Self::At(last_start + HINTS_APART)
    }

    /// The moment, if the last question began at `last_start` and the advised cadence is one every
    /// `rest`. A paced question is never due before `earliest`.
    pub fn at(self, last_start: Moment, rest: Duration, earliest: Moment) -> Moment {
        match self {
            Self::At(at) => at,
            Self::Paced(factor) => (last_start + rest.mul_f64(factor)).max(earliest),
        }
    }
}

/// The first questions of all tasks are asked within this time, so that the first round stays short.
const START_SPREAD: Duration = Duration::from_millis(100);

/// Between a first hard failure, or a changed stance, and the second look. Long enough for the
/// second to be evidence of its own (a listener that is only replaced is back), short enough that
/// two still come to a verdict within a tenth of a second.
const CONFIRM_DELAY: Duration = Duration::from_millis(75);

/// Between the starts of two hinted questions: a flood of hints must be no flood of questions.
const HINTS_APART: Duration = Duration::from_millis(50);
