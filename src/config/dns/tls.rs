//! `[dns.tls]`: DNS over TLS.

use std::{net::SocketAddr, path::PathBuf};

use toml::Spanned;

use super::listeners::Listeners;
use crate::config::read::{self, Conversion, Field, Section, section};

section! {
    /// DNS over TLS.
    TlsListenSection = "[dns.tls]" {
        /// Addresses and ports.
        listen: Vec<Spanned<SocketAddr>>,
        /// The certificate chain, PEM.
        certificate_file: PathBuf,
        /// Its private key, PEM.
        key_file: PathBuf,
    }
}

/// DNS over TLS (`[dns.tls]`, RFC 7858).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsListenConfig {
    /// Addresses and ports; at least one.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain, PEM. Read again when the file changes.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
}

/// `[dns.tls]`: off unless the section is there, and then all of it is needed.
pub fn convert(
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
    let chain = file.and_then(|file| conversion.content(file, read::certificates, advice));
    let advice = "name a PEM file with one PRIVATE KEY block that is not encrypted";
    let file = section.key_file.given_with_place();
    let key = file.and_then(|file| conversion.secret_content(file, read::key, advice));
    if let (Some(chain), Some(key), Some(place)) = (chain, key, section.key_file.span())
        && let Err(what) = read::fit(chain, key)
    {
        let advice = "name the certificate and the key of one pair";
        conversion.faults.add(place, format!("the key of `key_file` {what}"), advice);
    }
}
