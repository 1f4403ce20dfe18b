//! The answer table: everything needed to answer DNS for one generation. Built, published, never
//! changed.

use std::{net::IpAddr, sync::Arc};

use hickory_proto::rr::{RData, Record};
use rand::Rng;

use super::{
    Balance, Layout, Serial,
    balance::{Share, order},
    layout::same_records,
};
use crate::engine::Degradation;

/// Frozen answers to every question about our zones.
#[derive(Clone, Debug)]
pub struct AnswerTable {
    pub(super) generation: u64,
    pub(super) serial: Serial,
    pub(super) layout: Arc<Layout>,
    /// One per zone of the layout.
    pub(super) authorities: Vec<Authority>,
    /// One per served name of the layout.
    pub(super) served: Vec<ServedAnswer>,
}

/// A zone's SOA record in the two forms that are served.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    /// As an answer.
    pub(super) soa: Record,
    /// In a negative answer: its TTL is the lesser of its own and MINIMUM (RFC 2308 section 3).
    pub(super) negative: Record,
}

/// What one served name says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ServedAnswer {
    /// For A questions.
    pub(super) v4: ServedSet,
    /// For AAAA questions.
    pub(super) v6: ServedSet,
    /// Why the answer is not the ideal one; `None` when it is.
    pub(super) note: Option<Note>,
}

/// The records of one address family of a served name, by server.
#[derive(Clone, Debug)]
pub struct ServedSet {
    shares: Vec<Share>,
    /// As many as `shares`, each with at least one record.
    records: Vec<Vec<Record>>,
    balance: Balance,
    max_answers: usize,
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

    /// This table as the one after `last`: `None` when it would change nothing at all.
    ///
    /// The generation grows by one. The serial grows (see [`Serial::next`]) only when other records
    /// are published; reasons and the order of servers do not count. `unix_seconds` is wall time in
    /// seconds since 1970.
    pub fn following(self, last: &Self, unix_seconds: u64) -> Option<Self> {
        let same_layout = self.same_layout(last);
        if same_layout && self.served == last.served {
            return None;
        }
        let serial =
            if self.equals_answers(last) { last.serial } else { last.serial.next(unix_seconds) };
        let authorities = Authority::of(&self.layout, serial);
        Some(Self { generation: last.generation + 1, serial, authorities, ..self })
    }

    /// Whether both tables publish the same records, whatever their order, reasons, generations and
    /// serials are.
    pub fn equals_answers(&self, other: &Self) -> bool {
        self.same_layout(other)
            && self.served.len() == other.served.len()
            && self.served.iter().zip(&other.served).all(|(mine, theirs)| {
                mine.v4.equals_records(&theirs.v4) && mine.v6.equals_records(&theirs.v6)
            })
    }

    fn same_layout(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.layout, &other.layout) || self.layout == other.layout
    }
}

impl Authority {
    /// The SOA records of every zone of `layout` with `serial`.
    pub(super) fn of(layout: &Layout, serial: Serial) -> Vec<Self> {
        let zones = layout.zones().iter();
        zones.map(|zone| Self::new(&zone.soa, serial)).collect()
    }

    fn new(soa: &Record, serial: Serial) -> Self {
        let mut soa = soa.clone();
        let mut negative_ttl = soa.ttl;
        if let RData::SOA(data) = &mut soa.data {
            data.serial = serial.value();
            negative_ttl = negative_ttl.min(data.minimum);
        }
        let mut negative = soa.clone();
        negative.ttl = negative_ttl;
        Self { soa, negative }
    }
}

impl ServedSet {
    /// A set from servers with their records; servers without a record are left out.
    pub(super) fn new(
        servers: impl IntoIterator<Item = (Share, Vec<Record>)>,
        balance: Balance,
        max_answers: Option<usize>,
    ) -> Self {
        let (shares, records) =
            servers.into_iter().filter(|(_, records)| !records.is_empty()).unzip();
        Self { shares, records, balance, max_answers: max_answers.unwrap_or(usize::MAX) }
    }

    /// Whether there is no record to answer with.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Every record, server by server in config order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten()
    }

    /// The records of one answer to `client`, in its order.
    pub fn draw(&self, client: IpAddr, rng: &mut impl Rng) -> Vec<&Record> {
        order(&self.shares, self.balance, self.max_answers, client, rng)
            .into_iter()
            .flat_map(|index| &self.records[index])
            .collect()
    }

    /// Whether both sets hold the same records, in whatever order.
    fn equals_records(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut records: Vec<_> = set.records().cloned().collect();
            records.sort_by(|a, b| a.data.cmp(&b.data));
            records
        };
        same_records(self.records(), other.records()) || same_records(&sorted(self), &sorted(other))
    }
}

/// Equal in everything that an answer may depend on, TTLs included.
impl PartialEq for ServedSet {
    fn eq(&self, other: &Self) -> bool {
        self.shares == other.shares
            && self.balance == other.balance
            && self.max_answers == other.max_answers
            && self.records.len() == other.records.len()
            && self
                .records
                .iter()
                .zip(&other.records)
                .all(|(mine, theirs)| same_records(mine, theirs))
    }
}
