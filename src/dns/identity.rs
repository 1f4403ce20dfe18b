//! Who we are, for those who may know: the names of class CH (RFC 4892) and NSID (RFC 5001).
//!
//! | name, type TXT | says | for |
//! | --- | --- | --- |
//! | `version.bind.`, `version.server.` | program and version | `expose.version` |
//! | `hostname.bind.`, `id.server.` | the identity of this instance | `expose.identity` |
//!
//! A client outside of the networks is refused, and told so; a name that nobody may see is refused
//! like every other name of the class.

use std::net::IpAddr;

use hickory_proto::rr::{LowerName, Name, rdata::TXT};

use crate::config::{ExposeConfig, Networks};

/// What this instance tells of itself.
#[derive(Debug)]
pub struct Identity {
    name: Box<[u8]>,
    identity_seen_by: Networks,
    chaos: [ChaosName; 4],
}

/// A name of class CH.
#[derive(Debug)]
struct ChaosName {
    name: LowerName,
    text: TXT,
    seen_by: Networks,
}

/// What a name of class CH says to a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Chaos<'i> {
    /// Its TXT data.
    Text(&'i TXT),
    /// Nothing to this one.
    Prohibited,
    /// It is none of ours.
    NotOurs,
}

impl Identity {
    /// `name` is what this instance is called; `None` for the machine's host name.
    pub fn new(name: Option<&str>, expose: &ExposeConfig) -> Self {
        let name = name.map_or_else(host_name, |name| name.as_bytes().into());
        let chaos = |owner: &str, text: &[u8], seen_by: &Networks| ChaosName {
            name: LowerName::from(Name::from_ascii(owner).expect("a name of letters and dots")),
            // A character string has at most 255 octets (RFC 1035 section 3.3).
            text: TXT::from_bytes(text.chunks(255).collect()),
            seen_by: seen_by.clone(),
        };
        Self {
            chaos: [
                chaos("version.bind.", VERSION.as_bytes(), &expose.version),
                chaos("version.server.", VERSION.as_bytes(), &expose.version),
                chaos("hostname.bind.", &name, &expose.identity),
                chaos("id.server.", &name, &expose.identity),
            ],
            identity_seen_by: expose.identity.clone(),
            name,
        }
    }

    /// The data of the NSID option for `client`; `None` when it may not know.
    pub fn nsid(&self, client: IpAddr) -> Option<&[u8]> {
        self.identity_seen_by.contains(client).then_some(&*self.name)
    }

    /// What `name` says to `client` in class CH.
    pub fn chaos(&self, name: &LowerName, client: IpAddr) -> Chaos<'_> {
        match self.chaos.iter().find(|chaos| chaos.name == *name) {
            Some(chaos) if chaos.seen_by.contains(client) => Chaos::Text(&chaos.text),
            Some(chaos) if chaos.seen_by != Networks::Nobody => Chaos::Prohibited,
            _ => Chaos::NotOurs,
        }
    }
}

fn host_name() -> Box<[u8]> {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).as_deref().unwrap_or("pointsman").as_bytes().into()
}

const VERSION: &str = concat!("Pointsman ", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    fn lower(name: &str) -> LowerName {
        LowerName::from(Name::from_ascii(name).unwrap())
    }

    fn said(identity: &Identity, name: &str, client: &str) -> Option<Vec<Box<[u8]>>> {
        match identity.chaos(&lower(name), client.parse().unwrap()) {
            Chaos::Text(text) => Some(text.txt_data.to_vec()),
            Chaos::Prohibited | Chaos::NotOurs => None,
        }
    }

    #[test]
    fn each_name_says_its_own() {
        let identity = Identity::new(Some("ns1 of two"), &ExposeConfig::default());
        for (name, text) in [
            ("Version.Bind.", VERSION),
            ("version.server.", VERSION),
            ("hostname.bind.", "ns1 of two"),
            ("ID.server.", "ns1 of two"),
        ] {
            let expected = vec![Box::from(text.as_bytes())];
            assert_eq!(said(&identity, name, "127.0.0.1"), Some(expected), "{name}");
        }
        assert_eq!(identity.nsid("::1".parse().unwrap()), Some(&b"ns1 of two"[..]));
    }

    #[test]
    fn who_may_not_know_is_told_nothing() {
        let expose = ExposeConfig { version: Networks::Nobody, ..ExposeConfig::default() };
        let identity = Identity::new(None, &expose);
        let chaos = |name, client: &str| identity.chaos(&lower(name), client.parse().unwrap());
        assert_eq!(chaos("version.bind.", "127.0.0.1"), Chaos::NotOurs);
        assert_eq!(chaos("id.server.", "192.0.2.1"), Chaos::Prohibited);
        assert_eq!(chaos("authors.bind.", "127.0.0.1"), Chaos::NotOurs);
        assert_eq!(identity.nsid("192.0.2.1".parse().unwrap()), None);
        let own = identity.nsid("127.0.0.1".parse().unwrap());
        assert!(own.is_some_and(|name| !name.is_empty()));
    }

    #[test]
    fn a_long_identity_comes_in_several_strings() {
        let long = "x".repeat(600);
        let identity = Identity::new(Some(&long), &ExposeConfig::default());
        let strings = said(&identity, "id.server.", "127.0.0.1").unwrap();
        assert_eq!(strings.iter().map(|text| text.len()).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
