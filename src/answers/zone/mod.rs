//! A zone's static records, read from an RFC 1035 master file. Text in, checked records out; no
//! file access.
//!
//! hickory-proto reads the records. It stops at the first mistake, does not say where that is,
//! opens the files that `$INCLUDE` names and ignores surplus fields, so this module hands it one
//! record at a time: `lines` splits the text into entries and knows where each begins, `entry`
//! follows `$ORIGIN`, `$TTL` and owners and gives each record to hickory, `rules` checks what only
//! the whole zone can tell.
//!
//! Rules:
//! - every fault of the file is found, with its line; rules about *missing* records wait until all
//!   lines can be read;
//! - one TTL per record set (RFC 2181 section 5.2): the smallest; a record given twice counts once;
//! - class IN only; the apex has exactly one SOA and at least one NS;
//! - a set fits into a message, or nobody could ever be told of it;
//! - a name server inside the zone has an address; a CNAME is alone at its name (RFC 1034 section
//!   3.6.2);
//! - a wildcard is a name like any other here; an NS set below the apex is a delegation.

mod entry;
mod lines;
mod rules;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType, rdata::SOA};

use self::entry::Cursor;
use crate::plain_text::is_misleading;

/// One zone: its apex and every static record in it.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: LowerName,
    soa: (SOA, u32),
    sets: BTreeMap<LowerName, BTreeMap<RecordType, Vec<Record>>>,
}

impl Zone {
    /// Reads the master file `text` of the zone `origin`.
    ///
    /// # Errors
    ///
    /// Every fault found, in the order of the file.
    pub fn parse(text: &str, origin: &Name) -> Result<Self, Vec<ZoneFault>> {
        let mut faults = Vec::new();
        let mut placed = Vec::new();
        let mut cursor = Cursor::new(origin);
        for entry in lines::entries(text, &mut faults) {
            match cursor.read(&entry) {
                Ok(Some(record)) => {
                    placed.push(Placed { record, line: entry.line, column: entry.column })
                }
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        let origin = LowerName::new(cursor.zone());
        let all_read = faults.is_empty();
        let records = Records::new(placed);
        rules::conflicts(&records, &origin, &mut faults);
        if all_read {
            rules::missing(&records, &origin, &mut faults);
        }
        if !faults.is_empty() {
            faults.sort_by_key(|fault| (fault.line, fault.column));
            return Err(faults);
        }
        Ok(records.into_zone(origin))
    }

    /// The name of the zone's apex.
    pub fn origin(&self) -> &LowerName {
        &self.origin
    }

    /// The apex SOA as in the file, and its TTL in seconds. Its serial is replaced by the
    /// generation's.
    pub fn soa(&self) -> (&SOA, u32) {
        (&self.soa.0, self.soa.1)
    }

    /// The zone with other times for its secondaries, in seconds: REFRESH, with a RETRY that is no longer,
    /// and EXPIRE of its SOA (RFC 1035 section 3.3.13).
    #[must_use]
    pub fn with_times(mut self, refresh: Option<u32>, expire: Option<u32>) -> Self {
        let seconds = |time: u32| i32::try_from(time).unwrap_or(i32::MAX);
        let (soa, _) = &mut self.soa;
        if let Some(refresh) = refresh {
            soa.refresh = seconds(refresh);
            soa.retry = soa.retry.min(soa.refresh);
        }
        if let Some(expire) = expire {
            soa.expire = seconds(expire);
        }
        self
    }

    /// The static record sets of `name`; `None` when it has none. The apex's include SOA and NS.
    pub fn records(&self, name: &LowerName) -> Option<&BTreeMap<RecordType, Vec<Record>>> {
        self.sets.get(name)
    }

    /// Every name with static records, in canonical order (RFC 4034 section 6.1).
    pub fn names(&self) -> impl Iterator<Item = &LowerName> {
        self.sets.keys()
    }

    /// Whether both hold the same records with the same TTLs.
    pub fn equals(&self, other: &Self) -> bool {
        let all = |zone: &Self| -> Vec<(Record, u32)> {
            let records = zone.sets.values().flat_map(BTreeMap::values).flatten();
            records.map(|record| (record.clone(), record.ttl)).collect()
        };
        (&self.origin, &self.soa) == (&other.origin, &other.soa) && all(self) == all(other)
    }
}

/// One mistake in a zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFault {
    /// Line in the zone file, from 1.
    pub line: usize,
    /// Character in that line, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl ZoneFault {
    /// A fault at this place, which is one line of text whatever is in the file.
    fn new(
        (line, column): (usize, usize),
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { line, column, what: printable(what.into()), advice: printable(advice.into()) }
    }
}

/// `12:1: what is wrong; what to do`
impl fmt::Display for ZoneFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.line, self.column, self.what, self.advice)
    }
}

/// A record and where its entry begins.
#[derive(Clone, Debug)]
struct Placed {
    record: Record,
    line: usize,
    column: usize,
}

impl Placed {
    fn fault(&self, what: impl Into<String>, advice: impl Into<String>) -> ZoneFault {
        ZoneFault::new((self.line, self.column), what, advice)
    }
}

/// All records of a file by name and type, each set without duplicates.
struct Records(BTreeMap<LowerName, BTreeMap<RecordType, Vec<Placed>>>);

impl Records {
    fn new(placed: Vec<Placed>) -> Self {
        let mut sets: BTreeMap<LowerName, BTreeMap<RecordType, Vec<Placed>>> = BTreeMap::new();
        for new in placed {
            let set = sets
                .entry(LowerName::new(&new.record.name))
                .or_default()
                .entry(new.record.record_type())
                .or_default();
            // A longer set is refused for its size; looking for duplicates would take for ever.
            let compared = if set.len() < rules::SET_MAX { &mut set[..] } else { &mut [] };
            match compared.iter_mut().find(|old| old.record.data == new.record.data) {
                Some(old) => old.record.ttl = old.record.ttl.min(new.record.ttl),
                None => set.push(new),
            }
        }
        Self(sets)
    }

    fn set(&self, name: &LowerName, record_type: RecordType) -> &[Placed] {
        self.0.get(name).and_then(|sets| sets.get(&record_type)).map_or(&[], Vec::as_slice)
    }

    /// The zone of these records, which the rules have passed.
    fn into_zone(self, origin: LowerName) -> Zone {
        let sets: BTreeMap<_, BTreeMap<_, _>> = self
            .0
            .into_iter()
            .map(|(name, sets)| {
                let sets = sets.into_iter().map(|(kind, set)| (kind, level(set)));
                (name, sets.collect())
            })
            .collect();
        let soa = sets
            .get(&origin)
            .and_then(|apex| apex.get(&RecordType::SOA))
            .and_then(|set| set.first())
            .and_then(|record| match &record.data {
                RData::SOA(soa) => Some((soa.clone(), record.ttl)),
                _ => None,
            })
            .expect("`rules::missing` has found the apex SOA");
        Zone { origin, soa, sets }
    }
}

/// The records of one set, all with the smallest TTL among them.
fn level(set: Vec<Placed>) -> Vec<Record> {
    let ttl = set.iter().map(|placed| placed.record.ttl).min();
    set.into_iter()
        .map(|Placed { mut record, .. }| {
            record.ttl = ttl.unwrap_or(record.ttl);
            record
        })
        .collect()
}

/// `text` with its control characters and marks of direction written out.
fn printable(text: String) -> String {
    if !text.contains(is_misleading) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_misleading(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}
