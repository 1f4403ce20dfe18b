//! What has happened lately, for whoever wants to read it or to be told.
//!
//! The driver writes, in the order of what happened. Readers take a lock for as long as it takes to
//! copy pointers; nothing on the way of an answer reads here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::broadcast;

use crate::report::Change;

/// Changes that are remembered.
const KEPT: usize = 1_000;

/// Changes that a listener may be behind by before it loses the oldest of them.
const BACKLOG: usize = 256;

/// A change and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows with every change, across restarts.
    pub id: u64,
    /// What happened.
    pub change: Arc<Change>,
}

/// The last changes of all clusters. Clones share them.
#[derive(Clone, Debug)]
pub struct Chronicle {
    kept: Arc<Mutex<Kept>>,
    news: broadcast::Sender<Arc<Entry>>,
}

#[derive(Debug)]
struct Kept {
    /// Oldest first, with rising ids.
    entries: VecDeque<Arc<Entry>>,
    next_id: u64,
}

impl Chronicle {
    /// One that begins with what an earlier process remembered, oldest first.
    pub fn new(earlier: Vec<Entry>) -> Self {
        Self::continued(earlier, 1)
    }

    /// The same, when that process may have given every id below `next_id`.
    pub fn continued(earlier: impl IntoIterator<Item = Entry>, next_id: u64) -> Self {
        let earlier: Vec<_> = earlier.into_iter().map(Arc::new).collect();
        let after_last = earlier.last().map_or(1, |last| last.id.saturating_add(1));
        let next_id = next_id.max(after_last);
        let skipped = earlier.len().saturating_sub(KEPT);
        let entries = earlier.into_iter().skip(skipped).collect();
        let kept = Arc::new(Mutex::new(Kept { entries, next_id }));
        Self { kept, news: broadcast::Sender::new(BACKLOG) }
    }

    /// Adds a change, which gets its number here.
    pub fn add(&self, change: impl Into<Arc<Change>>) -> Arc<Entry> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(Entry { id: kept.next_id, change: change.into() });
        kept.next_id += 1;
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
        }
        kept.entries.push_back(Arc::clone(&entry));
        // Under the lock, so that listeners hear in the order of the ids. Nobody may be listening.
        _ = self.news.send(Arc::clone(&entry));
        entry
    }

    /// What is remembered, oldest first.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entries.iter().cloned().collect()
    }

    /// What is remembered, oldest first, and the id that the next change will have.
    pub fn kept(&self) -> (Vec<Arc<Entry>>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.entries.iter().cloned().collect(), kept.next_id)
    }

    /// What is remembered, and everything that follows it: nothing is missing between the two and
    /// nothing is in both.
    pub fn follow(&self) -> (Vec<Arc<Entry>>, broadcast::Receiver<Arc<Entry>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.entries.iter().cloned().collect(), self.news.subscribe())
    }
}

impl Default for Chronicle {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::{Chronicle, Entry, KEPT};
    use crate::{
        report::{Change, What},
        wall_time::WallTime,
    };

    fn change() -> Change {
        Change { at: WallTime::default(), cluster: None, what: What::Isolated }
    }

    #[test]
    fn ids_go_on_after_those_of_an_earlier_process() {
        let chronicle = Chronicle::new(vec![Entry { id: 41, change: change().into() }]);
        assert_eq!(chronicle.add(change()).id, 42);
        let ids: Vec<_> = chronicle.entries().iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [41, 42]);
        let (entries, next_id) = chronicle.kept();
        assert_eq!((entries.len(), next_id), (2, 43));
        let entries = entries.iter().map(|entry| (**entry).clone());
        let after_a_kill = Chronicle::continued(entries, 1_000);
        assert_eq!(after_a_kill.add(change()).id, 1_000);
    }

    #[test]
    fn who_follows_misses_nothing_and_hears_nothing_twice() {
        let chronicle = Chronicle::default();
        chronicle.add(change());
        let (before, mut news) = chronicle.follow();
        chronicle.add(change());
        assert_eq!(before.len(), 1);
        assert_eq!(news.try_recv().map(|entry| entry.id), Ok(2));
        assert!(news.try_recv().is_err());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let chronicle = Chronicle::default();
        for _ in 0..KEPT + 10 {
            chronicle.add(change());
        }
        let entries = chronicle.entries();
        assert_eq!((entries.len(), entries[0].id), (KEPT, 11));
    }
}
