//! `[[zone.secondary]]`: a DNS server that keeps a copy of a zone.

use std::{net::IpAddr, sync::Arc, time::Duration};

use toml::Spanned;

use super::{KeyConfig, Keys};
use crate::config::{
    dns::DnsConfig,
    read::{
        Conversion, Field, Firsts, HostName, Label, Networks, PORTS, Section, Whole, one_of,
        section,
    },
};

section! {
    /// A DNS server that keeps a copy of the zone.
    SecondarySection = "[[zone.secondary]]" {
        /// What it is called in our words.
        name: Label,
        /// Where NOTIFY goes, and where transfers are asked from.
        address: IpAddr,
        /// Its DNS port.
        port: Whole<u16> [PORTS] = 53,
        /// The key that its requests are signed with.
        key: HostName,
        /// Whether its address alone is enough.
        unsigned: bool = false,
        /// How transfers travel.
        transport: TransferTransport = TransferTransport::Tcp,
        /// Whether it is told of each change.
        notify: bool = true,
        /// How often it is told while nothing changes; never, unless this is written. More seldom
        /// than the default it would tell nobody anything.
        notify_every: Duration [Duration::from_millis(200)..=Duration::from_secs(3600)]
            = Duration::from_secs(3600),
    }
}

/// How transfers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferTransport {
    /// TCP, or anything that hides more.
    Tcp,
    /// TLS 1.3 and nothing else (RFC 9103).
    Tls,
}

one_of! { TransferTransport, "\"tcp\" or \"tls\"",
    "tcp" => Self::Tcp,
    "tls" => Self::Tls,
}

/// A DNS server that keeps a copy of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryConfig {
    /// What it is called in our words.
    pub name: Box<str>,
    /// Where NOTIFY goes, and where transfers are asked from.
    pub address: IpAddr,
    /// Its DNS port.
    pub port: u16,
    /// The key that its requests are signed with; `None` where its address alone is enough.
    pub key: Option<Arc<KeyConfig>>,
    /// How transfers travel.
    pub transport: TransferTransport,
    /// Whether it is told of each change.
    pub notify: bool,
    /// How often it is told while nothing changes; `None` for never, as where it is told of nothing.
    pub notify_every: Option<Duration>,
}

/// Reads the secondaries of one zone.
pub fn convert(
    field: &Field<Vec<Spanned<SecondarySection>>>,
    (keys, dns): (&Keys, &DnsConfig),
    conversion: &mut Conversion<'_>,
) -> Vec<SecondaryConfig> {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let mut seen = Firsts::default();
    let read = sections.iter().filter_map(|section| {
        let secondary = one(section, (keys, dns), conversion)?;
        let place = section.get_ref().name.span().unwrap_or_else(|| section.span());
        if let Some(first) = seen.earlier(secondary.name.clone(), place.clone()) {
            let line = conversion.faults.line(&first);
            let what =
                format!("a second secondary `{}`, the first is on line {line}", secondary.name);
            conversion.faults.add(place, what, "give each secondary of a zone its own name");
        }
        Some(secondary)
    });
    read.collect()
}

fn one(
    section: &Spanned<SecondarySection>,
    (keys, dns): (&Keys, &DnsConfig),
    conversion: &mut Conversion<'_>,
) -> Option<SecondaryConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let title = SecondarySection::TITLE;
    let name = conversion.required(&section.name, &place, (title, "name = \"ns3\""));
    let address = conversion.required(&section.address, &place, (title, "address = \"10.0.0.53\""));
    let port = section.port(conversion);
    let key = keys.take(&section.key, conversion);
    let (unsigned, transport) = (section.unsigned(), section.transport());
    match (section.key.is_present(), unsigned) {
        (false, false) if !section.unsigned.is_present() || section.unsigned.given().is_some() => {
            conversion.faults.add(
                place,
                format!("{title} has neither a `key` nor `unsigned`"),
                "add key = \"…\" with the name of a [[key]], or unsigned = true if its address \
                 alone shall be enough",
            );
        }
        (true, true) => {
            conversion.useless(&section.unsigned, "unsigned", "a `key` is asked for");
        }
        _ => {}
    }
    if transport == TransferTransport::Tls && dns.tls.is_none() {
        let place = section.transport.span().unwrap_or_default();
        conversion.faults.add(
            place,
            "`transport` = \"tls\", and there is no [dns.tls]",
            "add [dns.tls] with its certificate, or write \"tcp\"",
        );
    }
    let (name, address) = (name?.0.as_str().into(), *address?);
    if let Some(place) = section.address.span() {
        check_address(address, &dns.allow_query, place, conversion);
    }
    let notify = section.notify();
    if !notify {
        conversion.useless(&section.notify_every, "notify_every", "`notify` = false");
    }
    let notify_every = section.notify_every.is_present().then(|| section.notify_every(conversion));
    Some(SecondaryConfig { name, address, port, key, transport, notify, notify_every })
}

fn check_address(
    address: IpAddr,
    allowed: &Networks,
    place: std::ops::Range<usize>,
    conversion: &mut Conversion<'_>,
) {
    if address.is_unspecified() || address.is_multicast() {
        let what = format!("`address` = \"{address}\" is no address of a server");
        conversion.faults.add(place, what, "write the one address that its requests come from");
    } else if !allowed.contains(address) {
        let what = format!("`address` = \"{address}\" may not ask us: `allow_query` leaves it out");
        conversion.faults.add(place, what, "add it to `allow_query` of [dns]");
    }
}
