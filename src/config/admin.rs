//! Settings of the operator's access (`[admin]`).

use std::{net::SocketAddr, path::PathBuf};

/// How operators look in and give commands. Every part is off unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminConfig {
    /// Unix socket of the command line; access by file permissions.
    pub socket: Option<PathBuf>,
    /// Address and port of the status page, the API and the metrics.
    pub http: Option<SocketAddr>,
    /// File with the token that changes over HTTP need. It need not exist yet when the
    /// configuration is read.
    pub token_file: Option<PathBuf>,
    /// Host names by which clients may call us over HTTP, in lower case and without a dot at their
    /// end. Addresses and `localhost` need not be named.
    pub hosts: Vec<Box<str>>,
}
