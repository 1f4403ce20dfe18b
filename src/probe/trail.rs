//! What a probe does step by step, for whoever wants to see where it breaks.
//!
//! A probe notes its steps on the trail of its [`Dial`](super::Dial). The trail of the tasks that
//! ask all the time is not followed: noting costs them nothing. One that is followed keeps each
//! step with its time and its words. A step ends where the next one begins, so that a probe that is
//! cut off by its deadline still tells in which step it was.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::engine::Failure;
pub use crate::report::ProbeStep as Step;

/// The steps of a probe, as far as it is followed.
#[derive(Clone, Debug, Default)]
pub struct Trail(Option<Arc<Mutex<Walk>>>);

/// A step that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which.
    pub step: Step,
    /// How long it took.
    pub took: Duration,
    /// What was seen meanwhile, a line each.
    pub words: Vec<Box<str>>,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
}

#[derive(Debug)]
struct Walk {
    legs: Vec<Leg>,
    /// When the last leg began, until it has ended.
    open: Option<Instant>,
}

impl Trail {
    /// One that is followed.
    pub fn followed() -> Self {
        Self(Some(Arc::new(Mutex::new(Walk { legs: Vec::new(), open: None }))))
    }

    /// Whether anybody will read it.
    pub fn is_followed(&self) -> bool {
        self.0.is_some()
    }

    /// The step before has gone well; this one begins.
    pub fn begin(&self, step: Step) {
        if let Some(mut walk) = self.walk() {
            walk.end(None);
            walk.open = Some(Instant::now());
            walk.legs.push(Leg::new(step));
        }
    }

    /// Adds to what was seen in the step that is being made, or was the last one.
    pub fn say(&self, words: impl FnOnce() -> String) {
        if let Some(mut walk) = self.walk()
            && let Some(last) = walk.legs.last_mut()
            && last.words.len() < WORDS_MAX
        {
            last.words.push(words().into());
        }
    }

    /// The step that is being made has failed; others may follow.
    pub fn fail(&self, failure: &Failure) {
        if let Some(mut walk) = self.walk() {
            walk.end(Some(failure));
        }
    }

    /// The step that was taken for `skipped` is the `next` one: the first turned out to be needless,
    /// and why.
    pub fn skip(&self, skipped: Step, why: &str, next: Step) {
        let Some(mut walk) = self.walk() else { return };
        let Some(last) = walk.legs.last_mut().filter(|last| last.step == skipped) else { return };
        let words = std::mem::take(&mut last.words);
        last.step = next;
        let at = walk.legs.len() - 1;
        let words = words.into_iter().chain([why.into()]).collect();
        walk.legs.insert(at, Leg { words, ..Leg::new(skipped) });
    }

    /// Whether this step is being made, and nothing was said of it.
    pub fn is_silent_at(&self, step: Step) -> bool {
        let Some(walk) = self.walk() else { return false };
        walk.legs.last().is_some_and(|last| last.step == step && last.words.is_empty())
    }

    /// All steps, now that the probe has ended, with `failure` or well.
    pub fn end(&self, failure: Option<&Failure>) -> Vec<Leg> {
        let Some(mut walk) = self.walk() else { return Vec::new() };
        walk.end(failure);
        std::mem::take(&mut walk.legs)
    }

    fn walk(&self) -> Option<MutexGuard<'_, Walk>> {
        let walk = self.0.as_ref()?;
        Some(walk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Walk {
    fn end(&mut self, failure: Option<&Failure>) {
        if let Some(began) = self.open.take()
            && let Some(last) = self.legs.last_mut()
        {
            last.took = began.elapsed();
            last.failure = failure.cloned();
        }
    }
}

impl Leg {
    fn new(step: Step) -> Self {
        Self { step, took: Duration::ZERO, words: Vec::new(), failure: None }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Query => "query",
        })
    }
}

/// Lines of one step: a host may have many addresses.
const WORDS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::{Leg, Step, Trail};
    use crate::engine::{Failure, FailureKind};

    fn seen(legs: &[Leg]) -> Vec<(Step, bool)> {
        legs.iter().map(|leg| (leg.step, leg.failure.is_none())).collect()
    }

    #[test]
    fn the_failure_is_that_of_the_step_that_was_being_made() {
        let trail = Trail::followed();
        trail.begin(Step::Resolve);
        trail.begin(Step::Connect);
        trail.say(|| "127.0.0.1:5432".to_owned());
        let failure = Failure::new(FailureKind::Refused, "127.0.0.1:5432");
        let legs = trail.end(Some(&failure));
        assert_eq!(seen(&legs), [(Step::Resolve, true), (Step::Connect, false)]);
        assert_eq!(&*legs[1].words, ["127.0.0.1:5432".into()]);
        assert_eq!(legs[1].failure, Some(failure));
    }

    #[test]
    fn encryption_that_is_not_offered_is_a_step_before_the_login() {
        let trail = Trail::followed();
        trail.begin(Step::Tls);
        assert!(trail.is_silent_at(Step::Tls));
        trail.skip(Step::Tls, "not offered", Step::Login);
        trail.skip(Step::Tls, "not again", Step::Login);
        trail.say(|| "let in".to_owned());
        let legs = trail.end(None);
        assert_eq!(seen(&legs), [(Step::Tls, true), (Step::Login, true)]);
        assert_eq!((&*legs[0].words[0], &*legs[1].words[0]), ("not offered", "let in"));
    }

    #[test]
    fn nobody_follows_the_trail_of_a_task() {
        let trail = Trail::default();
        trail.begin(Step::Login);
        trail.say(|| unreachable!("nobody listens"));
        assert!(!trail.is_followed() && trail.end(None).is_empty());
    }
}
