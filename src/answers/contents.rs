//! All that a zone holds for servers that keep a copy of it.
//!
//! A copy says what we say: each record here is one that a question to the same table is answered
//! with. Some things cannot be copied: texts about names and servers, which change with every probe;
//! and the order and choice of servers, which are drawn for each answer. TTLs of served names are those of
//! a settling cluster, so that a TTL alone changes no copy.
//!
//! A copy does not know of names without records: it would say "no such name" where we say "no data", or
//! give a wildcard's address. So a name that exists without records is held by a HINFO record, which
//! nobody asks for (RFC 8482 section 4.2 chose it for the same reason).

use std::{collections::BTreeSet, sync::Arc};

use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType, rdata::HINFO};

use super::{
    AnswerTable, CompanionKind, Outcome, ServedName,
    node::{Node, ZoneLayout},
};
use crate::engine::Stability;

/// Which companion names belong into copies: those that everybody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// SRV records of served names.
    pub services: bool,
    /// Addresses of servers.
    pub servers: bool,
}

impl AnswerTable {
    /// The place of the zone `origin`; `None` when it is none of ours.
    pub fn zone_place(&self, origin: &LowerName) -> Option<usize> {
        self.layout.zones().iter().position(|zone| zone.origin == *origin)
    }

    /// The SOA record of the zone at this place, with the serial of the table.
    pub fn zone_soa(&self, zone: usize) -> &Record {
        &self.authorities[zone].soa
    }

    /// The places of the served names in this zone, ascending.
    pub fn served_in(&self, zone: usize) -> Vec<usize> {
        let nodes = self.layout.zones()[zone].nodes.values();
        let mut places: Vec<_> = nodes
            .filter_map(|node| match node {
                Node::Served(place) => Some(*place),
                Node::Empty | Node::Static(_) => None,
            })
            .collect();
        places.sort_unstable();
        places
    }

    /// Whether every one of these served names has its first decision. What a name will say is not
    /// known before, and a copy without its address would be a lie.
    pub fn knows_all(&self, served: &[usize]) -> bool {
        served.iter().all(|&place| {
            let answer = &self.served[place];
            !answer.note.as_ref().is_some_and(super::Note::is_not_ready)
        })
    }

    /// Whether this table and `other` share what the served name at this place says. Both are of one
    /// layout.
    pub fn shares(&self, other: &Self, place: usize) -> bool {
        Arc::ptr_eq(&self.served[place], &other.served[place])
    }

    /// What changes with the configuration alone: static records but the SOA, and addresses of servers.
    pub fn settled_records(&self, zone: usize, copied: Copied) -> Vec<Record> {
        let layout = &self.layout.zones()[zone];
        let sets = layout.nodes.values().filter_map(|node| match node {
            Node::Static(sets) => Some(sets),
            Node::Empty | Node::Served(_) => None,
        });
        let sets = sets.flat_map(|sets| sets.iter().filter(|(kind, _)| **kind != RecordType::SOA));
        let mut records: Vec<Record> = sets.flat_map(|(_, set)| set.iter().cloned()).collect();
        if copied.servers {
            records.extend(self.server_records(layout));
        }
        if layout.nodes.keys().any(LowerName::is_wildcard) {
            self.hold_companions(zone, &mut records);
        }
        records
    }

    /// What the served name at this place says, with its services if those are copied.
    pub fn served_records(&self, place: usize, copied: Copied) -> Vec<Record> {
        let served = &self.layout.served()[place];
        let ttl = served.ttl_while(Stability::Settling);
        let answer = &self.served[place];
        let addresses = answer.v4.addresses().chain(answer.v6.addresses());
        let owner = || Name::from(&served.name);
        let addresses = addresses.map(|ip| Record::from_rdata(owner(), ttl, RData::from(ip)));
        let mut records: Vec<Record> = addresses.collect();
        if records.is_empty() {
            records.push(placeholder(owner(), ttl));
        }
        if copied.services {
            records.extend(self.service_records(served, ttl));
        }
        records
    }

    /// Keeps wildcards off the companion names that a copy does not have.
    fn hold_companions(&self, zone: usize, records: &mut Vec<Record>) {
        let layout = &self.layout.zones()[zone];
        let origin = Name::from(&layout.origin);
        let labels = self.layout.clusters().iter().flat_map(|listing| {
            let servers = listing.servers.iter().map(|server| &*server.name);
            servers.chain([&*listing.name])
        });
        let served = self.served_in(zone).into_iter();
        let served = served.map(|place| Name::from(&self.layout.served()[place].name));
        let beside = served.flat_map(|name| {
            let tcp = name.prepend_label("_tcp").ok();
            let services = ["_postgresql", "_mysql"].map(|service| (service, tcp.clone()));
            services.into_iter().chain([("_status", Some(name))])
        });
        let labels = labels.map(|label| (label, Some(origin.clone())));
        let names = labels.chain(beside);
        let owned: BTreeSet<_> =
            records.iter().map(|record| LowerName::from(&record.name)).collect();
        let held: BTreeSet<LowerName> = names
            .filter_map(|(label, above)| above?.prepend_label(label).ok().map(LowerName::from))
            .filter(|name| {
                let is_free =
                    !matches!(layout.nodes.get(name), Some(Node::Static(_) | Node::Served(_)));
                is_free && !owned.contains(name) && self.is_companion(name)
            })
            .collect();
        records.extend(held.iter().map(|name| placeholder(name.into(), HELD_TTL)));
    }

    /// Whether we would say "no data" of `name` because something beside the zone file puts it there.
    fn is_companion(&self, name: &LowerName) -> bool {
        matches!(self.lookup(name, RecordType::HINFO).outcome, Outcome::NoData { .. })
    }

    /// `<server>.<zone>` of every server that has a name there.
    fn server_records(&self, zone: &ZoneLayout) -> Vec<Record> {
        let origin = Name::from(&zone.origin);
        let servers = self.layout.clusters().iter().flat_map(|listing| &*listing.servers);
        let mut records = Vec::new();
        for server in servers {
            let Ok(name) = origin.prepend_label(server.name.as_bytes()) else { continue };
            let name = LowerName::from(name);
            for family in [RecordType::A, RecordType::AAAA] {
                let answer = self.lookup(&name, family);
                if let (Outcome::Records(found), Some(CompanionKind::Server)) =
                    (answer.outcome, answer.companion)
                {
                    records.extend(found.into_owned());
                }
            }
        }
        records
    }

    /// `_postgresql._tcp.<name>` or `_mysql._tcp.<name>`, whichever there is.
    fn service_records(&self, served: &ServedName, ttl: u32) -> Vec<Record> {
        let below = Name::from(&served.name).prepend_label("_tcp").ok();
        let mut records = Vec::new();
        for service in ["_postgresql", "_mysql"] {
            let name = below.as_ref().and_then(|below| below.prepend_label(service).ok());
            let Some(name) = name.map(LowerName::from) else { continue };
            let answer = self.lookup(&name, RecordType::SRV);
            if let (Outcome::Services { records: found, .. }, Some(CompanionKind::Service)) =
                (answer.outcome, answer.companion)
            {
                records.extend(found.into_iter().map(|mut record| {
                    record.ttl = ttl;
                    record
                }));
            }
        }
        records
    }
}

/// The record of a name that has no other.
fn placeholder(name: Name, ttl: u32) -> Record {
    let nothing = HINFO::new("RFC8482".to_owned(), String::new());
    Record::from_rdata(name, ttl, RData::HINFO(nothing))
}

/// TTL of a companion name's placeholder, in seconds: it comes and goes with the configuration.
const HELD_TTL: u32 = 60;

#[cfg(test)]
mod tests;
