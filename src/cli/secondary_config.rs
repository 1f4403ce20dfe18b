//! `secondary-config`: the settings with which other DNS servers keep copies of our zones, made of
//! the configuration.
//!
//! `docs/SECONDARIES.md` shows the same texts, and tests run those servers with them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{
    options::DEFAULT_CONFIG,
    outcome::{BAD_CONFIGURATION, FAILED, Out, report},
    secondary_settings::{Settings, bare},
};
use crate::config::{Config, SecondaryConfig, Secrets, TransferTransport};

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
    /// Let it sign the zone (DNSSEC) with a key of its own: knot and bind
    #[arg(long)]
    pub signed: bool,
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
    let copy = Settings {
        our_name: soa.map(|zone| zone.soa().0.mname.to_string()).unwrap_or_default(),
        zones: zones.iter().map(|zone| bare(&zone.origin.to_string())).collect(),
        catalog: catalog.map(|catalog| bare(&catalog.origin.to_string())),
        secondary,
        primaries: primaries(config, secondary, &options.primary)?,
        secret: secondary.key.as_ref().map(|key| match options.with_secrets {
            true => key.base64(),
            false => format!("THE BASE64 OF {}", key.secret_file.display()),
        }),
        is_signed: options.signed,
    };
    let signs = matches!(options.server, SecondaryServer::Knot | SecondaryServer::Bind);
    if options.signed && !signs {
        return Err("only Knot DNS and BIND sign zones that they copy: say knot or bind".into());
    }
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
