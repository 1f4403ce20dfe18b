//! `[cluster.probe.http]`: the status of an HTTP reply.

use std::{
    ops::{Range, RangeInclusive},
    path::PathBuf,
};

use toml::{Spanned, de::DeValue};

use super::{WitnessConfig, https};
use crate::config::{
    read::{Conversion, Faults, PORTS, Ranged, Section, UrlPath, Value, Whole, parsed, section},
    tls::TlsWord,
};

section! {
    /// The status of an HTTP reply.
    HttpSection = "[cluster.probe.http]" {
        /// The port.
        port(faulty: u16): Whole<u16> [PORTS] = faulty,
        /// Path and query.
        path: UrlPath,
        /// The `Host` header.
        host: HeaderText,
        /// Good statuses.
        expect: Vec<Spanned<Whole<u16>>>,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
    }
}

/// The check of the section, without which there is none.
pub fn convert(
    section: Option<(&HttpSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    conversion.required(&section.port, &place, (HttpSection::TITLE, "port = 8080"));
    let statuses = section.expect.given_with_place();
    if let Some(empty) = statuses.filter(|list| list.get_ref().is_empty()) {
        let advice = "name the statuses that are good, or remove it: then every 2xx is";
        conversion.faults.add(empty.span(), "`expect` is an empty list", advice);
    }
    let mut expect = Vec::new();
    for status in statuses.map_or(&[][..], |list| list.get_ref()) {
        expect.push(status_code(status, conversion));
    }
    Some(WitnessConfig::Http {
        port: section.port(1, conversion),
        path: section.path.given().map_or("/", |path| &path.0).into(),
        host: section.host.given().map(|host| host.0.as_str().into()),
        expect,
        tls: https(&section.tls, &section.ca_file, conversion),
    })
}

fn status_code(status: &Spanned<Whole<u16>>, conversion: &mut Conversion<'_>) -> u16 {
    status.get_ref().within(&STATUSES).unwrap_or_else(|_| {
        let number = status.get_ref().number;
        let what = format!("`expect` has {number}, which no reply ends with");
        conversion.faults.add(status.span(), what, "write statuses from 200 to 599");
        200
    })
}

/// Statuses that a reply can end with (RFC 9110 section 15).
const STATUSES: RangeInclusive<u16> = 200..=599;

/// A text for an HTTP header.
#[derive(Clone, Debug)]
pub struct HeaderText(String);

impl Value for HeaderText {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a host name, with a port if need be";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match text.bytes().all(|o| o.is_ascii_graphic()) {
            true if !text.is_empty() => Ok(Self(text.into())),
            _ => Err(format!("= {text:?} is no host")),
        })
    }
}
