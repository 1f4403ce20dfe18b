//! The names beside the served ones, on the wire.

use hickory_proto::rr::{Record, RecordType};
use pointsman::{
    config::{DnsConfig, ExposeConfig, Networks},
    engine::{Decision, ReadReason, Stability, WriteReason},
};

use super::{
    AA, NOERROR, NXDOMAIN, QR, REFUSED, SERVFAIL, TC,
    client::{RD, ask},
    fixture::{Fixture, addresses, healthy, read, write},
};

fn config_on(listen: &str) -> DnsConfig {
    DnsConfig::on(vec![format!("{listen}:0").parse().expect("an address")], 1)
}

fn shown(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.ttl, record.data)).collect()
}

#[tokio::test]
async fn a_service_comes_with_the_addresses_of_its_targets() {
    let fixture = Fixture::start("127.34.0.1");
    let question = ask("_postgresql._tcp.db-read.internal.", RecordType::SRV);
    for reply in [question.udp(fixture.address).await, question.tcp(fixture.address).await] {
        assert_eq!(reply.flags(), QR | AA | RD);
        assert_eq!(
            shown(&reply.message.answers),
            [
                "_postgresql._tcp.db-read.internal. 2 0 1 5432 db2.internal.",
                "_postgresql._tcp.db-read.internal. 2 0 1 5432 db3.internal.",
            ]
        );
        assert_eq!(
            shown(&reply.message.additionals),
            ["db2.internal. 60 127.0.1.2", "db3.internal. 60 127.0.1.3"]
        );
    }
    let server = ask("DB2.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(server.answers(), ["127.0.1.2"]);
    assert_eq!(server.message.answers[0].ttl, 60);
}

#[tokio::test]
async fn a_service_follows_its_name() {
    let mut fixture = Fixture::start("127.34.0.2");
    let service =
        |name: &str| ask(&format!("_postgresql._tcp.{name}.internal."), RecordType::SRV).edns(1232);
    fixture.decide(&Decision {
        write: Some(write(Some(1), WriteReason::HeldUnreachable)),
        reads: vec![read([], ReadReason::NotReady)],
        stability: Stability::Settling,
    });
    let held = service("db-write").udp(fixture.address).await;
    assert_eq!(held.answers(), ["0 1 5432 db2.internal."]);
    assert_eq!(held.extended_error().expect("a reason").0, 3);
    assert_eq!(service("db-read").udp(fixture.address).await.code(), SERVFAIL);
    fixture.decide(&Decision {
        write: Some(write(None, WriteReason::NotWritable)),
        reads: vec![read([1], ReadReason::Eligible)],
        stability: Stability::Settling,
    });
    let nobody = service("db-write").udp(fixture.address).await;
    assert_eq!((nobody.code(), nobody.counts().0, nobody.counts().1), (NOERROR, 0, 1));
    assert_eq!(nobody.extended_error().expect("a reason").0, 0);
    let settling = service("db-read").udp(fixture.address).await;
    assert_eq!(settling.message.answers[0].ttl, 1);
    let address = ask("db-read.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(address.message.answers[0].ttl, 1);
}

#[tokio::test]
async fn texts_tell_what_is_and_why() {
    let fixture = Fixture::start("127.34.0.3");
    let status = ask("_status.db-write.internal.", RecordType::TXT).edns(1232);
    let reply = status.udp(fixture.address).await;
    assert_eq!(reply.flags(), QR | AA | RD);
    let told = reply.answers();
    assert_eq!(told.len(), 4);
    assert!(told[0].starts_with("name=db-write.internal. role=write servers=db1 "), "{told:?}");
    assert!(told[1].starts_with("server=db1 state=Replica in=yes address=127.0.1.1 "), "{told:?}");
    assert!(reply.message.answers.iter().all(|record| record.ttl == 1));
    let why = ask("_why.db3.internal.", RecordType::TXT).tcp(fixture.address).await.answers();
    assert!(why[0].starts_with("server=db3 cluster=orders state=Replica "), "{why:?}");
    let events = ask("_events.orders.internal.", RecordType::TXT).udp(fixture.address).await;
    assert_eq!(
        events.answers(),
        ["time=2026-11-21T06:00:00.000Z name=db-write.internal. from=none to=db1 \
          reason=\"it is the one writable primary\""]
    );
    // What does not fit is asked for by TCP.
    let short = ask("_status.db-write.internal.", RecordType::TXT).udp(fixture.address).await;
    assert_eq!((short.flags(), short.counts()), (QR | AA | TC | RD, (0, 0, 0)));
}

#[tokio::test]
async fn between_the_names_is_nothing_and_beside_them_nobody() {
    let fixture = Fixture::start("127.34.0.4");
    for (name, record_type, code) in [
        ("_tcp.db-read.internal.", RecordType::SRV, NOERROR),
        ("orders.internal.", RecordType::A, NOERROR),
        ("db1.internal.", RecordType::AAAA, NOERROR),
        ("_status.db-read.internal.", RecordType::A, NOERROR),
        ("_mysql._tcp.db-read.internal.", RecordType::SRV, NXDOMAIN),
        ("db4.internal.", RecordType::A, NXDOMAIN),
        ("a.db1.internal.", RecordType::A, NXDOMAIN),
        ("_why.internal.", RecordType::TXT, NXDOMAIN),
    ] {
        let reply = ask(name, record_type).udp(fixture.address).await;
        assert_eq!(reply.flags(), QR | AA | RD | code, "{name}");
        assert_eq!(reply.counts(), (0, 1, 0), "{name}");
    }
}

#[tokio::test]
async fn each_kind_is_shown_to_its_networks_only() {
    let elsewhere = Networks::Only(Box::new(["192.0.2.0/24".parse().expect("a network")]));
    let expose =
        ExposeConfig { servers: elsewhere.clone(), why: elsewhere, ..ExposeConfig::default() };
    let fixture = Fixture::with(&DnsConfig { expose, ..config_on("127.34.0.5") });
    for (name, record_type) in [
        ("db1.internal.", RecordType::A),
        ("db1.internal.", RecordType::TXT),
        ("_why.db1.internal.", RecordType::TXT),
    ] {
        let reply = ask(name, record_type).edns(1232).udp(fixture.address).await;
        assert_eq!(reply.flags(), QR | RD | REFUSED, "{name}");
        assert_eq!(reply.counts(), (0, 0, 0), "{name}");
        assert_eq!(reply.extended_error(), Some((18, String::new())), "{name}");
    }
    // Who may see the service may not therefore see the addresses.
    let question = ask("_postgresql._tcp.db-read.internal.", RecordType::SRV);
    assert_eq!(question.udp(fixture.address).await.counts(), (2, 0, 0));
    let status = ask("_status.db-read.internal.", RecordType::TXT).edns(1232);
    assert_eq!(status.udp(fixture.address).await.code(), NOERROR);
}

/// Addresses beside a service are a courtesy (RFC 2782, RFC 2181 section 9): they give way to a
/// reply in one packet.
#[tokio::test]
async fn addresses_give_way_before_services_do() {
    let mut fixture = Fixture::of(&config_on("127.34.0.6"), 20);
    let question = ask("_postgresql._tcp.db-read.internal.", RecordType::SRV);
    let mut seen = [0; 3];
    for count in 1..20 {
        let reads = vec![read(0..usize::from(count), ReadReason::Eligible)];
        fixture.publish(&addresses(count), &Decision { reads, ..healthy() });
        let reply = question.udp(fixture.address).await;
        assert!(reply.octets.len() <= 512);
        let counts = reply.counts();
        if reply.flags() & TC != 0 {
            assert_eq!(counts, (0, 0, 0));
            seen[2] += 1;
        } else {
            assert_eq!(counts.0, usize::from(count));
            assert!(counts.2 == counts.0 || counts.2 == 0, "{counts:?}: not a part of them");
            seen[usize::from(counts.2 == 0)] += 1;
        }
        let whole = question.tcp(fixture.address).await.counts();
        assert_eq!(whole, (usize::from(count), 0, usize::from(count)));
    }
    assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
}
