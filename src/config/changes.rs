//! What differs between two configurations, for people: one line per thing. What is said of a section
//! is said in its own file.
//!
//! No line shows a password, an authority or a cookie secret.

use super::{Config, admin, cluster, dns, hook, log, publish, state, transfer, words::Words, zone};

/// The differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that a running service takes over.
    pub changed: Vec<String>,
    /// Those that need another start.
    pub needs_restart: Vec<String>,
}

impl Changes {
    /// From one configuration to the next.
    pub fn between(before: &Config, after: &Config) -> Self {
        let mut words = Words::default();
        zone::changes(&before.zones, &after.zones, &mut words);
        transfer::changes(&before.transfer, &after.transfer, &mut words);
        publish::changes(&before.publish, &after.publish, &mut words);
        cluster::changes(&before.clusters, &after.clusters, &mut words);
        hook::changes(&before.hooks, &after.hooks, &mut words);
        let dns = dns::differing(&before.dns, &after.dns);
        let admin = admin::differing(&before.admin, &after.admin);
        let state = state::differing(&before.state, &after.state);
        let log = log::differing(before.log, after.log);
        let keys = dns.into_iter().chain(admin).chain(state).chain(log);
        Self {
            changed: words.into_lines(),
            needs_restart: keys.map(|key| format!("{key} differs and needs a restart")).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
