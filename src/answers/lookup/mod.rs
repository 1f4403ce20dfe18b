//! A question in, the part of the table that answers it out.
//!
//! | the name is | answer |
//! | --- | --- |
//! | in no zone of ours | [`Outcome::NotOurs`] |
//! | served | its addresses; other types, an empty family: no data. Never "no such name" |
//! | a companion of a served name, server or cluster | what its [kind](CompanionKind) tells |
//! | at or below a delegation | a referral with glue; a DS set at the cut is ours (RFC 4035) |
//! | static | the set; CNAMEs are followed within the zone (RFC 1034 section 4.3.2) |
//! | an empty non-terminal | no data (RFC 8020) |
//! | covered by a wildcard | the wildcard's set under the asked name (RFC 4592) |
//! | anything else | no such name |
//!
//! `ANY` gets one set (RFC 8482 section 4.1): the SOA at an apex, the addresses of a served name,
//! else the set of the lowest type number.

mod companion;

use std::borrow::Cow;

use hickory_proto::rr::{LowerName, RData, Record, RecordType};

use super::{
    AnswerTable, CompanionKind, Layout, Note, ServedSet, TextQuestion,
    companion::Companion,
    node::{Node, RecordSets, ZoneLayout},
};

/// The answer to one question.
#[derive(Clone, Debug)]
pub struct Answer<'t> {
    /// CNAME records passed on the way, in order. Empty for nearly every question.
    pub aliases: Vec<Cow<'t, Record>>,
    /// What was found at the end of them.
    pub outcome: Outcome<'t>,
    /// Which kind of companion name that is; `None` for any other name. Not everybody may see each
    /// kind.
    pub companion: Option<CompanionKind>,
}

/// What was found for a name and a type.
#[derive(Clone, Debug)]
pub enum Outcome<'t> {
    /// Static records; none when a CNAME leads out of the zone or in a circle.
    Records(Cow<'t, [Record]>),
    /// Addresses of a served name.
    Served {
        /// The name as it is configured.
        name: &'t LowerName,
        /// At least one.
        addresses: &'t ServedSet,
        /// Why they are not the ideal ones.
        note: Option<&'t Note>,
    },
    /// SRV records of a served name (RFC 2782).
    Services {
        /// One per server, at least one.
        records: Vec<Record>,
        /// The addresses of their targets, where we know them. Worth leaving out when space is
        /// short.
        additional: Vec<Record>,
        /// Why these servers are not the ideal ones.
        note: Option<&'t Note>,
    },
    /// TXT records that tell about servers and names; the reports have the words.
    Text(TextQuestion),
    /// The name exists and has nothing of this type.
    NoData {
        /// For the authority section.
        soa: &'t Record,
        /// Why, where the name should have an address.
        note: Option<&'t Note>,
    },
    /// There is no such name, and nothing below it.
    NxDomain {
        /// For the authority section.
        soa: &'t Record,
    },
    /// The zone file gives this part of the zone to other servers.
    Referral {
        /// The NS records for the authority section.
        servers: &'t [Record],
        /// Their addresses, where the zone holds them.
        glue: Vec<&'t Record>,
    },
    /// A served name before the first decision: an honest "cannot know yet".
    NotReady {
        /// Says so.
        note: &'t Note,
    },
    /// The name lies in no zone of ours.
    NotOurs,
}

/// At most so many CNAMEs are followed. Real chains have one or two.
const MAX_ALIASES: usize = 8;

impl AnswerTable {
    /// What the table says about `name` (absolute) and `record_type`, class IN.
    pub fn lookup(&self, name: &LowerName, record_type: RecordType) -> Answer<'_> {
        self.lookup_within(name, record_type, usize::MAX)
    }

    /// The same for a reply that has room for so many octets of records. Of those that are made for
    /// the reply there may be fewer than there are, but always more than fit.
    pub fn lookup_within(
        &self,
        name: &LowerName,
        record_type: RecordType,
        room: usize,
    ) -> Answer<'_> {
        let mut answer = Answer::NOT_OURS;
        let Some((zone, _)) = self.layout.zone_of(name) else {
            return answer;
        };
        let mut name = Cow::Borrowed(name);
        loop {
            match self.step(zone, &name, record_type) {
                Step::Done(outcome) => answer.outcome = outcome,
                Step::Companion(companion) => {
                    answer.companion = companion.kind();
                    answer.outcome =
                        self.companion_outcome(companion, (zone, room), &name, record_type);
                }
                Step::Alias(alias) => {
                    let Alias { record, target } = *alias;
                    let seen = answer.aliases.iter().any(|alias| alias.name == *target);
                    answer.aliases.push(record);
                    let inside = self.layout.zone_of(&target).map(|(index, _)| index);
                    if inside == Some(zone) && !seen && answer.aliases.len() < MAX_ALIASES {
                        name = Cow::Owned(target);
                        continue;
                    }
                    answer.outcome = Outcome::Records(Cow::Borrowed(&[]));
                }
            }
            return answer;
        }
    }

    /// One name of the chain.
    fn step(&self, zone_index: usize, name: &LowerName, record_type: RecordType) -> Step<'_> {
        let zone = &self.layout.zones()[zone_index];
        let authority = &self.authorities[zone_index];
        let no_data = Outcome::NoData { soa: &authority.negative, note: None };
        Step::Done(match self.layout.find(zone_index, name, record_type) {
            Place::Served(index) => self.served_outcome(index, record_type, no_data),
            Place::Delegated(servers) => Outcome::Referral { servers, glue: zone.glue(servers) },
            Place::Companion(companion) => return Step::Companion(companion),
            Place::Empty => no_data,
            Place::Nowhere => Outcome::NxDomain { soa: &authority.negative },
            Place::Apex(_) if matches!(record_type, RecordType::SOA | RecordType::ANY) => {
                Outcome::Records(Cow::Borrowed(std::slice::from_ref(&authority.soa)))
            }
            Place::Apex(sets) | Place::Static(sets) => {
                return step_in(sets, record_type, no_data, None);
            }
            Place::Wildcard(sets) => return step_in(sets, record_type, no_data, Some(name)),
        })
    }

    fn served_outcome<'t>(
        &'t self,
        index: usize,
        record_type: RecordType,
        no_data: Outcome<'t>,
    ) -> Outcome<'t> {
        let served = &self.served[index];
        let addresses = match record_type {
            RecordType::A => &served.v4,
            RecordType::AAAA => &served.v6,
            RecordType::ANY if served.v4.is_empty() => &served.v6,
            RecordType::ANY => &served.v4,
            _ => return no_data,
        };
        let note = served.note.as_ref();
        if !addresses.is_empty() {
            let name = &self.layout.served()[index].name;
            return Outcome::Served { name, addresses, note };
        }
        let nothing_known = served.v4.is_empty() && served.v6.is_empty();
        match (note, no_data) {
            (Some(note), _) if nothing_known && note.is_not_ready() => Outcome::NotReady { note },
            (note, Outcome::NoData { soa, .. }) => Outcome::NoData { soa, note },
            (_, other) => other,
        }
    }
}

impl Answer<'_> {
    /// The answer to what lies in no zone of ours.
    pub const NOT_OURS: Self =
        Self { aliases: Vec::new(), outcome: Outcome::NotOurs, companion: None };
}

/// What one name of a chain leads to.
enum Step<'t> {
    Done(Outcome<'t>),
    Companion(Companion),
    Alias(Box<Alias<'t>>),
}

/// A CNAME record and where it leads.
struct Alias<'t> {
    record: Cow<'t, Record>,
    target: LowerName,
}

/// Where a name lies in its zone.
enum Place<'t> {
    Served(usize),
    Apex(&'t RecordSets),
    Static(&'t RecordSets),
    Wildcard(&'t RecordSets),
    Delegated(&'t [Record]),
    Companion(Companion),
    Empty,
    Nowhere,
}

impl Layout {
    /// Walks from the apex of the zone at `place` down to `name`, so that a name with a hundred
    /// labels costs no more than what exists of it.
    fn find(&self, place: usize, name: &LowerName, record_type: RecordType) -> Place<'_> {
        let zone = &self.zones()[place];
        let node = zone.nodes.get(name);
        if let Some(Node::Served(index)) = node {
            return Place::Served(*index);
        }
        let labels = name.iter().len();
        let mut companion = None;
        for depth in zone.depth + 1..=labels {
            let ancestor = match depth == labels {
                true => Cow::Borrowed(name),
                false => Cow::Owned(LowerName::from(name.trim_to(depth))),
            };
            let found = zone.nodes.get(&ancestor);
            companion = match found {
                None | Some(Node::Empty) => self.companion(place, &ancestor),
                Some(Node::Static(_) | Node::Served(_)) => None,
            };
            match found {
                None if companion.is_none() => return zone.find_wildcard(name, depth - 1),
                Some(Node::Static(sets)) => {
                    let at_cut_for_parent = depth == labels && record_type == RecordType::DS;
                    if let Some(servers) = sets.get(&RecordType::NS)
                        && !at_cut_for_parent
                    {
                        return Place::Delegated(servers);
                    }
                }
                Some(Node::Empty | Node::Served(_)) | None => {}
            }
        }
        match (node, companion) {
            (Some(Node::Static(sets)), _) if labels == zone.depth => Place::Apex(sets),
            (Some(Node::Static(sets)), _) => Place::Static(sets),
            (_, Some(companion)) => Place::Companion(companion),
            (Some(Node::Empty | Node::Served(_)), None) => Place::Empty,
            (None, None) => Place::Nowhere,
        }
    }
}

impl ZoneLayout {
    /// The wildcard right below the closest encloser of `name`, which has `depth` labels. A
    /// wildcard that exists only as an empty non-terminal has no data for anybody (RFC 4592 section
    /// 2.2.2).
    fn find_wildcard(&self, name: &LowerName, depth: usize) -> Place<'_> {
        let Ok(wildcard) = name.trim_to(depth).prepend_label("*") else {
            return Place::Nowhere;
        };
        match self.nodes.get(&LowerName::from(wildcard)) {
            Some(Node::Static(sets)) => Place::Wildcard(sets),
            Some(Node::Empty) => Place::Empty,
            Some(Node::Served(_)) | None => Place::Nowhere,
        }
    }

    /// The addresses of name servers that lie in this zone, below a delegation or not.
    fn glue(&self, servers: &[Record]) -> Vec<&Record> {
        let mut glue = Vec::new();
        for server in servers {
            let RData::NS(target) = &server.data else {
                continue;
            };
            if let Some(Node::Static(sets)) = self.nodes.get(&LowerName::from(&target.0)) {
                for family in [RecordType::A, RecordType::AAAA] {
                    glue.extend(sets.get(&family).into_iter().flatten());
                }
            }
        }
        glue
    }
}

/// What the static records `sets` say; with `owner`, they are a wildcard's and answer under that
/// name.
fn step_in<'t>(
    sets: &'t RecordSets,
    record_type: RecordType,
    no_data: Outcome<'t>,
    owner: Option<&LowerName>,
) -> Step<'t> {
    let set = match record_type {
        RecordType::ANY => sets.values().next(),
        _ => sets.get(&record_type),
    };
    if let Some(set) = set {
        let records = match owner {
            None => Cow::Borrowed(set.as_slice()),
            Some(owner) => set.iter().map(|record| owned_by(record, owner)).collect(),
        };
        return Step::Done(Outcome::Records(records));
    }
    let alias = sets.get(&RecordType::CNAME).and_then(|set| set.first());
    if let Some(record) = alias
        && let RData::CNAME(target) = &record.data
    {
        let target = LowerName::from(&target.0);
        let record = match owner {
            None => Cow::Borrowed(record),
            Some(owner) => Cow::Owned(owned_by(record, owner)),
        };
        return Step::Alias(Box::new(Alias { record, target }));
    }
    Step::Done(no_data)
}

fn owned_by(record: &Record, owner: &LowerName) -> Record {
    let mut record = record.clone();
    record.name = owner.into();
    record
}

#[cfg(test)]
mod tests;
