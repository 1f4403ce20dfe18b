//! Companions of the sample's names, and of names that collide with them.

use std::{collections::BTreeSet, sync::Arc};

use super::super::tests::{NO_DATA, NO_NAME, check, show};
use super::*;
use crate::{
    answers::{
        AnswerTable, Balance, ClusterAnswers, CompanionKind, Layout, Serial, build,
        sample::{directory, healthy, layout, name, read, read_name, servers, table, write, zone},
        sample::{table_of, write_name},
    },
    engine::{ClusterKind, Decision, ReadReason, Stability, WriteReason},
};

#[test]
fn a_service_names_the_servers_of_the_set_with_their_addresses() {
    check(
        "_postgresql._tcp.db-write.internal.",
        RecordType::SRV,
        "_postgresql._tcp.db-write.internal. SRV 0 1 5432 db1.internal. + \
         db1.internal. A 127.0.1.1",
    );
    check(
        "_postgresql._tcp.db-read.internal.",
        RecordType::ANY,
        "_postgresql._tcp.db-read.internal. SRV 0 1 5432 db2.internal., \
         _postgresql._tcp.db-read.internal. SRV 0 1 5432 db3.internal. + \
         db2.internal. A 127.0.1.2, db2.internal. A 127.0.2.2, \
         db2.internal. AAAA 2001:db8::2, db2.internal. AAAA 2001:db8::22, \
         db3.internal. A 127.0.1.3",
    );
    check("_postgresql._tcp.db-read.internal.", RecordType::A, NO_DATA);
    check("_tcp.db-read.internal.", RecordType::SRV, NO_DATA);
    check("_mysql._tcp.db-read.internal.", RecordType::SRV, NO_NAME);
    check("_udp.db-read.internal.", RecordType::SRV, NO_NAME);
    check("_postgresql._tcp.ns1.internal.", RecordType::SRV, NO_NAME);
}

#[test]
fn a_server_has_its_addresses_in_whatever_state_it_is() {
    check("db1.internal.", RecordType::A, "db1.internal. A 127.0.1.1");
    check("db1.internal.", RecordType::AAAA, NO_DATA);
    check("db1.internal.", RecordType::TXT, NO_DATA);
    check(
        "db2.internal.",
        RecordType::AAAA,
        "db2.internal. AAAA 2001:db8::2, db2.internal. AAAA 2001:db8::22",
    );
    check("db1.db-write.internal.", RecordType::A, NO_NAME);
    check("db4.internal.", RecordType::A, NO_NAME);
}

#[test]
fn texts_are_where_they_belong_and_nowhere_else() {
    for (owner, kind) in [
        ("_status.db-write.internal.", "Status"),
        ("_status.x.y.db-read.internal.", "Status"),
        ("_why.db3.internal.", "Why"),
        ("_events.orders.internal.", "Events"),
    ] {
        check(owner, RecordType::TXT, kind);
        check(owner, RecordType::ANY, kind);
        check(owner, RecordType::A, NO_DATA);
        check(&format!("a.{owner}"), RecordType::A, NO_NAME);
    }
    check("orders.internal.", RecordType::A, NO_DATA);
    for nobody in ["_status", "_why", "_events", "_why.orders", "_events.db1", "_status.db1"] {
        check(&format!("{nobody}.internal."), RecordType::TXT, NO_NAME);
    }
    check("_status.ns1.internal.", RecordType::TXT, NO_NAME);
    check("_status.nobody.internal.", RecordType::TXT, NO_NAME);
}

fn not_ready() -> Decision {
    Decision {
        write: Some(write(None, WriteReason::NotReady)),
        reads: vec![read(&[], ReadReason::NobodyKnown)],
        stability: Stability::Settling,
    }
}

#[test]
fn a_service_is_as_ready_as_its_name() {
    let unready = table(&not_ready());
    let lookup = |owner| unready.lookup(&name(owner), RecordType::SRV).outcome;
    assert!(matches!(
        lookup("_postgresql._tcp.db-write.internal."),
        Outcome::NotReady { note } if note.text.starts_with("orders: not ready")
    ));
    assert!(matches!(
        lookup("_postgresql._tcp.db-read.internal."),
        Outcome::NoData { note: Some(_), .. }
    ));
}

#[test]
fn a_weight_is_what_the_record_can_say_and_the_ttl_is_the_names() {
    let layout = layout(Balance::Shuffle);
    let mut zones = Vec::new();
    for stability in [Stability::Stable, Stability::Settling] {
        let table = table_of(&layout, &Decision { stability, ..healthy() });
        let owner = name("_postgresql._tcp.db-read.internal.");
        let Outcome::Services { records, .. } = table.lookup(&owner, RecordType::SRV).outcome
        else {
            panic!("no services");
        };
        zones.push(records[0].ttl);
    }
    assert_eq!(zones, [2, 1]);

    let mut directory = directory(ClusterKind::MySql);
    let mut heavy = servers();
    heavy[0].weight = 70_000;
    heavy[0].port = 3307;
    directory.clusters[0].servers = heavy.into();
    let zone = zone("@ 60 IN SOA ns h 1 1 1 1 1\n@ 60 IN NS ns.example.\n", "z.");
    let served = vec![write_name("w.z.")];
    let layout = Arc::new(Layout::with_companions(&[zone], served, directory).unwrap());
    let table = table_of(&layout, &healthy());
    assert_eq!(
        show(&table.lookup(&name("_mysql._tcp.w.z."), RecordType::SRV)),
        "_mysql._tcp.w.z. SRV 0 65535 3307 db1.z. + db1.z. A 127.0.1.1"
    );
}

/// What a zone file or the configuration puts at a companion's name stays there; an empty place and
/// a wildcard do not.
#[test]
fn what_is_configured_wins() {
    let text = "\
@           60 IN SOA ns h 1 60 60 60 5
@           60 IN NS  ns.example.
*           60 IN A   192.0.2.99
db1         60 IN A   192.0.2.1
x.db2       60 IN TXT \"below a server\"
db3         60 IN NS  ns.example.
_status.w   60 IN TXT \"mine\"
x._why.db1  60 IN TXT \"below a text\"
alias       60 IN CNAME db2
";
    let served =
        vec![write_name("w.internal."), read_name("orders.internal.", Balance::Shuffle, None)];
    let directory = directory(ClusterKind::Postgres);
    let layout = Layout::with_companions(&[zone(text, "internal.")], served, directory);
    let table = table_of(&Arc::new(layout.unwrap()), &healthy());
    let says = |owner: &str, kind| show(&table.lookup(&name(owner), kind));
    assert_eq!(says("db1.internal.", RecordType::A), "db1.internal. A 192.0.2.1");
    assert_eq!(says("db1.internal.", RecordType::AAAA), NO_DATA);
    assert_eq!(says("db2.internal.", RecordType::A).matches(" A ").count(), 2);
    assert!(says("db3.internal.", RecordType::A).starts_with("referral"));
    assert!(says("_why.db3.internal.", RecordType::TXT).starts_with("referral"));
    assert_eq!(says("_status.w.internal.", RecordType::TXT), "_status.w.internal. TXT mine");
    assert_eq!(says("_why.db1.internal.", RecordType::TXT), "Why");
    assert_eq!(says("_status.orders.internal.", RecordType::TXT), "Status");
    assert_eq!(says("_events.orders.internal.", RecordType::TXT), "Events");
    assert!(says("alias.internal.", RecordType::A).starts_with("alias.internal. -> db2"));
    // The wildcard covers what does not exist, and nothing below a companion.
    assert_eq!(says("other.internal.", RecordType::A), "other.internal. A 192.0.2.99");
    assert_eq!(says("a.db2.internal.", RecordType::A), NO_NAME);
    // A service points at what the zone file says.
    let service = says("_postgresql._tcp.w.internal.", RecordType::SRV);
    assert!(service.ends_with("db1.internal. + db1.internal. A 192.0.2.1"), "{service}");
}

#[test]
fn a_kind_that_nobody_may_see_does_not_exist() {
    let says = |placed: &[CompanionKind], owner: &str| {
        let mut directory = directory(ClusterKind::Postgres);
        directory.placed = BTreeSet::from_iter(placed.iter().copied());
        let served = vec![write_name("w.z.")];
        let zone = zone("@ 60 IN SOA ns h 1 60 60 60 5\n@ 60 IN NS ns.example.\n", "z.");
        let layout = Layout::with_companions(&[zone], served, directory).unwrap();
        show(&table_of(&Arc::new(layout), &healthy()).lookup(&name(owner), RecordType::ANY))
    };
    let all = ["_postgresql._tcp.w.z.", "_tcp.w.z.", "db1.z.", "_status.w.z.", "_why.db1.z."];
    for owner in all.into_iter().chain(["_events.orders.z.", "orders.z."]) {
        assert_eq!(says(&[], owner), "no such name, z. 5", "{owner}");
    }
    assert_eq!(says(&[CompanionKind::Why], "db1.z."), "no data, z. 5");
    assert_eq!(says(&[CompanionKind::Why], "_why.db1.z."), "Why");
    assert_eq!(says(&[CompanionKind::Events], "orders.z."), "no data, z. 5");
    let alone = says(&[CompanionKind::Service], "_postgresql._tcp.w.z.");
    assert_eq!(alone, "_postgresql._tcp.w.z. SRV 0 1 5432 db1.z. + ");
    assert_eq!(says(&[CompanionKind::Server], "DB1.z."), "db1.z. A 127.0.1.1");
}

/// A cluster has companions in the zones of its names, and not in others.
#[test]
fn companions_are_in_the_zones_of_the_names() {
    let bare = "@ 60 IN SOA ns h 1 60 60 60 5\n@ 60 IN NS ns.example.\n";
    let zones = [zone(bare, "a."), zone(bare, "b.a."), zone(bare, "c.")];
    let served = vec![write_name("w.a."), read_name("r.b.a.", Balance::Shuffle, None)];
    let directory = directory(ClusterKind::Postgres);
    let layout = Arc::new(Layout::with_companions(&zones, served, directory).unwrap());
    let servers = servers();
    let decision = healthy();
    let cluster =
        ClusterAnswers { name: "orders", servers: &servers, decision: &decision, overrides: &[] };
    let table: AnswerTable = build(&layout, &[cluster], 1, Serial::MIN);
    let says = |owner: &str, kind| show(&table.lookup(&name(owner), kind));
    assert_eq!(says("db1.a.", RecordType::A), "db1.a. A 127.0.1.1");
    assert_eq!(says("db1.b.a.", RecordType::A), "db1.b.a. A 127.0.1.1");
    assert_eq!(says("db1.c.", RecordType::A), "no such name, c. 5");
    let service = says("_postgresql._tcp.r.b.a.", RecordType::SRV);
    assert!(service.contains("5432 db3.b.a."), "{service}");
}

/// What is cut off anyway is not made: the servers' addresses are looked up for a reply that has
/// room for them alone.
#[test]
fn no_more_services_are_made_than_show_that_they_do_not_fit() {
    let table = table_of(&layout(Balance::Shuffle), &healthy());
    let owner = name("_postgresql._tcp.db-read.internal.");
    let made = |room| match table.lookup_within(&owner, RecordType::SRV, room).outcome {
        Outcome::Services { records, additional, .. } => (records.len(), additional.len()),
        other => panic!("{other:?}"),
    };
    let (all, addresses) = made(usize::MAX);
    assert!(all > 1 && addresses > 1);
    assert_eq!(made(0), (1, 0));
    assert_eq!(made(SRV_OCTETS * all - 1), (all, 0));
    let (records, additional) = made(SRV_OCTETS * all);
    assert!(records == all && (1..addresses).contains(&additional));
}
