//! How a server fails, and what that makes of it.

use super::{Evidence, Failure, FailureKind, Moment};

/// A run of failures, none of them followed by a good reply yet.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The latest failure.
    pub(super) failure: Failure,
    /// When the run began, as far as its failures count.
    pub(super) since: Moment,
    /// When the run began, or, of one that refused us first, its silence.
    pub(super) began: Moment,
    /// Failures without a sign of life, in a row.
    pub(super) silent: u32,
    /// Hard failures in a row.
    pub(super) hard: u32,
    /// Nobody else has been heard since the run began, so that silence may be our own network's.
    pub(super) alone: bool,
    /// Nothing but probes were lost, so that nothing shows that the server was started anew meanwhile.
    pub(super) only_lost: bool,
    /// How the server refused us when it last showed that it is alive, and since when it has done
    /// so. Silence in between changes nothing: a full server is often slow to say so.
    pub(super) refusal: Option<(FailureKind, Moment)>,
}

impl Trouble {
    /// A run that begins.
    pub(super) fn new(failure: Failure, now: Moment) -> Self {
        Self {
            failure,
            since: now,
            began: now,
            silent: 0,
            hard: 0,
            alone: false,
            only_lost: true,
            refusal: None,
        }
    }

    /// Takes in a failure of the run, the first one too.
    pub(super) fn note(&mut self, failure: Failure, now: Moment) {
        let kind = failure.kind;
        let alive = |kind: FailureKind| kind.evidence() == Evidence::Alive;
        if alive(self.failure.kind) && !alive(kind) {
            // Who has only refused us until now falls silent now.
            (self.since, self.began) = (now, now);
        }
        self.failure = failure;
        self.only_lost &= kind.may_be_ours();
        match kind.evidence() {
            Evidence::Hard => {
                self.silent = self.silent.saturating_add(1);
                self.hard = self.hard.saturating_add(1);
            }
            Evidence::Soft => {
                self.silent = self.silent.saturating_add(1);
                self.hard = 0;
            }
            Evidence::Alive => {
                (self.silent, self.hard) = (0, 0);
                if self.refusal.is_none_or(|(refused, _)| refused != kind) {
                    self.refusal = Some((kind, now));
                }
            }
        }
    }
}

/// How a server has answered lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// No word yet.
    Unheard,
    /// The last probe was answered.
    Answering,
    /// Probes fail, not often enough to tell.
    Doubtful(FailureKind),
    /// The probe task is silent: nothing is known any more.
    ProbeSilent,
    /// Alive, and it said why it cannot answer.
    Alive(FailureKind),
    /// It does not answer.
    Gone(FailureKind),
}
