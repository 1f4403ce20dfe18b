//! Where something is asked or told: a host with its port.

use std::{fmt, net::IpAddr};

/// Where a server is probed, whose published address may be another one, or where a webhook goes.
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
