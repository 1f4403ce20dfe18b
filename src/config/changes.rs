//! What differs between two configurations, for people: one line per thing. What is said of a section
//! is said in its own file.
//!
//! No line shows a password, an authority or a cookie secret.

use std::fmt::Debug;

use super::{Config, admin, cluster, dns, hook, state, zone};

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
        cluster::changes(&before.clusters, &after.clusters, &mut words);
        hook::changes(&before.hooks, &after.hooks, &mut words);
        let dns = dns::differing(&before.dns, &after.dns);
        let admin = admin::differing(&before.admin, &after.admin);
        let state = state::differing(&before.state, &after.state);
        let keys = dns.into_iter().chain(admin).chain(state);
        Self {
            changed: words.0,
            needs_restart: keys.map(|key| format!("{key} differs and needs a restart")).collect(),
        }
    }
}

/// What is to be said, one line per thing.
#[derive(Default)]
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn add(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// Adds what is to be said of one cluster.
    pub(super) fn add_about(&mut self, cluster: &str, words: Self) {
        self.0.extend(words.0.into_iter().map(|words| format!("{cluster}: {words}")));
    }

    /// Says that a setting differs, with both values.
    pub(super) fn setting<T: PartialEq + Debug>(
        &mut self,
        of: &str,
        key: &str,
        (from, to): (&T, &T),
    ) {
        if from != to {
            self.add(format!("{of}{key} is {to:?}, was {from:?}"));
        }
    }
}

#[cfg(test)]
mod tests;
