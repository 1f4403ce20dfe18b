//! What others say of a server, beside the database itself: Patroni, an HTTP service, an agent, a
//! command.
//!
//! A witness can only take away. It never makes a server writable or readable that does not say so
//! itself, and it never ends the doubt about one. A witness that cannot be reached says nothing:
//! its last word counts for [`Thresholds::stale_after`] and is then forgotten.

use super::{
    Check, Failure, Moment, ServerState, StateReason, Testimony, Thresholds, Word,
    testimony::FULL,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// What is known of one witness of a server, for the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessStanding<'a> {
    /// Which check.
    pub check: Check,
    /// The word that counts now; `None` before the first one and when the last one has expired.
    pub word: Option<Word>,
    /// Its own words, or how it could not be reached.
    pub detail: &'a str,
}

/// All witnesses of one server.
#[derive(Clone, Debug, Default)]
pub struct Witnesses(Vec<Witness>);

/// The memory of one witness.
#[derive(Clone, Debug)]
struct Witness {
    check: Check,
    last: Option<(Testimony, Moment)>,
    /// How it could not be reached, after its last word or before any.
    trouble: Option<Failure>,
    /// `down` in a row.
    against: u32,
    /// Good words in a row since it was down.
    well: u32,
    /// What counts.
    counted: Word,
    /// What was told of it last.
    told: Option<Word>,
    /// Anything was told of it at any time.
    known: bool,
}

/// A change in what a witness says.
pub struct Turn<'a> {
    pub(super) check: Check,
    pub(super) from: Option<Word>,
    pub(super) to: Option<Word>,
    pub(super) detail: &'a str,
}

impl Witnesses {
    /// Witnesses that have not been heard yet.
    pub fn new(checks: &[Check]) -> Self {
        Self(checks.iter().copied().map(Witness::new).collect())
    }

    /// The witnesses of `asked`, each with what these have said by the same check.
    pub fn carried_over(&self, asked: &Self) -> Self {
        let known = |one: &Witness| self.0.iter().find(|before| before.check == one.check);
        Self(asked.0.iter().map(|one| known(one).unwrap_or(one).clone()).collect())
    }

    /// Folds in what one attempt came to. One of an unknown check is ignored.
    pub fn fold(
        &mut self,
        check: Check,
        said: Result<Testimony, Failure>,
        thresholds: &Thresholds,
        now: Moment,
    ) {
        let Some(witness) = self.0.iter_mut().find(|witness| witness.check == check) else {
            return;
        };
        match said {
            Ok(testimony) => witness.hear(testimony, thresholds, now),
            Err(failure) => witness.trouble = Some(failure),
        }
    }

    /// Whether each has been asked at least once.
    pub fn are_asked(&self) -> bool {
        self.0.iter().all(|witness| witness.last.is_some() || witness.trouble.is_some())
    }

    /// The verdict on a server, given by what it says itself, less what its witnesses take away.
    pub fn limit(&self, verdict: Verdict, thresholds: &Thresholds, now: Moment) -> Verdict {
        let heard = || self.0.iter().filter_map(|witness| witness.heard(thresholds, now));
        let mut limited = verdict;
        let unled = heard().find(|heard| heard.testimony.leads == Some(false));
        if let Some(heard) = unled.filter(|_| verdict.write == WriteEligibility::Eligible) {
            limited.write = WriteEligibility::Open;
            limited.reason = StateReason::Witness(heard.check, Word::NotLeader);
        }
        // The first of several equal ones, so that the order of the checks decides.
        let strongest = heard().rev().max_by_key(|heard| heard.word);
        match strongest.map(|heard| (heard.word, StateReason::Witness(heard.check, heard.word))) {
            None | Some((Word::Up | Word::NotLeader, _)) => limited,
            Some((Word::Drain | Word::Down, reason)) => spare(limited, reason),
            Some((Word::Maint, reason)) => out_on_purpose(limited, reason),
        }
    }

    /// Percent of its weight that a server can bear: the least that any witness says, and never more
    /// than all of it, for a witness can only take away.
    pub fn percent(&self, thresholds: &Thresholds, now: Moment) -> u16 {
        let heard = self.0.iter().filter_map(|witness| witness.heard(thresholds, now));
        heard.map(|heard| heard.testimony.percent).fold(FULL, u16::min)
    }

    /// Whether the next words may change what counts.
    pub fn is_in_doubt(&self) -> bool {
        let speaking = self.0.iter().filter(|witness| witness.told.is_some());
        let mut doubts = speaking.map(|witness| match witness.counted {
            Word::Down => witness.well > 0,
            _ => witness.against > 0,
        });
        doubts.any(|doubt| doubt)
    }

    /// When the next word expires that is not repeated.
    pub fn next_expiry(&self, thresholds: &Thresholds) -> Option<Moment> {
        let spoken = self.0.iter().filter(|witness| witness.told.is_some());
        // Just after it: the silence must be longer than the limit.
        let past = thresholds.stale_after + std::time::Duration::from_millis(1);
        spoken.filter_map(|witness| Some(witness.last.as_ref()?.1 + past)).min()
    }

    /// Tells what has changed since the last time. A first word that says nothing against the
    /// server is no news.
    pub fn turns(
        &mut self,
        thresholds: &Thresholds,
        now: Moment,
    ) -> impl Iterator<Item = Turn<'_>> {
        self.0.iter_mut().filter_map(move |witness| {
            let to = witness.heard(thresholds, now).map(|heard| heard.word);
            let from = std::mem::replace(&mut witness.told, to);
            let first = !witness.known;
            witness.known |= to.is_some();
            let news = from != to && !(first && to == Some(Word::Up));
            let witness = &*witness;
            let turn = Turn { check: witness.check, from, to, detail: witness.detail() };
            news.then_some(turn)
        })
    }

    /// What each says now, in the order of the checks.
    pub fn standings(&self) -> impl Iterator<Item = WitnessStanding<'_>> {
        self.0.iter().map(|witness| WitnessStanding {
            check: witness.check,
            word: witness.told,
            detail: witness.detail(),
        })
    }

    /// The own words of the witness behind `reason`, when it is one's.
    pub fn detail_of(&self, reason: StateReason) -> Option<&str> {
        let StateReason::Witness(check, _) = reason else { return None };
        self.0.iter().find(|witness| witness.check == check).map(Witness::detail)
    }
}

/// A word that counts.
struct Heard<'a> {
    check: Check,
    word: Word,
    testimony: &'a Testimony,
}

impl Witness {
    fn new(check: Check) -> Self {
        Self {
            check,
            last: None,
            trouble: None,
            against: 0,
            well: 0,
            counted: Word::Up,
            told: None,
            known: false,
        }
    }

    fn hear(&mut self, testimony: Testimony, thresholds: &Thresholds, now: Moment) {
        if self.heard(thresholds, now).is_none() {
            (self.against, self.well, self.counted) = (0, 0, Word::Up);
        }
        self.counted = match testimony.word {
            Word::Down => {
                (self.against, self.well) = (self.against.saturating_add(1), 0);
                let counts = self.against >= thresholds.fall || self.counted >= Word::Drain;
                if counts { Word::Down } else { self.counted }
            }
            good @ (Word::Up | Word::NotLeader) => {
                (self.against, self.well) = (0, self.well.saturating_add(1));
                let returns = self.counted != Word::Down || self.well >= thresholds.rise;
                if returns { good } else { Word::Down }
            }
            wish @ (Word::Drain | Word::Maint) => {
                (self.against, self.well) = (0, 0);
                wish
            }
        };
        self.trouble = None;
        self.last = Some((testimony, now));
    }

    /// Its word, unless it has never spoken or was silent for too long.
    fn heard(&self, thresholds: &Thresholds, now: Moment) -> Option<Heard<'_>> {
        let (testimony, spoken) = self.last.as_ref()?;
        let expired = now.since(*spoken) > thresholds.stale_after;
        (!expired).then_some(Heard { check: self.check, word: self.counted, testimony })
    }

    fn detail(&self) -> &str {
        match (&self.trouble, &self.last) {
            (Some(failure), _) => &failure.detail,
            (None, Some((testimony, _))) => &testimony.detail,
            (None, None) => "",
        }
    }
}

/// The verdict on a server that others are to be preferred to.
fn spare(verdict: Verdict, reason: StateReason) -> Verdict {
    let write = match verdict.write {
        WriteEligibility::Eligible => WriteEligibility::Spare,
        other => other,
    };
    let read = match verdict.read {
        ReadEligibility::Replica | ReadEligibility::Primary => ReadEligibility::LastResort,
        other => other,
    };
    let reason = match verdict.reason {
        // The ladder waits for its second word.
        StateReason::WritableUnconfirmed => verdict.reason,
        _ if (write, read) == (verdict.write, verdict.read) => verdict.reason,
        _ => reason,
    };
    Verdict { write, read, reason, ..verdict }
}

/// The verdict on a server that is taken out of both names. What is worse stays as it is.
fn out_on_purpose(verdict: Verdict, reason: StateReason) -> Verdict {
    match verdict.state {
        ServerState::StalePrimary | ServerState::WrongCluster | ServerState::OutOfService => {
            verdict
        }
        _ => Verdict::out(ServerState::OutOfService, reason),
    }
}
