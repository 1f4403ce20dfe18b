//! Lookups by the octets of a question, for the common answers, without allocation.
//!
//! What is not common (static records, delegations, wildcards, aliases, names that begin with `_`)
//! is left to [`AnswerTable::lookup`], which knows everything; the two must never differ in what
//! both know.

use super::{AnswerTable, Note, ServedSet, WireSoa, wire_index::Kind};

/// The answer to one question, ready to be copied.
#[derive(Clone, Copy, Debug)]
pub enum WireAnswer<'t> {
    /// Addresses of a served name.
    Served {
        /// At least one.
        addresses: &'t ServedSet,
        /// Why they are not the ideal ones.
        note: Option<&'t Note>,
        /// The slot of the name, see [`Layout::slots`](super::Layout::slots).
        slot: u32,
    },
    /// The apex's SOA record.
    Soa(&'t WireSoa),
    /// The name exists and has nothing of this type.
    NoData {
        /// For the authority section.
        soa: &'t WireSoa,
        /// Why, where the name should have an address.
        note: Option<&'t Note>,
        /// The slot, if the name is a served one.
        slot: Option<u32>,
    },
    /// There is no such name.
    NxDomain {
        /// For the authority section.
        soa: &'t WireSoa,
    },
    /// The name lies in no zone of ours.
    NotOurs,
    /// Something less common.
    Other,
}

impl AnswerTable {
    /// What the table says about a name and a type, class IN.
    ///
    /// `name` is a whole name in wire form without compression, in lower case. The types that ask
    /// for more than one type or for none (RFC 6895 section 3.1) are [`WireAnswer::Other`].
    #[inline]
    pub fn wire_lookup(&self, name: &[u8], record_type: u16) -> WireAnswer<'_> {
        if matches!(record_type, 0 | OPT | 128..=255) {
            return WireAnswer::Other;
        }
        let index = &self.layout.index;
        let Some(place) = index.0.get(name) else {
            return self.missing(name);
        };
        let authority = &self.authorities[place.zone];
        let soa = &authority.negative_wire;
        match place.kind {
            Kind::Served(served) => {
                let answer = &*self.served[served];
                let note = answer.note.as_ref();
                let slot = self.layout.slots()[served];
                let addresses = match record_type {
                    A => &answer.v4,
                    AAAA => &answer.v6,
                    _ => return WireAnswer::NoData { soa, note: None, slot: Some(slot) },
                };
                if !addresses.is_empty() {
                    return WireAnswer::Served { addresses, note, slot };
                }
                match note {
                    Some(note) if note.is_not_ready() => WireAnswer::Other,
                    _ => WireAnswer::NoData { soa, note, slot: Some(slot) },
                }
            }
            Kind::Apex if record_type == SOA => WireAnswer::Soa(&authority.soa_wire),
            Kind::Empty => WireAnswer::NoData { soa, note: None, slot: None },
            Kind::Apex | Kind::Other => WireAnswer::Other,
        }
    }

    /// The slot of the served name that this is, in wire form and lower case.
    pub fn slot(&self, name: &[u8]) -> Option<u32> {
        match self.layout.index.0.get(name)?.kind {
            Kind::Served(served) => self.layout.slots().get(served).copied(),
            Kind::Apex | Kind::Empty | Kind::Other => None,
        }
    }

    /// A name that does not exist as itself.
    fn missing(&self, name: &[u8]) -> WireAnswer<'_> {
        let mut rest = name;
        while let Some((&octets, labels)) = rest.split_first() {
            if octets == 0 {
                break;
            }
            if labels.first() == Some(&b'_') {
                return WireAnswer::Other;
            }
            let Some((label, above)) = labels.split_at_checked(usize::from(octets)) else {
                break;
            };
            rest = above;
            if let Some(place) = self.layout.index.0.get(rest) {
                let below_apex = place.kind == Kind::Apex;
                let companion = below_apex && self.layout.companions.knows(label);
                return match place.closed && !companion {
                    true => {
                        WireAnswer::NxDomain { soa: &self.authorities[place.zone].negative_wire }
                    }
                    false => WireAnswer::Other,
                };
            }
        }
        WireAnswer::NotOurs
    }
}

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const OPT: u16 = 41;
