//! The catalog zone (RFC 9432): a list of our zones, from which secondaries learn of new ones.

use hickory_proto::rr::{
    LowerName, Name, RData, Record,
    rdata::{NS, SOA, TXT, name::PTR},
};
use sha2::{Digest, Sha256};

use super::version::Version;
use crate::config::CatalogConfig;

/// The catalog at `serial`.
pub fn version(catalog: &CatalogConfig, serial: u32) -> Version {
    let origin = Name::from(&catalog.origin);
    let invalid = Name::from_ascii("invalid.").expect("a name");
    let soa = SOA::new(invalid.clone(), invalid.clone(), serial, REFRESH, REFRESH, EXPIRE, 0);
    let soa = Record::from_rdata(origin.clone(), 0, RData::SOA(soa));
    // RFC 9432 section 4.1: there must be one, and its name means nothing.
    let mut records = vec![Record::from_rdata(origin.clone(), 0, RData::NS(NS(invalid)))];
    if let Ok(name) = origin.prepend_label("version") {
        records.push(Record::from_rdata(name, 0, RData::TXT(TXT::new(vec!["2".to_owned()]))));
    }
    let zones = origin.prepend_label("zones").ok();
    for member in &catalog.members {
        let name = zones.as_ref().and_then(|zones| zones.prepend_label(label(member)).ok());
        let target = RData::PTR(PTR(Name::from(member)));
        records.extend(name.map(|name| Record::from_rdata(name, 0, target)));
    }
    Version::of_records(&soa, &catalog.origin, &records)
}

/// A label that no other zone ever has (RFC 9432 section 4.1).
fn label(member: &LowerName) -> String {
    let digest = Sha256::digest(member.to_string().as_bytes());
    digest.iter().take(16).map(|octet| format!("{octet:02x}")).collect()
}

/// Seconds after which a secondary looks for another list that it was not told of.
const REFRESH: i32 = 60;

/// Seconds for which a list may be used without us: for ever, or zones would vanish that are fine by themselves.
const EXPIRE: i32 = i32::MAX;

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn it_lists_each_zone_once() {
        let name = |text: &str| LowerName::from_str(text).unwrap();
        let members = vec![name("db.internal."), name("db.example.")];
        let catalog =
            CatalogConfig { origin: name("catalog.pointsman."), secondaries: Vec::new(), members };
        let version = version(&catalog, 7);
        assert_eq!((version.serial, version.all().len()), (7, 4));
        assert_ne!(label(&catalog.members[0]), label(&catalog.members[1]));
    }
}
