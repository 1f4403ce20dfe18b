//! What only the whole zone can tell.

use hickory_proto::rr::{LowerName, RData, RecordType};

use super::{Records, ZoneFault};

/// Records that cannot stand together or where they stand.
pub(super) fn conflicts(records: &Records, origin: &LowerName, faults: &mut Vec<ZoneFault>) {
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

/// Records that must be there: SOA and NS at the apex, and an address for each name server inside
/// the zone.
pub(super) fn missing(records: &Records, origin: &LowerName, faults: &mut Vec<ZoneFault>) {
    let absent =
        |what: String, advice: &str| ZoneFault { line: 1, column: 1, what, advice: advice.into() };
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
