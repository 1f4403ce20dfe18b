//! Which cluster must be decided again by when, although nothing was observed.

use std::collections::{BTreeMap, BTreeSet};

use super::{ClusterId, Moment};

/// When a cluster must be decided again without an observation.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    soonest_first: BTreeSet<(Moment, ClusterId)>,
    by_cluster: BTreeMap<ClusterId, Moment>,
}

impl Deadlines {
    pub fn first(&self) -> Option<Moment> {
        self.soonest_first.first().map(|(deadline, _)| *deadline)
    }

    /// Replaces the deadline of a cluster.
    pub fn set(&mut self, cluster: ClusterId, deadline: Option<Moment>) {
        let before = match deadline {
            Some(deadline) => self.by_cluster.insert(cluster, deadline),
            None => self.by_cluster.remove(&cluster),
        };
        if let Some(before) = before {
            self.soonest_first.remove(&(before, cluster));
        }
        self.soonest_first.extend(deadline.map(|deadline| (deadline, cluster)));
    }

    /// The clusters whose deadline has come; they have none until it is set anew.
    pub fn take_due(&mut self, now: Moment) -> Vec<ClusterId> {
        let mut due = Vec::new();
        while let Some(&(deadline, cluster)) = self.soonest_first.first() {
            if deadline > now {
                break;
            }
            self.set(cluster, None);
            due.push(cluster);
        }
        due
    }
}
