//! What each name of one zone is, and why a name has no place there.

use std::collections::{BTreeMap, HashMap};

use hickory_proto::rr::{LowerName, RData, Record, RecordType};

use super::Zone;

/// The records of one name by type.
pub type RecordSets = BTreeMap<RecordType, Vec<Record>>;

/// The names of one zone.
#[derive(Debug)]
pub struct ZoneLayout {
    /// The apex.
    pub origin: LowerName,
    /// Labels of the apex.
    pub depth: usize,
    /// The SOA record of the zone file.
    pub soa: Record,
    /// Everything that exists. It is only ever asked for one name, so its order does not matter.
    pub nodes: HashMap<LowerName, Node>,
}

/// What a name is.
#[derive(Debug)]
pub enum Node {
    /// An empty non-terminal.
    Empty,
    /// It owns static records.
    Static(RecordSets),
    /// It follows a cluster: the index into the served names.
    Served(usize),
}

/// Why a name has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Two zones have this origin.
    #[error("two zones are called {0}")]
    ZoneTwice(LowerName),
    /// No zone holds the name.
    #[error("{0} lies outside every zone")]
    OutsideZones(LowerName),
    /// The name has static records.
    #[error("{0} has static records in its zone file")]
    Static(LowerName),
    /// The name is served twice.
    #[error("{0} is served twice")]
    Twice(LowerName),
    /// The name is a wildcard, which would answer for every unknown name.
    #[error("{0} is a wildcard")]
    Wildcard(LowerName),
    /// The zone file gives the name's part of the zone to other servers.
    #[error("{name} lies below {cut}, which the zone file delegates")]
    Delegated {
        /// The served name.
        name: Box<LowerName>,
        /// The owner of the NS records.
        cut: Box<LowerName>,
    },
}

impl ZoneLayout {
    pub fn new(zone: &Zone) -> Self {
        let origin = absolute(zone.origin());
        let (soa, ttl) = zone.soa();
        let soa = Record::from_rdata(origin.clone().into(), ttl, RData::SOA(soa.clone()));
        let mut layout = Self { depth: origin.iter().len(), origin, soa, nodes: HashMap::new() };
        for name in zone.names() {
            if let Some(sets) = zone.records(name) {
                let name = absolute(name);
                layout.insert_ancestors(&name);
                layout.nodes.insert(name, Node::Static(sets.clone()));
            }
        }
        layout
    }

    /// Whether both hold the same records and served names.
    pub fn places_what(&self, other: &Self) -> bool {
        let same = |(name, node): (&LowerName, &Node)| match (node, other.nodes.get(name)) {
            (Node::Empty, Some(Node::Empty)) | (Node::Served(_), Some(Node::Served(_))) => true,
            (Node::Static(sets), Some(Node::Static(others))) => sets == others,
            _ => false,
        };
        self.origin == other.origin
            && self.soa == other.soa
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().all(same)
    }

    /// Puts the served name with this index where it belongs.
    pub fn place(&mut self, name: LowerName, index: usize) -> Result<(), PlacementError> {
        if name.is_wildcard() {
            return Err(PlacementError::Wildcard(name));
        }
        if let Some(cut) = self.cut_above(&name) {
            let (name, cut) = (Box::new(name), Box::new(cut));
            return Err(PlacementError::Delegated { name, cut });
        }
        match self.nodes.get(&name) {
            Some(Node::Static(_)) => return Err(PlacementError::Static(name)),
            Some(Node::Served(_)) => return Err(PlacementError::Twice(name)),
            Some(Node::Empty) | None => {}
        }
        self.insert_ancestors(&name);
        self.nodes.insert(name, Node::Served(index));
        Ok(())
    }

    /// Lets every name between the apex and `name` exist.
    pub fn insert_ancestors(&mut self, name: &LowerName) {
        for depth in self.depth..name.iter().len() {
            let ancestor = LowerName::from(name.trim_to(depth));
            self.nodes.entry(ancestor).or_insert(Node::Empty);
        }
    }

    /// The delegation strictly above `name`, if there is one. One at `name` itself is a clash of
    /// records.
    pub fn cut_above(&self, name: &LowerName) -> Option<LowerName> {
        (self.depth + 1..name.iter().len()).map(|depth| LowerName::from(name.trim_to(depth))).find(
            |ancestor| match self.nodes.get(ancestor) {
                Some(Node::Static(sets)) => sets.contains_key(&RecordType::NS),
                Some(Node::Empty | Node::Served(_)) | None => false,
            },
        )
    }
}

/// The name as it arrives in questions: with the root at its end.
pub fn absolute(name: &LowerName) -> LowerName {
    let mut name = name.clone();
    name.set_fqdn(true);
    name
}
