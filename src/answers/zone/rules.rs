//! What only the whole zone can tell.

use hickory_proto::{
    rr::{LowerName, RData, RecordType},
    serialize::binary::BinEncodable,
};

use super::{Placed, Records, ZoneFault};

/// A message holds fewer records: each has at least owner, type, class, TTL, length and an octet
/// of data.
pub const SET_MAX: usize = MESSAGE_MAX / 13;

/// Octets of the longest message (RFC 1035 section 4.2.2).
const MESSAGE_MAX: usize = 65_535;

/// Octets for what a reply holds beside the set: header, the longest question, OPT with options.
const MESSAGE_REST: usize = 12 + 259 + 512;

/// Records that cannot stand together or where they stand.
pub fn conflicts(records: &Records, origin: &LowerName, faults: &mut Vec<ZoneFault>) {
    for (name, sets) in &records.0 {
        let all_soa = records.set(name, RecordType::SOA);
        if name != origin {
            faults.extend(all_soa.iter().map(|soa| {
                let what = format!("SOA at `{name}`, which is not the zone's apex `{origin}`");
                soa.fault(what, "keep one SOA, at the apex")
            }));
        } else if let [_, surplus @ ..] = all_soa {
            faults.extend(surplus.iter().map(|soa| {
                let what = format!("a second SOA at `{name}`");
                soa.fault(what, "keep one of them")
            }));
        }
        faults.extend(sets.iter().filter_map(|(kind, set)| too_large(name, *kind, set)));
        let Some(aliases) = sets.get(&RecordType::CNAME) else {
            continue;
        };
        let others: Vec<String> = sets
            .keys()
            .filter(|kind| **kind != RecordType::CNAME)
            .map(ToString::to_string)
            .collect();
        for (index, alias) in aliases.iter().enumerate() {
            if index > 0 {
                let what = format!("`{name}` has a second CNAME");
                faults.push(alias.fault(what, "keep one of them"));
            } else if !others.is_empty() {
                let what = format!("`{name}` has a CNAME beside {}", others.join(", "));
                faults.push(alias.fault(what, "a CNAME must be the only record of its name"));
            }
        }
    }
}

/// A set that no message can hold, were every name in it written out.
fn too_large(name: &LowerName, kind: RecordType, set: &[Placed]) -> Option<ZoneFault> {
    let octets =
        |placed: &Placed| placed.record.to_bytes().map_or(MESSAGE_MAX, |bytes| bytes.len());
    let size: usize = set.iter().map(octets).sum();
    let most = MESSAGE_MAX - MESSAGE_REST;
    let first = set.first().filter(|_| size > most)?;
    let what = format!("the {kind} records of `{name}` take {size} octets; a reply holds {most}");
    Some(first.fault(what, "remove some of them"))
}

/// Records that must be there: SOA and NS at the apex, and an address for each name server inside
/// the zone.
pub fn missing(records: &Records, origin: &LowerName, faults: &mut Vec<ZoneFault>) {
    let absent = |what: String, advice: &str| ZoneFault::new((1, 1), what, advice);
    if records.set(origin, RecordType::SOA).is_empty() {
        faults.push(absent(
            format!("the zone has no SOA at `{origin}`"),
            "add `@ 1 SOA ns1 hostmaster 1 3600 600 86400 1`",
        ));
    }
    if records.set(origin, RecordType::NS).is_empty() {
        faults.push(absent(
            format!("the zone has no NS at `{origin}`"),
            "add `@ NS ns1` and an address for `ns1`",
        ));
    }
    for placed in records.0.values().filter_map(|sets| sets.get(&RecordType::NS)).flatten() {
        let RData::NS(target) = &placed.record.data else {
            continue;
        };
        let target = LowerName::new(&target.0);
        if !origin.zone_of(&target) {
            continue;
        }
        if !records.set(&target, RecordType::CNAME).is_empty() {
            faults.push(placed.fault(
                format!("the name server `{target}` is a CNAME (RFC 2181 section 10.3)"),
                "give it A or AAAA records instead",
            ));
        } else if records.set(&target, RecordType::A).is_empty()
            && records.set(&target, RecordType::AAAA).is_empty()
        {
            faults.push(placed.fault(
                format!("the name server `{target}` has no address"),
                "add an A or AAAA record for it, or correct the name",
            ));
        }
    }
}
