//! What the service manager hears of us in words: what we do, and that we reload.

use std::net::SocketAddr;

use crate::{config::Config, watchdog::Announcer};

/// Tells the service manager of reloads.
#[derive(Debug)]
pub struct ReloadNotifier {
    pub announcer: Announcer,
    /// Where we answer DNS; no reload changes it.
    pub addresses: Vec<SocketAddr>,
}

impl ReloadNotifier {
    /// The configuration is being read again; [`Self::reloaded`] must follow.
    pub fn reloading(&self) {
        self.announcer.reloading();
    }

    /// The reload has ended: `config` is in force, the new one unless that was refused.
    pub fn reloaded(&self, config: &Config, is_refused: bool) {
        let refused = if is_refused { "; the last reload was refused" } else { "" };
        self.announcer.reloaded(status(config, &self.addresses) + refused);
    }
}

/// What we do, in one short line.
pub fn status(config: &Config, addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let clusters = match config.clusters.len() {
        1 => "1 cluster".to_owned(),
        many => format!("{many} clusters"),
    };
    format!("answering DNS for {clusters} on {}", addresses.join(", "))
}
