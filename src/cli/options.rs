//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;

use super::client::{Client, ClientError};

/// Where the configuration is unless somebody says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/pointsman/pointsman.toml";

/// Options of every command that talks to a running service.
#[derive(Debug, Args)]
pub struct ServiceOptions {
    /// Configuration file of the service, of which only `[admin]` is read
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Unix socket of the service, instead of the one in the configuration
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

impl ServiceOptions {
    /// The client of that service.
    pub fn client(&self) -> Result<Client, ClientError> {
        Client::new(self.socket.as_deref(), &self.config)
    }
}

/// How an answer is printed.
#[derive(Debug, Args)]
pub struct Form {
    /// Print JSON, as GET /v1/openapi.json describes it
    #[arg(long)]
    pub json: bool,
}

/// How a change is asked for.
#[derive(Debug, Args)]
pub struct Asking {
    /// Who asks [default: the user, as sudo or the login knows it, and the host]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Whether a change is thought over first.
#[derive(Debug, Args)]
pub struct Consent {
    /// Do it without asking; on a terminal a change that leaves a name without an address, or that
    /// you might not have meant for another reason, is asked about
    #[arg(long)]
    pub yes: bool,
    /// Say what would be, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How long an override lasts, and why it is there.
#[derive(Debug, Args)]
pub struct TermOptions {
    /// How long: 30m, 1h30m, 7d [default: 1h]
    #[arg(long = "for", id = "lasts", value_name = "DURATION", conflicts_with = "forever")]
    pub lasts: Option<String>,
    /// Until somebody ends it
    #[arg(long)]
    pub forever: bool,
    /// Why: one line, shown to others
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Whether it is thought over first.
    #[command(flatten)]
    pub consent: Consent,
}

/// Why an override ends.
#[derive(Debug, Args)]
pub struct EndOptions {
    /// Why: one line, shown to others
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Whether it is thought over first.
    #[command(flatten)]
    pub consent: Consent,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `unpin` and `thaw`.
#[derive(Debug, Args)]
pub struct EndClusterOptions {
    /// The cluster
    pub cluster: String,
    /// Why it ends.
    #[command(flatten)]
    pub end: EndOptions,
}
