//! `[[cluster.discovery.rule]]`: what newcomers get.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use crate::{
    config::read::{Conversion, Faults, Field, Value, Whole, parsed, section},
    discovery::{AttributeRule, Attributes},
};

section! {
    /// What newcomers get; the first that matches decides.
    RuleSection = "[[cluster.discovery.rule]]" {
        /// Where they are; everywhere if it is missing.
        network: Net,
        /// What their source says of them; anything if it is missing.
        label: Labelled,
        /// As in `[[cluster.server]]`.
        priority: Whole<u32> [0..=65_535] = 100,
        /// As in `[[cluster.server]]`.
        weight: Whole<u32> [0..=65_535] = 1,
    }
}

/// A label and its value.
#[derive(Clone, Debug)]
pub struct Labelled(Box<str>, Box<str>);

/// One network.
#[derive(Clone, Copy, Debug)]
pub struct Net(IpNet);

impl Value for Labelled {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a label of the source and its value, as in \"site=az1\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match text.split_once('=') {
            Some((label, wanted)) if !label.is_empty() && !wanted.is_empty() => {
                Ok(Self(label.into(), wanted.into()))
            }
            _ => Err(format!("= {text:?} is not a label with a value")),
        })
    }
}

impl Value for Net {
    const KIND: &'static str = "a network in quotes";
    const FORM: &'static str = "an address or a network, as in \"10.1.0.0/16\" or \"fd00::/8\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            network(text).map(Self).ok_or_else(|| format!("= {text:?} is not a network"))
        })
    }
}

/// The rules in the order of the file.
pub fn attributes(
    field: &Field<Vec<Spanned<RuleSection>>>,
    conversion: &mut Conversion<'_>,
) -> Vec<AttributeRule> {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let rules = sections.iter().map(|section| {
        let (place, section) = (section.span(), section.get_ref());
        if !section.priority.is_present() && !section.weight.is_present() {
            let what = "[[cluster.discovery.rule]] gives newcomers nothing";
            conversion.faults.add(place, what, "add `priority` or `weight`, or remove it");
        }
        let priority = section.priority.is_present().then(|| section.priority(conversion));
        let weight = section.weight.is_present().then(|| section.weight(conversion));
        AttributeRule {
            network: section.network.given().map(|network| network.0),
            label: section.label.given().map(|Labelled(key, value)| (key.clone(), value.clone())),
            attributes: Attributes { priority, weight },
        }
    });
    rules.collect()
}

/// An address or a network without bits after its prefix.
pub fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().ok()?,
    };
    (network == network.trunc()).then_some(network)
}
