//! Settings of the probes of one cluster.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use super::Secret;

/// How to ask the servers of one cluster (`[cluster.probe]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeConfig {
    /// Login role or user. Unused for `tcp`.
    pub user: Box<str>,
    /// Its password; `None` for servers that trust the user or ask for none.
    pub password: Option<Secret>,
    /// PostgreSQL: the database to connect to, `postgres` by default. MySQL connects without a schema.
    pub database: Box<str>,
    /// Encryption of the probe's connection.
    pub tls: TlsMode,
    /// Time between two probes while all is well. 1 s by default.
    pub interval: Duration,
    /// Time between two probes while anything is in doubt. 250 ms by default.
    pub fast_interval: Duration,
    /// One deadline around name resolution, connect, TLS, login and query. 1.5 s by default.
    pub timeout: Duration,
    /// Whether one row of Pointsman's own table is updated on the published primary with each probe. Off by default.
    pub heartbeat_write: bool,
}

/// `tls` of `[cluster.probe]`, in the words of libpq's `sslmode`.
#[derive(Clone, PartialEq, Eq)]
pub enum TlsMode {
    /// Never encrypt.
    Disable,
    /// Encrypt when the server can, without checking its certificate. The default.
    Prefer,
    /// Always encrypt, without checking the server's certificate.
    Require,
    /// Always encrypt; the certificate must come from an authority in `ca_file` and name the probed host.
    VerifyFull {
        /// The authorities, each in DER, as read from the PEM file.
        authorities: Arc<[Vec<u8>]>,
    },
}

/// The mode's name as in the file.
impl fmt::Debug for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull { .. } => "verify-full",
        })
    }
}

/// Where a server is probed; its published address may be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Host name or address.
    pub host: TargetHost,
    /// TCP port.
    pub port: u16,
}

/// Host part of a [`ProbeTarget`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetHost {
    /// A fixed address.
    Address(IpAddr),
    /// A name, resolved again at each connect, because providers move names.
    Name(Box<str>),
}

/// `db1.example:5432`, `127.0.1.1:5432` or `[::1]:5432`.
impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            TargetHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            TargetHost::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            TargetHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}
