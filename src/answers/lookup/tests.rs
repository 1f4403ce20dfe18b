//! Lookups in a zone with every trap, and against a model that knows no tree.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use proptest::prelude::*;

use super::super::{
    Balance, Layout,
    sample::{self, healthy, layout, name, read_name, table, table_of, zone},
};
use super::*;

/// The answer in one line.
pub fn show(answer: &Answer<'_>) -> String {
    let mut text = String::new();
    for alias in &answer.aliases {
        text += &format!("{} -> ", alias.name);
    }
    let list = |records: &mut dyn Iterator<Item = &Record>| {
        let shown: Vec<_> = records
            .map(|record| format!("{} {} {}", record.name, record.record_type(), record.data))
            .collect();
        shown.join(", ")
    };
    text += &match &answer.outcome {
        Outcome::Records(records) => list(&mut records.iter()),
        Outcome::Served { name, addresses, .. } => {
            let shown = |address: IpAddr| {
                let record_type = if address.is_ipv4() { "A" } else { "AAAA" };
                format!("{name} {record_type} {address}")
            };
            let shown: Vec<_> = addresses.addresses().map(shown).collect();
            format!("served {}", shown.join(", "))
        }
        Outcome::Services { records, additional, .. } => {
            format!("{} + {}", list(&mut records.iter()), list(&mut additional.iter()))
        }
        Outcome::Text(_) => format!("{:?}", answer.companion.expect("a kind")),
        Outcome::NoData { soa, .. } => format!("no data, {} {}", soa.name, soa.ttl),
        Outcome::NxDomain { soa } => format!("no such name, {} {}", soa.name, soa.ttl),
        Outcome::Referral { servers, glue } => {
            format!("referral {} + {}", list(&mut servers.iter()), list(&mut glue.iter().copied()))
        }
        Outcome::NotReady { .. } => "not ready".to_owned(),
        Outcome::NotOurs => "not ours".to_owned(),
    };
    text
}

#[track_caller]
pub fn check(owner: &str, record_type: RecordType, expected: &str) {
    let table = table(&healthy());
    let answer = show(&table.lookup(&name(owner), record_type));
    assert_eq!(answer, expected, "{owner} {record_type}");
}

pub const NO_DATA: &str = "no data, internal. 5";
pub const NO_NAME: &str = "no such name, internal. 5";

#[test]
fn the_apex_answers_with_the_serial_of_the_table() {
    let soa = "internal. SOA ns1.internal. hostmaster.internal. 1000 3600 600 86400 5";
    check("internal.", RecordType::SOA, soa);
    check("internal.", RecordType::ANY, soa);
    check("InterNAL.", RecordType::NS, "internal. NS ns1.internal., internal. NS ns2.example.");
    check("internal.", RecordType::A, NO_DATA);
    check("internal.", RecordType::DS, NO_DATA);
    let table = table(&healthy());
    let Outcome::Records(soa) = table.lookup(&name("internal."), RecordType::SOA).outcome else {
        panic!("no SOA");
    };
    assert_eq!(soa[0].ttl, 60, "only in negative answers it is the lesser of TTL and MINIMUM");
}

#[test]
fn served_names_have_addresses_and_are_never_missing() {
    check("db-write.internal.", RecordType::A, "served db-write.internal. A 127.0.1.1");
    check("DB-WRITE.internal.", RecordType::A, "served db-write.internal. A 127.0.1.1");
    check("db-write.internal.", RecordType::AAAA, NO_DATA);
    check("db-write.internal.", RecordType::ANY, "served db-write.internal. A 127.0.1.1");
    for other in [RecordType::TXT, RecordType::SOA, RecordType::DS, RecordType::Unknown(65_280)] {
        check("db-write.internal.", other, NO_DATA);
    }
    check("y.db-read.internal.", RecordType::A, NO_DATA);
    check("n.y.db-read.internal.", RecordType::A, NO_NAME);
    check("below.db-write.internal.", RecordType::A, NO_NAME);
}

#[test]
fn static_names_and_the_places_between_them() {
    check("ns1.internal.", RecordType::A, "ns1.internal. A 192.0.2.1");
    check("ns1.internal.", RecordType::AAAA, "ns1.internal. AAAA 2001:db8::1");
    check("ns1.internal.", RecordType::ANY, "ns1.internal. A 192.0.2.1");
    check("ns1.internal.", RecordType::MX, NO_DATA);
    check("deep.internal.", RecordType::A, NO_DATA);
    check("nobody.deep.internal.", RecordType::A, NO_NAME);
    check("nobody.internal.", RecordType::A, NO_NAME);
    check("internal.example.", RecordType::A, "not ours");
    check(".", RecordType::NS, "not ours");
}

#[test]
fn aliases_are_followed_within_the_zone() {
    check(
        "alias.internal.",
        RecordType::TXT,
        "alias.internal. -> host.deep.internal. TXT below an empty non-terminal",
    );
    check("alias.internal.", RecordType::CNAME, "alias.internal. CNAME host.deep.internal.");
    check("alias.internal.", RecordType::A, "alias.internal. -> no data, internal. 5");
    check("dangling.internal.", RecordType::A, "dangling.internal. -> no such name, internal. 5");
    check("outside.internal.", RecordType::A, "outside.internal. -> ");
    check("loop1.internal.", RecordType::A, "loop1.internal. -> loop2.internal. -> ");
    check(
        "toserved.internal.",
        RecordType::A,
        "toserved.internal. -> served db-read.internal. A 127.0.1.2, \
         db-read.internal. A 127.0.2.2, db-read.internal. A 127.0.1.3",
    );
}

#[test]
fn a_long_chain_is_given_up() {
    let mut text = sample::INTERNAL.to_owned();
    for link in 0..20 {
        text += &format!("c{link} IN CNAME c{}\n", link + 1);
    }
    let layout = Arc::new(Layout::new(&[zone(&text, "internal.")], vec![]).unwrap());
    let table = table_of(&layout, &healthy());
    let answer = table.lookup(&name("c0.internal."), RecordType::A);
    assert_eq!(answer.aliases.len(), MAX_ALIASES);
    assert!(matches!(&answer.outcome, Outcome::Records(records) if records.is_empty()));
}

#[test]
fn wildcards_answer_for_what_is_not_there() {
    check("x.wild.internal.", RecordType::A, "x.wild.internal. A 192.0.2.9");
    check("y.x.wild.internal.", RecordType::A, "y.x.wild.internal. A 192.0.2.9");
    check("x.wild.internal.", RecordType::TXT, "x.wild.internal. TXT synthesized");
    check("x.wild.internal.", RecordType::MX, NO_DATA);
    check("wild.internal.", RecordType::A, NO_DATA);
    check("*.wild.internal.", RecordType::A, "*.wild.internal. A 192.0.2.9");
    check(
        "x.wildalias.internal.",
        RecordType::A,
        "x.wildalias.internal. -> ns1.internal. A 192.0.2.1",
    );
    check("x.hollow.internal.", RecordType::A, NO_DATA);
}

#[test]
fn delegations_are_referred_to() {
    let referral = "referral child.internal. NS ns.child.internal., child.internal. NS ns.example. \
                    + ns.child.internal. A 192.0.2.53";
    check("child.internal.", RecordType::A, referral);
    check("child.internal.", RecordType::NS, referral);
    check("ns.child.internal.", RecordType::A, referral);
    check("a.b.c.child.internal.", RecordType::A, referral);
    check("child.internal.", RecordType::DS, NO_DATA);
}

#[test]
fn the_closest_zone_answers_and_its_ancestors_exist() {
    let inner = "@ 3 IN SOA ns hostmaster 1 2 3 4 9\n@ 3 IN NS ns\nns 3 IN A 192.0.2.77\n";
    let zones = [zone(sample::INTERNAL, "internal."), zone(inner, "far.away.internal.")];
    let served = vec![
        sample::write_name("db-write.far.away.internal."),
        read_name("db-read.internal.", Balance::Shuffle, None),
    ];
    let layout = Arc::new(Layout::new(&zones, served).unwrap());
    let table = table_of(&layout, &healthy());
    let ask = |owner: &str, record_type| show(&table.lookup(&name(owner), record_type));
    assert_eq!(ask("ns.far.away.internal.", RecordType::A), "ns.far.away.internal. A 192.0.2.77");
    assert_eq!(ask("no.far.away.internal.", RecordType::A), "no such name, far.away.internal. 3");
    assert_eq!(
        ask("db-write.far.away.internal.", RecordType::A),
        "served db-write.far.away.internal. A 127.0.1.1"
    );
    assert_eq!(ask("away.internal.", RecordType::A), NO_DATA);
    assert_eq!(ask("near.away.internal.", RecordType::A), NO_NAME);
}

#[test]
fn the_longest_names_are_answered() {
    let table = table_of(&layout(Balance::Shuffle), &healthy());
    let longest = format!("{}internal.", "a.".repeat(122));
    let answer = table.lookup(&name(&longest), RecordType::A);
    assert_eq!(show(&answer), NO_NAME);
    let at_wildcard = format!("{}wild.internal.", "a.".repeat(120));
    let answer = table.lookup(&name(&at_wildcard), RecordType::A);
    assert!(show(&answer).ends_with("A 192.0.2.9"));
}

/// What a name of a random zone owns.
#[derive(Clone, Debug)]
enum Owns {
    Address,
    Text,
    Both,
    Alias(Vec<&'static str>),
    Cut,
}

/// Owner names as labels below `z.`, the leftmost first. Empty is the apex, which is left to the
/// fixed records.
type Labels = Vec<&'static str>;

#[derive(Clone, Debug)]
struct World {
    owners: BTreeMap<Labels, Owns>,
    served: Vec<Labels>,
}

impl World {
    fn zone_text(&self) -> String {
        let mut text = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns.example.\n".to_owned();
        for (labels, owns) in &self.owners {
            let owner = labels.join(".");
            text += &match owns {
                Owns::Address => format!("{owner} 60 IN A 192.0.2.1\n"),
                Owns::Text => format!("{owner} 60 IN TXT text\n"),
                Owns::Both => format!("{owner} 60 IN A 192.0.2.1\n{owner} 60 IN TXT text\n"),
                Owns::Alias(target) => format!("{owner} 60 IN CNAME {}\n", absolute(target)),
                Owns::Cut => format!("{owner} 60 IN NS ns.example.\n"),
            };
        }
        text
    }

    fn exists(&self, labels: &[&str]) -> bool {
        let mut all = self.owners.keys().chain(&self.served);
        labels.is_empty() || all.any(|owner| owner.ends_with(labels))
    }

    fn cut_of(&self, labels: &[&str], record_type: RecordType) -> Option<&Labels> {
        self.owners
            .iter()
            .filter(|(owner, owns)| {
                let parents_question = record_type == RecordType::DS && *owner == labels;
                matches!(owns, Owns::Cut) && labels.ends_with(owner) && !parents_question
            })
            .map(|(owner, _)| owner)
            .min_by_key(|owner| owner.len())
    }

    /// The expected answer in the words of [`summary`].
    fn expect(&self, labels: &[&'static str], record_type: RecordType, aliases: usize) -> String {
        if let Some(cut) = self.cut_of(labels, record_type) {
            return format!("{aliases} referral {}", absolute(cut));
        }
        if self.served.iter().any(|served| served == labels) {
            let is_address = record_type == RecordType::A;
            return format!("{aliases} {}", if is_address { "served" } else { "no data" });
        }
        if labels.is_empty() {
            return format!("{aliases} no data");
        }
        let source: Labels = if self.exists(labels) {
            labels.to_vec()
        } else {
            let encloser = (1..=labels.len())
                .map(|cut| &labels[cut..])
                .find(|ancestor| self.exists(ancestor))
                .expect("the apex exists");
            let wildcard: Labels = std::iter::once("*").chain(encloser.iter().copied()).collect();
            if !self.exists(&wildcard) {
                return format!("{aliases} no such name");
            }
            wildcard
        };
        let owner = absolute(labels);
        match (self.owners.get(&source), record_type) {
            (Some(Owns::Address | Owns::Both), RecordType::A)
            | (Some(Owns::Text | Owns::Both), RecordType::TXT)
            | (Some(Owns::Alias(_)), RecordType::CNAME) => {
                format!("{aliases} {record_type} of {owner}")
            }
            (Some(Owns::Alias(target)), _) => self.expect(target, record_type, aliases + 1),
            _ => format!("{aliases} no data"),
        }
    }
}

fn absolute(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("{label}.")).collect::<String>() + "z."
}

fn summary(answer: &Answer<'_>) -> String {
    let found = match &answer.outcome {
        Outcome::Records(records) => match records.first() {
            Some(record) => format!("{} of {}", record.record_type(), record.name),
            None => "given up".to_owned(),
        },
        Outcome::Served { .. } => "served".to_owned(),
        Outcome::NoData { .. } => "no data".to_owned(),
        Outcome::NxDomain { .. } => "no such name".to_owned(),
        Outcome::Referral { servers, .. } => format!("referral {}", servers[0].name),
        other => format!("{other:?}"),
    };
    format!("{} {found}", answer.aliases.len())
}

fn any_labels() -> impl Strategy<Value = Labels> {
    let label = prop_oneof![Just("a"), Just("b"), Just("c"), Just("*")];
    proptest::collection::vec(label, 1..4)
}

/// Any zone, with served names where they may be.
fn any_world() -> impl Strategy<Value = World> {
    let owns = prop_oneof![
        3 => Just(Owns::Address),
        2 => Just(Owns::Text),
        2 => Just(Owns::Both),
        2 => any_labels().prop_map(Owns::Alias),
        1 => Just(Owns::Cut),
    ];
    let owners = proptest::collection::btree_map(any_labels(), owns, 0..10);
    let served = proptest::collection::vec(any_labels(), 0..4);
    (owners, served).prop_map(|(owners, wanted)| {
        let mut world = World { owners, served: Vec::new() };
        for labels in wanted {
            let taken = world.owners.contains_key(&labels) || world.served.contains(&labels);
            let cut = world.cut_of(&labels, RecordType::A).is_some();
            if !taken && !cut && labels[0] != "*" {
                world.served.push(labels);
            }
        }
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_answer_is_the_models(world in any_world(), asked in any_labels()) {
        let names = world
            .served
            .iter()
            .map(|labels| read_name(&absolute(labels), Balance::Shuffle, None))
            .collect();
        let layout = Layout::new(&[zone(&world.zone_text(), "z.")], names).unwrap();
        let table = table_of(&Arc::new(layout), &healthy());
        let types = [RecordType::A, RecordType::TXT, RecordType::CNAME, RecordType::DS];
        for record_type in types {
            let owner = name(&absolute(&asked));
            let answer = table.lookup(&owner, record_type);
            let found = summary(&answer);
            if found.ends_with("given up") {
                prop_assert!(world.has_circle(&asked));
                continue;
            }
            prop_assert_eq!(found, world.expect(&asked, record_type, 0));
        }
    }
}

impl World {
    /// Whether following aliases from `labels` never ends.
    fn has_circle(&self, labels: &[&'static str]) -> bool {
        let mut labels = labels.to_vec();
        for _ in 0..100 {
            let mut next = None;
            if self.cut_of(&labels, RecordType::A).is_none() && !self.served.contains(&labels) {
                let exact = self.exists(&labels).then(|| labels.clone());
                let source = exact.or_else(|| {
                    (1..=labels.len())
                        .map(|cut| labels[cut..].to_vec())
                        .find(|ancestor| self.exists(ancestor))
                        .map(|mut encloser| {
                            encloser.insert(0, "*");
                            encloser
                        })
                });
                if let Some(Owns::Alias(target)) =
                    source.and_then(|source| self.owners.get(&source))
                {
                    next = Some(target.clone());
                }
            }
            match next {
                Some(target) => labels = target,
                None => return false,
            }
        }
        true
    }
}
