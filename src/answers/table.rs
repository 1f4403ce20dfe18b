//! The answer table: everything needed to answer DNS for one generation. Built, published, never
//! changed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hickory_proto::{
    rr::{RData, Record},
    serialize::binary::{BinEncodable, BinEncoder, NameEncoding},
};

use super::{Layout, Serial, ServedSet};
use crate::engine::{ClusterId, Degradation, ServerIndex};

/// Frozen answers to every question about our zones.
///
/// Tables share what did not change from one to the next. A clone is cheap.
#[derive(Clone, Debug)]
pub struct AnswerTable {
    pub(super) generation: u64,
    pub(super) serial: Serial,
    pub(super) owes_a_serial: bool,
    pub(super) layout: Arc<Layout>,
    /// One per zone of the layout.
    pub(super) authorities: Arc<[Authority]>,
    /// One per served name of the layout.
    pub(super) served: Arc<[Arc<ServedAnswer>]>,
}

/// A zone's SOA record in the forms that are served.
#[derive(Clone, Debug)]
pub struct Authority {
    /// As an answer.
    pub soa: Record,
    /// In a negative answer: its TTL is the lesser of its own and MINIMUM (RFC 2308 section 3).
    pub negative: Record,
    /// `soa` as octets.
    pub soa_wire: WireSoa,
    /// `negative` as octets.
    pub negative_wire: WireSoa,
}

/// A SOA record as octets, from its type on, without an owner: in a message that is a pointer to
/// the end of the question's name, which lies at or below the apex.
#[derive(Clone, Debug)]
pub struct WireSoa {
    /// Octets of the apex as a name in a message.
    pub apex_octets: usize,
    /// Type, class, TTL, length and data; the names in it are not compressed.
    pub record: Box<[u8]>,
}

/// What one served name says.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedAnswer {
    /// Those that it names, in config order.
    pub servers: Box<[ServerIndex]>,
    /// TTL of its records in seconds.
    pub ttl: u32,
    /// For A questions.
    pub v4: ServedSet,
    /// For AAAA questions.
    pub v6: ServedSet,
    /// Why the answer is not the ideal one; `None` when it is.
    pub note: Option<Note>,
}

/// Why an answer is degraded, for an Extended DNS Error (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// In which way.
    pub degradation: Degradation,
    /// Cluster and reason: `orders: held: the last primary is Down and there is no other`.
    pub text: Box<str>,
}

impl Note {
    /// Whether there is no answer yet.
    pub(super) fn is_not_ready(&self) -> bool {
        self.degradation == Degradation::NotReady
    }
}

impl AnswerTable {
    /// Counts published tables.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The serial in its SOA records.
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// The names it answers for.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Whether records were published whose serial could not grow.
    pub fn owes_a_serial(&self) -> bool {
        self.owes_a_serial
    }

    /// The table after this one, with the serial that this one owes; `None` when it owes none, or
    /// has reached `limit` still.
    pub fn paid(&self, unix_seconds: u64, limit: Serial) -> Option<Self> {
        let mut table = Self { generation: self.generation + 1, ..self.clone() };
        table.grow(unix_seconds, limit);
        (self.owes_a_serial && !table.owes_a_serial).then_some(table)
    }

    /// Gives it the serial of another change.
    pub(super) fn grow(&mut self, unix_seconds: u64, limit: Serial) {
        let next = self.serial.next_within(unix_seconds, limit);
        // There is none after the highest one.
        self.owes_a_serial = next == self.serial && next < Serial::MAX;
        self.serial = next;
        self.authorities = Authority::of(&self.layout, next);
    }

    /// Whether both publish the same records, whatever their order, TTLs and reasons are.
    pub(super) fn publishes_what(&self, other: &Self) -> bool {
        if !self.layout.places_what(&other.layout) {
            return false;
        }
        let names = self.layout.served().iter().zip(&*self.served);
        let mut names: HashMap<_, _> =
            names.map(|(name, answer)| (&name.name, (name.cluster, answer))).collect();
        other.layout.served().iter().zip(&*other.served).all(|(name, answer)| {
            let before = names.remove(&name.name);
            before.is_some_and(|(cluster, before)| {
                let named = |layout: &Layout, cluster: ClusterId, answer: &ServedAnswer| {
                    let servers = layout.clusters().get(cluster.0).map(|listing| &*listing.servers);
                    let name =
                        |index: &ServerIndex| Some(servers?.get(index.place())?.name.clone());
                    answer.servers.iter().map(name).collect::<BTreeSet<_>>()
                };
                before.v4.equals_records(&answer.v4)
                    && before.v6.equals_records(&answer.v6)
                    && named(&self.layout, cluster, before)
                        == named(&other.layout, name.cluster, answer)
            })
        })
    }
}

impl ServedAnswer {
    /// Whether both publish the same records, whatever their order, TTLs and reasons are.
    pub fn equals_records(&self, other: &Self) -> bool {
        let named = |answer: &Self| BTreeSet::from_iter(answer.servers.iter().copied());
        (self.servers == other.servers || named(self) == named(other))
            && self.v4.equals_records(&other.v4)
            && self.v6.equals_records(&other.v6)
    }
}

impl Authority {
    /// The SOA records of every zone of `layout` with `serial`.
    pub fn of(layout: &Layout, serial: Serial) -> Arc<[Self]> {
        let zones = layout.zones().iter();
        zones.map(|zone| Self::new(&zone.soa, serial)).collect()
    }

    fn new(soa: &Record, serial: Serial) -> Self {
        let mut soa = soa.clone();
        let mut negative = soa.clone();
        if let RData::SOA(data) = &mut soa.data {
            data.serial = serial.value();
            negative.ttl = soa.ttl.min(data.minimum);
            negative.data = soa.data.clone();
        }
        let (soa_wire, negative_wire) = (WireSoa::new(&soa), WireSoa::new(&negative));
        Self { soa, negative, soa_wire, negative_wire }
    }
}

impl WireSoa {
    fn new(soa: &Record) -> Self {
        let octets = |part: &dyn Fn(&mut BinEncoder<'_>)| {
            let mut octets = Vec::new();
            let mut encoder = BinEncoder::new(&mut octets);
            encoder.set_name_encoding(NameEncoding::Uncompressed);
            part(&mut encoder);
            octets
        };
        let apex = octets(&|encoder| soa.name.emit(encoder).expect("a name fits"));
        let whole = octets(&|encoder| soa.emit(encoder).expect("a SOA record fits"));
        Self { apex_octets: apex.len(), record: whole[apex.len()..].into() }
    }
}
