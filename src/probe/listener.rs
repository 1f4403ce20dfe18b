//! What a server said last, for whoever listens beside the engine.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    discovery::{Introduction, Word},
    engine::Outcome,
};

/// Hears one server. A clone hears the same. While somebody listens, the probe now and then asks the
/// server to introduce itself, too.
#[derive(Clone, Debug)]
pub struct Listener {
    every: Duration,
    rise: u32,
    heard: Arc<Mutex<Heard>>,
    call: Arc<Notify>,
}

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The last reply, unless a failure came after it.
    pub word: Option<Arc<Word>>,
    /// Good replies without a failure between them.
    pub replies: u32,
}

impl Listener {
    /// One that nobody has told anything; an introduction is asked for about `every` so often. `call`
    /// rings when one differs from that before, and at the good reply that is the `rise`th in a row.
    pub fn new(every: Duration, rise: u32, call: Arc<Notify>) -> Self {
        Self { every, rise, heard: Arc::default(), call }
    }

    /// What was heard last.
    pub fn heard(&self) -> Heard {
        self.slot().clone()
    }

    /// About how often an introduction is asked for.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// After how many good replies there is a call.
    pub fn rise(&self) -> u32 {
        self.rise
    }

    /// Takes in what a probe came to. Without a new introduction the one before stays good.
    pub(super) fn note(&self, outcome: &Outcome, introduction: Option<Introduction>) {
        let mut heard = self.slot();
        match outcome {
            Outcome::Answered(facts) => {
                let before = heard.word.take().map(|word| Arc::unwrap_or_clone(word).introduction);
                let is_new = introduction.is_some() && introduction != before;
                let introduction = introduction.or(before).unwrap_or_default();
                let facts = facts.clone();
                heard.word = Some(Arc::new(Word { facts, introduction }));
                heard.replies = heard.replies.saturating_add(1);
                if is_new || heard.replies == self.rise {
                    self.call.notify_one();
                }
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
        (self.every, self.rise) == (other.every, other.rise)
            && Arc::ptr_eq(&self.heard, &other.heard)
    }
}

impl Eq for Listener {}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

    use tokio::sync::Notify;

    use super::Listener;
    use crate::{
        discovery::Introduction,
        engine::{Facts, Failure, FailureKind, Outcome},
    };

    #[test]
    fn an_introduction_outlasts_replies_and_no_failure() {
        let listener = Listener::new(Duration::from_secs(5), 2, Arc::default());
        let name = Some("db1".into());
        let answered = Outcome::Answered(Facts::Tcp);
        listener.note(&answered, Some(Introduction { name, ..Introduction::default() }));
        listener.note(&answered, None);
        let heard = listener.heard();
        let said = heard.word.expect("a word").introduction.name.clone();
        assert_eq!((said.as_deref(), heard.replies), (Some("db1"), 2));
        listener.note(&Outcome::Failed(Failure::new(FailureKind::Refused, "")), None);
        let heard = listener.heard();
        assert_eq!((heard.word, heard.replies), (None, 0));
    }

    #[tokio::test]
    async fn it_calls_when_there_is_something_new() {
        let call = Arc::new(Notify::new());
        let listener = Listener::new(Duration::from_secs(5), 3, Arc::clone(&call));
        let answered = Outcome::Answered(Facts::Tcp);
        let named =
            |name: &str| Some(Introduction { name: Some(name.into()), ..Introduction::default() });
        let mut calls = Vec::new();
        for said in [named("a"), None, named("a"), named("b"), named("b"), None] {
            listener.note(&answered, said);
            let mut notified = pin!(call.notified());
            let came = poll_fn(|context| Poll::Ready(notified.as_mut().poll(context).is_ready()));
            calls.push(came.await);
        }
        // The first that it says, the third good reply, and another name.
        assert_eq!(calls, [true, false, true, true, false, false]);
    }
}
