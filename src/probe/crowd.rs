//! How many probe tasks are in a hurry, counted over all clusters.
//!
//! Each task has a seat and says there how it is advised to ask; the sums are what each one's share
//! is made of. Nobody waits for anybody.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use super::rhythm::Share;
use crate::engine::Pace;

/// All tasks of one process.
#[derive(Clone, Debug, Default)]
pub struct Crowd(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sprinting: AtomicU32,
    hurried: AtomicU32,
    glancing: AtomicU32,
}

/// One task's place among them; given back when it ends.
#[derive(Debug)]
pub struct Seat {
    crowd: Crowd,
    pace: Pace,
    glancing: bool,
}

impl Crowd {
    /// A place for a task that is in no hurry yet.
    pub fn seat(&self) -> Seat {
        Seat { crowd: self.clone(), pace: Pace::Normal, glancing: false }
    }

    /// Where such a task counts.
    fn counts(&self, pace: Pace, glancing: bool) -> impl Iterator<Item = &AtomicU32> {
        let by_pace = match pace {
            Pace::Sprint => Some(&self.0.sprinting),
            Pace::Fast | Pace::Urgent => Some(&self.0.hurried),
            Pace::Normal | Pace::Slow => None,
        };
        by_pace.into_iter().chain(glancing.then_some(&self.0.glancing))
    }
}

impl Seat {
    /// Notes that the task is advised to ask at this `pace`, and whether it asks for glances.
    pub fn note(&mut self, pace: Pace, glancing: bool) {
        if (pace, glancing) == (self.pace, self.glancing) {
            return;
        }
        for count in self.crowd.counts(pace, glancing) {
            count.fetch_add(1, Relaxed);
        }
        self.leave();
        (self.pace, self.glancing) = (pace, glancing);
    }

    /// What the task may ask.
    pub fn share(&self) -> Share {
        Share {
            sprinting: self.crowd.0.sprinting.load(Relaxed),
            hurried: self.crowd.0.hurried.load(Relaxed),
            glancing: self.crowd.0.glancing.load(Relaxed),
        }
    }

    fn leave(&self) {
        for count in self.crowd.counts(self.pace, self.glancing) {
            count.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::Crowd;
    use crate::{
        engine::Pace::{Fast, Normal, Slow, Sprint, Urgent},
        probe::rhythm::Share,
    };

    #[test]
    fn each_task_counts_once_and_not_after_its_end() {
        let crowd = Crowd::default();
        let observer = crowd.seat();
        let counted = |sprinting, hurried, glancing| {
            assert_eq!(observer.share(), Share { sprinting, hurried, glancing });
        };
        let (mut one, mut other) = (crowd.seat(), crowd.seat());
        counted(0, 0, 0);
        one.note(Sprint, false);
        one.note(Sprint, false);
        other.note(Fast, true);
        counted(1, 1, 1);
        one.note(Urgent, false);
        counted(0, 2, 1);
        other.note(Sprint, true);
        drop(one);
        counted(1, 0, 1);
        other.note(Slow, true);
        counted(0, 0, 1);
        other.note(Sprint, false);
        other.note(Normal, true);
        drop(other);
        counted(0, 0, 0);
    }
}
