//! How one cluster discovers its servers, in checked types. Built by `config`.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{Labels, NameHint, SourceKind};
use crate::engine::ClusterKind;

/// The rules of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What its servers speak.
    pub kind: ClusterKind,
    /// The database port of a find whose source does not know it.
    pub port: u16,
    /// Who is asked. At least one.
    pub sources: Vec<SourceKind>,
    /// What becomes of a find that is proven.
    pub mode: Mode,
    /// Where servers may be; `None` for wherever members say that they are.
    pub networks: Option<Box<[IpNet]>>,
    /// Which address of a find is published.
    pub publish: Published,
    /// Finds that are left alone.
    pub exclude: Vec<Exclusion>,
    /// No find joins a cluster that has so many servers.
    pub max_servers: usize,
    /// How often sources are asked, and the least time between two examinations of one find.
    pub interval: Duration,
    /// How long a server is gone from every source, and down, until it is removed; `None` for ever.
    pub forget_after: Option<Duration>,
    /// Good replies after which a find that joins is ready.
    pub rise: u32,
    /// What a newcomer gets; the first rule that matches it decides.
    pub attributes: Vec<AttributeRule>,
}

/// What becomes of a find that is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is shown, probed, and drained until somebody says that it is ready.
    #[default]
    Propose,
    /// It is ready by itself, after some good replies.
    Join,
}

/// Which address of a find is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Published {
    /// That at which it was asked.
    #[default]
    Probed,
    /// That by which it calls itself, once it has proven itself there.
    Reported,
}

/// Whom discovery leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// A server of this name, in any case of letters.
    Name(Box<str>),
    /// All of a network.
    Network(IpNet),
}

/// `[[cluster.discovery.rule]]`: which newcomers get which attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// The network that the newcomer must be in; any if there is none.
    pub network: Option<IpNet>,
    /// A label that its source must have given it; any if there is none.
    pub label: Option<(Box<str>, Box<str>)>,
    /// What it gets.
    pub attributes: Attributes,
}

/// What a newcomer gets beside its name and address; `None` for the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// See `[[cluster.server]]`.
    pub priority: Option<u32>,
    /// See `[[cluster.server]]`.
    pub weight: Option<u32>,
}

impl Rules {
    /// Those of a cluster that has none: nobody is asked.
    pub fn nobody() -> Self {
        Self {
            kind: ClusterKind::Tcp,
            port: 0,
            sources: Vec::new(),
            mode: Mode::Propose,
            networks: None,
            publish: Published::Probed,
            exclude: Vec::new(),
            max_servers: 0,
            interval: Duration::from_secs(3600),
            forget_after: None,
            rise: 1,
            attributes: Vec::new(),
        }
    }

    /// Whether a server may be at `address` at all.
    pub fn allows(&self, address: IpAddr) -> bool {
        match &self.networks {
            Some(networks) => networks.iter().any(|network| network.contains(&address)),
            // Nobody has said where servers are: what only one host can reach is none of them.
            None => !address.is_loopback(),
        }
    }

    /// Whether a find is left alone.
    pub fn excludes(&self, address: IpAddr, name: Option<&NameHint>) -> bool {
        self.exclude.iter().any(|exclusion| match exclusion {
            Exclusion::Name(excluded) => {
                name.is_some_and(|name| name.as_str().eq_ignore_ascii_case(excluded))
            }
            Exclusion::Network(network) => network.contains(&address),
        })
    }

    /// What a newcomer at `address` gets.
    pub fn attributes(&self, address: IpAddr, labels: &Labels) -> Attributes {
        let matches = |rule: &&AttributeRule| {
            let inside = rule.network.is_none_or(|network| network.contains(&address));
            let labelled =
                rule.label.as_ref().is_none_or(|(key, value)| labels.get(key) == Some(&**value));
            inside && labelled
        };
        let given = self.attributes.iter().find(matches).map(|rule| rule.attributes);
        let given = given.unwrap_or_default();
        Attributes {
            priority: given.priority.or_else(|| number(labels, "priority")),
            weight: given.weight.or_else(|| number(labels, "weight")),
        }
    }
}

/// A label that is a number as `[[cluster.server]]` has it.
fn number(labels: &Labels, key: &str) -> Option<u32> {
    labels.get(key)?.parse::<u16>().ok().map(u32::from)
}

/// Whether no client could connect to `address`, wherever it is.
pub fn is_unpublishable(address: IpAddr) -> bool {
    address.is_unspecified()
        || address.is_multicast()
        || match address {
            IpAddr::V4(v4) => v4.is_broadcast(),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some() || v6.is_unicast_link_local(),
        }
}
