//! `[dns]` with its sub-sections.

use std::{net::SocketAddr, num::NonZero, ops::Range, path::PathBuf, thread};

use toml::Spanned;

use super::{Conversion, Firsts, pem};
use crate::config::{
    DnsConfig, ExposeConfig, Networks, RateLimitConfig, TcpConfig, TlsListenConfig, defaults,
    file::{DnsSection, ExposeSection, RateLimitSection, TcpSection, TlsListenSection},
    reading::{Field, Section},
};

/// `[dns]`, which may be left out.
pub(super) fn convert(
    field: &Field<DnsSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> DnsConfig {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let mut config = DnsConfig::on(vec![defaults::LISTEN], cpus);
    let Field::Given(section) = field else {
        return config;
    };
    let section = section.get_ref();
    config.workers = conversion.number(&section.workers, "workers", defaults::WORKERS, cpus);
    if let Field::Given(listen) = &section.listen {
        let advice = format!("name an address, or leave it out for {}", defaults::LISTEN);
        config.listen = listeners.take(listen, advice, conversion);
    }
    config.identity = section.identity.given().map(|identity| identity.0.as_str().into());
    config.allow_query = networks(&section.allow_query, config.allow_query);
    config.cookie_secrets = cookie_secrets(&section.cookie_secret_file, conversion);
    if let Some(section) = section.tcp.given() {
        config.tcp = tcp(section, conversion);
    }
    config.tls = tls(&section.tls, listeners, conversion);
    if let Some(section) = section.rate_limit.given() {
        config.rate_limit = rate_limit(section, conversion);
    }
    if let Some(section) = section.expose.given() {
        config.expose = expose(section, conversion);
    }
    config
}

/// Where something listens by TCP already.
pub(super) struct Listeners {
    seen: Firsts<SocketAddr>,
    /// Whether `[dns] listen` is left out.
    by_default: bool,
}

impl Listeners {
    /// None yet, for a file with this `[dns]`.
    pub(super) fn new(dns: &Field<DnsSection>) -> Self {
        let by_default = match dns {
            Field::Absent => true,
            Field::Faulty => false,
            Field::Given(section) => !section.get_ref().listen.is_present(),
        };
        Self { seen: Firsts::default(), by_default }
    }

    /// The addresses of a list; `advice` when it is empty.
    fn take(
        &mut self,
        list: &Spanned<Vec<Spanned<SocketAddr>>>,
        advice: impl Into<String>,
        conversion: &mut Conversion<'_>,
    ) -> Vec<SocketAddr> {
        if list.get_ref().is_empty() {
            conversion.faults.add(list.span(), "`listen` is empty", advice);
        }
        list.get_ref()
            .iter()
            .map(|address| {
                self.take_one(*address.get_ref(), address.span(), conversion);
                *address.get_ref()
            })
            .collect()
    }

    /// Reports `address` when something listens there. Port 0 is another port each time.
    pub(super) fn take_one(
        &mut self,
        address: SocketAddr,
        place: Range<usize>,
        conversion: &mut Conversion<'_>,
    ) {
        let what = match self.seen.earlier(address, place.clone()) {
            _ if address.port() == 0 => return,
            Some(first) => {
                let line = conversion.faults.line(&first);
                format!("\"{address}\" is already listened on, see line {line}")
            }
            None if self.by_default && address == defaults::LISTEN => {
                format!("\"{address}\" is already listened on, as the default of [dns] `listen`")
            }
            None => return,
        };
        conversion.faults.add(place, what, "remove one of them");
    }
}

/// The networks that are given, or `default`.
fn networks(field: &Field<Networks>, default: Networks) -> Networks {
    field.given().cloned().unwrap_or(default)
}

/// The secrets in the file, one per line.
fn cookie_secrets(field: &Field<PathBuf>, conversion: &mut Conversion<'_>) -> Vec<[u8; 16]> {
    let advice = "store 32 hexadecimal digits per line, as `openssl rand -hex 16` draws them, the \
                  secret that makes cookies first";
    let file = field.given_with_place();
    file.and_then(|file| conversion.content(file, secrets, advice)).unwrap_or_default()
}

/// The secrets in the content of the file. The error never shows any of it.
fn secrets(octets: &[u8]) -> Result<Vec<[u8; 16]>, String> {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    if octets.is_empty() {
        return Err("is empty".into());
    }
    let mut secrets = Vec::new();
    for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let secret = secret(line.strip_suffix(b"\r").unwrap_or(line))
            .ok_or_else(|| format!("holds something else than a secret on line {}", index + 1))?;
        if secrets.contains(&secret) {
            return Err(format!("repeats a secret on line {}", index + 1));
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// 16 octets in hexadecimal.
fn secret(line: &[u8]) -> Option<[u8; 16]> {
    // The number's own parser would let a sign pass.
    let digits = line.len() == 32 && line.iter().all(u8::is_ascii_hexdigit);
    let text = str::from_utf8(line).ok().filter(|_| digits)?;
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

/// `[dns.tcp]`.
fn tcp(section: &TcpSection, conversion: &mut Conversion<'_>) -> TcpConfig {
    let default = TcpConfig::default();
    let range = defaults::TCP_CONNECTIONS_RANGE;
    let max_connections = conversion.number(
        &section.max_connections,
        "max_connections",
        range.clone(),
        default.max_connections,
    );
    let max_connections_per_client = conversion.number(
        &section.max_connections_per_client,
        "max_connections_per_client",
        range,
        default.max_connections_per_client.min(max_connections),
    );
    if let (Some(place), true) =
        (section.max_connections_per_client.span(), max_connections_per_client > max_connections)
    {
        conversion.faults.add(
            place,
            format!(
                "`max_connections_per_client` = {max_connections_per_client} is more than \
                 `max_connections` = {max_connections}"
            ),
            "lower it: one client could take all connections",
        );
    }
    TcpConfig {
        max_connections,
        max_connections_per_client,
        idle_timeout: conversion.time(
            &section.idle_timeout,
            "idle_timeout",
            &defaults::TCP_IDLE_RANGE,
            default.idle_timeout,
        ),
    }
}

/// `[dns.tls]`: off unless the section is there, and then all of it is needed.
fn tls(
    field: &Field<TlsListenSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> Option<TlsListenConfig> {
    let Field::Given(section) = field else {
        return None;
    };
    let (place, section) = (section.span(), section.get_ref());
    let title = TlsListenSection::TITLE;
    let example = "listen = [\"127.0.0.1:853\"]";
    conversion.required(&section.listen, &place, (title, example));
    let listen = match &section.listen {
        Field::Given(list) => {
            let advice = format!("write {example}, or remove {title}");
            Some(listeners.take(list, advice, conversion))
        }
        Field::Absent | Field::Faulty => None,
    };
    let example = (title, "certificate_file = \"dns.pem\"");
    conversion.required(&section.certificate_file, &place, example);
    let example = (title, "key_file = \"dns.key\"");
    conversion.required(&section.key_file, &place, example);
    pair(section, conversion);
    Some(TlsListenConfig {
        listen: listen?,
        certificate_file: conversion.path(section.certificate_file.given()?),
        key_file: conversion.path(section.key_file.given()?),
    })
}

/// Checks that the certificate and its key can be read and belong together.
fn pair(section: &TlsListenSection, conversion: &mut Conversion<'_>) {
    let advice =
        "name a PEM file with one or more BEGIN CERTIFICATE blocks, the server's own first";
    let file = section.certificate_file.given_with_place();
    let chain = file.and_then(|file| conversion.content(file, pem::certificates, advice));
    let advice = "name a PEM file with one PRIVATE KEY block that is not encrypted";
    let file = section.key_file.given_with_place();
    let key = file.and_then(|file| conversion.content(file, pem::key, advice));
    if let (Some(chain), Some(key), Some(place)) = (chain, key, section.key_file.span())
        && let Err(what) = pem::fit(chain, key)
    {
        let advice = "name the certificate and the key of one pair";
        conversion.faults.add(place, format!("the key of `key_file` {what}"), advice);
    }
}

/// `[dns.rate_limit]`.
fn rate_limit(section: &RateLimitSection, conversion: &mut Conversion<'_>) -> RateLimitConfig {
    let default = RateLimitConfig::default();
    let config = RateLimitConfig {
        responses_per_second: conversion.number(
            &section.responses_per_second,
            "responses_per_second",
            defaults::RESPONSES_RANGE,
            default.responses_per_second,
        ),
        slip: conversion.number(&section.slip, "slip", defaults::SLIP_RANGE, default.slip),
        ipv4_prefix: conversion.number(
            &section.ipv4_prefix,
            "ipv4_prefix",
            1..=32,
            default.ipv4_prefix,
        ),
        ipv6_prefix: conversion.number(
            &section.ipv6_prefix,
            "ipv6_prefix",
            1..=128,
            default.ipv6_prefix,
        ),
        exempt: networks(&section.exempt, default.exempt),
    };
    if config.responses_per_second == 0 {
        let reason = "`responses_per_second` = 0 limits nobody";
        conversion.useless(&section.slip, "slip", reason);
        conversion.useless(&section.ipv4_prefix, "ipv4_prefix", reason);
        conversion.useless(&section.ipv6_prefix, "ipv6_prefix", reason);
        conversion.useless(&section.exempt, "exempt", reason);
    }
    config
}

/// `[dns.expose]`.
fn expose(section: &ExposeSection, conversion: &mut Conversion<'_>) -> ExposeConfig {
    let default = ExposeConfig::default();
    let config = ExposeConfig {
        srv: networks(&section.srv, default.srv),
        servers: networks(&section.servers, default.servers),
        status: networks(&section.status, default.status),
        why: networks(&section.why, default.why),
        events: networks(&section.events, default.events),
        version: networks(&section.version, default.version),
        identity: networks(&section.identity, default.identity),
    };
    if let (Some(place), true) = (
        section.servers.span(),
        config.servers == Networks::Nobody && config.srv != Networks::Nobody,
    ) {
        conversion.faults.add(
            place,
            "`servers` = \"none\" leaves the targets of SRV records without addresses",
            "add srv = \"none\", or let those see the servers who see SRV records",
        );
    }
    config
}
