//! How far the saved limit of the SOA serial lies ahead of the serial.
//!
//! The serial must never go back, not even after a kill and with a clock that was set back. So the
//! file holds a limit, and no serial above it is published before a higher one has been saved. The
//! next process begins above the limit, which costs it nothing: serials need not be close to each
//! other, nor to the time.
//!
//! The limit is counted from the clock where that is ahead, because the next change will take the
//! time for its serial. It is saved anew when half of the way is used up, so that a storm of changes
//! seldom waits for the disk, and a quiet service saves every few minutes.
//!
//! While nothing can be saved, the clock stands in for a higher limit: see [`limit_unsaved`].

use crate::answers::Serial;

/// Serials that may be published before the limit must be saved anew: seconds without a change, or changes.
const AHEAD: u32 = 600;

/// What is left when it is saved anew.
const SHORT: u32 = AHEAD / 2;

/// The first serial of a process: `published_up_to` may have been published before, where that is
/// known.
pub fn first_serial(published_up_to: Option<Serial>, unix_seconds: u64) -> Serial {
    Serial::first(published_up_to, unix_seconds)
}

/// The limit to save while `serial` is published.
pub fn limit_ahead(serial: Serial, unix_seconds: u64) -> Serial {
    base(serial, unix_seconds).ahead(AHEAD)
}

/// Whether a limit is to be saved anew.
pub fn is_short(limit: Serial, serial: Serial, unix_seconds: u64) -> bool {
    limit < base(serial, unix_seconds).ahead(SHORT)
}

/// The highest serial that may be published while nothing can be saved and the file holds `saved`.
///
/// Beyond the saved limit it follows the clock, one second behind: the next process begins at the
/// time if not above the limit, and so above it, unless the clock is set back.
pub fn limit_unsaved(saved: Serial, unix_seconds: u64) -> Serial {
    saved.max(Serial::first(None, unix_seconds.saturating_sub(1)))
}

fn base(serial: Serial, unix_seconds: u64) -> Serial {
    serial.max(Serial::first(None, unix_seconds))
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    /// What may happen to a process and its machine.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// A change is published.
        Change,
        /// The limit is saved, if it is short and the disk takes it.
        Save,
        /// So many seconds pass; fewer than none when the clock is set back.
        Pass(i32),
        /// The disk takes nothing any more, or takes everything again.
        Turn,
        /// The process is killed and started again.
        Kill,
        /// It ends in order and is started again.
        Stop,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => Just(Step::Change),
            2 => Just(Step::Save),
            1 => (-5_000_i32..5_000).prop_map(Step::Pass),
            1 => Just(Step::Turn),
            1 => Just(Step::Kill),
            1 => Just(Step::Stop),
        ]
    }

    /// A machine, and the process on it.
    #[derive(Debug)]
    struct Machine {
        now: u64,
        /// When the serial last grew.
        grew_at: u64,
        is_broken: bool,
        saved: Serial,
        serial: Serial,
    }

    impl Machine {
        fn new(now: u64) -> Self {
            let serial = first_serial(None, now);
            let saved = limit_ahead(serial, now);
            Self { now, grew_at: now, is_broken: false, saved, serial }
        }

        fn limit(&self) -> Serial {
            match self.is_broken {
                true => limit_unsaved(self.saved, self.now),
                false => self.saved,
            }
        }

        fn save(&mut self, limit: Serial) {
            if !self.is_broken {
                self.saved = limit;
            }
        }

        fn begin(&mut self) {
            (self.serial, self.grew_at) = (first_serial(Some(self.saved), self.now), self.now);
            // The first save comes before anything else changes.
            self.save(limit_ahead(self.serial, self.now));
        }

        fn take(&mut self, step: Step) {
            match step {
                Step::Change => {
                    let next = self.serial.next_within(self.now, self.limit());
                    if next > self.serial {
                        (self.serial, self.grew_at) = (next, self.now);
                    }
                }
                Step::Save if is_short(self.saved, self.serial, self.now) => {
                    self.save(limit_ahead(self.serial, self.now));
                }
                Step::Save => {}
                Step::Pass(seconds) => self.now = self.now.saturating_add_signed(seconds.into()),
                Step::Turn => self.is_broken = !self.is_broken,
                Step::Kill => self.begin(),
                Step::Stop => {
                    self.save(self.serial);
                    self.begin();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_never_goes_back(steps in collection::vec(step(), 1..400)) {
            let mut machine = Machine::new(1_800_000_000);
            for step in steps {
                let (before, saved) = (machine.serial, machine.saved);
                let was_set_back = machine.now < machine.grew_at;
                machine.take(step);
                match step {
                    // Whatever the clock says: the file has a limit that is not below it.
                    Step::Kill if before <= saved => prop_assert!(machine.serial > before),
                    Step::Stop if before <= saved || !machine.is_broken => {
                        prop_assert!(machine.serial > before);
                    }
                    // Only the clock can tell, as long as nobody has set it back.
                    Step::Kill | Step::Stop if was_set_back => {}
                    _ => prop_assert!(machine.serial >= before),
                }
            }
        }

        #[test]
        fn what_the_file_does_not_hold_is_not_published_while_it_can_be_written(
            steps in collection::vec(step(), 1..400),
        ) {
            let mut machine = Machine::new(1_800_000_000);
            for step in steps.into_iter().filter(|step| !matches!(step, Step::Turn)) {
                machine.take(step);
                prop_assert!(machine.serial <= machine.saved);
            }
        }

        #[test]
        fn without_a_disk_a_change_has_a_serial_within_two_seconds(
            begin in 1_700_000_000_u64..2_000_000_000,
            pauses in collection::vec(2_u64..2_000, 1..200),
        ) {
            let mut machine = Machine::new(begin);
            machine.is_broken = true;
            for pause in pauses {
                machine.now += pause;
                let before = machine.serial;
                machine.take(Step::Change);
                prop_assert!(machine.serial > before);
            }
        }

        #[test]
        fn what_was_just_saved_is_not_short(serial in 1_u32..0x7fff_ffff, now in any::<u64>()) {
            let serial = Serial::new(serial).unwrap();
            prop_assert!(!is_short(limit_ahead(serial, now), serial, now));
            prop_assert!(limit_ahead(serial, now) >= serial);
        }
    }

    #[test]
    fn every_change_has_a_serial_of_its_own_until_the_limit() {
        let now = 1_800_000_000;
        let mut serial = first_serial(None, now);
        let saved = limit_ahead(serial, now);
        for _ in 0..AHEAD {
            let next = serial.next_within(now, saved);
            assert!(next > serial);
            serial = next;
        }
        assert_eq!(serial.next_within(now, saved), serial, "it stands still");
        assert!(is_short(saved, serial, now));
    }
}
