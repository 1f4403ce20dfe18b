//! Sets of client networks, as in `allow_query`.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Networks {
    /// Every address.
    All,
    /// No address.
    Nobody,
    /// The addresses of these networks.
    Only(Box<[IpNet]>),
}

impl Networks {
    /// Whether `address` belongs to the set. An IPv4 address that is written as IPv6
    /// (`::ffff:192.0.2.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Nobody => false,
            Self::Only(networks) => {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }
        }
    }

    /// Loopback and private networks: [`LOOPBACK`] and [`PRIVATE`].
    pub fn local() -> Self {
        let words = LOOPBACK.iter().chain(&PRIVATE);
        Self::Only(words.map(|text| text.parse().expect("a network")).collect())
    }
}

/// What the word `loopback` stands for (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
pub(super) const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// What the word `private` stands for: private, shared and link-local addresses (RFC 1918,
/// RFC 6598, RFC 3927, RFC 4193, RFC 4291 section 2.5.6).
pub(super) const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_networks_are_loopback_and_private_ones() {
        let local = Networks::local();
        for inside in ["127.9.9.9", "10.1.2.3", "172.31.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(local.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["172.32.0.1", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert!(!local.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn all_and_nobody_mean_what_they_say() {
        let address = "192.0.2.1".parse().unwrap();
        assert!(Networks::All.contains(address));
        assert!(!Networks::Nobody.contains(address));
    }
}
