//! What the driver counts: changes, how often and for how long a write name was in doubt.
//!
//! Changes are rare, so their numbers lie behind a lock that a reader holds for as long as it takes
//! to copy them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Histogram, HistogramTotals};
use crate::engine::{Degradation, Event, Moment, ServerIndex, WriteReason};

/// The numbers of the driver. A clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct DriverCounts(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    decisions: AtomicU64,
    publications: AtomicU64,
    turns: [AtomicU64; EventTurn::ALL.len()],
    clusters: Mutex<BTreeMap<Box<str>, Cluster>>,
    durations: Histogram<{ DriverCounts::ENDS.len() + 1 }>,
}

/// What is followed of the write name of one cluster.
#[derive(Debug, Default)]
struct Cluster {
    /// The last server that was published.
    last: Option<ServerIndex>,
    /// Since when the write name does not say its one primary.
    disturbed: Option<Moment>,
    changes: Failovers,
}

/// What has happened to the write name of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failovers {
    /// How often it came to say another server than the last one, by the reason of that.
    pub by_reason: BTreeMap<WriteReason, u64>,
    /// How often it lost its address.
    pub withdrawals: u64,
    /// How often a return to the preferred server had to wait.
    pub flaps_suppressed: u64,
}

/// What kind of change an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTurn {
    /// Of a server's state.
    State,
    /// Of a witness's word.
    Witness,
    /// Of a write name.
    Write,
    /// Of a read name.
    Read,
    /// Of an override.
    Override,
    /// Of a history that an operator has accepted.
    Accepted,
    /// Every server became silent at once.
    Isolated,
    /// That is over.
    Reconnected,
}

impl DriverCounts {
    /// The upper ends of the buckets of [`Self::durations`].
    pub const ENDS: [Duration; 9] = [
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(60),
        Duration::from_secs(300),
    ];

    /// So many clusters were judged anew.
    pub fn judged(&self, clusters: usize) {
        let clusters = u64::try_from(clusters).unwrap_or(u64::MAX);
        self.0.decisions.fetch_add(clusters, Ordering::Relaxed);
    }

    /// A snapshot was published.
    pub fn published(&self) {
        self.0.publications.fetch_add(1, Ordering::Relaxed);
    }

    /// `event` happened at `now` to the cluster of this name, if it is about one.
    pub fn happened(&self, event: &Event, cluster: Option<&str>, now: Moment) {
        self.0.turns[EventTurn::of(event) as usize].fetch_add(1, Ordering::Relaxed);
        let (&Event::Write { to, reason, .. }, Some(name)) = (event, cluster) else {
            return;
        };
        let mut clusters = self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = clusters.entry(name.into()).or_default();
        if let Some(doubt) = cluster.turn(to, reason, now) {
            self.0.durations.note(doubt, &Self::ENDS);
        }
    }

    /// How many decisions were taken: one per cluster that was judged.
    pub fn decisions(&self) -> u64 {
        self.0.decisions.load(Ordering::Relaxed)
    }

    /// How many snapshots were published.
    pub fn publications(&self) -> u64 {
        self.0.publications.load(Ordering::Relaxed)
    }

    /// How many changes of each kind there were.
    pub fn turns(&self) -> [(EventTurn, u64); EventTurn::ALL.len()] {
        EventTurn::ALL.map(|turn| (turn, self.0.turns[turn as usize].load(Ordering::Relaxed)))
    }

    /// What has happened to the write names, by cluster.
    pub fn failovers(&self) -> Vec<(Box<str>, Failovers)> {
        let clusters = self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.iter().map(|(name, cluster)| (name.clone(), cluster.changes.clone())).collect()
    }

    /// For how long write names were in doubt before they said another server.
    pub fn durations(&self) -> HistogramTotals {
        self.0.durations.totals()
    }

    /// Forgets the clusters for which `is_known` is false.
    pub fn retain(&self, is_known: impl Fn(&str) -> bool) {
        let mut clusters = self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.retain(|name, _| is_known(name));
    }
}

impl Cluster {
    /// Takes over what the write name says now. Returns for how long it was in doubt, if it says
    /// another server than before that.
    fn turn(
        &mut self,
        to: Option<ServerIndex>,
        reason: WriteReason,
        now: Moment,
    ) -> Option<Duration> {
        if reason == WriteReason::HeldFlapping {
            self.changes.flaps_suppressed += 1;
        }
        let doubtful = reason.degradation() != Degradation::None;
        let began = *self.disturbed.get_or_insert(now);
        if !doubtful {
            self.disturbed = None;
        }
        let Some(server) = to else {
            self.changes.withdrawals += u64::from(self.last.is_some() && doubtful);
            return None;
        };
        // The first server since the start is no failover.
        let before = self.last.replace(server)?;
        if before == server {
            return None;
        }
        *self.changes.by_reason.entry(reason).or_default() += 1;
        Some(now.since(began))
    }
}

impl EventTurn {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::State,
        Self::Witness,
        Self::Write,
        Self::Read,
        Self::Override,
        Self::Accepted,
        Self::Isolated,
        Self::Reconnected,
    ];

    fn of(event: &Event) -> Self {
        match event {
            Event::State { .. } => Self::State,
            Event::Witness { .. } => Self::Witness,
            Event::Write { .. } => Self::Write,
            Event::Read { .. } => Self::Read,
            Event::Override { .. } => Self::Override,
            Event::Accepted { .. } => Self::Accepted,
            Event::Isolated => Self::Isolated,
            Event::Reconnected => Self::Reconnected,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Witness => "witness",
            Self::Write => "write",
            Self::Read => "read",
            Self::Override => "override",
            Self::Accepted => "accepted",
            Self::Isolated => "isolated",
            Self::Reconnected => "reconnected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClusterId, ServerState};

    fn write(to: Option<usize>, reason: WriteReason) -> Event {
        Event::Write { cluster: ClusterId(0), from: None, to: to.map(ServerIndex::new), reason }
    }

    fn told(turns: &[(u64, Option<usize>, WriteReason)]) -> DriverCounts {
        let counts = DriverCounts::default();
        for &(millis, to, reason) in turns {
            counts.happened(&write(to, reason), Some("orders"), Moment::from_millis(millis));
        }
        counts
    }

    #[test]
    fn a_failover_lasts_from_the_first_doubt_to_the_next_primary() {
        let held = WriteReason::Held(ServerState::Down);
        let counts = told(&[
            (100, Some(0), WriteReason::Primary),
            (1_000, Some(0), held),
            (1_500, None, WriteReason::NotWritable),
            (4_000, Some(1), WriteReason::Primary),
        ]);
        let [(name, failovers)] = &counts.failovers()[..] else { panic!("one cluster") };
        assert_eq!(&**name, "orders");
        assert_eq!(failovers.by_reason, BTreeMap::from([(WriteReason::Primary, 1)]));
        assert_eq!((failovers.withdrawals, failovers.flaps_suppressed), (1, 0));
        assert_eq!(counts.durations().sum, Duration::from_secs(3));
        assert_eq!(counts.turns()[EventTurn::Write as usize], (EventTurn::Write, 4));
    }

    #[test]
    fn a_doubt_that_passes_is_no_failover() {
        let counts = told(&[
            (100, Some(0), WriteReason::Primary),
            (1_000, Some(0), WriteReason::Held(ServerState::Down)),
            (2_000, Some(0), WriteReason::Primary),
            (9_000, Some(1), WriteReason::Primary),
        ]);
        assert_eq!(counts.failovers()[0].1.by_reason[&WriteReason::Primary], 1);
        assert_eq!(counts.durations().sum, Duration::ZERO);
        counts.retain(|name| name != "orders");
        assert!(counts.failovers().is_empty());
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(EventTurn::ALL.iter().enumerate().all(|(place, &turn)| turn as usize == place));
    }
}
