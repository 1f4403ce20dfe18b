//! The configuration of the demo: an ordinary one, read by the ordinary reader, from memory.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use super::stage::PASSWORD;
use crate::{
    config::{Config, ConfigError, Sources},
    engine::ServerIndex,
    plain_text::is_misleading,
};

/// Where the simulated servers listen. Nobody else is at home there.
pub const HOSTS: [IpAddr; 3] = [host(1), host(2), host(3)];

/// The name that follows the primary.
pub const WRITE_NAME: &str = "write.db.internal.";

/// The name that follows the replicas.
pub const READ_NAME: &str = "read.db.internal.";

/// Where the demo can be asked, all of it on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Doors<'a> {
    /// Port of DNS; 0 takes a free one.
    pub dns: u16,
    /// Port of the status page and the API; 0 takes a free one.
    pub http: u16,
    /// Unix socket of the other commands.
    pub socket: &'a str,
}

/// The configuration for `servers` that is asked at `doors`.
///
/// Probes are a little more eager than by default and less patient, so that nobody waits for the
/// story to go on.
pub fn config(servers: &[SocketAddr], doors: Doors<'_>) -> Result<Config, ConfigError> {
    let Doors { dns, http, socket } = doors;
    let mut text = format!(
        r#"
        [dns]
        listen = ["127.0.0.1:{dns}"]
        workers = 1

        [admin]
        http = "127.0.0.1:{http}"
        socket = '{socket}'

        [[zone]]
        origin = "db.internal."

        [[cluster]]
        name = "demo"
        engine = "postgres"

        [cluster.write]
        name = "{WRITE_NAME}"

        [[cluster.read]]
        name = "{READ_NAME}"
        max_lag = "2s"

        [cluster.probe]
        user = "pointsman"
        password_file = "{PASSWORD_FILE}"
        tls = "disable"
        interval = "500ms"
        fast_interval = "150ms"
        timeout = "600ms"
        "#
    );
    for (index, address) in servers.iter().enumerate() {
        text += &format!(
            r#"
            [[cluster.server]]
            name = "db{}"
            address = "{}"
            port = {}
            "#,
            index + 1,
            address.ip(),
            address.port(),
        );
    }
    Config::from_text(&text, Path::new("demo.toml"), &Memory)
}

/// Whether `path` stands for itself in the text of the configuration.
pub fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.chars().any(|c| is_misleading(c) || c == '\'')
}

/// The files that the configuration names.
struct Memory;

impl Sources for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some(PASSWORD_FILE) => Ok(PASSWORD.as_bytes().to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn variable(&self, _name: &str) -> Option<OsString> {
        None
    }
}

const fn host(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 10, last))
}

const PASSWORD_FILE: &str = "demo.password";

/// The addresses of these servers.
pub fn addresses(servers: &[ServerIndex]) -> BTreeSet<IpAddr> {
    servers.iter().map(|server| HOSTS[server.place()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_without_fault() {
        let servers = HOSTS.map(|host| SocketAddr::new(host, 5432));
        let doors = Doors { dns: 0, http: 0, socket: "/run/demo.sock" };
        let config = config(&servers, doors).unwrap_or_else(|error| panic!("{error}"));
        let cluster = &config.clusters[0];
        let password = cluster.probe.password.as_ref().expect("a password");
        assert_eq!(password.reveal(), PASSWORD);
        let names = cluster.names.iter().map(|name| name.name.to_string());
        assert_eq!(names.collect::<Vec<_>>(), [WRITE_NAME, READ_NAME]);
        assert_eq!(config.admin.socket.as_deref(), Some(Path::new("/run/demo.sock")));
        assert_eq!(cluster.servers[2].target.to_string(), "127.0.10.3:5432");
    }
}
