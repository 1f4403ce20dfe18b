//! The configuration: a TOML file in, checked and immutable settings out, one part per component.
//!
//! ```text
//! text ──pieces──▶ tables ──reading──▶ file.rs sections ──convert──▶ Config
//!                   └──────────── every fault, with line and column ─────────┘
//! ```
//!
//! `file.rs` is the picture of the format. Nothing of a file with a fault is used, and all faults
//! are reported at once; only a file that is not TOML is reported for that alone. Zone files,
//! passwords and authorities are read here too, so that whoever holds a [`Config`] needs no other
//! file to start.

mod admin;
mod changes;
mod checks;
mod cluster;
mod convert;
pub mod defaults;
mod directory;
mod dns;
mod error;
mod fault;
mod file;
mod hook;
mod hosts;
mod kick;
mod networks;
mod overlay;
mod pieces;
mod probe;
mod reading;
mod secret;
mod sources;
mod state;
mod told;
mod values;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use self::fault::Faults;
pub use self::{
    admin::AdminConfig,
    changes::Changes,
    checks::{Checks, WitnessConfig},
    cluster::{ClusterConfig, ServerConfig},
    dns::{DnsConfig, ExposeConfig, RateLimitConfig, TcpConfig, TlsListenConfig},
    error::ConfigError,
    fault::{Fault, Position},
    hook::{HookAction, HookConfig, WebhookConfig},
    kick::{KickConfig, KickLogin, KickMode},
    networks::Networks,
    overlay::{OverlayError, edited_file, replace_file},
    probe::{ProbeConfig, ProbeTarget, TargetHost, TlsMode},
    secret::Secret,
    sources::{Sources, System},
    state::StateConfig,
};
use crate::{answers::Zone, api::ServerAdd};

/// Everything that the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub file: Arc<Path>,
    /// The text of the file.
    pub text: Arc<str>,
    /// Servers that were added while the service ran: they are in [`Self::clusters`] and not in the
    /// text.
    pub added: Arc<[ServerAdd]>,
    /// Where DNS is answered.
    pub dns: DnsConfig,
    /// The zones with their static records; at least one, no two with one origin.
    pub zones: Vec<Zone>,
    /// What survives restarts.
    pub state: StateConfig,
    /// The operator's access.
    pub admin: AdminConfig,
    /// Who is told of changes, in the order of the file.
    pub hooks: Vec<Arc<HookConfig>>,
    /// The clusters; at least one. Their place is their [`crate::engine::ClusterId`].
    pub clusters: Vec<ClusterConfig>,
}

impl Config {
    /// Reads the file at `path` and all that it names.
    ///
    /// # Errors
    ///
    /// Every fault of the file and of its zone files.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::from_text(&text(path)?, path, &System)
    }

    /// Reads `text` as the content of `file`, in whose folder relative paths start.
    ///
    /// # Errors
    ///
    /// Every fault of the text and of the zone files that it names.
    pub fn from_text(text: &str, file: &Path, sources: &dyn Sources) -> Result<Self, ConfigError> {
        let mut faults = Faults::new(file, text);
        match pieces::read(text, &mut faults) {
            Some(section) => convert::config(&section, (file, text), sources, faults),
            None => Err(ConfigError::new(faults.into_sorted())),
        }
    }

    /// The server `name`, in any case of letters, and its cluster.
    pub fn server(&self, name: &str) -> Option<(&ClusterConfig, &ServerConfig)> {
        self.clusters.iter().find_map(|cluster| Some((cluster, cluster.server(name)?)))
    }
}

/// The text of the file at `path`.
fn text(path: &Path) -> Result<String, ConfigError> {
    let octets = System.read(path).map_err(|error| {
        let mut faults = Faults::new(path, "");
        faults.add_whole(
            format!("cannot be read: {error}"),
            "name the file with --config or POINTSMAN_CONFIG",
        );
        ConfigError::new(faults.into_sorted())
    })?;
    String::from_utf8(octets).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let mut faults = Faults::new(path, &good);
        faults.add(good.len()..good.len(), "not UTF-8", "save the file as UTF-8");
        ConfigError::new(faults.into_sorted())
    })
}
