//! The published snapshot: one writer, any number of wait-free readers.
//!
//! A reader that has loaded a snapshot keeps it whole, however often it is replaced meanwhile. Old
//! ones are freed by the writer once no reader holds them, so that a reader on the answer path never
//! pays for that.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use crate::{answers::AnswerTable, report::Reports};

/// What DNS workers, status and metrics read. All of it belongs to one generation.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The answers.
    pub table: AnswerTable,
    /// What is told about them. Changes more often than they do.
    pub reports: Reports,
}

/// Answers of which nothing is told.
impl From<AnswerTable> for Snapshot {
    fn from(table: AnswerTable) -> Self {
        Self { table, reports: Reports::default() }
    }
}

/// A snapshot in the hands of a reader, for one short piece of work.
pub type Loaded = Guard<Arc<Snapshot>>;

/// The writing end. There is one, in the hands of the driver.
#[derive(Debug)]
pub struct Publisher {
    published: Arc<ArcSwap<Snapshot>>,
    /// Replaced ones that a reader may still hold.
    replaced: Vec<Arc<Snapshot>>,
    generation: watch::Sender<u64>,
}

/// A reading end. Clones read the same snapshots.
#[derive(Clone, Debug)]
pub struct Reader {
    published: Arc<ArcSwap<Snapshot>>,
    generation: watch::Receiver<u64>,
}

impl Publisher {
    /// Publishes the first snapshot.
    pub fn new(first: Snapshot) -> Self {
        let generation = watch::Sender::new(first.table.generation());
        let published = Arc::new(ArcSwap::from_pointee(first));
        Self { published, replaced: Vec::new(), generation }
    }

    /// Replaces the snapshot. Every answer that starts after this call reads the new one.
    pub fn publish(&mut self, next: Snapshot) {
        self.replaced.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        let generation = next.table.generation();
        self.replaced.push(self.published.swap(Arc::new(next)));
        self.generation.send_if_modified(|last| std::mem::replace(last, generation) != generation);
    }

    /// What is published now.
    pub fn current(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// A new reading end.
    pub fn reader(&self) -> Reader {
        let (published, generation) = (Arc::clone(&self.published), self.generation.subscribe());
        Reader { published, generation }
    }
}

impl Reader {
    /// The snapshot of this moment, for one short piece of work such as one DNS answer.
    pub fn load(&self) -> Loaded {
        self.published.load()
    }

    /// Tells whenever there is another generation, for whoever follows them. Words alone are none.
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.generation.clone()
    }

    /// The snapshot of this moment, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }
}

#[cfg(test)]
mod tests {
    use crate::answers::{Layout, Serial, build};

    use super::*;

    fn snapshot(generation: u64) -> Snapshot {
        let layout = Arc::new(Layout::new(&[], Vec::new()).unwrap());
        Snapshot::from(build(&layout, &[], generation, Serial::MIN))
    }

    #[test]
    fn a_reader_keeps_what_it_loaded_and_sees_the_next_one_afterwards() {
        let mut publisher = Publisher::new(snapshot(1));
        let reader = publisher.reader();
        let kept = reader.load();
        publisher.publish(snapshot(2));
        assert_eq!(kept.table.generation(), 1);
        assert_eq!(reader.load().table.generation(), 2);
        assert_eq!(reader.snapshot().table.generation(), 2);
        assert_eq!(publisher.current().table.generation(), 2);
    }

    #[test]
    fn an_old_snapshot_is_freed_by_the_writer_after_its_last_reader() {
        let mut publisher = Publisher::new(snapshot(1));
        let kept = publisher.reader().snapshot();
        let watched = Arc::downgrade(&kept);
        publisher.publish(snapshot(2));
        publisher.publish(snapshot(3));
        drop(kept);
        assert!(watched.upgrade().is_some(), "a reader never frees");
        publisher.publish(snapshot(4));
        assert!(watched.upgrade().is_none());
    }
}
