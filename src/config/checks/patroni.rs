//! `[cluster.probe.patroni]`: Patroni's REST API.

use std::{ops::Range, path::PathBuf};

use toml::{Spanned, de::DeValue};

use super::{WitnessConfig, https};
use crate::config::{
    read::{Conversion, Faults, PORTS, Value, Whole, parsed, section},
    tls::TlsWord,
};

section! {
    /// Patroni's REST API.
    PatroniSection = "[cluster.probe.patroni]" {
        /// Its port.
        port: Whole<u16> [PORTS] = 8008,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
        /// How far a replica may be behind.
        replica_lag: Size,
    }
}

/// The check of the section, or the usual one without it.
pub fn convert(
    section: Option<(&PatroniSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let absent = PatroniSection::default();
    let section = section.map_or(&absent, |(section, _)| section);
    Some(WitnessConfig::Patroni {
        port: section.port(conversion),
        tls: https(&section.tls, &section.ca_file, conversion),
        replica_lag: section.replica_lag.given().map(|size| size.0),
    })
}

/// A number of octets.
#[derive(Clone, Copy, Debug)]
pub struct Size(u64);

impl Value for Size {
    const KIND: &'static str = "a size in quotes";
    const FORM: &'static str = "a number with a unit, as in \"64kB\", \"16MB\" or \"1GB\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            size(text).map(Self).ok_or_else(|| format!("= {text:?} is not a size"))
        })
    }
}

/// Whole kB, MB or GB of 1024, as Patroni and PostgreSQL count them.
fn size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|next: char| !next.is_ascii_digit())?);
    let unit = match unit {
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(size("64kB"), Some(65_536));
        assert_eq!(size("16MB"), Some(16 << 20));
        assert_eq!(size("1GB"), Some(1 << 30));
        for odd in ["", "1", "MB", "1mb", "1 MB", "-1MB", "1TB", "99999999999999999999GB"] {
            assert_eq!(size(odd), None, "{odd:?}");
        }
    }
}
