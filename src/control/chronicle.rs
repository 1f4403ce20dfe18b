//! What has happened lately, for whoever wants to read it or to be told.
//!
//! The driver writes, in the order of what happened. Readers take a lock for as long as it takes to
//! copy pointers; nothing on the way of an answer reads here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::broadcast;

use crate::api::EventEntry;

/// Changes that are remembered.
const KEPT: usize = 1_000;

/// Changes that a listener may be behind by before it loses the oldest of them.
const BACKLOG: usize = 256;

/// The last changes of all clusters. Clones share them.
#[derive(Clone, Debug)]
pub struct Chronicle {
    kept: Arc<Mutex<Kept>>,
    news: broadcast::Sender<Arc<EventEntry>>,
}

#[derive(Debug)]
struct Kept {
    /// Oldest first, with rising ids.
    entries: VecDeque<Arc<EventEntry>>,
    next_id: u64,
}

impl Chronicle {
    /// One that begins with what an earlier process remembered, oldest first.
    pub fn new(earlier: Vec<EventEntry>) -> Self {
        Self::continued(earlier.into_iter().map(Arc::new).collect(), 1)
    }

    /// The same, when that process may have given every id below `next_id`.
    pub fn continued(earlier: Vec<Arc<EventEntry>>, next_id: u64) -> Self {
        let after_last = earlier.last().map_or(1, |last| last.id.saturating_add(1));
        let next_id = next_id.max(after_last);
        let skipped = earlier.len().saturating_sub(KEPT);
        let entries = earlier.into_iter().skip(skipped).collect();
        let kept = Arc::new(Mutex::new(Kept { entries, next_id }));
        Self { kept, news: broadcast::Sender::new(BACKLOG) }
    }

    /// Adds a change, whose id is given here.
    pub fn add(&self, mut entry: EventEntry) -> Arc<EventEntry> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        entry.id = kept.next_id;
        kept.next_id += 1;
        let entry = Arc::new(entry);
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
        }
        kept.entries.push_back(Arc::clone(&entry));
        // Under the lock, so that listeners hear in the order of the ids. Nobody may be listening.
        _ = self.news.send(Arc::clone(&entry));
        entry
    }

    /// What is remembered, oldest first.
    pub fn entries(&self) -> Vec<Arc<EventEntry>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entries.iter().cloned().collect()
    }

    /// What is remembered, oldest first, and the id that the next change will have.
    pub fn kept(&self) -> (Vec<Arc<EventEntry>>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.entries.iter().cloned().collect(), kept.next_id)
    }

    /// What is remembered, and everything that follows it: nothing is missing between the two and
    /// nothing is in both.
    pub fn follow(&self) -> (Vec<Arc<EventEntry>>, broadcast::Receiver<Arc<EventEntry>>) {
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
    use super::{Chronicle, KEPT};
    use crate::api::{EventEntry, EventKind};

    fn entry(reason: &str) -> EventEntry {
        EventEntry {
            id: 0,
            at: "2026-11-21T06:00:00.000Z".to_owned(),
            kind: EventKind::Config,
            cluster: None,
            server: None,
            name: None,
            from: None,
            to: None,
            reason: reason.to_owned(),
            detail: String::new(),
        }
    }

    #[test]
    fn ids_go_on_after_those_of_an_earlier_process() {
        let chronicle = Chronicle::new(vec![EventEntry { id: 41, ..entry("before") }]);
        assert_eq!(chronicle.add(entry("after")).id, 42);
        let ids: Vec<_> = chronicle.entries().iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [41, 42]);
        let (entries, next_id) = chronicle.kept();
        assert_eq!((entries.len(), next_id), (2, 43));
        let after_a_kill = Chronicle::continued(entries, 1_000);
        assert_eq!(after_a_kill.add(entry("later")).id, 1_000);
    }

    #[test]
    fn who_follows_misses_nothing_and_hears_nothing_twice() {
        let chronicle = Chronicle::default();
        chronicle.add(entry("first"));
        let (before, mut news) = chronicle.follow();
        chronicle.add(entry("second"));
        assert_eq!(before.len(), 1);
        assert_eq!(news.try_recv().map(|entry| entry.id), Ok(2));
        assert!(news.try_recv().is_err());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let chronicle = Chronicle::default();
        for _ in 0..KEPT + 10 {
            chronicle.add(entry("again"));
        }
        let entries = chronicle.entries();
        assert_eq!((entries.len(), entries[0].id), (KEPT, 11));
    }
}
