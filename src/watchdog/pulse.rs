//! A sign of life: a counter that a part advances and the watchdog looks at.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The counter of one part. A clone is the same one.
///
/// A beat is one relaxed atomic addition, and no other part's beats share its cache line, so it may
/// stand in a loop that answers queries. A part must beat at least once a second, whether or not it
/// has work.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Counter>);

/// Alone in two cache lines, which is what processors fetch at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

impl Pulse {
    /// Says that the part moves.
    pub fn beat(&self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has beaten, in all.
    pub fn beats(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }
}

/// Something that must keep moving for Pointsman to be of use.
#[derive(Clone, Debug)]
pub struct Part {
    /// What people call it: `driver`, `dns worker 127.0.0.1:53/2`.
    pub name: Box<str>,
    /// Its sign of life.
    pub pulse: Pulse,
}
