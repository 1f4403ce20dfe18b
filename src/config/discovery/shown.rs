//! What counts for a cluster that discovers its servers, on one line, as `check-config` and `config` show it.

use std::fmt;

use super::{DiscoveryConfig, Share};
use crate::{discovery::Mode, duration::written, engine::MayWrite};

impl fmt::Display for DiscoveryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = &self.rules;
        let sources: Vec<_> = rules.sources.iter().map(|source| source.name()).collect();
        let mode = match rules.mode {
            Mode::Propose => "propose",
            Mode::Join => "join",
        };
        let networks = match &rules.networks {
            None => "wherever members say".to_owned(),
            Some(networks) => {
                networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
        };
        let forget_after = rules.forget_after.map_or_else(|| "never".to_owned(), written);
        let may_write = match self.may_write {
            MayWrite::Always => "any",
            MayWrite::SeenFollowing => "seen-following",
            MayWrite::Never => "never",
        };
        write!(
            f,
            "sources {sources}; mode {mode}; networks {networks}; interval {interval}; \
             max_servers {most}; forget_after {forget_after}; may_write {may_write}{by}",
            sources = sources.join(", "),
            interval = written(rules.interval),
            most = rules.max_servers,
            by = match self.by_template {
                Share::Nothing => "",
                Share::Rest => "; with what the template adds",
                Share::All => "; all by the template",
            },
        )
    }
}
