//! How far the saved limit of the SOA serial lies ahead of the serial.
//!
//! The serial must never go back, not even after a kill and with a clock that was set back. So the
//! file holds a limit, and no serial above it is published before a higher one has been saved. The
//! next process begins above the limit, which costs it nothing: serials need not be close to each
//! other, nor to the time.
//!
//! The limit is counted from the clock where that is ahead, because the next change will take the
//! time for its serial. It is saved anew when half of the way is used up, so that a storm of changes
//! seldom waits for the disk, and a calm service saves every few minutes.

use crate::answers::Serial;

/// Serials that may be published before the limit must be saved anew: seconds of calm, or changes.
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
pub(super) fn is_short(limit: Serial, serial: Serial, unix_seconds: u64) -> bool {
    limit < base(serial, unix_seconds).ahead(SHORT)
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
        /// The limit is saved, if it is short.
        Save,
        /// So many seconds pass; fewer than none when the clock is set back.
        Pass(i32),
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
            1 => Just(Step::Kill),
            1 => Just(Step::Stop),
        ]
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_never_exceeds_the_saved_limit(
            steps in collection::vec(step(), 1..400),
        ) {
            let mut now = 1_800_000_000_u64;
            let mut serial = first_serial(None, now);
            // The first save comes before anything else changes.
            let mut saved = limit_ahead(serial, now);
            for step in steps {
                let before = serial;
                match step {
                    Step::Change => serial = serial.next_within(now, saved),
                    Step::Save if is_short(saved, serial, now) => saved = limit_ahead(serial, now),
                    Step::Save => {}
                    Step::Pass(seconds) => now = now.saturating_add_signed(seconds.into()),
                    Step::Kill => {
                        serial = first_serial(Some(saved), now);
                        prop_assert!(serial > before);
                        saved = limit_ahead(serial, now);
                    }
                    Step::Stop => {
                        serial = first_serial(Some(serial), now);
                        prop_assert!(serial > before);
                        saved = limit_ahead(serial, now);
                    }
                }
                prop_assert!(serial >= before);
                prop_assert!(serial <= saved);
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
