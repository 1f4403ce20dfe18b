//! When the next question of a task is due, to a server or to a witness of one.
//!
//! Besides the advised cadence there are three other reasons to ask: it is the first question, the
//! last reply needs a second look, somebody hinted at a change.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::stride::jitter;

/// When the next question is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// Then, whatever the advice.
    At(Instant),
    /// By the advised cadence, stretched or shrunk by this factor.
    Paced(f64),
}

impl Due {
    /// The first question of a task that starts now.
    pub(super) fn first() -> Self {
        Self::At(Instant::now() + START_SPREAD.mul_f64(rand::random()))
    }

    /// A second look at what the last reply told for the first time.
    pub(super) fn second_look() -> Self {
        Self::At(Instant::now() + CONFIRM_DELAY)
    }

    /// After a hint; the last question began at `last_start`.
    pub(super) fn after_hint(last_start: Instant) -> Self {
        Self::At(last_start + HINTS_APART)
    }

    /// By the advised cadence.
    pub(super) fn paced() -> Self {
        Self::Paced(jitter())
    }

    /// The moment, if the last question began at `last_start` and the advised cadence is one every
    /// `rest`. A paced question is never due before `earliest`.
    pub(super) fn at(self, last_start: Instant, rest: Duration, earliest: Instant) -> Instant {
        match self {
            Self::At(at) => at,
            Self::Paced(factor) => (last_start + rest.mul_f64(factor)).max(earliest),
        }
    }
}

/// Waits for a hint, for ever when nobody can give one.
pub(super) async fn hinted(hints: &mut watch::Receiver<()>) {
    if hints.changed().await.is_err() {
        std::future::pending().await
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
