//! The types of values that name hosts: addresses, DNS names, and a host with a port.
//!
//! A DNS name is absolute with or without its last dot: relative to what would it be?

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::{LowerName, Name};
use toml::{Spanned, de::DeValue};

use super::{Faults, Value, parsed};
use crate::config::TargetHost;

/// A name that can be a label of a DNS name, because `dig` shows it in one: servers and clusters.
/// `_` in front is kept for names that tell about others, as `_why` (RFC 8552).
#[derive(Clone, Debug)]
pub struct Label(pub(in crate::config) String);

/// An absolute DNS name of letters, digits, `-` and `_`.
#[derive(Clone, Debug)]
pub struct HostName(pub(in crate::config) LowerName);

/// A host with an optional port.
#[derive(Clone, Debug)]
pub struct HostPort {
    /// Name or address.
    pub host: TargetHost,
    /// Port, never 0; `None` for the server's own.
    pub port: Option<u16>,
}

impl Value for IpAddr {
    const KIND: &'static str = "an IP address in quotes";
    const FORM: &'static str = "an IPv4 or IPv6 address, as in \"10.0.0.1\" or \"fd00::1\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            text.parse().map_err(|_| format!("= {text:?} is not an IP address"))
        })
    }
}

impl Value for SocketAddr {
    const KIND: &'static str = "an address and a port in quotes";
    const FORM: &'static str = "an IP address and a port, as in \"127.0.0.1:53\" or \"[::1]:53\"";
    const LIST_FORM: &'static str = "a list, as in [\"127.0.0.1:53\", \"[::1]:53\"]";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            let address: Self =
                text.parse().map_err(|_| format!("= {text:?} is not an address with a port"))?;
            let ip = address.ip();
            match ip.is_multicast() || ip == IpAddr::from([255; 4]) {
                true => Err(format!("= {text:?}: nobody can listen there")),
                false => Ok(address),
            }
        })
    }
}

impl Value for HostName {
    const KIND: &'static str = "a DNS name in quotes";
    const FORM: &'static str =
        "labels of letters, digits, - and _ with dots between, as in \"write.db.internal.\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            let bare = text.strip_suffix('.').unwrap_or(text);
            if let Some(label) = bare.split('.').find(|label| label.len() > 63) {
                return Err(format!("has a label of {} octets, 63 is the limit", label.len()));
            }
            if !bare.split('.').all(is_label) {
                return Err(format!("= {text:?} is not a host name"));
            }
            let mut name = Name::from_ascii(bare)
                .map_err(|_| format!("has {} octets, 255 is the limit", bare.len() + 2))?;
            name.set_fqdn(true);
            Ok(Self(LowerName::new(&name)))
        })
    }
}

/// One to 63 letters, digits, `-` and `_` (RFC 952 and RFC 1123 section 2.1, and the underscore of
/// RFC 8552).
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
}

impl Value for Label {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "1 to 63 letters, digits, - and _, and no _ in front";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match is_label(text) {
            true if text.starts_with('_') => {
                Err(format!("= {text:?} begins with _, as only names about names do"))
            }
            true => Ok(Self(text.into())),
            false => Err(format!("= {text:?} cannot be a label of a DNS name")),
        })
    }
}

impl Value for HostPort {
    const KIND: &'static str = "a host in quotes";
    const FORM: &'static str = "\"host\", \"host:port\", \"10.0.0.1:port\" or \"[fd00::1]:port\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            host_port(text).ok_or_else(|| format!("= {text:?} is not a host with a port"))
        })
    }
}

/// A bare IPv6 address has no port; one with a port needs brackets.
pub fn host_port(text: &str) -> Option<HostPort> {
    if let Ok(address) = text.parse() {
        return Some(HostPort { host: TargetHost::Address(address), port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, Some(port.parse().ok().filter(|port| *port != 0)?))
        }
        _ => (text, None),
    };
    let host = match host.strip_prefix('[') {
        Some(rest) => TargetHost::Address(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
        None => host
            .parse()
            .map_or_else(|_| host_name(host), |v4| Some(TargetHost::Address(IpAddr::V4(v4))))?,
    };
    Some(HostPort { host, port })
}

/// A name to be resolved. Digits and dots alone are a mistyped address.
fn host_name(text: &str) -> Option<TargetHost> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let all_numeric = bare.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    (bare.len() <= 253 && !all_numeric && bare.split('.').all(is_label))
        .then(|| TargetHost::Name(text.into()))
}

#[cfg(test)]
mod tests {
    use super::host_port;

    #[test]
    fn hosts_may_have_ports() {
        let shown =
            |text| host_port(text).map(|parsed| format!("{:?} {:?}", parsed.host, parsed.port));
        let name = |rest: &str| Some(format!("Name(\"db1.mgmt.example\") {rest}"));
        assert_eq!(shown("db1.mgmt.example"), name("None"));
        assert_eq!(shown("db1.mgmt.example:5432"), name("Some(5432)"));
        assert_eq!(shown("10.0.0.1"), Some("Address(10.0.0.1) None".into()));
        assert_eq!(shown("10.0.0.1:1"), Some("Address(10.0.0.1) Some(1)".into()));
        assert_eq!(shown("::1"), Some("Address(::1) None".into()));
        assert_eq!(shown("[::1]"), Some("Address(::1) None".into()));
        assert_eq!(shown("[::1]:65535"), Some("Address(::1) Some(65535)".into()));
        for odd in [
            "",
            ":",
            ":1",
            "host:",
            "host:0",
            "host:65536",
            "host:x",
            "10.0.0.256",
            "1.2.3",
            "[::1",
            "[::1]x",
            "[10.0.0.1]:1",
            "a b",
            "::1:x",
            "[]:1",
            "host:1:2",
        ] {
            assert!(host_port(odd).is_none(), "{odd:?} {:?}", shown(odd));
        }
    }
}
