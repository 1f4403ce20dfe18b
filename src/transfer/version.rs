//! A zone at one serial, and how one differs from the next.

use std::{
    cmp::Ordering,
    sync::{Arc, OnceLock},
};

use hickory_proto::rr::{LowerName, RData, Record};

use super::wire::{Body, RecordOctets, packed, record_octets};
use crate::answers::{AnswerTable, Copied};

/// A zone at one serial. Never changed.
#[derive(Debug)]
pub struct Version {
    /// Its serial.
    pub serial: u32,
    /// Seconds for which a copy may be used without us, the SOA's EXPIRE.
    pub expire: u32,
    /// The SOA record.
    pub soa: RecordOctets,
    /// What changes with the configuration alone, sorted.
    settled: Arc<[RecordOctets]>,
    /// What each served name says, sorted, by its place in the layout.
    served: Vec<(usize, Arc<[RecordOctets]>)>,
    /// The table that it is of; `None` for a zone that is of no table.
    table: Option<AnswerTable>,
    /// Octets of all records.
    octets: usize,
    /// The whole as messages, once somebody asks for it.
    rendered: OnceLock<Arc<[Body]>>,
}

/// What a zone is without and has new, from one serial to a later one.
#[derive(Debug)]
pub struct Difference {
    /// The earlier serial.
    pub from: u32,
    /// The later one.
    pub to: u32,
    /// As a difference sequence of IXFR (RFC 1995 section 4): the old SOA and what is gone, the new SOA and what
    /// is new.
    pub records: Vec<RecordOctets>,
    /// Whether nothing but the SOA differs.
    pub is_empty: bool,
    /// Octets of all of them.
    pub octets: usize,
}

impl Version {
    /// The zone `origin` as `table` has it; `None` when there is none, when not all that it says is known,
    /// or when the table's serial stands for the table before.
    pub fn of(table: &AnswerTable, origin: &LowerName, copied: Copied) -> Option<Self> {
        let (zone, places) = known(table, origin)?;
        let settled = octets_of(&table.settled_records(zone, copied), origin);
        let served = places
            .into_iter()
            .map(|place| (place, octets_of(&table.served_records(place, copied), origin)));
        Some(Self::new(table.zone_soa(zone), origin, settled, served.collect(), Some(table)))
    }

    /// A zone of these records, which no table has.
    pub fn of_records(soa: &Record, origin: &LowerName, records: &[Record]) -> Self {
        Self::new(soa, origin, octets_of(records, origin), Vec::new(), None)
    }

    fn new(
        soa: &Record,
        origin: &LowerName,
        settled: Arc<[RecordOctets]>,
        served: Vec<(usize, Arc<[RecordOctets]>)>,
        table: Option<&AnswerTable>,
    ) -> Self {
        let (serial, expire) = match &soa.data {
            RData::SOA(soa) => (soa.serial, u32::try_from(soa.expire).unwrap_or(0)),
            _ => (0, 0),
        };
        let soa = record_octets(soa, origin);
        let of_served = served.iter().flat_map(|(_, records)| &**records);
        let octets = settled.iter().chain(of_served).map(|record| record.len()).sum::<usize>();
        let octets = octets + 2 * soa.len();
        let rendered = OnceLock::new();
        Self { serial, expire, soa, settled, served, table: table.cloned(), octets, rendered }
    }

    /// The same zone as `table` has it, with the difference; `None` when there is no later serial, or not all is
    /// known. Costs little beside what has changed, unless the configuration has.
    pub fn next(
        &self,
        table: &AnswerTable,
        origin: &LowerName,
        copied: Copied,
    ) -> Option<(Self, Difference)> {
        if !is_later(table.serial().value(), self.serial) {
            return None;
        }
        let last = self.table.as_ref().filter(|last| Arc::ptr_eq(last.layout(), table.layout()));
        let Some(last) = last else {
            let next = Self::of(table, origin, copied)?;
            let difference = Difference::between(self, &next, self.all(), next.all());
            return Some((next, difference));
        };
        let (zone, _) = known(table, origin)?;
        let mut served = self.served.clone();
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (place, records) in &mut served {
            if table.shares(last, *place) {
                continue;
            }
            let before = std::mem::replace(
                records,
                octets_of(&table.served_records(*place, copied), origin),
            );
            gone.extend(before.iter().cloned());
            new.extend(records.iter().cloned());
        }
        let settled = Arc::clone(&self.settled);
        let next = Self::new(table.zone_soa(zone), origin, settled, served, Some(table));
        gone.sort_unstable();
        new.sort_unstable();
        let difference = Difference::between(self, &next, gone, new);
        Some((next, difference))
    }

    /// Every record but the SOA, sorted: those of one set stand together.
    pub fn all(&self) -> Vec<RecordOctets> {
        let served = self.served.iter().flat_map(|(_, records)| &**records);
        let mut all: Vec<_> = self.settled.iter().chain(served).cloned().collect();
        all.sort_unstable();
        all
    }

    /// The SOA record alone: there is nothing new, or not in this way.
    pub fn soa_body(&self) -> Body {
        Body { count: 1, octets: self.soa.to_vec() }
    }

    /// Octets of the whole.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The whole as messages (RFC 5936 section 2.2): the SOA, everything else, and the SOA again. They are made
    /// when somebody asks first.
    pub fn whole(&self) -> Arc<[Body]> {
        let rendered = self.rendered.get_or_init(|| {
            let all = self.all();
            let soa = std::iter::once(&self.soa);
            let records = soa.clone().chain(&all).chain(soa);
            packed(records.map(|record| &**record)).into()
        });
        Arc::clone(rendered)
    }
}

impl Difference {
    /// From one version to the next, of which these sorted records are `gone` and `new`, but for those in both.
    pub fn between(
        before: &Version,
        after: &Version,
        gone: Vec<RecordOctets>,
        new: Vec<RecordOctets>,
    ) -> Self {
        let (gone, new) = unlike(gone, new);
        let is_empty = gone.is_empty() && new.is_empty();
        let mut records = vec![before.soa.clone()];
        records.extend(gone);
        records.push(after.soa.clone());
        records.extend(new);
        let octets = records.iter().map(|record| record.len()).sum();
        Self { from: before.serial, to: after.serial, records, is_empty, octets }
    }
}

/// The place of a zone and its served names, if all that they say is known and the serial stands for it.
fn known(table: &AnswerTable, origin: &LowerName) -> Option<(usize, Vec<usize>)> {
    let zone = table.zone_place(origin)?;
    let places = table.served_in(zone);
    (!table.owes_a_serial() && table.knows_all(&places)).then_some((zone, places))
}

/// The records as octets, sorted, each once.
fn octets_of(records: &[Record], origin: &LowerName) -> Arc<[RecordOctets]> {
    let mut octets: Vec<_> = records.iter().map(|record| record_octets(record, origin)).collect();
    octets.sort_unstable();
    octets.dedup();
    octets.into()
}

/// What only the first and what only the second of two sorted lists has.
fn unlike(
    first: Vec<RecordOctets>,
    second: Vec<RecordOctets>,
) -> (Vec<RecordOctets>, Vec<RecordOctets>) {
    let (mut only_first, mut only_second) = (Vec::new(), Vec::new());
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    loop {
        match (first.peek(), second.peek()) {
            (Some(one), Some(other)) => match one.cmp(other) {
                Ordering::Less => only_first.extend(first.next()),
                Ordering::Greater => only_second.extend(second.next()),
                Ordering::Equal => {
                    first.next();
                    second.next();
                }
            },
            (None, None) => return (only_first, only_second),
            _ => {
                only_first.extend(first.by_ref());
                only_second.extend(second.by_ref());
            }
        }
    }
}

/// Whether a serial is later than another (RFC 1982 section 3.2). Two that are half a circle apart are not.
pub fn is_later(serial: u32, than: u32) -> bool {
    (1..1 << 31).contains(&serial.wrapping_sub(than))
}

#[cfg(test)]
mod tests;
