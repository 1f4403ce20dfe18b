//! What the companion names say.

use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType, rdata::SRV};

use super::Outcome;
use crate::{
    answers::{AnswerTable, PublishedServer, TextQuestion, companion::Companion},
    engine::ServerId,
};

/// TTL of `<server>.<zone>`, in seconds. Addresses of servers come from the configuration and
/// change with it alone, so that they may outlive many changes of the names that point at them.
const SERVER_TTL: u32 = 60;

/// Octets of a SRV record at least: owner and target have one each.
const SRV_OCTETS: usize = 18;

/// Octets of an address record at least: its owner has one.
const ADDRESS_OCTETS: usize = 15;

impl AnswerTable {
    /// What `companion`, called `name` in the zone at this place, says in so many octets.
    pub(super) fn companion_outcome(
        &self,
        companion: Companion,
        (zone, room): (usize, usize),
        name: &LowerName,
        record_type: RecordType,
    ) -> Outcome<'_> {
        let asks_for = |wanted| record_type == wanted || record_type == RecordType::ANY;
        let no_data = Outcome::NoData { soa: &self.authorities[zone].negative, note: None };
        match companion {
            Companion::Server(id) => match self.addresses(id, name, record_type) {
                records if records.is_empty() => no_data,
                records => Outcome::Records(records.into()),
            },
            Companion::Service(served) if asks_for(RecordType::SRV) => {
                self.services(served, (zone, room), name, no_data)
            }
            Companion::Status(_) | Companion::Why(_) | Companion::Events(_)
                if asks_for(RecordType::TXT) =>
            {
                TextQuestion::new(name.clone(), companion).map_or(no_data, Outcome::Text)
            }
            _ => no_data,
        }
    }

    /// All addresses of a server, under `name`.
    fn addresses(&self, id: ServerId, name: &LowerName, record_type: RecordType) -> Vec<Record> {
        let Some(server) = self.layout.companions.server(id) else {
            return Vec::new();
        };
        let (v4, v6) = server.addresses.iter().partition::<Vec<_>, _>(|address| address.is_ipv4());
        let chosen = match record_type {
            RecordType::A => v4,
            RecordType::AAAA => v6,
            RecordType::ANY if v4.is_empty() => v6,
            RecordType::ANY => v4,
            _ => Vec::new(),
        };
        let owner = Name::from(name);
        let record = |&address| Record::from_rdata(owner.clone(), SERVER_TTL, RData::from(address));
        chosen.into_iter().map(record).collect()
    }

    /// One record per server that a served name has now, or more than there is room for.
    fn services<'t>(
        &'t self,
        served: usize,
        (zone, room): (usize, usize),
        name: &LowerName,
        no_data: Outcome<'t>,
    ) -> Outcome<'t> {
        let answer = &self.served[served];
        let cluster = self.layout.served()[served].cluster;
        let origin = Name::from(&self.layout.zones()[zone].origin);
        let (mut records, mut targets) = (Vec::new(), Vec::new());
        for &server in &answer.servers {
            if records.len() * SRV_OCTETS > room {
                break;
            }
            let found = self.layout.companions.server(ServerId { cluster, server });
            let target = found.and_then(|server| Some((server, target(server, &origin)?)));
            let Some((server, target)) = target else {
                continue;
            };
            let weight = u16::try_from(server.weight).unwrap_or(u16::MAX);
            let service = SRV::new(0, weight, server.port, target.clone());
            records.push(Record::from_rdata(name.into(), answer.ttl, RData::SRV(service)));
            targets.push(target);
        }
        let mut additional = Vec::new();
        for target in &targets {
            // All of them or none are sent.
            if records.len() * SRV_OCTETS + additional.len() * ADDRESS_OCTETS > room {
                break;
            }
            additional.extend(self.host_addresses(target));
        }
        let note = answer.note.as_ref();
        match (note, no_data) {
            (note, _) if !records.is_empty() => Outcome::Services { records, additional, note },
            (Some(note), _) if note.is_not_ready() => Outcome::NotReady { note },
            (note, Outcome::NoData { soa, .. }) => Outcome::NoData { soa, note },
            (_, other) => other,
        }
    }

    /// The addresses of a host name, whoever has put them there.
    fn host_addresses(&self, host: &Name) -> Vec<Record> {
        let host = LowerName::from(host);
        let mut found = Vec::new();
        for family in [RecordType::A, RecordType::AAAA] {
            let answer = self.lookup(&host, family);
            match answer.outcome {
                Outcome::Records(records) if answer.aliases.is_empty() => {
                    found.extend(records.into_owned());
                }
                Outcome::Served { name, addresses, .. } if answer.aliases.is_empty() => {
                    let record = |address| {
                        Record::from_rdata(name.into(), addresses.ttl(), RData::from(address))
                    };
                    found.extend(addresses.addresses().map(record));
                }
                _ => {}
            }
        }
        found
    }
}

/// `<server>.<zone>`; `None` when that is too long for a name.
fn target(server: &PublishedServer, origin: &Name) -> Option<Name> {
    origin.prepend_label(server.name.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
