//! Sets of client networks, as in `allow_query`.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use super::{Faults, Value, parsed};

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

    /// Loopback and private networks: what the words `loopback` and `private` stand for.
    pub fn local() -> Self {
        let words = LOOPBACK.iter().chain(&PRIVATE);
        Self::Only(words.map(|text| network(text)).collect())
    }
}

impl Value for Networks {
    const KIND: &'static str = "\"all\", \"none\" or a list of networks";
    const FORM: &'static str =
        "\"all\", \"none\" or a list, as in [\"loopback\", \"10.0.0.0/8\", \"fd00::1\"]";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let items = match value.get_ref() {
            DeValue::String(_) => return parsed(key, value, faults, word),
            DeValue::Array(items) => items,
            _ => {
                Self::wrong_type(key, value, faults);
                return None;
            }
        };
        if items.is_empty() {
            faults.add(value.span(), format!("`{key}` is an empty list"), "write \"none\"");
            return None;
        }
        let read: Vec<Vec<IpNet>> =
            items.iter().filter_map(|item| read_one(key, item, faults)).collect();
        (read.len() == items.len()).then(|| Self::Only(read.concat().into()))
    }
}

/// A word that stands for all or no addresses.
fn word(text: &str) -> Result<Networks, String> {
    match text {
        "all" => Ok(Networks::All),
        "none" => Ok(Networks::Nobody),
        _ => Err(format!("= {text:?} is neither \"all\" nor \"none\"")),
    }
}

/// One entry of a list.
fn read_one(key: &str, item: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Vec<IpNet>> {
    let Some(text) = item.get_ref().as_str() else {
        Networks::wrong_type(key, item, faults);
        return None;
    };
    match entry(text) {
        Ok(networks) => Some(networks),
        Err((what, advice)) => {
            faults.add(item.span(), format!("`{key}`: {text:?} {what}"), advice);
            None
        }
    }
}

/// The networks that one entry stands for; what is wrong with it and what to write otherwise.
fn entry(text: &str) -> Result<Vec<IpNet>, (&'static str, String)> {
    let known = |words: &[&str]| words.iter().map(|text| network(text)).collect();
    match text {
        "loopback" => return Ok(known(&LOOPBACK)),
        "private" => return Ok(known(&PRIVATE)),
        "all" | "none" => return Err(("stands alone", format!("write {text:?} without the list"))),
        _ => {}
    }
    let read = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse().ok(),
    };
    let Some(network) = read else {
        let advice = "write an address, a network as in \"10.0.0.0/8\" or \"fd00::/8\", \
                      \"loopback\" or \"private\"";
        return Err(("is not a network", advice.into()));
    };
    let start = network.trunc();
    if network != start {
        let advice = format!(
            "write \"{start}\" for the network, or \"{}\" for the one address",
            network.addr()
        );
        return Err(("has address bits after its prefix", advice));
    }
    if let IpNet::V6(v6) = network
        && let (Some(bits), Some(v4)) =
            (v6.prefix_len().checked_sub(96), v6.addr().to_ipv4_mapped())
    {
        return Err(("is IPv4 written as IPv6", format!("write \"{v4}/{bits}\"")));
    }
    Ok(vec![network])
}

/// What the word `loopback` stands for (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
pub const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// What the word `private` stands for: private, shared and link-local addresses (RFC 1918,
/// RFC 6598, RFC 3927, RFC 4193, RFC 4291 section 2.5.6).
pub const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// One of the networks above.
fn network(text: &str) -> IpNet {
    text.parse().expect("the lists hold networks")
}

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
