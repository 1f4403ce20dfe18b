//! When a monitor asks whom, and when the replies arrive: phases, jitter, losses, slow replies, and
//! the second question soon after a word that needs confirmation.

use std::time::Duration;

use pointsman::engine::{Evidence, Failure, FailureKind, Moment, Outcome};

use super::knowledge::Seen;
use crate::simulation::SplitMix;

/// After this long without a reply a probe is given up.
pub(super) const TIMEOUT: Duration = Duration::from_millis(1500);

/// As the driver of the product: a word that needs a second one is asked for again so soon.
const CONFIRM: Duration = Duration::from_millis(75);

/// The probes of one server.
#[derive(Clone)]
pub(super) struct Probe {
    pub ask_at: Moment,
    /// During which start of the server its open connection was made.
    pub session: Option<u32>,
    pub in_flight: Option<InFlight>,
    /// What the last reply was, to see what is new.
    last: Option<Word>,
    /// Percent of its probes that are lost.
    pub loss: usize,
    /// A reply in so many is slow.
    pub slow: usize,
}

/// A question that was asked, and what will come of it.
#[derive(Clone)]
pub(super) struct InFlight {
    pub arrives: Moment,
    pub asked: Moment,
    pub outcome: Outcome,
    pub seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Writable,
    Other,
    Hard,
    Failed,
}

impl Probe {
    pub(super) fn new(ask_at: Moment, loss: usize, slow: usize) -> Self {
        Self { ask_at, session: None, in_flight: None, last: None, loss, slow }
    }

    /// The next moment at which anything happens to it.
    pub(super) fn next(&self) -> Moment {
        self.in_flight.as_ref().map_or(self.ask_at, |flying| flying.arrives)
    }

    /// The question goes out; `outcome` is what the server is at this moment, in its start number
    /// `start`.
    pub(super) fn ask(
        &mut self,
        (outcome, start): (Outcome, u32),
        seen: Seen,
        now: Moment,
        random: &mut SplitMix,
    ) {
        let lost = random.below(100) < self.loss;
        let outcome = if lost { timed_out() } else { self.through_session(outcome, start) };
        let answered = matches!(outcome, Outcome::Answered(_));
        self.session = answered.then_some(start);
        let took = match &outcome {
            Outcome::Failed(failure) if failure.kind == FailureKind::TimedOut => TIMEOUT,
            _ if self.slow > 0 && random.below(self.slow) == 0 => {
                Duration::from_millis(100 + 10 * random.below(135) as u64)
            }
            _ => Duration::from_millis(1 + random.below(8) as u64),
        };
        self.in_flight = Some(InFlight { arrives: now + took, asked: now, outcome, seen });
    }

    /// However quickly a server was started anew, its end has closed the open connection: that is
    /// what the probe finds first.
    fn through_session(&self, outcome: Outcome, start: u32) -> Outcome {
        match (&outcome, self.session) {
            (Outcome::Answered(_), Some(open)) if open != start => {
                Outcome::Failed(Failure::new(FailureKind::Closed, ""))
            }
            _ => outcome,
        }
    }

    /// The reply that has arrived; the next question is planned.
    pub(super) fn take(
        &mut self,
        interval: Duration,
        now: Moment,
        random: &mut SplitMix,
    ) -> Option<InFlight> {
        let flying = self.in_flight.take()?;
        let word = match &flying.outcome {
            Outcome::Answered(facts) if facts.claims_writable() => Word::Writable,
            Outcome::Answered(_) | Outcome::Witnessed(..) => Word::Other,
            Outcome::Failed(failure) => match failure.kind.evidence() {
                Evidence::Hard => Word::Hard,
                _ => Word::Failed,
            },
        };
        let news = self.last.replace(word) != Some(word);
        let rest = match news && matches!(word, Word::Writable | Word::Hard) {
            true => CONFIRM,
            // Up to 5 % more or less.
            false => interval.mul_f64(0.95 + 0.001 * random.below(100) as f64),
        };
        self.ask_at = now + rest;
        Some(flying)
    }
}

pub(super) fn timed_out() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::TimedOut, ""))
}
