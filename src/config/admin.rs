//! Settings of the operator's access (`[admin]`).

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{ConfigError, System, convert, fault::Faults, pieces, text};

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

impl AdminConfig {
    /// Reads `[admin]` of the file at `path`, and neither the rest of it nor any other file: who
    /// only gives commands need not be able to read passwords.
    ///
    /// # Errors
    ///
    /// Every fault of `[admin]`, or that the file cannot be read or is no TOML.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = text(path)?;
        let mut faults = Faults::new(path, &text);
        match pieces::admin(&text, &mut faults) {
            Some(section) => convert::admin(&section, path, &System, faults),
            None => Err(ConfigError::new(faults.into_sorted())),
        }
    }
}
