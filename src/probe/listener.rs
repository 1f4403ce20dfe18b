//! What a server said last, for whoever listens beside the engine.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    discovery::{Introduction, Word},
    engine::Outcome,
};

/// Hears one server. A clone hears the same. While somebody listens, the probe now and then asks the
/// server to introduce itself, too.
#[derive(Clone, Debug)]
pub struct Listener {
    every: Duration,
    heard: Arc<Mutex<Heard>>,
}

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The last reply, unless a failure came after it.
    pub word: Option<Word>,
    /// Good replies without a failure between them.
    pub replies: u32,
}

impl Listener {
    /// One that nobody has told anything; an introduction is asked for about `every` so often.
    pub fn new(every: Duration) -> Self {
        Self { every, heard: Arc::default() }
    }

    /// What was heard last.
    pub fn heard(&self) -> Heard {
        self.slot().clone()
    }

    /// About how often an introduction is asked for.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Takes in what a probe came to. Without a new introduction the one before stays good.
    pub(super) fn note(&self, outcome: &Outcome, introduction: Option<Introduction>) {
        let mut heard = self.slot();
        match outcome {
            Outcome::Answered(facts) => {
                let before = heard.word.take().map(|word| word.introduction);
                let introduction = introduction.or(before).unwrap_or_default();
                heard.word = Some(Word { facts: facts.clone(), introduction });
                heard.replies = heard.replies.saturating_add(1);
            }
            Outcome::Failed(_) => *heard = Heard::default(),
            Outcome::Witnessed(..) => {}
        }
    }

    fn slot(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same ear, not two that heard the same.
impl PartialEq for Listener {
    fn eq(&self, other: &Self) -> bool {
        self.every == other.every && Arc::ptr_eq(&self.heard, &other.heard)
    }
}

impl Eq for Listener {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Listener;
    use crate::{
        discovery::Introduction,
        engine::{Facts, Failure, FailureKind, Outcome},
    };

    #[test]
    fn an_introduction_outlasts_replies_and_no_failure() {
        let listener = Listener::new(Duration::from_secs(5));
        let name = Some("db1".into());
        let answered = Outcome::Answered(Facts::Tcp);
        listener.note(&answered, Some(Introduction { name, ..Introduction::default() }));
        listener.note(&answered, None);
        let heard = listener.heard();
        let said = heard.word.expect("a word").introduction.name;
        assert_eq!((said.as_deref(), heard.replies), (Some("db1"), 2));
        listener.note(&Outcome::Failed(Failure::new(FailureKind::Refused, "")), None);
        let heard = listener.heard();
        assert_eq!((heard.word, heard.replies), (None, 0));
    }
}
