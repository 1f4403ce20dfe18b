//! The command line. A command is a file: its options and what it does.
//!
//! Most commands talk to a running service. What [`Command::Init`], [`Command::Serve`], [`Command::Demo`],
//! [`Command::Follow`], [`Command::Rehearse`] and [`Command::Grants`] run is not known here: `main` puts it
//! together.
//!
//! Exit codes: 0 fine, 1 failed, 2 usage (clap's), 75 not within the time that was given, 78 bad
//! configuration (`EX_TEMPFAIL` and `EX_CONFIG` of sysexits.h), 130 ended by Ctrl-C while it waited.

mod accept;
mod cells;
mod change;
mod check_config;
mod client;
mod config;
mod demo;
mod discover;
mod drain;
mod drain_wait;
mod elsewhere;
mod events;
mod explain;
mod follow;
mod freeze;
mod grants;
mod hint;
mod init;
mod maintenance;
mod obstacles;
mod options;
mod outcome;
mod picture;
mod pin;
mod probe;
mod rehearse;
mod reload;
mod screen;
mod secondary_config;
mod secondary_settings;
mod serve;
mod server;
mod sessions;
mod show;
mod status;
mod timeline;
mod watch;
mod what_if;
mod why;

use std::io;

use clap::{Parser, Subcommand};

pub use self::{
    check_config::{CheckOptions, run as check_config, summary},
    client::{Client, ClientError},
    demo::DemoOptions,
    follow::{ActionWord, FollowOptions, ReasonWord},
    grants::{GrantsEngine, GrantsOptions},
    init::InitOptions,
    outcome::{BAD_CONFIGURATION, FAILED, INTERRUPTED, OUT_OF_TIME, Out, USAGE, report},
    rehearse::{RehearseOptions, TlsChoice},
    secondary_config::{SecondaryConfigOptions, SecondaryServer, run as secondary_config},
    serve::ServeOptions,
};

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
    /// Begin: ask one server, find its kin, and write the configuration
    Init(Box<InitOptions>),
    /// Probe the servers and answer DNS, until SIGTERM or Ctrl-C
    Serve(ServeOptions),
    /// Read the configuration and report every fault in it
    CheckConfig(CheckOptions),
    /// Show a cluster of simulated servers and what is answered while they fail
    Demo(DemoOptions),
    /// Print the SQL that gives the probe user its rights, and no more
    Grants(GrantsOptions),
    /// Print the settings with which another DNS server keeps copies of our zones
    SecondaryConfig(SecondaryConfigOptions),
    /// On a host of applications: cut connections to servers that have lost a name
    Follow(Box<FollowOptions>),
    /// Watch a switchover that you do, and report what applications would have felt
    Rehearse(Box<RehearseOptions>),
    /// Print the version, as --version does
    #[command(hide = true)]
    Version,
    /// What talks to a running service
    #[command(flatten)]
    Service(ServiceCommand),
}

/// The subcommands that talk to a running service.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Tell the running service that something has changed, so that it probes a cluster at once
    Hint(hint::HintOptions),
    /// Show clusters, names, servers and overrides
    Status(status::StatusOptions),
    /// Show what a server is, and why it is in each name or not
    Why(why::WhyOptions),
    /// Show who is connected to a server, and which sessions a kick would end
    Sessions(sessions::SessionsOptions),
    /// Show why a name says what it says: each candidate, and what would change it
    Explain(explain::ExplainOptions),
    /// Show what would be decided if a server were otherwise; nothing changes
    WhatIf(what_if::WhatIfOptions),
    /// Probe a server once, step by step, and show where that breaks
    Probe(probe::ProbeOptions),
    /// Show what has happened
    Events(events::EventsOptions),
    /// Take a server out of the read names; by force out of the write name too
    Drain(drain::DrainOptions),
    /// End the drain of a server
    Undrain(drain::UndrainOptions),
    /// Let the write name of a cluster say one server and no other
    Pin(pin::PinOptions),
    /// End the pin of a cluster
    Unpin(options::EndClusterOptions),
    /// Let all names of a cluster say what they say now
    Freeze(freeze::FreezeOptions),
    /// End the freeze of a cluster
    Thaw(options::EndClusterOptions),
    /// Put a cluster into maintenance: no name has an address
    Maintenance(maintenance::MaintenanceOptions),
    /// Make the history of one server the cluster's from now on
    Accept(accept::AcceptOptions),
    /// Show which servers were found, how far each has come, and why no further
    Discover(discover::DiscoverOptions),
    /// Let servers come and go while the service runs
    #[command(subcommand)]
    Server(server::ServerCommand),
    /// Read the configuration again and apply what differs
    Reload(reload::ReloadOptions),
    /// Show the configuration file with the servers that were added, or change it
    Config(config::ConfigOptions),
}

/// Runs one command. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(command: &ServiceCommand, out: Out<'_>) -> io::Result<u8> {
    match command {
        ServiceCommand::Hint(options) => hint::run(options, out),
        ServiceCommand::Status(options) => status::run(options, out),
        ServiceCommand::Why(options) => why::run(options, out),
        ServiceCommand::Sessions(options) => sessions::run(options, out),
        ServiceCommand::Explain(options) => explain::run(options, out),
        ServiceCommand::WhatIf(options) => what_if::run(options, out),
        ServiceCommand::Probe(options) => probe::run(options, out),
        ServiceCommand::Events(options) => events::run(options, out),
        ServiceCommand::Drain(options) => drain::drain(options, out),
        ServiceCommand::Undrain(options) => drain::undrain(options, out),
        ServiceCommand::Pin(options) => pin::pin(options, out),
        ServiceCommand::Unpin(options) => pin::unpin(options, out),
        ServiceCommand::Freeze(options) => freeze::freeze(options, out),
        ServiceCommand::Thaw(options) => freeze::thaw(options, out),
        ServiceCommand::Maintenance(options) => maintenance::run(options, out),
        ServiceCommand::Accept(options) => accept::run(options, out),
        ServiceCommand::Discover(options) => discover::run(options, out),
        ServiceCommand::Server(command) => server::run(command, out),
        ServiceCommand::Reload(options) => reload::run(options, out),
        ServiceCommand::Config(options) => config::run(options, out),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Command, CommandLine, GrantsEngine, ServiceCommand};

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
            Ok(Command::CheckConfig(options)) if options.file == Some("x.toml".into())
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
            Ok(Command::Service(ServiceCommand::Hint(options))) if options.cluster == "orders"
                && options.service.socket.as_deref() == Some("x.sock".as_ref())
        ));
        for usage in [&["grants", "oracle"][..], &["hint"], &["serve", "x.toml"], &["watch"], &[]] {
            let error = read(usage).expect_err("a usage error");
            assert_eq!(error.exit_code(), 2, "{usage:?}");
        }
    }
}
