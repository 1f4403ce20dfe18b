//! The command line: what may be said, the commands that need nothing running, and the client of
//! those that talk to a running service.
//!
//! Exit codes: 0 fine, 1 failed, 2 usage (clap's), 78 bad configuration (`EX_CONFIG` of
//! sysexits.h).

pub mod change;
pub mod check;
mod client;
pub mod events;
pub mod hint;
pub mod look;
mod operate;
mod picture;
pub mod probe;
mod screen;
pub mod sessions;

use std::{io, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    client::{Client, ClientError},
    operate::{
        AcceptOptions, Asking, ConfigOptions, DrainOptions, EndClusterOptions, EndOptions,
        EventsOptions, ExplainOptions, Form, FreezeOptions, MaintenanceOptions, PinOptions,
        ProbeOptions, ReloadOptions, ServerAddOptions, ServerCommand, ServerOptions,
        SessionsOptions, StatusOptions, TermOptions, UndrainOptions, WhatIfOptions, WhyOptions,
    },
    screen::Screen,
};

/// Where the outcome of a command goes.
pub struct Out<'a> {
    /// What was done, or found.
    pub output: &'a mut dyn io::Write,
    /// Why it was not, and warnings.
    pub errors: &'a mut dyn io::Write,
}

/// Where the configuration is unless somebody says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/pointsman/pointsman.toml";

/// Exit code of a command that could not do what it was asked for.
pub const FAILED: u8 = 1;

/// Exit code of a command that found a fault in the configuration.
pub const BAD_CONFIGURATION: u8 = 78;

/// Exit code of a command that was asked for something that does not exist; clap uses the same.
pub const USAGE: u8 = 2;

/// DNS names that follow the writable primary and the fresh replicas of databases.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Probe the servers and answer DNS, until SIGTERM or Ctrl-C
    Serve(ServeOptions),
    /// Read the configuration and report every fault in it
    CheckConfig(CheckOptions),
    /// Show a cluster of simulated servers and what is answered while they fail
    Demo(DemoOptions),
    /// Print the SQL that gives the probe user its rights, and no more
    Grants(GrantsOptions),
    /// Tell the running service that something has changed, so that it probes a cluster at once
    Hint(HintOptions),
    /// Show clusters, names, servers and overrides
    Status(StatusOptions),
    /// Show what a server is, and why it is in each name or not
    Why(WhyOptions),
    /// Show who is connected to a server, and which sessions a kick would end
    Sessions(SessionsOptions),
    /// Show why a name says what it says: each candidate, and what would change it
    Explain(ExplainOptions),
    /// Show what would be decided if a server were otherwise; nothing changes
    WhatIf(WhatIfOptions),
    /// Probe a server once, step by step, and show where that breaks
    Probe(ProbeOptions),
    /// Show what has happened
    Events(EventsOptions),
    /// Take a server out of the read names; by force out of the write name too
    Drain(DrainOptions),
    /// End the drain of a server
    Undrain(UndrainOptions),
    /// Let the write name of a cluster say one server and no other
    Pin(PinOptions),
    /// End the pin of a cluster
    Unpin(EndClusterOptions),
    /// Let all names of a cluster say what they say now
    Freeze(FreezeOptions),
    /// End the freeze of a cluster
    Thaw(EndClusterOptions),
    /// Take a cluster out of service: no name has an address
    Maintenance(MaintenanceOptions),
    /// Make the history of one server the cluster's from now on
    Accept(AcceptOptions),
    /// Let servers come and go while the service runs
    #[command(subcommand)]
    Server(ServerCommand),
    /// Read the configuration again and apply what differs
    Reload(ReloadOptions),
    /// Show the configuration file with the servers that were added, or change it
    Config(ConfigOptions),
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
}

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Configuration file
    #[arg(value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub file: PathBuf,
    /// Print the faults as one JSON object, for editors and pipelines
    #[arg(long)]
    pub json: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Tell the story once and exit: 0 when every answer was right, 1 otherwise
    #[arg(long)]
    pub once: bool,
    /// Loopback port to answer DNS on [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// Options of `grants`.
#[derive(Debug, Args)]
pub struct GrantsOptions {
    /// Whose SQL
    pub engine: GrantsEngine,
    /// Version of the server, such as 16, 8.4 or 10.11-MariaDB [default: what every version needs]
    #[arg(long, value_name = "VERSION")]
    pub server_version: Option<String>,
}

/// Options of `hint`.
#[derive(Debug, Args)]
pub struct HintOptions {
    /// The cluster, as the configuration names it
    pub cluster: String,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

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

/// Whose SQL `grants` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GrantsEngine {
    /// PostgreSQL
    Postgres,
    /// MySQL and MariaDB
    Mysql,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Command, CommandLine, GrantsEngine};

    #[test]
    fn the_definitions_are_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn commands_are_read() {
        let read = |words: &[&str]| {
            CommandLine::try_parse_from(["pointsman"].iter().chain(words)).map(|line| line.command)
        };
        assert!(matches!(
            read(&["serve", "--config", "x.toml"]),
            Ok(Command::Serve(options)) if options.config.as_os_str() == "x.toml"
        ));
        assert!(matches!(
            read(&["check-config", "x.toml"]),
            Ok(Command::CheckConfig(options)) if options.file.as_os_str() == "x.toml"
        ));
        assert!(matches!(
            read(&["demo", "--once", "--port", "5300"]),
            Ok(Command::Demo(options)) if options.once && options.port == Some(5300)
        ));
        assert!(matches!(
            read(&["grants", "mysql"]),
            Ok(Command::Grants(options)) if options.engine == GrantsEngine::Mysql
        ));
        assert!(matches!(
            read(&["hint", "orders", "--socket", "x.sock"]),
            Ok(Command::Hint(options)) if options.cluster == "orders"
                && options.service.socket.as_deref() == Some("x.sock".as_ref())
        ));
        for usage in [&["grants", "oracle"][..], &["hint"], &["serve", "x.toml"], &["watch"], &[]] {
            let error = read(usage).expect_err("a usage error");
            assert_eq!(error.exit_code(), 2, "{usage:?}");
        }
    }
}
