//! How the driver tells one probe task how to go on: the newest advice counts.
//!
//! A channel of one value for one listener. There is one per probe task, so that it has to be small:
//! tokio's `watch` is for many listeners and takes six times the room.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::engine::ProbeAdvice;

/// Both ends of a channel that holds the `first` advice.
pub fn advice_channel(first: ProbeAdvice) -> (AdviceSender, AdviceReceiver) {
    let state = State { latest: first, is_new: false, is_over: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), news: Notify::new() });
    (AdviceSender(Arc::clone(&shared)), AdviceReceiver(shared))
}

/// The driver's end. When it is dropped the task ends.
#[derive(Debug)]
pub struct AdviceSender(Arc<Shared>);

/// The task's end. A clone is for the task that goes on in its place: both share what was seen.
#[derive(Clone, Debug)]
pub struct AdviceReceiver(Arc<Shared>);

/// The sender is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdviceOver;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    latest: ProbeAdvice,
    /// The task has not seen it.
    is_new: bool,
    is_over: bool,
}

impl AdviceSender {
    /// Tells the task `advice`. One that is told the same again is not woken.
    pub fn send(&self, advice: ProbeAdvice) {
        let mut state = self.0.state();
        if state.latest != advice {
            (state.latest, state.is_new) = (advice, true);
            drop(state);
            self.0.news.notify_one();
        }
    }
}

impl Drop for AdviceSender {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.news.notify_one();
    }
}

impl AdviceReceiver {
    /// The newest advice.
    pub fn latest(&self) -> ProbeAdvice {
        self.0.state().latest
    }

    /// The newest advice, for which [`Self::changed`] does not end any more.
    pub fn see_latest(&mut self) -> ProbeAdvice {
        let mut state = self.0.state();
        state.is_new = false;
        state.latest
    }

    /// Waits for advice that was not seen. Nothing is lost when the wait is given up.
    ///
    /// # Errors
    /// When there will be none.
    pub async fn changed(&mut self) -> Result<(), AdviceOver> {
        loop {
            {
                let mut state = self.0.state();
                if state.is_new {
                    state.is_new = false;
                    return Ok(());
                }
                if state.is_over {
                    return Err(AdviceOver);
                }
            }
            self.0.news.notified().await;
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::engine::Pace;

    const FAST: ProbeAdvice = ProbeAdvice { pace: Pace::Fast, heartbeat: false };
    const NORMAL: ProbeAdvice = ProbeAdvice { pace: Pace::Normal, heartbeat: false };

    #[test]
    fn the_newest_advice_is_told_once_and_the_same_never() {
        let (sender, mut receiver) = advice_channel(FAST);
        assert_eq!(receiver.changed().now_or_never(), None);
        sender.send(FAST);
        assert_eq!(receiver.changed().now_or_never(), None);
        sender.send(NORMAL);
        sender.send(FAST);
        sender.send(NORMAL);
        assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
        assert_eq!(receiver.latest(), NORMAL);
        assert_eq!(receiver.changed().now_or_never(), None);
        sender.send(FAST);
        assert_eq!(receiver.see_latest(), FAST);
        assert_eq!(receiver.changed().now_or_never(), None);
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_advice_and_by_the_end() {
        let (sender, mut receiver) = advice_channel(FAST);
        let task = tokio::spawn(async move {
            let first = receiver.changed().await.map(|()| receiver.latest());
            (first, receiver.changed().await)
        });
        tokio::task::yield_now().await;
        sender.send(NORMAL);
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(task.await.expect("no panic"), (Ok(NORMAL), Err(AdviceOver)));
    }

    #[test]
    fn advice_before_the_end_is_told_first() {
        let (sender, mut receiver) = advice_channel(FAST);
        sender.send(NORMAL);
        drop(sender);
        assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
        assert_eq!(receiver.changed().now_or_never(), Some(Err(AdviceOver)));
        assert_eq!(receiver.changed().now_or_never(), Some(Err(AdviceOver)));
    }
}
