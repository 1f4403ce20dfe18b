//! What the probes count: how each question ended, and how long it took.
//!
//! Each probe task has a meter of its own. When the task is gone its numbers go with it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Histogram, HistogramTotals};
use crate::{
    clock,
    engine::{Check, Failure, FailureKind, Outcome},
};

/// Who asks whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeSubject {
    /// The cluster.
    pub cluster: Box<str>,
    /// The server.
    pub server: Arc<str>,
    /// The witness that is asked about it; `None` when it is asked itself.
    pub check: Option<Check>,
}

/// The meters of all probe tasks. A clone knows the same.
#[derive(Clone, Debug, Default)]
pub struct ProbeMetrics(Arc<Mutex<BTreeMap<ProbeSubject, Weak<Numbers>>>>);

/// Where one probe task counts. A clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct ProbeMeter(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    answered: AtomicU64,
    failed: [AtomicU64; FailureKind::ALL.len()],
    durations: Histogram<{ ProbeMeter::ENDS.len() + 1 }>,
    /// Milliseconds since 1970, 0 for never.
    last_success: AtomicU64,
    last_at: AtomicU64,
    last_micros: AtomicU64,
    /// 0: answered; else the place of the failure in [`FailureKind::ALL`] and one more.
    last_result: AtomicU64,
}

/// What one probe task has counted so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTotals {
    /// How often it was answered.
    pub answered: u64,
    /// How often it failed, by the kinds that have happened.
    pub failed: Vec<(FailureKind, u64)>,
    /// How long whole probes took.
    pub durations: HistogramTotals,
    /// The last answer, in milliseconds since 1970.
    pub last_success: Option<u64>,
    /// The last probe.
    pub last: Option<LastProbe>,
}

/// One probe that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastProbe {
    /// When it ended, in milliseconds since 1970.
    pub at: u64,
    /// How long it took.
    pub took: Duration,
    /// How it failed; `None` when it was answered.
    pub failure: Option<FailureKind>,
}

/// The same meter, not the same numbers.
impl PartialEq for ProbeMeter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ProbeMeter {}

impl ProbeMetrics {
    /// The meter of the task that asks as `key` says; the same one for as long as anybody has it.
    pub fn meter(&self, key: ProbeSubject) -> ProbeMeter {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(numbers) = meters.get(&key).and_then(Weak::upgrade) {
            return ProbeMeter(numbers);
        }
        let meter = ProbeMeter::default();
        meters.insert(key, Arc::downgrade(&meter.0));
        meter
    }

    /// What each probe task has counted, in the order of the keys.
    pub fn totals(&self) -> Vec<(ProbeSubject, ProbeTotals)> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        meters.retain(|_, numbers| numbers.strong_count() > 0);
        let living = meters.iter().filter_map(|(key, numbers)| Some((key, numbers.upgrade()?)));
        living.map(|(key, numbers)| (key.clone(), numbers.totals())).collect()
    }

    /// The last probe of a server: of itself, or else of the witness that was asked last.
    pub fn last(&self, cluster: &str, server: &str) -> Option<LastProbe> {
        let meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ProbeSubject { cluster: cluster.into(), server: server.into(), check: None };
        let of_server = meters
            .range(first..)
            .take_while(|(key, _)| *key.cluster == *cluster && *key.server == *server);
        let lasts = of_server.filter_map(|(key, numbers)| {
            let last = numbers.upgrade()?.last()?;
            Some((key.check.is_none(), last.at, last))
        });
        lasts.max_by_key(|&(itself, at, _)| (itself, at)).map(|(_, _, last)| last)
    }
}

impl ProbeMeter {
    /// The upper ends of the buckets: an answer over an open connection, a login near and far, the
    /// usual deadlines.
    pub const ENDS: [Duration; 8] = [
        Duration::from_millis(1),
        Duration::from_millis(5),
        Duration::from_millis(25),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
    ];

    /// A question came to `outcome` after so long.
    pub fn note(&self, outcome: &Outcome, took: Duration) {
        self.0.durations.note(took, &Self::ENDS);
        match outcome {
            Outcome::Answered(_) | Outcome::Witnessed(_, Ok(_)) => self.0.end(None, took),
            Outcome::Failed(failure) | Outcome::Witnessed(_, Err(failure)) => {
                self.0.end(Some(failure.kind), took);
            }
        }
    }

    /// A connection ended under us, without a question.
    pub fn ended(&self, failure: &Failure) {
        self.0.end(Some(failure.kind), Duration::ZERO);
    }
}

impl Numbers {
    fn end(&self, failure: Option<FailureKind>, took: Duration) {
        let now = clock::unix_millis();
        let place = failure.and_then(|kind| FailureKind::ALL.iter().position(|&one| one == kind));
        match place {
            None => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.last_success.store(now, Ordering::Relaxed);
            }
            Some(place) => _ = self.failed[place].fetch_add(1, Ordering::Relaxed),
        }
        let result = place.map_or(0, |place| place as u64 + 1);
        self.last_result.store(result, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_micros.store(micros, Ordering::Relaxed);
        self.last_at.store(now, Ordering::Relaxed);
    }

    fn last(&self) -> Option<LastProbe> {
        let at = self.last_at.load(Ordering::Relaxed);
        let result = usize::try_from(self.last_result.load(Ordering::Relaxed)).unwrap_or(0);
        let failure = result.checked_sub(1).and_then(|place| FailureKind::ALL.get(place)).copied();
        let took = Duration::from_micros(self.last_micros.load(Ordering::Relaxed));
        (at > 0).then_some(LastProbe { at, took, failure })
    }

    fn totals(&self) -> ProbeTotals {
        let failed = FailureKind::ALL.into_iter().zip(&self.failed);
        let last_success = self.last_success.load(Ordering::Relaxed);
        ProbeTotals {
            answered: self.answered.load(Ordering::Relaxed),
            failed: failed
                .map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
                .filter(|&(_, count)| count > 0)
                .collect(),
            durations: self.durations.totals(),
            last_success: (last_success > 0).then_some(last_success),
            last: self.last(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Facts;

    fn key(server: &str, check: Option<Check>) -> ProbeSubject {
        ProbeSubject { cluster: "orders".into(), server: server.into(), check }
    }

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed(Failure::new(kind, ""))
    }

    #[test]
    fn each_end_is_counted_by_its_kind() {
        let metrics = ProbeMetrics::default();
        let meter = metrics.meter(key("db1", None));
        meter.note(&Outcome::Answered(Facts::Tcp), Duration::from_millis(3));
        meter.note(&failed(FailureKind::TimedOut), Duration::from_millis(1500));
        meter.ended(&Failure::new(FailureKind::Closed, ""));
        let [(named, totals)] = &metrics.totals()[..] else { panic!("one meter") };
        assert_eq!(*named, key("db1", None));
        assert_eq!(totals.answered, 1);
        assert_eq!(totals.failed, [(FailureKind::Closed, 1), (FailureKind::TimedOut, 1)]);
        assert_eq!(totals.durations.cumulative, [0, 1, 1, 1, 1, 1, 1, 2, 2]);
        let last = totals.last.unwrap();
        assert_eq!((last.failure, last.took), (Some(FailureKind::Closed), Duration::ZERO));
        assert!(totals.last_success.unwrap() <= last.at);
    }

    #[test]
    fn a_meter_lives_as_long_as_its_task_and_is_the_same_until_then() {
        let metrics = ProbeMetrics::default();
        let meter = metrics.meter(key("db1", None));
        meter.note(&Outcome::Answered(Facts::Tcp), Duration::ZERO);
        metrics.meter(key("db1", None)).note(&failed(FailureKind::Refused), Duration::ZERO);
        assert_eq!(metrics.totals()[0].1.answered, 1);
        drop(meter);
        assert!(metrics.totals().is_empty());
        assert_eq!(metrics.last("orders", "db1"), None);
    }

    #[test]
    fn the_last_probe_is_that_of_the_server_itself_where_it_is_asked() {
        let metrics = ProbeMetrics::default();
        let witness = metrics.meter(key("db1", Some(Check::Http)));
        witness.note(&failed(FailureKind::Refused), Duration::ZERO);
        assert_eq!(
            metrics.last("orders", "db1").and_then(|last| last.failure),
            Some(FailureKind::Refused)
        );
        let itself = metrics.meter(key("db1", None));
        itself.note(&Outcome::Answered(Facts::Tcp), Duration::ZERO);
        witness.note(&failed(FailureKind::Refused), Duration::ZERO);
        assert_eq!(metrics.last("orders", "db1").unwrap().failure, None);
        assert_eq!(metrics.last("orders", "db2"), None);
    }
}
