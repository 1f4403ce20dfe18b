//! A zone's static records, from an RFC 1035 master file.
//!
//! Text in, records out; no file access.

use std::collections::BTreeMap;

use hickory_proto::{
    rr::{LowerName, Name, Record, RecordType},
    serialize::txt::{ParseError, Parser},
};

/// The static records of one zone.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: LowerName,
    soa: Record,
    names: BTreeMap<LowerName, BTreeMap<RecordType, Vec<Record>>>,
}

/// Why a zone file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The text is no master file.
    #[error("not a zone file")]
    Syntax(#[from] ParseError),
    /// There is no SOA record at the origin.
    #[error("no SOA record at the origin")]
    NoSoa,
}

impl Zone {
    /// Reads the master file `text` of the zone `origin`.
    pub fn parse(text: &str, origin: Name) -> Result<Self, ZoneError> {
        let (origin, sets) = Parser::new(text, None, Some(origin)).parse()?;
        let origin = LowerName::from(origin);
        let mut names: BTreeMap<LowerName, BTreeMap<RecordType, Vec<Record>>> = BTreeMap::new();
        for (key, set) in sets {
            names
                .entry(key.name)
                .or_default()
                .insert(key.record_type, set.records_without_rrsigs().cloned().collect());
        }
        let soa = names
            .get(&origin)
            .and_then(|sets| sets.get(&RecordType::SOA)?.first())
            .ok_or(ZoneError::NoSoa)?
            .clone();
        Ok(Self { origin, soa, names })
    }

    /// The zone's apex.
    pub fn origin(&self) -> &LowerName {
        &self.origin
    }

    /// The SOA record as written in the file.
    pub fn soa(&self) -> &Record {
        &self.soa
    }

    /// The records of one name by type; `None` when the name owns none.
    pub fn records(&self, name: &LowerName) -> Option<&BTreeMap<RecordType, Vec<Record>>> {
        self.names.get(name)
    }

    /// Every name that owns records, in canonical order.
    pub fn names(&self) -> impl Iterator<Item = &LowerName> {
        self.names.keys()
    }
}
