//! `secondary-config`: the settings with which other DNS servers keep copies of our zones, made of
//! the configuration.
//!
//! `docs/SECONDARIES.md` shows the same texts, and tests run those servers with them.

use std::{
    fmt::Write as _,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{
    options::DEFAULT_CONFIG,
    outcome::{BAD_CONFIGURATION, FAILED, Out, report},
};
use crate::config::{Config, KeyConfig, SecondaryConfig, Secrets, TransferTransport};

/// Options of `secondary-config`.
#[derive(Debug, Args)]
pub struct SecondaryConfigOptions {
    /// Whose settings
    pub server: SecondaryServer,
    /// The secondary, by its name in the configuration [default: the only one]
    #[arg(long, value_name = "SECONDARY")]
    pub name: Option<String>,
    /// An address and port at which it reaches us, one for each instance [default: the first of
    /// `listen` that fits]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub primary: Vec<SocketAddr>,
    /// Print the secrets of keys, too
    #[arg(long)]
    pub with_secrets: bool,
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
}

/// Whose settings `secondary-config` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecondaryServer {
    /// NSD 4
    Nsd,
    /// Knot DNS 3
    Knot,
    /// BIND 9
    Bind,
    /// PowerDNS Authoritative Server 4.7
    Powerdns,
    /// unbound 1.17, which answers its clients from the copy
    Unbound,
    /// Knot Resolver 5, which keeps no copy
    KnotResolver,
}

/// Prints the settings. Returns the exit code.
///
/// # Errors
/// When they cannot be written.
pub fn run(options: &SecondaryConfigOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let secrets = if options.with_secrets { Secrets::OfTheService } else { Secrets::LeftOut };
    let config = match Config::look_at(&options.config, secrets) {
        Ok(config) => config,
        Err(error) => {
            report(&error, errors)?;
            return Ok(BAD_CONFIGURATION);
        }
    };
    match settings(&config, options) {
        Ok(text) => {
            output.write_all(text.as_bytes())?;
            Ok(0)
        }
        Err(what) => {
            writeln!(errors, "{what}")?;
            Ok(FAILED)
        }
    }
}

/// What the settings are made of.
struct Copy<'c> {
    /// The zones, without the last dot.
    zones: Vec<String>,
    /// The catalog from which it learns of them, without the last dot, if there is one.
    catalog: Option<String>,
    /// The name of the first zone's primary server.
    our_name: String,
    secondary: &'c SecondaryConfig,
    primaries: Vec<SocketAddr>,
    secret: Option<String>,
}

fn settings(config: &Config, options: &SecondaryConfigOptions) -> Result<String, String> {
    let zones = &config.transfer.zones;
    let all = || zones.iter().flat_map(|zone| &zone.secondaries);
    let mut names: Vec<&str> = all().map(|secondary| &*secondary.name).collect();
    names.sort_unstable();
    names.dedup();
    let name = match (options.name.as_deref(), &names[..]) {
        (_, []) => return Err("no zone has a [[zone.secondary]]: add one first".into()),
        (Some(name), names) if names.contains(&name) => name,
        (None, [only]) => only,
        _ => return Err(format!("say which secondary: --name {}", names.join(" or --name "))),
    };
    let secondary = all().find(|secondary| &*secondary.name == name).expect("it is in the list");
    let is_of = |secondaries: &[SecondaryConfig]| secondaries.iter().any(|s| &*s.name == name);
    let zones: Vec<_> = zones.iter().filter(|zone| is_of(&zone.secondaries)).collect();
    let soa = config.zones.iter().find(|zone| *zone.origin() == zones[0].origin);
    let catalog = config.transfer.catalog.as_ref().filter(|one| is_of(&one.secondaries));
    let copy = Copy {
        our_name: soa.map(|zone| zone.soa().0.mname.to_string()).unwrap_or_default(),
        zones: zones.iter().map(|zone| bare(&zone.origin.to_string())).collect(),
        catalog: catalog.map(|catalog| bare(&catalog.origin.to_string())),
        secondary,
        primaries: primaries(config, secondary, &options.primary)?,
        secret: secondary.key.as_ref().map(|key| match options.with_secrets {
            true => key.base64(),
            false => format!("THE BASE64 OF {}", key.secret_file.display()),
        }),
    };
    match options.server {
        SecondaryServer::Nsd => copy.nsd(),
        SecondaryServer::Knot => copy.knot(),
        SecondaryServer::Bind => copy.bind(),
        SecondaryServer::Powerdns => copy.powerdns(),
        SecondaryServer::Unbound => copy.unbound(),
        SecondaryServer::KnotResolver => Ok(copy.knot_resolver()),
    }
}

/// Where the secondary reaches us.
fn primaries(
    config: &Config,
    secondary: &SecondaryConfig,
    said: &[SocketAddr],
) -> Result<Vec<SocketAddr>, String> {
    if !said.is_empty() {
        return Ok(said.to_vec());
    }
    let listen = match (secondary.transport, &config.dns.tls) {
        (TransferTransport::Tls, Some(tls)) => &tls.listen,
        _ => &config.dns.listen,
    };
    let fits = |ip: IpAddr| {
        ip.is_ipv4() == secondary.address.is_ipv4()
            && !ip.is_unspecified()
            && (!ip.is_loopback() || secondary.address.is_loopback())
    };
    let found = listen.iter().find(|address| fits(address.ip()));
    found.map(|address| vec![*address]).ok_or_else(|| {
        format!(
            "`listen` has no address at which {} at {} can reach us: say it with --primary \
             ADDRESS:PORT",
            secondary.name, secondary.address
        )
    })
}

impl Copy<'_> {
    fn key(&self) -> Option<(&KeyConfig, &str)> {
        Some((self.secondary.key.as_deref()?, self.secret.as_deref()?))
    }

    /// The name of the key, without the last dot.
    fn key_name(&self) -> Option<String> {
        self.secondary.key.as_ref().map(|key| bare(&key.name.to_string()))
    }

    fn is_tls(&self) -> bool {
        self.secondary.transport == TransferTransport::Tls
    }

    fn no_tls(&self, server: &str) -> Result<(), String> {
        match self.is_tls() {
            true => {
                Err(format!("{server} does not transfer zones over TLS: write transport = \"tcp\""))
            }
            false => Ok(()),
        }
    }

    fn nsd(&self) -> Result<String, String> {
        let mut text = "server:\n    # Two changes within a second are both loaded at once.\n    \
                        xfrd-reload-timeout: 0\n    # Clients are spread over the servers of a \
                        read name.\n    round-robin: yes\n"
            .to_owned();
        if self.is_tls() {
            text += "    tls-cert-bundle: \"/etc/ssl/certs/ca-certificates.crt\"\n";
        }
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "\nkey:\n    name: \"{name}\"\n    algorithm: {algorithm}\n    \
                 secret: \"{secret}\"\n"
            );
        }
        let mut way = "";
        if self.is_tls() {
            let name = bare(&self.our_name);
            text += &format!(
                "\ntls-auth:\n    name: \"pointsman\"\n    auth-domain-name: \"{name}\"\n"
            );
            way = " pointsman";
        }
        let key = self.key_name().unwrap_or_else(|| "NOKEY".into());
        for zone in &self.zones {
            text += &format!("\nzone:\n    name: \"{zone}\"\n");
            for primary in &self.primaries {
                let (ip, port) = (primary.ip(), primary.port());
                text += &format!("    allow-notify: {ip} {key}\n");
                text += &format!("    request-xfr: {ip}@{port} {key}{way}\n");
            }
        }
        Ok(text)
    }

    fn knot(&self) -> Result<String, String> {
        self.no_tls("Knot DNS 3.2")?;
        let mut text = "server:\n    # Clients are spread over the servers of a read name.\n    \
                        answer-rotation: on\n"
            .to_owned();
        let mut key_line = String::new();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "\nkey:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n"
            );
            key_line = format!("    key: {name}\n");
        }
        let ids: Vec<_> = (1..=self.primaries.len()).map(|n| format!("pointsman{n}")).collect();
        text += "\nremote:\n";
        for (id, primary) in ids.iter().zip(&self.primaries) {
            let (ip, port) = (primary.ip(), primary.port());
            text += &format!("  - id: {id}\n    address: {ip}@{port}\n{key_line}");
        }
        text += "\nacl:\n";
        for (id, primary) in ids.iter().zip(&self.primaries) {
            let ip = primary.ip();
            text +=
                &format!("  - id: {id}-notify\n    address: {ip}\n{key_line}    action: notify\n");
        }
        let acls: Vec<_> = ids.iter().map(|id| format!("{id}-notify")).collect();
        let from = format!(
            "    master: [{}]\n    acl: [{}]\n    # The zone is kept in the journal: no file is \
             written for each change.\n    zonefile-load: none\n    zonefile-sync: -1\n    \
             journal-content: all\n    # A lost NOTIFY costs no more than REFRESH.\n    \
             refresh-min-interval: 2\n    retry-min-interval: 1\n",
            ids.join(", "),
            acls.join(", ")
        );
        if let Some(catalog) = &self.catalog {
            text += &format!(
                "\ntemplate:\n  - id: pointsman\n{from}\nzone:\n  - domain: {catalog}\n    \
                 # Which zones there are stands in this one.\n    catalog-role: interpret\n    \
                 catalog-template: pointsman\n{from}"
            );
            return Ok(text);
        }
        text += "\nzone:\n";
        for zone in &self.zones {
            text += &format!("  - domain: {zone}\n{from}");
        }
        Ok(text)
    }

    fn bind(&self) -> Result<String, String> {
        let mut text = String::new();
        let mut key_word = String::new();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!(
                "key \"{name}\" {{\n    algorithm {algorithm};\n    secret \"{secret}\";\n}};\n\n"
            );
            key_word = format!(" key \"{name}\"");
        }
        let mut tls_word = "";
        if self.is_tls() {
            let name = bare(&self.our_name);
            text += &format!(
                "tls pointsman {{\n    protocols {{ TLSv1.3; }};\n    ca-file \
                 \"/etc/ssl/certs/ca-certificates.crt\";\n    remote-hostname \"{name}\";\n}};\n\n"
            );
            tls_word = " tls pointsman";
        }
        let mut primaries = String::new();
        for primary in &self.primaries {
            let (ip, port) = (primary.ip(), primary.port());
            let _ = writeln!(primaries, "        {ip} port {port}{key_word}{tls_word};");
        }
        let from = format!(
            "    primaries {{\n{primaries}    }};\n    # Its own floor is 300 s: a lost NOTIFY \
             would cost that.\n    min-refresh-time 1;\n    min-retry-time 1;\n    # Nobody else \
             is told or copies.\n    notify no;\n    allow-transfer {{ none; }};\n}};\n"
        );
        let zones = match &self.catalog {
            Some(catalog) => {
                let primaries = primaries.replace("        ", "#         ");
                text += &format!(
                    "# Into options {{ }}, for there is one only:\n#     catalog-zones {{\n\
                     #         zone \"{catalog}\"\n\
                     #         zone-directory \"catalog\" min-update-interval 1\n\
                     #         default-primaries {{\n{primaries}#         }};\n#     }};\n#     \
                     min-refresh-time 1;\n#     min-retry-time 1;\n#     notify no;\n\
                     # Once: mkdir catalog\n\n"
                );
                std::slice::from_ref(catalog)
            }
            None => &self.zones[..],
        };
        for zone in zones {
            text += &format!(
                "zone \"{zone}\" {{\n    type secondary;\n    file \"{zone}.copy\";\n{from}"
            );
        }
        Ok(text)
    }

    fn powerdns(&self) -> Result<String, String> {
        self.no_tls("PowerDNS")?;
        let mut text = "# pdns.conf\nsecondary=yes\n# A lost NOTIFY costs a second or two; the \
                        default is 60.\nxfr-cycle-interval=1\n# Answers are not kept beside the \
                        copy.\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n\n# Once, by \
                        pdnsutil:\n"
            .to_owned();
        if let Some((key, secret)) = self.key() {
            let (name, algorithm) = (bare(&key.name.to_string()), key.algorithm.name());
            text += &format!("# pdnsutil import-tsig-key {name} {algorithm} '{secret}'\n");
        }
        let primaries: Vec<_> = self.primaries.iter().map(ToString::to_string).collect();
        for zone in &self.zones {
            text += &format!("# pdnsutil create-secondary-zone {zone} {}\n", primaries.join(" "));
            if let Some(key) = self.key_name() {
                text += &format!("# pdnsutil activate-tsig-key {zone} {key} secondary\n");
            }
        }
        Ok(text)
    }

    fn unbound(&self) -> Result<String, String> {
        if self.secondary.key.is_some() {
            return Err(format!(
                "unbound signs no requests (TSIG): give {} unsigned = true in place of its key",
                self.secondary.name
            ));
        }
        self.no_tls("unbound 1.17")?;
        let mut text = "server:\n    # Clients are spread over the servers of a read name.\n    \
                        rrset-roundrobin: yes\n"
            .to_owned();
        for zone in &self.zones {
            text += &format!(
                "    # A filter of private addresses leaves the zone alone.\n    \
                 private-domain: \"{zone}\"\n"
            );
        }
        for zone in &self.zones {
            text += &format!("\nauth-zone:\n    name: \"{zone}\"\n");
            for primary in &self.primaries {
                let (ip, port) = (primary.ip(), primary.port());
                text += &format!("    primary: {ip}@{port}\n    allow-notify: {ip}\n");
            }
            text += "    # Clients are answered from the copy itself, past the cache.\n    \
                     for-downstream: yes\n    for-upstream: yes\n    fallback-enabled: no\n";
        }
        Ok(text)
    }

    fn knot_resolver(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let addresses =
            self.primaries.iter().map(|primary| format!("'{}@{}'", primary.ip(), primary.port()));
        let names = self.zones.iter().map(|zone| format!("todname('{zone}')"));
        format!(
            "-- Knot Resolver keeps no copy of a zone: it asks us, and keeps answers for a TTL.\n\
             cache.min_ttl(1)\npolicy.add(policy.suffix(policy.STUB({{{}}}), {{{}}}))\n",
            list(addresses.collect()),
            list(names.collect())
        )
    }
}

/// A name without its last dot, as other servers write it.
fn bare(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}
