//! A copy is a zone without served names that answers as the table does.

use std::{collections::BTreeSet, net::IpAddr};

use super::*;
use crate::{
    answers::{
        Balance, Layout, Serial, build,
        sample::{self, name, tables, zone},
    },
    engine::ClusterKind,
};

const ALL: Copied = Copied { services: true, servers: true };
const NONE: Copied = Copied { services: false, servers: false };

/// What a server answers that has nothing but the copied records.
fn copy(table: &AnswerTable, copied: Copied) -> AnswerTable {
    let place = table.zone_place(&name("internal.")).unwrap();
    let mut records = table.settled_records(place, copied);
    for served in table.served_in(place) {
        records.extend(table.served_records(served, copied));
    }
    let mut text = String::new();
    for record in [table.zone_soa(place)].into_iter().chain(&records) {
        let data = match &record.data {
            RData::HINFO(_) => "\"RFC8482\" \"\"".to_owned(),
            RData::TXT(text) => format!("\"{text}\""),
            other => other.to_string(),
        };
        text += &format!("{} {} IN {} {data}\n", record.name, record.ttl, record.record_type());
    }
    let layout = Layout::new(&[zone(&text, "internal.")], Vec::new()).unwrap();
    build(&Arc::new(layout), &[], 1, Serial::MIN)
}

/// What a client sees: its addresses, or what there is instead.
fn seen(table: &AnswerTable, owner: &str, family: RecordType) -> (&'static str, BTreeSet<IpAddr>) {
    let answer = table.lookup(&name(owner), family);
    let of = |records: &[Record]| {
        let addresses = records.iter().filter_map(|record| record.data.ip_addr());
        addresses.collect::<BTreeSet<_>>()
    };
    match &answer.outcome {
        Outcome::Records(records) => ("found", of(records)),
        Outcome::Served { addresses, .. } => ("found", addresses.addresses().collect()),
        Outcome::NoData { .. } | Outcome::Text(_) | Outcome::Services { .. } => {
            ("no data", BTreeSet::new())
        }
        Outcome::NxDomain { .. } => ("no such name", BTreeSet::new()),
        Outcome::Referral { .. } => ("referral", BTreeSet::new()),
        Outcome::NotReady { .. } => ("not ready", BTreeSet::new()),
        Outcome::NotOurs => ("not ours", BTreeSet::new()),
    }
}

const NAMES: [&str; 17] = [
    "internal.",
    "ns1.internal.",
    "db-write.internal.",
    "db-read.internal.",
    "x.y.db-read.internal.",
    "y.db-read.internal.",
    "db1.internal.",
    "db2.internal.",
    "toserved.internal.",
    "any.wild.internal.",
    "child.internal.",
    "ns.child.internal.",
    "deep.internal.",
    "b.hollow.internal.",
    "_postgresql._tcp.db-write.internal.",
    "_tcp.db-read.internal.",
    "nobody.internal.",
];

#[test]
fn a_copy_answers_as_we_do() {
    let tables = tables();
    let ready = tables.iter().filter(|table| table.knows_all(&table.served_in(0)));
    let mut compared = 0;
    for (table, owner) in ready.flat_map(|table| NAMES.map(|owner| (table, owner))) {
        for family in [RecordType::A, RecordType::AAAA] {
            let copied = copy(table, ALL);
            assert_eq!(
                seen(&copied, owner, family),
                seen(table, owner, family),
                "{owner} {family}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 6 * 34, "one of seven tables is not ready");
}

/// Whatever is left out of the copy: a wildcard at the apex gives no companion and no empty name an
/// address that we do not give.
#[test]
fn no_wildcard_takes_the_place_of_what_we_hold() {
    let text = format!("{}*  IN A 192.0.2.99\n*.db-write IN A 192.0.2.98\n", sample::INTERNAL);
    let served = vec![
        sample::write_name("db-write.internal."),
        sample::read_name("db-read.internal.", Balance::Shuffle, None),
    ];
    let directory = sample::directory(ClusterKind::Postgres);
    let layout = Layout::with_companions(&[zone(&text, "internal.")], served, directory).unwrap();
    let mut nobody = sample::healthy();
    nobody.write = Some(sample::write(None, crate::engine::WriteReason::NotWritable));
    let layout = Arc::new(layout);
    for decision in [sample::healthy(), nobody] {
        let table = sample::table_of(&layout, &decision);
        let beside = [
            "orders.internal.",
            "_events.orders.internal.",
            "_why.db1.internal.",
            "_status.db-write.internal.",
            "else.internal.",
        ];
        for owner in NAMES.into_iter().chain(beside) {
            for (copied, is_whole) in [(ALL, true), (NONE, false)] {
                let (what, addresses) = seen(&copy(&table, copied), owner, RecordType::A);
                let ours = seen(&table, owner, RecordType::A);
                assert!(addresses.is_subset(&ours.1), "{owner}: {addresses:?}, {ours:?}");
                // Texts are in no copy, nor are names that have nothing else.
                let is_text =
                    ["_events.", "_why.", "_status."].iter().any(|l| owner.starts_with(l));
                if is_whole && !is_text {
                    assert_eq!((what, addresses), ours, "{owner}");
                }
            }
        }
    }
}

#[test]
fn ttls_of_served_names_are_those_of_a_settling_cluster() {
    let table = sample::table(&sample::healthy());
    let read = table.served_records(1, ALL);
    assert!(read.len() > 3 && read.iter().all(|record| record.ttl == 1), "{read:?}");
}

#[test]
fn what_did_not_change_is_shared() {
    let table = sample::table(&sample::healthy());
    let mut decision = sample::healthy();
    decision.write = Some(sample::write(Some(2), crate::engine::WriteReason::Primary));
    let servers = sample::servers();
    let cluster = super::super::ClusterAnswers {
        name: "orders",
        servers: &servers,
        decision: &decision,
        overrides: &[],
    };
    let next = table.with([(crate::engine::ClusterId(0), cluster)], 0).unwrap();
    assert_eq!([0, 1, 2].map(|place| next.shares(&table, place)), [false, true, true]);
}
