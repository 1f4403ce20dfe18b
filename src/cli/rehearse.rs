//! `rehearse`: watches a switchover that the operator does. What it does is not known here: `main` runs
//! it.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::options::ServiceOptions;
use crate::duration;

/// Options of `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseOptions {
    /// The cluster whose switchover is watched
    pub cluster: String,
    /// A resolver to ask for the write name, again and again; writes go where the first one leads
    /// [default: those of /etc/resolv.conf]
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = resolver)]
    pub resolver: Vec<SocketAddr>,
    /// How long users may be without a good write, and how long an old answer may be given
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = target)]
    pub target: Duration,
    /// How long to watch, an hour at most; exit code 75 when the name has not moved by then
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = timeout)]
    pub timeout: Duration,
    /// Write rows into this table, which is made for that and removed at the end: `shop.rehearsal`
    /// [default: PostgreSQL commits empty transactions; MySQL and MariaDB are asked for their role]
    #[arg(long, value_name = "[SCHEMA.]NAME")]
    pub table: Option<String>,
    /// User to log in as [default: $PGUSER, or `user` of ~/.my.cnf, or your own name]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// File with the password in its first line [default: $PGPASSWORD or ~/.pgpass; ~/.my.cnf]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Database of PostgreSQL to connect to [default: $PGDATABASE, or postgres]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Encryption of the connections
    #[arg(long, value_name = "MODE", default_value = "prefer")]
    pub tls: TlsChoice,
    /// Where the report goes, as Markdown [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Where the report goes as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// A mode of encryption that checks no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsChoice {
    /// Never
    Disable,
    /// When the server can
    Prefer,
    /// Always
    Require,
}

/// `ADDR` or `ADDR:PORT`.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    address.or_else(|_| text.parse()).map_err(|_| {
        "write an address, with a port or without: 10.0.0.53, 10.0.0.53:5353 or [fd00::53]:53"
            .to_owned()
    })
}

fn target(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{error}; write {}", duration::FORM))
}

fn timeout(text: &str) -> Result<Duration, String> {
    match target(text)? {
        time if time > TIMEOUT_MAX => Err("it is an hour at most".to_owned()),
        time if time.is_zero() => Err("it is longer than nothing".to_owned()),
        time => Ok(time),
    }
}

/// Ten rows a second for so long are still read back at the end.
const TIMEOUT_MAX: Duration = Duration::from_secs(3_600);

const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_an_address_with_or_without_a_port() {
        for (text, expected) in [
            ("10.0.0.53", "10.0.0.53:53"),
            ("10.0.0.53:5353", "10.0.0.53:5353"),
            ("fd00::53", "[fd00::53]:53"),
            ("[fd00::53]:5353", "[fd00::53]:5353"),
        ] {
            assert_eq!(resolver(text), Ok(expected.parse().unwrap()));
        }
        for odd in ["", "resolver", "10.0.0.53:", "10.0.0.53:99999"] {
            assert!(resolver(odd).unwrap_err().contains("10.0.0.53:5353"), "{odd}");
        }
    }

    #[test]
    fn a_timeout_is_an_hour_at_most() {
        assert_eq!(timeout("1h"), Ok(TIMEOUT_MAX));
        for odd in ["61m", "0s", "soon"] {
            assert!(timeout(odd).is_err(), "{odd}");
        }
    }
}
