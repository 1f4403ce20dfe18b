//! Who has stalled: what follows from looking at all pulses again and again.
//!
//! Time is an argument. It counts for a part only as far as the watchdog itself was awake: after
//! the whole process was suspended, the first look finds nobody moved, and that is nobody's fault.

use std::{fmt, time::Duration};

use super::pulse::Part;

/// All parts as they were at the last look.
#[derive(Debug)]
pub struct Looks {
    parts: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    part: Part,
    /// Its beats at the last look.
    beats: u64,
    /// How long it has not moved.
    still_for: Duration,
}

/// What a look has found anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This part has not moved for [`PATIENCE`].
    Stalled(Box<str>),
    /// This stalled part moves again, after so long.
    Recovered(Box<str>, Duration),
}

impl Looks {
    /// The first look.
    pub fn new(parts: Vec<Part>) -> Self {
        let watched =
            |part: Part| Watched { beats: part.pulse.beats(), still_for: Duration::ZERO, part };
        Self { parts: parts.into_iter().map(watched).collect() }
    }

    /// Looks again, `elapsed` after the last time.
    pub fn again(&mut self, elapsed: Duration) -> Vec<Change> {
        let elapsed = elapsed.min(STEP_MAX);
        self.parts.iter_mut().filter_map(|watched| watched.look(elapsed)).collect()
    }

    /// The names of the stalled parts.
    pub fn stalled(&self) -> Vec<Box<str>> {
        let stalled = self.parts.iter().filter(|watched| watched.is_stalled());
        stalled.map(|watched| watched.part.name.clone()).collect()
    }
}

impl Watched {
    fn look(&mut self, elapsed: Duration) -> Option<Change> {
        let was_stalled = self.is_stalled();
        let beats = self.part.pulse.beats();
        if beats == self.beats {
            self.still_for += elapsed;
            return (!was_stalled && self.is_stalled())
                .then(|| Change::Stalled(self.part.name.clone()));
        }
        self.beats = beats;
        let still_for = std::mem::take(&mut self.still_for);
        was_stalled.then(|| Change::Recovered(self.part.name.clone(), still_for))
    }

    fn is_stalled(&self) -> bool {
        self.still_for >= PATIENCE
    }
}

/// A stalled part in the words of the log and of `/readyz`.
#[derive(Clone, Copy, Debug)]
pub struct Stalled<'a>(pub(super) &'a str);

impl fmt::Display for Stalled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is stalled: it has not moved for {} s", self.0, PATIENCE.as_secs())
    }
}

/// How long a part may not move. Each beats once a second or more.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What one look may count for. A look that comes later than this was held up with all the rest.
const STEP_MAX: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::Pulse;

    const SECOND: Duration = Duration::from_secs(1);

    fn two_parts() -> ([Pulse; 2], Looks) {
        let pulses = [Pulse::default(), Pulse::default()];
        let names = ["driver", "dns worker 127.0.0.1:53/1"];
        let parts = names.iter().zip(&pulses);
        let parts = parts.map(|(&name, pulse)| Part { name: name.into(), pulse: pulse.clone() });
        let looks = Looks::new(parts.collect());
        (pulses, looks)
    }

    #[test]
    fn a_part_that_does_not_move_for_five_seconds_is_stalled_once_until_it_moves() {
        let ([driver, worker], mut looks) = two_parts();
        for second in 1..=20 {
            driver.beat();
            let expected =
                (second == 5).then(|| Change::Stalled("dns worker 127.0.0.1:53/1".into()));
            assert_eq!(looks.again(SECOND), Vec::from_iter(expected), "after {second} s");
            assert_eq!(looks.stalled().len(), usize::from(second >= 5));
        }
        worker.beat();
        let name = "dns worker 127.0.0.1:53/1".into();
        assert_eq!(looks.again(SECOND), [Change::Recovered(name, 20 * SECOND)]);
        assert!(looks.stalled().is_empty());
        worker.beat();
        assert!(looks.again(SECOND).is_empty());
    }

    #[test]
    fn a_suspension_of_the_whole_process_is_nobody_s_fault() {
        let (pulses, mut looks) = two_parts();
        for _ in 0..3 {
            for _ in 0..2 {
                assert!(looks.again(SECOND).is_empty());
            }
            // The watchdog is the first to run again.
            assert!(looks.again(60 * SECOND).is_empty());
            pulses.iter().for_each(Pulse::beat);
            assert!(looks.again(SECOND).is_empty());
        }
    }

    #[test]
    fn a_stall_is_seen_across_a_suspension() {
        let ([driver, _], mut looks) = two_parts();
        let mut seen = Vec::new();
        for elapsed in [2, 60, 1, 1, 1].map(Duration::from_secs) {
            driver.beat();
            seen.extend(looks.again(elapsed));
        }
        assert_eq!(seen, [Change::Stalled("dns worker 127.0.0.1:53/1".into())]);
    }

    #[test]
    fn the_words_name_the_part() {
        let words = Stalled("driver").to_string();
        assert_eq!(words, "driver is stalled: it has not moved for 5 s");
    }
}
