//! Who is asked about a server beside itself (`checks`).

use std::{path::PathBuf, sync::Arc};

use super::TlsMode;
use crate::engine::Check;

/// The checks of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// `database`: the server itself, by its own protocol; a connect for `tcp`.
    pub database: bool,
    /// The others, in the order of the file, each once. Not empty without `database`.
    pub witnesses: Vec<Arc<WitnessConfig>>,
    /// Whose replies are the server's own, when it is not asked itself: Patroni's for `postgres`,
    /// the first one's for `tcp`.
    pub speaker: Option<Check>,
}

/// How one of the other checks is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessConfig {
    /// `[cluster.probe.patroni]`
    Patroni {
        /// Port of the REST API. 8008 by default.
        port: u16,
        /// Encryption, never [`TlsMode::Prefer`]. Off by default.
        tls: TlsMode,
        /// Octets that a replica may be behind, as Patroni measures it.
        replica_lag: Option<u64>,
    },
    /// `[cluster.probe.http]`
    Http {
        /// TCP port.
        port: u16,
        /// Path and query, from `/` on. `/` by default.
        path: Box<str>,
        /// The `Host` header; the probed host by default.
        host: Option<Box<str>>,
        /// Statuses that are good; any 2xx if there is none.
        expect: Vec<u16>,
        /// Encryption, never [`TlsMode::Prefer`]. Off by default.
        tls: TlsMode,
    },
    /// `[cluster.probe.agent]`
    Agent {
        /// TCP port.
        port: u16,
    },
    /// `[cluster.probe.command]`
    Command {
        /// The program's file.
        program: PathBuf,
        /// Its arguments, in which `{server}`, `{address}`, `{port}` and `{cluster}` are replaced.
        arguments: Vec<Box<str>>,
    },
}

impl WitnessConfig {
    /// Which check this is.
    pub fn check(&self) -> Check {
        match self {
            Self::Patroni { .. } => Check::Patroni,
            Self::Http { .. } => Check::Http,
            Self::Agent { .. } => Check::Agent,
            Self::Command { .. } => Check::Command,
        }
    }
}
