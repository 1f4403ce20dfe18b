//! Looks after the secondaries: what falls behind, and what has caught up, goes into the chronicle.

use std::{collections::HashMap, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{
    chronicle::Chronicle,
    clock,
    report::{Change, SecondaryTurn, What},
    transfer::{SecondaryState, SecondaryView, Transfers},
    wall_time::WallTime,
};

/// How often all are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks for ever.
pub async fn look_after(transfers: Transfers, chronicle: Chronicle) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut late = Late::default();
    loop {
        looks.tick().await;
        for what in late.look(&transfers.secondaries()) {
            let change = Change {
                at: WallTime::from_unix_millis(clock::unix_millis()),
                cluster: None,
                what,
            };
            let words = change.words();
            match &change.what {
                What::Secondary { turn: SecondaryTurn::Behind { .. }, .. } => {
                    warn!(event = "secondary", "{}: it {}", words.reason, words.detail);
                }
                _ => info!(event = "secondary", "{} {}", words.reason, words.detail),
            }
            chronicle.add(change);
        }
    }
}

/// Those that were behind at the last look: by zone and name, the lag then.
#[derive(Debug, Default)]
struct Late(HashMap<(Box<str>, Box<str>), Duration>);

impl Late {
    /// What is to be told now.
    fn look(&mut self, views: &[SecondaryView]) -> Vec<What> {
        let mut told = Vec::new();
        for view in views {
            let key = (view.zone.clone(), view.name.clone());
            let tell =
                |turn| What::Secondary { zone: view.zone.clone(), name: view.name.clone(), turn };
            match view.state() {
                SecondaryState::Behind => {
                    if self.0.insert(key, view.lag).is_none() {
                        let why = view.reason().unwrap_or_default().into();
                        told.push(tell(SecondaryTurn::Behind { why }));
                    }
                }
                SecondaryState::Level => {
                    if let Some(lag) = self.0.remove(&key) {
                        told.push(tell(SecondaryTurn::Level { after: lag.as_secs() }));
                    }
                }
                // A reload begins to count anew: whether it has caught up is not known yet.
                SecondaryState::NotReady | SecondaryState::Following => {}
            }
        }
        let is_known = |(zone, name): &(Box<str>, Box<str>)| {
            views.iter().any(|view| view.zone == *zone && view.name == *name)
        };
        self.0.retain(|key, _| is_known(key));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::SecondaryFault;

    fn view(lag: u64) -> SecondaryView {
        SecondaryView {
            zone: "db.internal.".into(),
            name: "ns3".into(),
            address: "10.0.0.53:53".parse().unwrap(),
            serial: Some(7),
            ours: Some(8),
            lag: Duration::from_secs(lag),
            fault: Some(SecondaryFault::Silent),
        }
    }

    #[test]
    fn each_turn_is_told_once() {
        let mut late = Late::default();
        assert_eq!(late.look(&[view(1)]), []);
        assert_eq!(late.look(&[view(5)]), []);
        let told = late.look(&[view(6)]);
        let [What::Secondary { name, turn: SecondaryTurn::Behind { why }, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((&**name, &**why), ("ns3", "does not answer"));
        assert_eq!(late.look(&[view(9)]), []);
        let level = SecondaryView { lag: Duration::ZERO, fault: None, ..view(0) };
        let told = late.look(std::slice::from_ref(&level));
        let [What::Secondary { turn: SecondaryTurn::Level { after: 9 }, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(late.look(&[level]), []);
    }

    #[test]
    fn what_has_left_the_configuration_is_forgotten() {
        let mut late = Late::default();
        assert_eq!(late.look(&[view(6)]).len(), 1);
        assert_eq!(late.look(&[]), []);
        assert_eq!(late.look(&[view(6)]).len(), 1);
    }
}
