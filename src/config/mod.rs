//! The configuration: a TOML file in, checked and immutable settings out, one part per component.
//!
//! ```text
//! text ──pieces──▶ tables ──section!──▶ sections ──convert──▶ Config
//!                   └─────────── every fault, with line and column ─────────┘
//! ```
//!
//! Each section of the file has a file here: its keys with type, range, default and reason, the
//! settings that it becomes, how it becomes them, and what a reload says when they differ. `read/`
//! is what all sections are read with.
//!
//! Nothing of a file with a fault is used, and all faults are reported at once; only a file that is
//! not TOML is reported for that alone. Zone files, passwords and authorities are read here too, so
//! that whoever holds a [`Config`] needs no other file to start.

mod added;
mod admin;
mod auth;
mod changes;
mod checks;
mod cluster;
mod directory;
mod discovery;
mod dns;
mod file;
mod hook;
mod kick;
mod log;
mod names;
mod overlay;
mod password;
mod probe;
mod publish;
mod read;
mod read_name;
mod seen;
mod server;
mod state;
mod target;
mod text;
mod tls;
mod token;
mod transfer;
mod ttl;
mod words;
mod write_name;
mod zone;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use self::read::{Elsewhere, Faults};
pub use self::{
    added::{AddedServer, FoundServer},
    admin::{AdminConfig, Clusters, Scope, TokenConfig},
    auth::{AuthConfig, AuthMethod, ChannelBinding, RequireAuth, ServerPublicKey},
    changes::Changes,
    checks::{Checks, WitnessConfig},
    cluster::ClusterConfig,
    discovery::{
        DiscoveryConfig, DnsSourceConfig, HttpSourceConfig, KubernetesSourceConfig, POD_FILES,
        Share as TemplateShare, SourceConfig, Whom,
    },
    dns::{DnsConfig, ExposeConfig, RateLimitConfig, TcpConfig, TlsListenConfig},
    hook::{HookAction, HookConfig, WebhookConfig},
    kick::{KickConfig, KickLogin, KickMode},
    log::{LogConfig, LogFormat},
    overlay::{Edited, Joined, OverlayError, edited_file, replace_file},
    probe::ProbeConfig,
    publish::{PublishConfig, PublishKind, PublishedRecord},
    read::{
        ConfigError, Fault, HostPort, Networks, OpenFile, Position, Secret, Secrets, Sources,
        System, host_port,
    },
    server::ServerConfig,
    state::StateConfig,
    target::{ProbeTarget, TargetHost},
    tls::TlsMode,
    token::read_token,
    transfer::{
        CatalogConfig, KeyAlgorithm, KeyConfig, SecondaryConfig, TransferConfig, TransferTransport,
        ZoneTransfer, not_carried,
    },
};
use crate::answers::Zone;

/// Everything that the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub file: Arc<Path>,
    /// The text of the file.
    pub text: Arc<str>,
    /// Servers that were added while the service ran: they are in [`Self::clusters`] and not in the
    /// text.
    pub added: Arc<[AddedServer]>,
    /// Where DNS is answered.
    pub dns: DnsConfig,
    /// The zones with their static records; at least one, no two with one origin.
    pub zones: Vec<Zone>,
    /// What other DNS servers may copy.
    pub transfer: TransferConfig,
    /// What we say in zones of others, in the order of the file.
    pub publish: Vec<PublishConfig>,
    /// What survives restarts.
    pub state: StateConfig,
    /// The operator's access.
    pub admin: AdminConfig,
    /// How the log is written.
    pub log: LogConfig,
    /// Who is told of changes, in the order of the file.
    pub hooks: Vec<Arc<HookConfig>>,
    /// The clusters; at least one. Their place is their [`crate::engine::ClusterId`].
    pub clusters: Vec<ClusterConfig>,
    /// Files and folders that others may read or change although they are not for them, by path.
    pub open_files: Box<[OpenFile]>,
    /// What this process could not look at and the service needs, in the order of the file. Empty
    /// where the file was read to be used.
    pub unseen: Box<[Fault]>,
}

impl Config {
    /// Reads the file at `path` and all that it names.
    ///
    /// # Errors
    ///
    /// Every fault of the file and of its zone files.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::from_text(&text::text(path)?, path, &System)
    }

    /// The same for a process that is not the service: `secrets` says which of them are looked at.
    ///
    /// # Errors
    ///
    /// Every fault of the file and of its zone files.
    pub fn look_at(path: &Path, secrets: Secrets) -> Result<Self, ConfigError> {
        Self::from_text(&text::text(path)?, path, &Elsewhere(secrets))
    }

    /// Reads `text` as the content of `file`, in whose folder relative paths start.
    ///
    /// # Errors
    ///
    /// Every fault of the text and of the zone files that it names.
    pub fn from_text(text: &str, file: &Path, sources: &dyn Sources) -> Result<Self, ConfigError> {
        let mut faults = Faults::new(file, text);
        match read::read(text, &mut faults) {
            Some(section) => file::convert(&section, (file, text), sources, faults),
            None => Err(ConfigError::new(faults.into_sorted())),
        }
    }

    /// The server `name`, in any case of letters, and its cluster.
    pub fn server(&self, name: &str) -> Option<(&ClusterConfig, &ServerConfig)> {
        self.clusters.iter().find_map(|cluster| Some((cluster, cluster.server(name)?)))
    }
}
