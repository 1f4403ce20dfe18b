//! The commands of operators: what may be said of each.

use clap::{Args, Subcommand};

use super::ServiceOptions;

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Only this cluster
    pub cluster: Option<String>,
    /// Draw it again every second, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `why`.
#[derive(Debug, Args)]
pub struct WhyOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `sessions`.
#[derive(Debug, Args)]
pub struct SessionsOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// Draw it again every second, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The served DNS name
    pub name: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `what-if`.
#[derive(Debug, Args)]
pub struct WhatIfOptions {
    /// The server
    pub server: String,
    /// What to suppose of it: down, up, or lag= and a duration, as in lag=5s
    pub supposition: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `probe`.
#[derive(Debug, Args)]
pub struct ProbeOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `events`.
#[derive(Debug, Args)]
pub struct EventsOptions {
    /// Since when: how long ago, as in 1h, or a time, as in 2026-11-21T06:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only of this cluster
    #[arg(long)]
    pub cluster: Option<String>,
    /// At most so many, the newest [default: 100]
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u16>,
    /// Go on with what happens, until Ctrl-C; with --json, one object per line
    #[arg(long)]
    pub follow: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// How an answer is printed.
#[derive(Debug, Args)]
pub struct Form {
    /// Print JSON, as GET /v1/openapi.json describes it
    #[arg(long)]
    pub json: bool,
}

/// Options of `drain`.
#[derive(Debug, Args)]
pub struct DrainOptions {
    /// The server
    pub server: String,
    /// Also out of the write name, and even if a read name is left without a server
    #[arg(long)]
    pub force: bool,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `undrain`.
#[derive(Debug, Args)]
pub struct UndrainOptions {
    /// The server
    pub server: String,
    /// Why it ends.
    #[command(flatten)]
    pub end: EndOptions,
}

/// Options of `pin`.
#[derive(Debug, Args)]
pub struct PinOptions {
    /// The cluster
    pub cluster: String,
    /// The server that its write name is to say
    pub server: String,
    /// Even if the server is not writable now, or ceases to be
    #[arg(long = "unsafe")]
    pub even_if_not_writable: bool,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `freeze`.
#[derive(Debug, Args)]
pub struct FreezeOptions {
    /// The cluster
    pub cluster: String,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
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

/// Options of `maintenance`.
#[derive(Debug, Args)]
pub struct MaintenanceOptions {
    /// The cluster
    pub cluster: String,
    /// End it
    #[arg(long, conflicts_with_all = ["lasts", "forever"])]
    pub end: bool,
    /// How long: 30m, 1h30m, 7d [default: 1h]
    #[arg(long = "for", id = "lasts", value_name = "DURATION", conflicts_with = "forever")]
    pub lasts: Option<String>,
    /// Until somebody ends it
    #[arg(long)]
    pub forever: bool,
    /// Why: one line, shown to others; needed unless it ends
    #[arg(long, value_name = "TEXT", required_unless_present = "end")]
    pub reason: Option<String>,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `accept`.
#[derive(Debug, Args)]
#[command(after_help = "\
Needed where the servers themselves prove nothing: after a restored backup, after pg_upgrade, after
a clone was published, after a lost volume, or when the successor of a former primary is gone for
good. What other servers showed before no longer speaks against this one; those that do not have
what it has must follow it before their word counts. Only accepting another server takes it back.")]
pub struct AcceptOptions {
    /// The cluster
    pub cluster: String,
    /// The server that has the right data
    pub server: String,
    /// Why: one line, shown to others
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
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
}

/// Why an override ends.
#[derive(Debug, Args)]
pub struct EndOptions {
    /// Why: one line, shown to others
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
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

/// The subcommands of `server`.
#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    /// Let a server join a cluster: probed at once, drained until `server ready`
    Add(ServerAddOptions),
    /// End the drain with which a server has joined
    Ready(ServerOptions),
    /// Take away a server that was added
    Remove(ServerOptions),
}

/// Options of `server add`.
#[derive(Debug, Args)]
pub struct ServerAddOptions {
    /// The cluster
    pub cluster: String,
    /// The server's name, unique in the whole configuration
    pub name: String,
    /// Its published address, as in 10.0.0.7, 10.0.0.7:5432 or fd00::7
    pub address: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `server ready` and `server remove`.
#[derive(Debug, Args)]
pub struct ServerOptions {
    /// The server
    pub name: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `reload`.
#[derive(Debug, Args)]
pub struct ReloadOptions {
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Options of `config`.
#[derive(Debug, Args)]
pub struct ConfigOptions {
    /// Change the file, and do not only show it
    #[arg(long)]
    pub write: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}
