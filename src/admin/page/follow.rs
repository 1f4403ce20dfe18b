//! Remembers what is, look by look, for as long as the service runs.

use tokio::time::{MissedTickBehavior, interval};

use super::{super::Operations, history::History};

/// Looks again and again.
pub async fn follow(operations: Operations) {
    let mut looks = interval(History::EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        operations.remember();
    }
}
