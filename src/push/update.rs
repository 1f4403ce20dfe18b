//! Updates as messages (RFC 2136): all of one, or nothing of it.

use std::{collections::BTreeSet, net::IpAddr};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{DNSClass, Name, RData, Record, RecordType, rdata::TXT},
};

use super::{Owner, reading::Place};

/// One change of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// What must still be there.
    pub guard: Guard,
    /// The owner record that is to be there.
    pub owner: Owner,
    /// The addresses that are to be there.
    pub addresses: BTreeSet<IpAddr>,
    /// Their TTL in seconds.
    pub ttl: u32,
}

/// What must still be there, or the server changes nothing (RFC 2136 section 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The owner record says exactly this.
    Owner(Owner),
    /// Neither the name nor its owner record has any records.
    Unused,
    /// The name has these addresses, and no owner record.
    Unowned(BTreeSet<IpAddr>),
}

/// TTL of owner records: nobody but us asks for them.
const OWNER_TTL: u32 = 60;

impl Update {
    /// As a message with this id, without a signature.
    pub fn message(&self, place: &Place, id: u16) -> Message {
        let mut message = Message::new(id, MessageType::Query, OpCode::Update);
        message.add_query(Query::query(place.zone.clone(), RecordType::SOA));
        message.answers = self.guard.prerequisites(place);
        let delete = |name: &Name, kind| of_class(DNSClass::ANY, absent(name, kind));
        message.authorities = vec![
            delete(&place.name, RecordType::A),
            delete(&place.name, RecordType::AAAA),
            delete(&place.owner, RecordType::TXT),
        ];
        message.authorities.extend(addresses(&place.name, self.ttl, &self.addresses));
        message.authorities.push(owner(&place.owner, OWNER_TTL, &self.owner));
        message
    }
}

impl Guard {
    /// In every case there is no CNAME, beside which a server would pass over addresses (RFC 2136 section 3.4.2.2).
    fn prerequisites(&self, place: &Place) -> Vec<Record> {
        let none = |name: &Name, kind| of_class(DNSClass::NONE, absent(name, kind));
        match self {
            Self::Owner(said) => {
                vec![none(&place.name, RecordType::CNAME), owner(&place.owner, 0, said)]
            }
            Self::Unused => {
                vec![none(&place.name, RecordType::ANY), none(&place.owner, RecordType::ANY)]
            }
            Self::Unowned(known) => {
                let mut needed =
                    vec![none(&place.name, RecordType::CNAME), none(&place.owner, RecordType::ANY)];
                for (kind, is_v4) in [(RecordType::A, true), (RecordType::AAAA, false)] {
                    let of_kind = known.iter().filter(|address| address.is_ipv4() == is_v4);
                    let of_kind: BTreeSet<IpAddr> = of_kind.copied().collect();
                    match of_kind.is_empty() {
                        true => needed.push(none(&place.name, kind)),
                        false => needed.extend(addresses(&place.name, 0, &of_kind)),
                    }
                }
                needed
            }
        }
    }
}

fn addresses<'a>(
    name: &'a Name,
    ttl: u32,
    addresses: &'a BTreeSet<IpAddr>,
) -> impl Iterator<Item = Record> + 'a {
    addresses.iter().map(move |&ip| Record::from_rdata(name.clone(), ttl, RData::from(ip)))
}

fn owner(name: &Name, ttl: u32, owner: &Owner) -> Record {
    let text = TXT::new(vec![owner.to_string()]);
    Record::from_rdata(name.clone(), ttl, RData::TXT(text))
}

/// A record without data, which stands for all of its kind.
fn absent(name: &Name, kind: RecordType) -> Record {
    Record::update0(name.clone(), 0, kind)
}

fn of_class(class: DNSClass, mut record: Record) -> Record {
    record.dns_class = class;
    record
}
