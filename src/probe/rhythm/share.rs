//! What one probe task may ask, when many are in a hurry at once.
//!
//! When one cluster loses its writer, its two standbys are asked every 15 ms: 133 questions a second,
//! which nobody notices. When a site goes down with 1,000 clusters, 2,000 standbys would be asked
//! 133,000 times a second; so they share [`SPRINT_BUDGET`] and each is asked every half second, as is
//! whoever else must be asked fast. Nobody is asked more seldom than at the normal pace.

use std::time::Duration;

use crate::config::ProbeConfig;

/// How many tasks are in a hurry, this one included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Those of candidates for a write name that waits.
    pub sprinting: u32,
    /// All others that are asked faster than at the normal pace.
    pub hurried: u32,
    /// Those who ask for glances between their probes.
    pub glancing: u32,
}

impl Share {
    /// From one question of a candidate to the next.
    pub fn sprint(self, config: &ProbeConfig) -> Duration {
        let least = SECOND * self.sprinting / SPRINT_BUDGET;
        least.clamp(config.candidate_interval, config.interval)
    }

    /// From one question to the next of a server of a cluster in doubt.
    pub fn fast(self, config: &ProbeConfig) -> Duration {
        let least = SECOND * self.hurried / HURRY_BUDGET;
        least.clamp(config.fast_interval, config.interval)
    }

    /// From one glance, or probe, to the next glance.
    pub fn glance(self) -> Duration {
        (SECOND * self.glancing / GLANCE_BUDGET).max(GLANCE_INTERVAL)
    }
}

/// From one glance to the next.
const GLANCE_INTERVAL: Duration = Duration::from_millis(100);

/// Glances a second, over all clusters. One costs a third of a probe at most, so they are a twentieth
/// of a core.
const GLANCE_BUDGET: u32 = 2_000;

/// Questions a second to candidates, over all clusters. With some 60 µs of CPU time for each, a
/// quarter of a core.
const SPRINT_BUDGET: u32 = 4_000;

/// Questions a second to all others that are in a hurry. Half of those may be logins in vain.
const HURRY_BUDGET: u32 = 8_000;

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{GLANCE_BUDGET, GLANCE_INTERVAL, HURRY_BUDGET, SPRINT_BUDGET, Share};
    use crate::probe::test_config;

    #[test]
    fn a_few_are_asked_as_often_as_the_configuration_says() {
        let config = test_config(Duration::from_millis(1500));
        for count in [0, 1, 50] {
            let share = Share { sprinting: count, hurried: count, glancing: count };
            assert_eq!(share.sprint(&config), config.candidate_interval, "{count}");
            assert_eq!(share.fast(&config), config.fast_interval, "{count}");
            assert_eq!(share.glance(), GLANCE_INTERVAL, "{count}");
        }
    }

    #[test]
    fn many_keep_the_budget_and_nobody_is_asked_more_seldom_than_at_the_normal_pace() {
        let config = test_config(Duration::from_millis(1500));
        for count in [100, 1_000, SPRINT_BUDGET, HURRY_BUDGET, 60_000, u32::MAX] {
            let share = Share { sprinting: count, hurried: count, glancing: count };
            for (rest, budget) in
                [(share.sprint(&config), SPRINT_BUDGET), (share.fast(&config), HURRY_BUDGET)]
            {
                let a_second = f64::from(count) / rest.as_secs_f64();
                let is_normal = rest == config.interval;
                assert!(is_normal || a_second <= f64::from(budget) * 1.01, "{count}: {a_second}");
                assert!(rest <= config.interval);
            }
            let glances = f64::from(count) / share.glance().as_secs_f64();
            assert!(glances <= f64::from(GLANCE_BUDGET) * 1.01, "{count}: {glances}");
        }
    }
}
