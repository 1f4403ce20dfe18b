//! What other DNS servers may copy: `[[key]]`, `[[zone.secondary]]` and `[catalog]`.

mod catalog;
mod key;
mod limits;
mod secondary;

use hickory_proto::rr::LowerName;

pub use self::{
    catalog::{CatalogConfig, CatalogSection, convert as catalog},
    key::{KeyAlgorithm, KeyConfig, KeySection, Keys, convert as keys},
    limits::not_carried,
    secondary::{SecondaryConfig, SecondarySection, TransferTransport, convert as secondaries},
};
use super::words::Words;

/// What other DNS servers may copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferConfig {
    /// The zones with at least one secondary, in the order of the file.
    pub zones: Vec<ZoneTransfer>,
    /// The zone that lists them.
    pub catalog: Option<CatalogConfig>,
}

/// A zone that other servers keep copies of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneTransfer {
    /// Its apex.
    pub origin: LowerName,
    /// Who has copies; at least one.
    pub secondaries: Vec<SecondaryConfig>,
}

/// What a reload says of the secondaries.
pub fn changes(before: &TransferConfig, after: &TransferConfig, words: &mut Words) {
    let of = |config: &TransferConfig, origin: &LowerName| {
        let zone = config.zones.iter().find(|zone| zone.origin == *origin);
        zone.map(|zone| zone.secondaries.clone()).unwrap_or_default()
    };
    let origins = after.zones.iter().chain(&before.zones).map(|zone| &zone.origin);
    let mut told = Vec::new();
    for origin in origins {
        if told.contains(&origin) {
            continue;
        }
        told.push(origin);
        let (was, is) = (of(before, origin), of(after, origin));
        for secondary in &is {
            let name = &secondary.name;
            match was.iter().find(|known| known.name == *name) {
                None => words.add(format!("zone {origin} has a new secondary {name}")),
                Some(known) if known != secondary => {
                    words.add(format!("the secondary {name} of zone {origin} has other settings"));
                }
                Some(_) => {}
            }
        }
        for gone in was.iter().filter(|known| !is.iter().any(|kept| kept.name == known.name)) {
            words.add(format!("zone {origin} has the secondary {} no more", gone.name));
        }
    }
    let catalog = |config: &TransferConfig| config.catalog.clone();
    match (catalog(before), catalog(after)) {
        (None, Some(catalog)) => words.add(format!("the catalog {} is new", catalog.origin)),
        (Some(catalog), None) => words.add(format!("the catalog {} is gone", catalog.origin)),
        (was, is) if was != is => words.add("the catalog has other members or secondaries"),
        _ => {}
    }
}
