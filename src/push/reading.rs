//! What a server of somebody else's zone says of a name: questions out, their replies in.

use std::{collections::BTreeSet, net::IpAddr};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{LowerName, Name, RData, RecordType},
};

use super::{Owner, fault::PushFault};

/// A name in somebody else's zone and its owner record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The zone's apex.
    pub zone: Name,
    /// The name.
    pub name: Name,
    /// Where its owner record stands.
    pub owner: Name,
}

/// What a server says of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The addresses of the name.
    pub addresses: BTreeSet<IpAddr>,
    /// What stands at the place of the owner record.
    pub owner: OwnerText,
    /// A type of record at the name that is none of ours, a CNAME first of all.
    pub foreign: Option<RecordType>,
}

/// What stands at the place of an owner record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OwnerText {
    /// Nothing.
    #[default]
    Absent,
    /// An owner record.
    Owner(Owner),
    /// Something else.
    Strange,
}

impl Place {
    /// The questions that a [`Reading`] is made of, with ids from this one on.
    pub fn questions(&self, id: u16) -> Vec<Message> {
        let kinds = [
            (&self.name, RecordType::A),
            (&self.name, RecordType::AAAA),
            (&self.owner, RecordType::TXT),
            // What else there is, as far as the server tells (RFC 8482).
            (&self.name, RecordType::ANY),
        ];
        let ids = (0..).map(|number| id.wrapping_add(number));
        kinds
            .into_iter()
            .zip(ids)
            .map(|((name, kind), id)| {
                let mut message = Message::new(id, MessageType::Query, OpCode::Query);
                message.add_query(Query::query(name.clone(), kind));
                message
            })
            .collect()
    }

    /// What the replies to all questions say.
    ///
    /// # Errors
    /// [`PushFault`] when one of them is no answer of who has the zone.
    pub fn read(&self, replies: &[Message]) -> Result<Reading, PushFault> {
        let mut reading = Reading::default();
        for reply in replies {
            let kind = reply.queries.first().map(|query| query.query_type());
            let code = reply.metadata.response_code;
            match code {
                ResponseCode::NoError | ResponseCode::NXDomain => {}
                // Who does not answer ANY has said what counts by the other questions.
                _ if kind == Some(RecordType::ANY) => continue,
                code => return Err(PushFault::NotRead(code)),
            }
            if !reply.metadata.authoritative {
                return Err(PushFault::NoAuthority);
            }
            for record in &reply.answers {
                let is_at = |name: &Name| LowerName::from(&record.name) == LowerName::from(name);
                match &record.data {
                    RData::TXT(text) if is_at(&self.owner) => reading.note_owner(&texts(text)),
                    _ if !is_at(&self.name) => {}
                    // They have questions of their own. Between those and this one an update may have come.
                    RData::A(_) | RData::AAAA(_) if kind == Some(RecordType::ANY) => {}
                    RData::A(address) => _ = reading.addresses.insert(address.0.into()),
                    RData::AAAA(address) => _ = reading.addresses.insert(address.0.into()),
                    _ => reading.note_foreign(record.record_type()),
                }
            }
        }
        Ok(reading)
    }
}

impl Reading {
    fn note_owner(&mut self, text: &str) {
        self.owner = match (&self.owner, Owner::parse(text)) {
            (OwnerText::Absent, Some(owner)) => OwnerText::Owner(owner),
            _ => OwnerText::Strange,
        };
    }

    /// Signatures and their like are the server's own, and HINFO is how ANY is answered in short (RFC 8482).
    fn note_foreign(&mut self, kind: RecordType) {
        let own = [RecordType::RRSIG, RecordType::NSEC, RecordType::NSEC3, RecordType::HINFO];
        if !own.contains(&kind) && self.foreign != Some(RecordType::CNAME) {
            self.foreign = Some(kind);
        }
    }
}

fn texts(text: &hickory_proto::rr::rdata::TXT) -> String {
    text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()
}
