//! `[[cluster.server]]`: one server.

use std::{collections::BTreeSet, net::IpAddr, ops::Range, sync::Arc};

use toml::Spanned;

use super::{
    Checks, FoundServer, ProbeTarget, TargetHost,
    checks::CheckWord,
    read::{Conversion, Field, HostPort, Label, OneOrMany, PORTS, Section, Whole, section},
    seen::Seen,
    words::Words,
};
use crate::{
    answers::PublishedServer,
    engine::{ClusterKind, MayWrite, ServerPolicy},
};

section! {
    /// One server.
    ServerSection = "[[cluster.server]]" {
        /// Its name in Pointsman.
        name: Label,
        /// What DNS says.
        address: OneOrMany<IpAddr>,
        /// The database port.
        port(usual: u16): Whole<u16> [PORTS] = usual,
        /// Where the choice is free: lower is preferred. The same for all, so that the order of the
        /// file decides; the range is that of SRV (RFC 2782), as that of the weight.
        priority: Whole<u32> [0..=65_535] = 100,
        /// Share under `balance = "weighted"`. The same for all: every server gets the same share.
        weight: Whole<u32> [0..=65_535] = 1,
        /// Where it is asked, if not at its first address.
        probe_address: HostPort,
        /// Who is asked about it, if not those of its cluster.
        checks: Vec<Spanned<CheckWord>>,
    }
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, unique among the servers of all clusters.
    pub name: Arc<str>,
    /// The published addresses; at least one.
    pub addresses: Arc<[IpAddr]>,
    /// The database port.
    pub port: u16,
    /// Lower is preferred, where the choice is free.
    pub priority: u32,
    /// Its share of the clients of a weighted read name; 0 keeps it for last.
    pub weight: u32,
    /// Where it is asked.
    pub target: ProbeTarget,
    /// Who is asked about it.
    pub checks: Checks,
    /// What discovery knows of it; `None` for one that an operator vouches for.
    pub found: Option<FoundServer>,
}

impl ServerConfig {
    pub(super) fn policy(&self, may_write: MayWrite) -> ServerPolicy {
        let witnesses = self.checks.witnesses.iter();
        ServerPolicy {
            name: self.name.clone(),
            priority: self.priority,
            aliases: self.aliases(),
            addresses: self.addresses.clone(),
            port: self.port,
            witnesses: witnesses.map(|witness| witness.check()).collect(),
            may_write,
        }
    }

    pub(super) fn published(&self) -> PublishedServer {
        PublishedServer {
            name: self.name.clone(),
            addresses: self.addresses.clone(),
            port: self.port,
            weight: self.weight,
        }
    }

    /// Every text under which a replica may name this server as its source, without repetition.
    pub fn aliases(&self) -> Box<[Arc<str>]> {
        let host = match &self.target.host {
            TargetHost::Address(address) => address.to_string().into(),
            TargetHost::Name(name) => Arc::from(&**name),
        };
        let mut known = BTreeSet::new();
        let addresses = self.addresses.iter().map(|address| Arc::from(address.to_string()));
        let texts = addresses.chain([host, Arc::clone(&self.name)]);
        texts.filter(|text| known.insert(Arc::clone(text))).collect()
    }
}

/// One server of a cluster of `kind`, if that is known; `None` once a fault has been reported. `checks`
/// says what comes of its key.
pub fn convert(
    section: &Spanned<ServerSection>,
    (kind, seen): (Option<ClusterKind>, &mut Seen),
    checks: impl FnOnce(&Field<Vec<Spanned<CheckWord>>>, &mut Conversion<'_>) -> Checks,
    conversion: &mut Conversion<'_>,
) -> Option<ServerConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let name = name(section, &place, seen, conversion);
    let port = port(kind, section, &place, conversion);
    let example = (ServerSection::TITLE, "address = \"10.0.0.1\"");
    conversion.required(&section.address, &place, example);
    let addresses = addresses(&section.address, port, seen, conversion);
    let (priority, weight) = (section.priority(conversion), section.weight(conversion));
    let checks = checks(&section.checks, conversion);
    let (name, port, first) = (name?, port?, *addresses.first()?);
    let target = match section.probe_address.given() {
        Some(probe) => ProbeTarget { host: probe.host.clone(), port: probe.port.unwrap_or(port) },
        None => ProbeTarget { host: TargetHost::Address(first), port },
    };
    Some(ServerConfig { name, addresses, port, priority, weight, target, checks, found: None })
}

fn name(
    section: &ServerSection,
    place: &Range<usize>,
    seen: &mut Seen,
    conversion: &mut Conversion<'_>,
) -> Option<Arc<str>> {
    let example = (ServerSection::TITLE, "name = \"db1\"");
    let name = &conversion.required(&section.name, place, example)?.0;
    let place = section.name.span().unwrap_or_else(|| place.clone());
    if let Some(first) = seen.servers.earlier(name.to_ascii_lowercase(), place.clone()) {
        let line = conversion.faults.line(&first);
        conversion.faults.add(
            place,
            format!("a second server named `{name}`, the first is on line {line}"),
            "give every server of every cluster its own name",
        );
    }
    Some(name.as_str().into())
}

/// The port, by default the engine's. `tcp` has none.
fn port(
    kind: Option<ClusterKind>,
    section: &ServerSection,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<u16> {
    let usual = kind.and_then(usual_port);
    if !section.port.is_present() && kind == Some(ClusterKind::Tcp) {
        conversion.faults.add(
            place.clone(),
            "a server of a \"tcp\" cluster has no `port`",
            "add port = 6379, or whatever it listens on",
        );
    }
    match section.port {
        Field::Absent => usual,
        _ => Some(section.port(1, conversion)),
    }
}

/// The port of an engine's servers where nobody names another one.
pub fn usual_port(kind: ClusterKind) -> Option<u16> {
    match kind {
        ClusterKind::Postgres => Some(POSTGRES_PORT),
        ClusterKind::MySql => Some(MYSQL_PORT),
        ClusterKind::Tcp => None,
    }
}

/// The published addresses, each usable by clients and each once per port in the whole
/// configuration.
fn addresses(
    field: &Field<OneOrMany<IpAddr>>,
    port: Option<u16>,
    seen: &mut Seen,
    conversion: &mut Conversion<'_>,
) -> Arc<[IpAddr]> {
    let Field::Given(list) = field else {
        return Arc::default();
    };
    let OneOrMany(addresses) = list.get_ref();
    if addresses.is_empty() {
        conversion.faults.add(
            list.span(),
            "`address` is an empty list",
            "name the address that clients shall connect to",
        );
    }
    for address in addresses {
        let ip = *address.get_ref();
        if let Some(reason) = unpublishable(ip) {
            conversion.faults.add(
                address.span(),
                format!("{ip} cannot be published: {reason}"),
                "name the address that clients shall connect to",
            );
        }
        let Some(port) = port else { continue };
        if let Some(first) = seen.published.earlier((ip, port), address.span()) {
            let line = conversion.faults.line(&first);
            conversion.faults.add(
                address.span(),
                format!("{ip} with port {port} is already published, see line {line}"),
                "name every server once",
            );
        }
    }
    addresses.iter().map(|address| *address.get_ref()).collect()
}

/// Why no client could connect to `address`.
fn unpublishable(address: IpAddr) -> Option<&'static str> {
    match address {
        address if address.is_unspecified() => Some("it means \"any address\""),
        address if address.is_multicast() => Some("it is a multicast address"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("it is the broadcast address"),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Some("it is an IPv4 address written as IPv6")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            Some("it is link-local, and DNS cannot say on which link")
        }
        _ => None,
    }
}

/// The server `name`, in any case of letters.
pub fn named<'s>(servers: &'s [ServerConfig], name: &str) -> Option<&'s ServerConfig> {
    servers.iter().find(|server| server.name.eq_ignore_ascii_case(name))
}

/// What a reload says of the servers of a cluster.
pub fn changes(before: &[ServerConfig], after: &[ServerConfig], words: &mut Words) {
    for server in after {
        match named(before, &server.name) {
            None => words.add(format!("{} joins", server.name)),
            Some(known) => settings(known, server, words),
        }
    }
    for server in before {
        if named(after, &server.name).is_none() {
            words.add(format!("{} leaves", server.name));
        }
    }
    let stay = |one: &[ServerConfig], other: &[ServerConfig]| -> Vec<String> {
        let names = one.iter().map(|server| &*server.name);
        names.filter(|name| named(other, name).is_some()).map(str::to_owned).collect()
    };
    if stay(before, after) != stay(after, before) {
        words.add("its servers are in another order");
    }
}

fn settings(was: &ServerConfig, is: &ServerConfig, words: &mut Words) {
    let ServerConfig { name, addresses, port, priority, weight, target, checks, found } = is;
    let of = format!("{name} ");
    words.setting(&of, "address", (&was.addresses, addresses));
    words.setting(&of, "port", (&was.port, port));
    words.setting(&of, "weight", (&was.weight, weight));
    words.setting(&of, "priority", (&was.priority, priority));
    if was.target != *target {
        words.add(format!("{of}is probed at {target}, was at {}", was.target));
    }
    if was.checks != *checks {
        words.add(format!("{of}has other checks"));
    }
    if was.found.is_some() && found.is_none() {
        words.add(format!("{of}is vouched for"));
    }
}

/// PostgreSQL's port.
const POSTGRES_PORT: u16 = 5432;

/// MySQL's and MariaDB's port.
const MYSQL_PORT: u16 = 3306;
