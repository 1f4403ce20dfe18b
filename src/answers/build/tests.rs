//! What decisions turn into, and when two tables say the same.

use std::sync::Arc;

use hickory_proto::rr::RecordType;

use super::super::{
    Outcome,
    sample::{
        INTERNAL, healthy, layout, name, read, read_name, servers, table, table_of, write,
        write_name, zone,
    },
};
use super::*;
use crate::engine::{ClusterId, ReadReason, ServerState, Stability, WriteReason};

/// The addresses of a set in config order, or the note of an empty answer.
fn says(table: &AnswerTable, owner: &str, record_type: RecordType) -> String {
    let shown = |note: Option<&Note>| {
        note.map(|note| format!(" [{:?} {}]", note.degradation, note.text)).unwrap_or_default()
    };
    match table.lookup(&name(owner), record_type).outcome {
        Outcome::Served { addresses, note, .. } => {
            let ttl = addresses.ttl();
            let records: Vec<_> =
                addresses.addresses().map(|address| format!("{ttl} {address}")).collect();
            records.join(", ") + &shown(note)
        }
        Outcome::NoData { note, .. } => format!("nothing{}", shown(note)),
        Outcome::NotReady { note } => format!("not ready{}", shown(Some(note))),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_write_name_gets_one_record_per_family_and_a_read_name_gets_all() {
    let mut decision = healthy();
    let table_1 = table(&decision);
    assert_eq!(says(&table_1, "db-write.internal.", RecordType::A), "1 127.0.1.1");
    assert_eq!(says(&table_1, "db-write.internal.", RecordType::AAAA), "nothing");
    assert_eq!(
        says(&table_1, "db-read.internal.", RecordType::A),
        "2 127.0.1.2, 2 127.0.2.2, 2 127.0.1.3"
    );
    assert_eq!(
        says(&table_1, "db-read.internal.", RecordType::AAAA),
        "2 2001:db8::2, 2 2001:db8::22"
    );
    decision.write = Some(write(Some(1), WriteReason::Primary));
    let table_2 = table(&decision);
    assert_eq!(says(&table_2, "db-write.internal.", RecordType::A), "1 127.0.1.2");
    assert_eq!(says(&table_2, "db-write.internal.", RecordType::AAAA), "1 2001:db8::2");
}

/// While a cluster settles answers live for the lesser of both TTLs, and never for 0.
#[test]
fn the_ttl_follows_the_stability() {
    for (ttl, ttl_unstable, stability, expected) in [
        (30, 5, Stability::Stable, 30),
        (30, 5, Stability::Settling, 5),
        (2, 5, Stability::Settling, 2),
        (30, 0, Stability::Settling, 1),
        (0, 5, Stability::Stable, 1),
    ] {
        let served = vec![ServedName { ttl, ttl_unstable, ..write_name("w.internal.") }];
        let layout = Arc::new(Layout::new(&[zone(INTERNAL, "internal.")], served).unwrap());
        let table = table_of(&layout, &Decision { stability, ..healthy() });
        let expected = format!("{expected} 127.0.1.1");
        assert_eq!(says(&table, "w.internal.", RecordType::A), expected, "{ttl} {ttl_unstable}");
    }
}

#[test]
fn a_degraded_answer_says_why() {
    let table_1 = table(&Decision {
        write: Some(write(Some(0), WriteReason::Held(ServerState::Down))),
        reads: vec![read(&[0], ReadReason::WithPrimary)],
        stability: Stability::Stable,
    });
    assert_eq!(
        says(&table_1, "db-write.internal.", RecordType::A),
        "1 127.0.1.1 [Stale orders: held: the last primary is Down and there is no other]"
    );
    assert_eq!(
        says(&table_1, "db-read.internal.", RecordType::A),
        "2 127.0.1.1 [Fallback orders: too few eligible replicas, so the primary helps out]"
    );
    let table_2 = table(&Decision {
        write: Some(write(None, WriteReason::NotWritable)),
        reads: vec![read(&[1, 2], ReadReason::Few)],
        stability: Stability::Stable,
    });
    assert_eq!(
        says(&table_2, "db-write.internal.", RecordType::A),
        "nothing [Fallback orders: no address: the last primary is not writable and no other \
         server is]"
    );
    assert_eq!(says(&table_2, "db-read.internal.", RecordType::AAAA).len(), 29);
}

#[test]
fn without_a_decision_a_name_is_not_ready() {
    let unready = Decision {
        write: Some(write(None, WriteReason::NotReady)),
        reads: vec![read(&[], ReadReason::NotReady)],
        stability: Stability::Stable,
    };
    let text = "not ready [NotReady orders: not ready: the first round of probes has not ended]";
    let nameless = text.replace("orders: ", "");
    let partless = Decision { write: None, reads: vec![], stability: Stability::Stable };
    for (table, text) in [
        (table(&unready), text),
        (table(&partless), text),
        (build(&layout(Balance::Shuffle), &[], 1, Serial::MIN), &nameless),
    ] {
        for owner in ["db-write.internal.", "db-read.internal."] {
            assert_eq!(says(&table, owner, RecordType::A), text);
            assert_eq!(says(&table, owner, RecordType::AAAA), text);
            assert_eq!(says(&table, owner, RecordType::TXT), "nothing");
        }
    }
}

/// A restored set is an answer, however early it is.
#[test]
fn an_address_is_given_even_before_the_first_round_has_ended() {
    let table = table(&Decision {
        write: Some(write(Some(0), WriteReason::NotReady)),
        reads: vec![],
        stability: Stability::Stable,
    });
    assert!(says(&table, "db-write.internal.", RecordType::A).starts_with("1 127.0.1.1 [NotReady"));
    assert!(says(&table, "db-write.internal.", RecordType::AAAA).starts_with("nothing"));
}

#[test]
fn an_address_of_two_servers_is_named_once() {
    let layout = layout(Balance::Shuffle);
    let mut twins = servers();
    twins[2].addresses = twins[1].addresses.clone();
    let decision = healthy();
    let cluster =
        ClusterAnswers { name: "orders", servers: &twins, decision: &decision, overrides: &[] };
    let table = build(&layout, &[cluster], 1, Serial::MIN);
    assert_eq!(says(&table, "db-read.internal.", RecordType::A), "2 127.0.1.2, 2 127.0.2.2");
}

/// The table after `table` when its cluster decides so.
fn next(table: &AnswerTable, decision: &Decision, unix_seconds: u64) -> Option<AnswerTable> {
    let servers = servers();
    let answers = ClusterAnswers { name: "orders", servers: &servers, decision, overrides: &[] };
    table.with([(ClusterId(0), answers)], unix_seconds)
}

#[test]
fn the_serial_grows_with_the_records_only() {
    let layout = layout(Balance::LeastConnections);
    let first = table_of(&layout, &healthy());
    assert!(next(&first, &healthy(), 5000).is_none());

    let mut busier = healthy();
    busier.reads[0].servers[0].sessions = Some(9);
    let second = next(&first, &busier, 5000).unwrap();
    assert_eq!((second.generation(), second.serial().value()), (2, 1000));

    let mut held = healthy();
    held.write = Some(write(Some(0), WriteReason::HeldIsolated));
    let third = next(&second, &held, 5000).unwrap();
    assert_eq!((third.generation(), third.serial().value()), (3, 1000));

    let mut reordered = held;
    reordered.reads[0].servers.reverse();
    let fourth = next(&third, &reordered, 5000).unwrap();
    assert_eq!((fourth.generation(), fourth.serial().value()), (4, 1000));

    let mut moved = reordered;
    moved.write = Some(write(Some(2), WriteReason::Primary));
    let fifth = next(&fourth, &moved, 5000).unwrap();
    assert_eq!((fifth.generation(), fifth.serial().value()), (5, 5000));
    let Outcome::Records(soa) = fifth.lookup(&name("internal."), RecordType::SOA).outcome else {
        panic!("no SOA");
    };
    assert!(soa[0].data.to_string().contains(" 5000 "), "{}", soa[0]);

    let sixth = next(&fifth, &healthy(), 4000).unwrap();
    assert_eq!((sixth.generation(), sixth.serial().value()), (6, 5001));

    let settling = Decision { stability: Stability::Settling, ..healthy() };
    let seventh = next(&sixth, &settling, 6000).unwrap();
    assert_eq!((seventh.generation(), seventh.serial().value()), (7, 5001));
}

#[test]
fn sessions_matter_to_least_connections_alone() {
    let layout = layout(Balance::Weighted);
    let first = table_of(&layout, &healthy());
    let mut busier = healthy();
    busier.reads[0].servers[0].sessions = Some(9);
    assert!(next(&first, &busier, 5000).is_none());
}

#[test]
fn what_does_not_change_is_shared() {
    let served = vec![
        write_name("db-write.internal."),
        ServedName { cluster: ClusterId(1), ..write_name("other.internal.") },
    ];
    let layout = Arc::new(Layout::new(&[zone(INTERNAL, "internal.")], served).unwrap());
    let first = table_of(&layout, &healthy());
    let mut moved = healthy();
    moved.write = Some(write(Some(2), WriteReason::Primary));
    let second = next(&first, &moved, 5000).unwrap();
    assert!(!Arc::ptr_eq(&first.served[0], &second.served[0]));
    assert!(Arc::ptr_eq(&first.served[1], &second.served[1]));
    assert_eq!(says(&second, "db-write.internal.", RecordType::A), "1 127.0.1.3");
    assert_eq!(says(&first, "db-write.internal.", RecordType::A), "1 127.0.1.1");
}

#[test]
fn a_name_without_a_place_is_refused() {
    let place = |owner: &str| {
        let served =
            vec![write_name("db-write.internal."), read_name(owner, Balance::Shuffle, None)];
        Layout::new(&[zone(INTERNAL, "internal.")], served).err().map(|error| error.to_string())
    };
    let refused = |text: &str| Some(text.to_owned());
    assert_eq!(place("db-read.internal."), None);
    assert_eq!(place("deep.internal."), None);
    assert_eq!(place("DB-READ.Internal."), None);
    assert_eq!(place("db.example."), refused("db.example. lies outside every zone"));
    assert_eq!(
        place("ns1.internal."),
        refused("ns1.internal. has static records in its zone file")
    );
    assert_eq!(place("db-write.internal."), refused("db-write.internal. is served twice"));
    assert_eq!(place("*.db.internal."), refused("*.db.internal. is a wildcard"));
    assert_eq!(
        place("db.child.internal."),
        refused("db.child.internal. lies below child.internal., which the zone file delegates")
    );
    let twice = [zone(INTERNAL, "internal."), zone(INTERNAL, "internal.")];
    assert_eq!(
        Layout::new(&twice, vec![]).unwrap_err().to_string(),
        "two zones are called internal."
    );
}
