//! The owner record: a TXT record below a name in somebody else's zone, which says that the name is ours, and by
//! which change it says what it says.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use sha2::{Digest, Sha256};

/// What an owner record says. It prints as the record's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Grows with every change of what the name says, whoever makes it.
    pub epoch: u64,
    /// Whose it is: the name of the cluster.
    pub id: Box<str>,
    /// Of the addresses that go with it.
    pub fingerprint: Fingerprint,
}

/// Tells sets of addresses apart, whatever their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of these addresses.
    pub fn of(addresses: &BTreeSet<IpAddr>) -> Self {
        let mut hash = Sha256::new();
        for address in addresses {
            hash.update(address.to_string().as_bytes());
            hash.update(b"\n");
        }
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// As [`Display`](fmt::Display) has it; `None` for all else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = u64::from_str_radix(text, 16).ok()?;
        (Self(number).to_string() == text).then_some(Self(number))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Owner {
    /// What the text of a TXT record says; `None` when it is none of an owner record.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next()? != "v=1" {
            return None;
        }
        let epoch = words.next()?.strip_prefix("epoch=")?.parse().ok()?;
        let id = words.next()?.strip_prefix("id=").filter(|id| is_id(id))?.into();
        let fingerprint = Fingerprint::parse(words.next()?.strip_prefix("set=")?)?;
        let owner = Self { epoch, id, fingerprint };
        (owner.to_string() == text).then_some(owner)
    }
}

/// Whether a cluster can have this name: what a stranger has written there goes to no screen.
fn is_id(text: &str) -> bool {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_plain)
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, id, fingerprint } = self;
        write!(f, "v=1 epoch={epoch} id={id} set={fingerprint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(addresses: &[&str]) -> BTreeSet<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let fingerprint = Fingerprint::of(&set(&["10.0.0.2", "fd00::2"]));
        let owner = Owner { epoch: 42, id: "orders".into(), fingerprint };
        let text = owner.to_string();
        assert!(text.starts_with("v=1 epoch=42 id=orders set="), "{text}");
        assert_eq!(Owner::parse(&text), Some(owner));
        for other in [
            "",
            "v=1 epoch=42 id=orders",
            "v=2 epoch=42 id=orders set=0000000000000000",
            "v=1 epoch=+42 id=orders set=0000000000000000",
            "v=1 epoch=42 id= set=0000000000000000",
            "v=1 epoch=42 id=\u{1b}[2J set=0000000000000000",
            "v=1 epoch=42 id=orders set=0",
            "v=1 epoch=42 id=orders set=0000000000000000 ",
            "heritage=external-dns,external-dns/owner=x",
        ] {
            assert_eq!(Owner::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_a_set() {
        let of = |addresses: &[&str]| Fingerprint::of(&set(addresses));
        assert_eq!(of(&["10.0.0.2", "10.0.0.1"]), of(&["10.0.0.1", "10.0.0.2"]));
        assert_ne!(of(&["10.0.0.1"]), of(&["10.0.0.2"]));
        assert_ne!(of(&[]), of(&["10.0.0.2"]));
    }
}
