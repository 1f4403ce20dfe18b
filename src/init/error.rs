//! Why nothing was written, and what to do about it.

use std::{io, net::SocketAddr, path::PathBuf};

use super::EngineKind;
use crate::{config::ConfigError, engine::FailureKind};

/// Why `init` ended without a configuration.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is nobody to say yes.
    #[error(
        "nobody is here to be asked, for standard input is no terminal: say --yes, or --dry-run to \
         look at everything first"
    )]
    NobodyToAsk,
    /// Files are there already.
    #[error(
        "{} there already, and nothing is overwritten: move {} away, or name another folder with \
         --out",
        listed(.0), if .0.len() == 1 { "it" } else { "them" }
    )]
    Taken(Vec<PathBuf>),
    /// The host name has no address.
    #[error(
        "`{host}` has no address: {why}; write it as this host's resolver knows it, or write the \
         address"
    )]
    Unresolved {
        /// The name.
        host: Box<str>,
        /// What the resolver says.
        why: String,
    },
    /// Nobody listens.
    #[error(
        "nothing answers at {}: is the server running, does it listen there (listen_addresses, \
         bind-address), and does a firewall let this host in? Another port: --from HOST:PORT",
        tried(.0)
    )]
    NobodyListens(Vec<SocketAddr>),
    /// It speaks something else.
    #[error(
        "{0} is no PostgreSQL, MySQL or MariaDB server: it accepts connections and speaks another \
         protocol; name the port of the database with --from HOST:PORT"
    )]
    NoDatabase(SocketAddr),
    /// Two servers on one host.
    #[error(
        "{first} and {second} both are databases: say which one is meant, with --engine or with \
         --from HOST:PORT"
    )]
    TwoDatabases {
        /// One.
        first: SocketAddr,
        /// The other.
        second: SocketAddr,
    },
    /// It does not let us in, or does not answer.
    #[error("{at} as {user}: {words}; {}", advice(*.kind, *.has_password, *.engine))]
    Refused {
        /// Where.
        at: SocketAddr,
        /// Who.
        user: Box<str>,
        /// What kind of failure it is.
        kind: FailureKind,
        /// The server's words.
        words: Box<str>,
        /// Whether a password was at hand.
        has_password: bool,
        /// What it speaks.
        engine: EngineKind,
    },
    /// A second server of the command line is of another cluster.
    #[error("{at} does not belong to the others: {why}; name servers of one cluster alone")]
    NoKin {
        /// Where.
        at: SocketAddr,
        /// Why not.
        why: String,
    },
    /// Nobody is written to.
    #[error(
        "no primary was found, and a cluster begins with one: name it with another --from, or come \
         back when its replicas follow it"
    )]
    NoPrimary,
    /// Two are written to.
    #[error(
        "{0} servers take writes and are in no group, so nobody knows which one is the \
         primary: end that first"
    )]
    ManyPrimaries(usize),
    /// What would be written is not right.
    #[error("what would be written has faults:\n{0}")]
    Faults(ConfigError),
    /// A file cannot be written.
    #[error(
        "cannot write {}: {why}; run it as a user who may, or name a folder of yours with --out",
        path.display()
    )]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The user of the probe is there already.
    #[error(
        "{at} has a user `pointsman` already, whose password nobody here knows: leave \
         --create-user out and write that password into the password file, or drop the user \
         first. Nothing is written"
    )]
    UserExists {
        /// The primary.
        at: SocketAddr,
    },
    /// It could not be made.
    #[error(
        "{at} does not make the user `pointsman`: {why}; log in as one who may (--user), or leave \
         --create-user out and run the SQL that is printed then. Nothing is written"
    )]
    NoUser {
        /// The primary.
        at: SocketAddr,
        /// The server's words.
        why: Box<str>,
    },
    /// Somebody said no.
    #[error("nothing is written")]
    Declined,
    /// The terminal, or what stands in its place, has gone.
    #[error("cannot say what was done: {0}")]
    Mute(#[from] io::Error),
}

/// What to do about a failure of the server that was asked.
pub fn advice(kind: FailureKind, has_password: bool, engine: EngineKind) -> &'static str {
    let is_postgres = engine == EngineKind::Postgres;
    match (kind, has_password, is_postgres) {
        (FailureKind::Misconfigured, true, true) => {
            "name another user with --user (or PGUSER), correct the password (PGPASSWORD, \
             ~/.pgpass), or let this host in (pg_hba.conf)"
        }
        (FailureKind::Misconfigured, false, true) => {
            "no password was found: set PGPASSWORD, write ~/.pgpass (mode 600), or run it on a \
             terminal; name another user with --user; pg_hba.conf must let this host in"
        }
        (FailureKind::Misconfigured, true, false) => {
            "name another user with --user, correct the password (~/.my.cnf, MYSQL_PWD), or let \
             the user in from this host (its account is USER@HOST)"
        }
        (FailureKind::Misconfigured, false, false) => {
            "no password was found: write it into ~/.my.cnf ([client]), set MYSQL_PWD, or run it \
             on a terminal; name another user with --user, whose account must allow this host"
        }
        (FailureKind::Refused | FailureKind::Closed | FailureKind::ShuttingDown, ..) => {
            "is the server running, and is this its port?"
        }
        (FailureKind::Garbled, ..) => {
            "is this the port of the database, and --engine the right one?"
        }
        (FailureKind::Unresolved, ..) => "write the name as this host's resolver knows it",
        (FailureKind::TimedOut | FailureKind::Unresponsive | FailureKind::Unreachable, ..) => {
            "does a firewall let this host in?"
        }
        (
            FailureKind::Troubled
            | FailureKind::Starting
            | FailureKind::Saturated
            | FailureKind::Offline
            | FailureKind::GroupUnready,
            ..,
        ) => "come back when the server is well",
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(" and "))
}

fn tried(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(" or ")
}
