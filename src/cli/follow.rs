//! `follow`: the agent for the hosts of applications. What it does is not known here: `main` runs it.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::serve::LogWord;
use crate::duration;

/// Options of `follow`.
#[derive(Clone, Debug, Args)]
pub struct FollowOptions {
    /// The names to follow: all that applications of this host use of these databases
    #[arg(required_unless_present_any = ["status", "metrics"])]
    pub names: Vec<String>,
    /// Pointsman, or a resolver that knows its zone: an address or a name, with a port
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_parser = server,
        required_unless_present_any = ["status", "metrics"],
    )]
    pub server: Option<SocketAddr>,
    /// Port of the databases [default: by the SRV records of the names]
    #[arg(long)]
    pub port: Option<u16>,
    /// Between two questions; the TTL where it is less
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration_of)]
    pub interval: Duration,
    /// How long connections to a server that is alive may end their work
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration_of)]
    pub grace: Duration,
    /// What is done for a reason, as in `alive=now`; docs/FOLLOW.md has the defaults
    #[arg(long = "on", value_name = "REASON=ACTION", value_parser = rule)]
    pub rules: Vec<(ReasonWord, ActionWord)>,
    /// Tell which connections would be cut, and cut none
    #[arg(long)]
    pub dry_run: bool,
    /// Only connections of this user, by name or number
    #[arg(long, value_name = "USER")]
    pub uid: Vec<String>,
    /// Never those of this user [default: postgres, mysql and mariadb, which cannot be taken away]
    #[arg(long, value_name = "USER")]
    pub never_uid: Vec<String>,
    /// Only connections of processes of this name; those that cannot be seen live on
    #[arg(long, value_name = "NAME")]
    pub process: Vec<String>,
    /// Only connections of this control group and those below, as in `/system.slice/shop.service`
    #[arg(long, value_name = "PATH")]
    pub cgroup: Vec<String>,
    /// Only connections to this port
    #[arg(long, value_name = "PORT")]
    pub only_port: Vec<u16>,
    /// Never those to or from this address or network
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    pub ignore: Vec<IpNet>,
    /// At most so many at a time
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub at_most: usize,
    /// Leave the caches of this host as they are
    #[arg(long)]
    pub no_flush: bool,
    /// A program that is run when a name has moved
    #[arg(long, value_name = "PROGRAM")]
    pub hook: Vec<PathBuf>,
    /// Unix socket where the agent tells of itself
    #[arg(long, value_name = "PATH", default_value = "/run/pointsman-follow/follow.sock")]
    pub socket: PathBuf,
    /// How the log is written
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogWord>,
    /// Show what the running agent has seen and done
    #[arg(long, conflicts_with = "metrics")]
    pub status: bool,
    /// Print the metrics of the running agent, as Prometheus reads them
    #[arg(long)]
    pub metrics: bool,
}

/// A reason, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReasonWord {
    /// The name has left it, and it is down.
    Down,
    /// The name has left it, and it still takes writes.
    Writable,
    /// The name has left it, and it is alive.
    Alive,
    /// The name has left it, and nobody tells its state.
    Untold,
    /// It is down, and no other has the name.
    Silent,
}

/// What is done, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActionWord {
    /// Nothing.
    Leave,
    /// After the grace.
    Grace,
    /// At once.
    Now,
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error: io::Error| {
        format!("{error}; write an address with a port, as in 10.0.0.53:53 or [fd00::53]:53")
    })?;
    found.next().ok_or_else(|| "it has no address".to_owned())
}

fn duration_of(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{error}; write {}", duration::FORM))
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "write 10.0.0.0/8 or 10.0.0.1".to_owned())
}

fn rule(text: &str) -> Result<(ReasonWord, ActionWord), String> {
    let (reason, action) = text.split_once('=').ok_or("write it as in alive=now")?;
    let reason = ReasonWord::from_str(reason, false)
        .map_err(|_| "reasons are down, writable, alive, untold and silent")?;
    let action =
        ActionWord::from_str(action, false).map_err(|_| "actions are leave, grace and now")?;
    Ok((reason, action))
}
