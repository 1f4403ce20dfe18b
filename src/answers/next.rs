//! The table after this one: what it shares with this one, and whether its serial grows.

use std::sync::Arc;

use super::{
    AnswerTable, Layout, Serial,
    build::{ClusterAnswers, answer, build},
};
use crate::engine::ClusterId;

impl AnswerTable {
    /// The table after this one, in which the names of these clusters say what they say there, and
    /// all others what they say here; `None` when it would change nothing at all.
    ///
    /// Costs a pointer for each served name and the work for those that are named. The generation
    /// grows by one. The serial grows (see [`Serial::next`]) only when other records are published;
    /// reasons, TTLs and the order of servers do not count: poolers that watch the serial drop their
    /// connections when it grows, and nobody has to move for these. `unix_seconds` is wall time in
    /// seconds since 1970.
    pub fn with<'a>(
        &self,
        changes: impl IntoIterator<Item = (ClusterId, ClusterAnswers<'a>)>,
        unix_seconds: u64,
    ) -> Option<Self> {
        self.within(changes, unix_seconds, Serial::MAX)
    }

    /// The same with a serial that does not exceed `limit`, unless it does already. At the limit it
    /// stands still, and what has changed is published all the same; see [`Self::owes_a_serial`].
    pub fn within<'a>(
        &self,
        changes: impl IntoIterator<Item = (ClusterId, ClusterAnswers<'a>)>,
        unix_seconds: u64,
        limit: Serial,
    ) -> Option<Self> {
        let mut changed = Vec::new();
        for (cluster, answers) in changes {
            for index in self.layout.names_of(cluster) {
                let next = answer(&self.layout.served()[index], Some(answers));
                if next != *self.served[index] {
                    changed.push((index, next));
                }
            }
        }
        if changed.is_empty() {
            return None;
        }
        let same_records =
            changed.iter().all(|(index, next)| next.equals_records(&self.served[*index]));
        let mut table = Self { generation: self.generation + 1, ..self.clone() };
        let served = Arc::make_mut(&mut table.served);
        for (index, next) in changed {
            served[index] = Arc::new(next);
        }
        if !same_records {
            table.grow(unix_seconds, limit);
        }
        Some(table)
    }

    /// The table after this one, of another layout, in which everything is made anew.
    ///
    /// The generation grows by one. The serial grows as in [`Self::with`] when other records are
    /// published, those of zones and of servers among them, and not above `limit`.
    #[must_use]
    pub fn replaced(
        &self,
        layout: Layout,
        clusters: &[ClusterAnswers<'_>],
        unix_seconds: u64,
        limit: Serial,
    ) -> Self {
        let layout = Arc::new(layout);
        let mut table = build(&layout, clusters, self.generation + 1, self.serial);
        table.owes_a_serial = self.owes_a_serial;
        if !self.publishes_what(&table) {
            table.grow(unix_seconds, limit);
        }
        table
    }
}
