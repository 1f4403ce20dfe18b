//! `[[cluster.server]]`.

use std::{net::IpAddr, ops::Range};

use toml::Spanned;

use super::{Conversion, Seen, checks::ClusterChecks};
use crate::{
    config::{
        ProbeTarget, ServerConfig, TargetHost, defaults,
        file::ServerSection,
        reading::{Field, Section},
        values::OneOrMany,
    },
    engine::ClusterKind,
};

/// One server of a cluster of `kind`, if that is known; `None` once a fault has been reported.
pub(super) fn convert(
    kind: Option<ClusterKind>,
    section: &Spanned<ServerSection>,
    seen: &mut Seen,
    checks: &mut ClusterChecks,
    conversion: &mut Conversion<'_>,
) -> Option<ServerConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let name = name(section, &place, seen, conversion);
    let port = port(kind, section, &place, conversion);
    let example = (ServerSection::TITLE, "address = \"10.0.0.1\"");
    conversion.required(&section.address, &place, example);
    let addresses = addresses(&section.address, port, seen, conversion);
    let priority =
        conversion.number(&section.priority, "priority", defaults::RANK, defaults::PRIORITY);
    let weight = conversion.number(&section.weight, "weight", defaults::RANK, defaults::WEIGHT);
    let checks = checks.of_server(&section.checks, conversion);
    let (name, port, first) = (name?, port?, *addresses.first()?);
    let target = match section.probe_address.given() {
        Some(probe) => ProbeTarget { host: probe.host.clone(), port: probe.port.unwrap_or(port) },
        None => ProbeTarget { host: TargetHost::Address(first), port },
    };
    Some(ServerConfig { name, addresses, port, priority, weight, target, checks })
}

fn name(
    section: &ServerSection,
    place: &Range<usize>,
    seen: &mut Seen,
    conversion: &mut Conversion<'_>,
) -> Option<Box<str>> {
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
    let default = match kind {
        Some(ClusterKind::Postgres) => Some(defaults::POSTGRES_PORT),
        Some(ClusterKind::MySql) => Some(defaults::MYSQL_PORT),
        Some(ClusterKind::Tcp) | None => None,
    };
    if !section.port.is_present() && kind == Some(ClusterKind::Tcp) {
        conversion.faults.add(
            place.clone(),
            "a server of a \"tcp\" cluster has no `port`",
            "add port = 6379, or whatever it listens on",
        );
    }
    match section.port {
        Field::Absent => default,
        _ => Some(conversion.number(&section.port, "port", 1..=65_535, 1)),
    }
}

/// The published addresses, each usable by clients and each once per port in the whole
/// configuration.
fn addresses(
    field: &Field<OneOrMany<IpAddr>>,
    port: Option<u16>,
    seen: &mut Seen,
    conversion: &mut Conversion<'_>,
) -> Vec<IpAddr> {
    let Field::Given(list) = field else {
        return Vec::new();
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
