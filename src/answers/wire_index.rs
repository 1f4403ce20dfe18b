//! Every name by its octets: what [`AnswerTable::wire_lookup`](super::AnswerTable::wire_lookup) finds a
//! question in.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hickory_proto::{
    rr::{LowerName, Name, RecordType},
    serialize::binary::BinEncodable,
};

use super::{
    companion::Companions,
    node::{Node, ZoneLayout},
};

/// Every name of all zones by its octets in lower case.
#[derive(Debug, Default)]
pub struct WireIndex(pub(super) HashMap<Box<[u8]>, Place, FixedState>);

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub zone: usize,
    pub kind: Kind,
    /// Whether what is not known right below it does not exist, for sure.
    pub closed: bool,
}

/// How questions for a name are answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// By what is decided: the index into the served names.
    Served(usize),
    /// By the apex's SOA record, if that is asked for.
    Apex,
    /// It exists and owns nothing.
    Empty,
    /// By [`AnswerTable::lookup`](super::AnswerTable::lookup).
    Other,
}

impl WireIndex {
    /// The names of `zones`, longest origin first: of two zones that know a name, the closer one
    /// answers.
    pub fn new(zones: &[ZoneLayout], companions: &Companions) -> Self {
        let mut index = Self::default();
        for (number, zone) in zones.iter().enumerate() {
            for (name, node) in &zone.nodes {
                let closest = zones.iter().position(|zone| zone.origin.zone_of(name));
                if closest == Some(number) {
                    let mut place = Place::new(number, zone, name, node);
                    if place.kind == Kind::Empty && may_be_companion(zone, name, companions) {
                        place.kind = Kind::Other;
                    }
                    index.0.insert(octets(name), place);
                }
            }
        }
        index
    }
}

impl Place {
    fn new(number: usize, zone: &ZoneLayout, name: &LowerName, node: &Node) -> Self {
        let is_cut = |node: &Node| match node {
            Node::Static(sets) => sets.contains_key(&RecordType::NS),
            Node::Empty | Node::Served(_) => false,
        };
        let is_apex = *name == zone.origin;
        let delegated = !is_apex && (is_cut(node) || zone.cut_above(name).is_some());
        let wildcard = Name::from(name).prepend_label("*").map(LowerName::from);
        let has_wildcard = wildcard.is_ok_and(|wildcard| zone.nodes.contains_key(&wildcard));
        let kind = match node {
            _ if delegated => Kind::Other,
            Node::Served(index) => Kind::Served(*index),
            Node::Empty => Kind::Empty,
            Node::Static(_) if is_apex => Kind::Apex,
            Node::Static(_) => Kind::Other,
        };
        Self { zone: number, kind, closed: !delegated && !has_wildcard }
    }
}

/// Whether a name that owns nothing may be a companion.
fn may_be_companion(zone: &ZoneLayout, name: &LowerName, companions: &Companions) -> bool {
    let label = name.iter().next().unwrap_or_default();
    let right_below_apex = name.iter().len() == zone.depth + 1;
    label.first() == Some(&b'_') || right_below_apex && companions.knows(label)
}

/// The octets of a name in a message, without compression.
fn octets(name: &LowerName) -> Box<[u8]> {
    name.to_bytes().expect("a name fits").into()
}
