//! What is written: a configuration, a zone file, a password, and the lines of a resolver.
//!
//! It is pure: what was found and what was wished for in, texts out.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use super::server::{Found, Server};
use crate::{
    config::{Config, ConfigError, Secret, Sources},
    discovery::NameHint,
};

/// What was wished for.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The zone, without its last dot.
    pub zone: Box<str>,
    /// What the cluster is called.
    pub cluster: Box<str>,
    /// The folder of the files.
    pub folder: PathBuf,
    /// Where DNS is answered.
    pub listen: Vec<SocketAddr>,
    /// Our address as the databases see it.
    pub our_address: IpAddr,
    /// The words of the command line, for those who read the file later.
    pub command: String,
}

/// A file that is to be written.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Its name in the folder.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// It is for nobody but the service.
    pub is_secret: bool,
}

/// All files.
#[derive(Clone, Debug)]
pub struct Plan {
    folder: PathBuf,
    /// In the order in which they are written.
    pub files: Vec<PlannedFile>,
}

/// The folder of the package, whose service has folders for its socket and its state.
pub const PACKAGED_FOLDER: &str = "/etc/pointsman";

/// The name of the configuration.
pub const CONFIG_FILE: &str = "pointsman.toml";

/// Names of the files, the configuration first.
pub fn file_names(zone: &str, cluster: &str) -> [String; 4] {
    [
        CONFIG_FILE.into(),
        format!("{zone}.zone"),
        format!("{cluster}.password"),
        "unbound.conf".into(),
    ]
}

impl Plan {
    /// The files for `found`, whose servers are called `names`.
    pub fn new(found: &Found, names: &[NameHint], password: &Secret, wishes: &Wishes) -> Self {
        let texts = [
            config(found, names, wishes),
            zone(wishes),
            format!("{}\n", password.reveal()),
            unbound(wishes),
        ];
        let files = file_names(&wishes.zone, &wishes.cluster).into_iter().zip(texts);
        let is_secret = |name: &str| name.ends_with(".password");
        let file = |(name, text): (String, String)| PlannedFile {
            is_secret: is_secret(&name),
            name,
            text,
        };
        Self { folder: wishes.folder.clone(), files: files.map(file).collect() }
    }

    /// Where a file will be.
    pub fn path(&self, file: &PlannedFile) -> PathBuf {
        self.folder.join(&file.name)
    }

    /// Reads the configuration as `check-config` does, before there is any file.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn check(&self) -> Result<Config, ConfigError> {
        let text = self.files.first().map_or("", |file| &file.text);
        Config::from_text(text, &self.folder.join(CONFIG_FILE), self)
    }
}

/// The planned files are all that there is.
impl Sources for Plan {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.iter().find(|file| self.path(file) == path);
        file.map(|file| file.text.clone().into_bytes())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn variable(&self, _name: &str) -> Option<std::ffi::OsString> {
        None
    }
}

fn config(found: &Found, names: &[NameHint], wishes: &Wishes) -> String {
    let Wishes { zone, cluster, folder, listen, command, .. } = wishes;
    let is_packaged = folder == Path::new(PACKAGED_FOLDER);
    let (socket, state) = match is_packaged {
        true => ("/run/pointsman/admin.sock", "/var/lib/pointsman"),
        false => ("admin.sock", "."),
    };
    let listen: Vec<_> = listen.iter().map(|at| format!("\"{at}\"")).collect();
    let engine = found.engine.word();
    let mut text = format!(
        "# Written by `{command}`.\n\
         # docs/CONFIGURATION.md has every key; `pointsman check-config` reports every fault.\n\
         \n\
         [dns]\n\
         listen = [{listen}]\n\
         \n\
         [admin]\n\
         socket = \"{socket}\"\n\
         \n\
         [state]\n\
         directory = \"{state}\"\n\
         \n\
         [[zone]]\n\
         origin = \"{zone}.\"\n\
         file = \"{zone}.zone\"\n\
         \n\
         [[cluster]]\n\
         name = \"{cluster}\"\n\
         engine = \"{engine}\"\n\
         \n\
         [cluster.write]\n\
         name = \"write.{zone}.\"\n\
         \n\
         [[cluster.read]]\n\
         name = \"read.{zone}.\"\n\
         max_lag = \"10s\"\n\
         \n\
         [cluster.probe]\n\
         user = \"pointsman\"\n\
         password_file = \"{cluster}.password\"\n",
        listen = listen.join(", "),
    );
    for (server, name) in found.servers.iter().zip(names) {
        text += &section(server, name, found.engine.port());
    }
    text
}

fn section(server: &Server, name: &NameHint, usual_port: u16) -> String {
    let (address, port) = (server.at.ip(), server.at.port());
    let mut text = format!("\n[[cluster.server]]\nname = \"{name}\"\naddress = \"{address}\"\n");
    if port != usual_port {
        text += &format!("port = {port}\n");
    }
    text
}

fn zone(wishes: &Wishes) -> String {
    let Wishes { zone, .. } = wishes;
    let mut text = format!(
        "; Static records of the zone `{zone}.`: whatever is not a database name. The names that \
         follow the\n; databases (write, read) come from the configuration and must not be \
         here.\n\n\
         $ORIGIN {zone}.\n$TTL 1h\n\n\
         ; A negative answer is kept for a second. The serial does not matter: Pointsman \
         replaces it.\n\
         @       1s      SOA     ns1 hostmaster ( 1 1h 10m 1d 1s )\n\n\
         ; The name server of the zone, and where it listens.\n\
         @               NS      ns1\n"
    );
    let mut addresses: Vec<IpAddr> = Vec::new();
    for at in &wishes.listen {
        let ip = if at.ip().is_unspecified() { wishes.our_address } else { at.ip() };
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    for address in addresses {
        let kind = if address.is_ipv4() { "A   " } else { "AAAA" };
        text += &format!("ns1             {kind}    {address}\n");
    }
    text
}

/// Where a resolver reaches us.
fn reached_at(wishes: &Wishes) -> impl Iterator<Item = SocketAddr> {
    wishes.listen.iter().map(|at| match at.ip().is_unspecified() {
        true => SocketAddr::new(wishes.our_address, at.port()),
        false => *at,
    })
}

/// The lines of unbound, as docs/RESOLVERS.md has them.
fn unbound(wishes: &Wishes) -> String {
    let Wishes { zone, .. } = wishes;
    let is_local = reached_at(wishes).any(|at| at.ip().is_loopback());
    let local = if is_local { "    do-not-query-localhost: no\n" } else { "" };
    let mut text = format!(
        "server:\n    domain-insecure: \"{zone}\"\n    private-domain: \"{zone}\"\n{local}    \
         infra-cache-max-rtt: 2000\n    infra-keep-probing: yes\n\nstub-zone:\n    \
         name: \"{zone}\"\n"
    );
    for at in reached_at(wishes) {
        text += &format!("    stub-addr: {}@{}\n", at.ip(), at.port());
    }
    text + "    stub-no-cache: yes\n"
}

/// The lines of systemd-resolved from version 258 on, as docs/RESOLVERS.md has them.
pub fn resolved(wishes: &Wishes) -> String {
    let servers: Vec<_> = reached_at(wishes).map(|at| at.to_string()).collect();
    format!("[Delegate]\nDNS={}\nDomains=~{}\n", servers.join(" "), wishes.zone)
}

/// How `dig` asks for a name.
pub fn dig(wishes: &Wishes, label: &str) -> String {
    let at = reached_at(wishes).next();
    let (ip, port) = at.map_or((wishes.our_address, 53), |at| (at.ip(), at.port()));
    format!("dig @{ip} -p {port} {label}.{} +short", wishes.zone)
}

#[cfg(test)]
pub mod tests;
