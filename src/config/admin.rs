//! `[admin]`: the operator's access.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::{
    dns::Listeners,
    read::{self, ConfigError, Conversion, Faults, Field, HostName, Protected, System, section},
    text::text,
};

section! {
    /// The operator's access.
    AdminSection = "[admin]" {
        /// Socket of the CLI.
        socket: PathBuf,
        /// Address and port of the status page and the API.
        http: SocketAddr,
        /// The token that changes over HTTP need.
        token_file: PathBuf,
        /// Names by which clients call us over HTTP.
        hosts: Vec<Spanned<HostName>>,
    }
}

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
        let Some(section) = read::admin(&text, &mut faults) else {
            return Err(ConfigError::new(faults.into_sorted()));
        };
        let mut conversion = Conversion::new(path, &System, faults);
        let admin = convert(&section, &mut Listeners::new(&Field::Faulty), &mut conversion);
        conversion.finish(admin)
    }
}

/// `[admin]`, which may be left out.
pub fn convert(
    field: &Field<AdminSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> AdminConfig {
    let Some(section) = field.given() else {
        return AdminConfig::default();
    };
    if let Field::Given(http) = &section.http {
        listeners.take_one(*http.get_ref(), http.span(), conversion);
    }
    let token_file = section.token_file.given().map(|path| conversion.path(path));
    if let Some(file) = &token_file {
        conversion.protect(file, Protected::Secret);
    }
    let hosts = section.hosts.given().map_or(&[][..], Vec::as_slice).iter();
    AdminConfig {
        socket: section.socket.given().map(|path| conversion.path(path)),
        http: section.http.given().copied(),
        token_file,
        hosts: hosts.map(|host| host.get_ref().0.to_string()).map(bare).collect(),
    }
}

/// A host name as clients send it: the dot at its end is left out.
fn bare(name: String) -> Box<str> {
    name.trim_end_matches('.').into()
}

/// The keys that differ and are only read at the start.
pub fn differing(was: &AdminConfig, is: &AdminConfig) -> Vec<&'static str> {
    let keys = [
        ("[admin] socket", was.socket != is.socket),
        ("[admin] http", was.http != is.http),
        ("[admin] token_file", was.token_file != is.token_file),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
