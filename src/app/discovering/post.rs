//! What operators tell the discovery of one cluster. It comes so seldom that no room is kept for it.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::around::Told;

/// Orders to one cluster that may wait.
const ROOM: usize = 16;

/// Where it is put. A clone is the same.
#[derive(Clone, Debug)]
pub struct Post {
    /// `None` once nobody takes anything out any more.
    waiting: Arc<Mutex<Option<Vec<Told>>>>,
    call: Arc<Notify>,
}

/// Who takes it out. Dropping it tells all who wait that nobody does.
#[derive(Debug)]
pub struct Postman(Post);

impl Post {
    /// An empty one. `call` rings when something is put in.
    pub fn new(call: Arc<Notify>) -> (Self, Postman) {
        let post = Self { waiting: Arc::new(Mutex::new(Some(Vec::new()))), call };
        (post.clone(), Postman(post))
    }

    /// Puts something in; `false` when there is no room, or nobody who takes it out.
    pub fn put(&self, told: Told) -> bool {
        let mut waiting = self.slot();
        let Some(waiting) = waiting.as_mut().filter(|waiting| waiting.len() < ROOM) else {
            return false;
        };
        waiting.push(told);
        self.call.notify_one();
        true
    }

    fn slot(&self) -> MutexGuard<'_, Option<Vec<Told>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Postman {
    /// Waits for the call: because something was put in, or for another reason.
    pub async fn called(&self) {
        self.0.call.notified().await;
    }

    /// All that has been put in.
    pub fn take(&self) -> Vec<Told> {
        self.0.slot().as_mut().map(mem::take).unwrap_or_default()
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        *self.0.slot() = None;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{Post, ROOM, Told};

    #[tokio::test]
    async fn what_is_put_in_calls_and_is_taken_out_once() {
        let (post, postman) = Post::new(std::sync::Arc::default());
        for number in 0..=ROOM {
            assert_eq!(post.put(Told::Removed(number.to_string().into())), number < ROOM);
        }
        postman.called().await;
        assert_eq!((postman.take().len(), postman.take().len()), (ROOM, 0));
    }

    #[tokio::test]
    async fn who_waits_hears_that_nobody_takes_it_out() {
        let (post, postman) = Post::new(std::sync::Arc::default());
        let (reply, replied) = oneshot::channel();
        assert!(post.put(Told::Revive("db2".into(), reply)));
        drop(postman);
        assert!(replied.await.is_err());
        assert!(!post.put(Told::Removed("db2".into())));
    }
}
