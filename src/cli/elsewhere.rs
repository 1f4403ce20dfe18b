//! How far our answers are in the servers of others: secondaries, and names in zones of others.

use super::{
    cells::{lag, tone},
    screen::{Screen, Table, Tone},
};
use crate::api::{PublishState, PublishStatus, SecondaryState, SecondaryStatus};

/// How far each secondary is, a line each.
pub fn secondaries(secondaries: &[SecondaryStatus], screen: &Screen) -> String {
    if secondaries.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["SECONDARY", "ZONE", "STATE", "SERIAL", "LAG", "WHY"]);
    for one in secondaries {
        let state = match one.state {
            SecondaryState::NotReady => "not-ready",
            SecondaryState::Level => "level",
            SecondaryState::Following => "following",
            SecondaryState::Behind => "behind",
        };
        table.row([
            (Tone::Plain, one.name.clone()),
            (Tone::Plain, one.zone.trim_end_matches('.').to_owned()),
            (tone(one.severity), state.to_owned()),
            (Tone::Plain, one.serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string())),
            (Tone::Plain, lag(Some(one.lag_ms).filter(|lag| *lag > 0))),
            (tone(one.severity), one.reason.clone().unwrap_or_default()),
        ]);
    }
    format!("\n{}", table.text_within(&table.widths(), screen))
}

/// How far each name in somebody else's zone is, a line each.
pub fn published(published: &[PublishStatus], screen: &Screen) -> String {
    if published.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["PUBLISH", "NAME", "STATE", "EPOCH", "WHY"]);
    for one in published {
        let state = match one.state {
            PublishState::Waiting => "waiting",
            PublishState::Level => "level",
            PublishState::Writing => "writing",
            PublishState::Changed => "changed",
            PublishState::Blocked => "blocked",
            PublishState::Failing => "failing",
        };
        table.row([
            (Tone::Plain, one.publish.clone()),
            (Tone::Plain, one.to.trim_end_matches('.').to_owned()),
            (tone(one.severity), state.to_owned()),
            (Tone::Plain, one.epoch.to_string()),
            (tone(one.severity), one.reason.clone().unwrap_or_default()),
        ]);
    }
    format!("\n{}", table.text_within(&table.widths(), screen))
}
