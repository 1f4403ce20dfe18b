//! The DNS server from outside. `conformance` has the rules of the wire, one check for each.

mod access;
pub(crate) mod client;
mod companions;
mod conformance;
mod fixture;
mod hostile;
mod limits;
mod load;
mod replacing;
mod sockets;
mod tcp_limits;
mod tcp_stream;
mod tls;
mod transfers;
mod udp;
mod wildcard;

use hickory_proto::rr::RecordType;
use pointsman::engine::{Decision, ReadReason, ServerState, Stability, WriteReason};

use self::{
    client::{RD, Reply, ask, udp},
    fixture::{Fixture, addresses, healthy, read, write},
};

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const NOTAUTH: u16 = 9;
const BADVERS: u16 = 16;

const QR: u16 = 0x8000;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RA: u16 = 0x0080;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;

#[tokio::test]
async fn names_are_answered_by_udp_and_tcp_over_ipv4_and_ipv6() {
    for listen in ["127.24.0.1", "[::1]"] {
        let fixture = Fixture::start(listen);
        let question = ask("db-write.internal.", RecordType::A);
        let by_udp = question.udp(fixture.address).await;
        let by_tcp = question.tcp(fixture.address).await;
        for reply in [by_udp, by_tcp] {
            assert_eq!(reply.code(), NOERROR);
            assert_eq!(reply.answers(), ["127.0.1.1"]);
            assert_eq!(reply.message.answers[0].ttl, 1);
            assert_eq!(reply.counts(), (1, 0, 0));
        }
    }
}

/// A question about `name` that is signed with the unknown key `key`, in wire format.
fn signed(name: &str, key: &[u8]) -> Vec<u8> {
    let mut octets = ask(name, RecordType::A).edns(512).octets();
    octets[11] = 2;
    octets.extend(key);
    octets.extend(b"\x00\xfa\x00\xff\x00\x00\x00\x00");
    let mut rdata = b"\x0bhmac-sha256\x00\x00\x00\x66\x00\x00\x00\x01\x2c\x00\x20".to_vec();
    rdata.extend([0x5a; 32]);
    rdata.extend([0x47, 0x11, 0, 0, 0, 0]);
    octets.extend(u16::try_from(rdata.len()).expect("short").to_be_bytes());
    octets.extend(rdata);
    octets
}

#[tokio::test]
async fn a_key_that_leaves_no_room_is_refused_without_it() {
    let fixture = Fixture::start("127.24.0.15");
    let long_key = [b"\x3f".as_slice(), &[b'k'; 63]].concat().repeat(3);
    let octets = signed(&"a.".repeat(125), &[long_key, b"\x05extra\x00".to_vec()].concat());
    let reply = Reply::parse(udp(fixture.address, &octets).await.expect("a reply"));
    assert_eq!(reply.flags(), QR | TC | RD | NOTAUTH);
}

#[tokio::test]
async fn any_is_answered_small() {
    let mut fixture = Fixture::start("127.24.0.16");
    let both = vec!["127.0.1.1".parse().expect("v4"), "2001:db8::1".parse().expect("v6")];
    fixture.publish(
        &[both],
        &Decision {
            write: Some(write(Some(0), WriteReason::Primary)),
            reads: vec![],
            stability: Stability::Stable,
        },
    );
    let reply = ask("db-write.internal.", RecordType::ANY).udp(fixture.address).await;
    assert_eq!(reply.answers(), ["127.0.1.1"]);
    let reply = ask("db-write.internal.", RecordType::AAAA).udp(fixture.address).await;
    assert_eq!(reply.answers(), ["2001:db8::1"]);
    let reply = ask("internal.", RecordType::ANY).udp(fixture.address).await;
    assert_eq!(reply.counts(), (1, 0, 0));
}

#[tokio::test]
async fn a_degraded_answer_says_why() {
    let mut fixture = Fixture::start("127.24.0.17");
    let write_question = ask("db-write.internal.", RecordType::A).edns(1232);
    let read_question = ask("db-read.internal.", RecordType::A).edns(1232);
    let said = |code, text: &str| Some((code, format!("orders: {text}")));

    assert_eq!(write_question.udp(fixture.address).await.extended_error(), None);
    assert_eq!(read_question.udp(fixture.address).await.extended_error(), None);

    fixture.decide(&Decision {
        write: Some(write(Some(0), WriteReason::Held(ServerState::Down))),
        reads: vec![read([0], ReadReason::WithPrimary)],
        stability: Stability::Stable,
    });
    let held = write_question.udp(fixture.address).await;
    assert_eq!((held.code(), held.answers()), (NOERROR, vec!["127.0.1.1".to_owned()]));
    let text = "held: the last primary is Down and there is no other";
    assert_eq!(held.extended_error(), said(3, text));
    let fallback = read_question.udp(fixture.address).await;
    assert_eq!(fallback.answers(), ["127.0.1.1"]);
    let text = "too few eligible replicas, so the primary helps out";
    assert_eq!(fallback.extended_error(), said(0, text));
    let mute = ask("db-write.internal.", RecordType::A).udp(fixture.address).await;
    assert!(mute.edns().is_none());

    fixture.decide(&Decision {
        write: Some(write(None, WriteReason::NotWritable)),
        reads: vec![read([], ReadReason::NotReady)],
        stability: Stability::Stable,
    });
    let withdrawn = write_question.udp(fixture.address).await;
    assert_eq!((withdrawn.code(), withdrawn.counts()), (NOERROR, (0, 1, 0)));
    let text = "no address: the last primary is not writable and no other server is";
    assert_eq!(withdrawn.extended_error(), said(0, text));
    let unready = read_question.udp(fixture.address).await;
    assert_eq!((unready.code(), unready.counts()), (SERVFAIL, (0, 0, 0)));
    let text = "not ready: the first round of probes has not ended";
    assert_eq!(unready.extended_error(), said(14, text));
}

#[tokio::test]
async fn replicas_come_in_every_order_equally_often() {
    let fixture = Fixture::start("127.24.0.18");
    let question = ask("db-read.internal.", RecordType::A);
    let mut second_first = 0;
    for _ in 0..1_000 {
        let answers = question.udp(fixture.address).await.answers();
        match [answers[0].as_str(), answers[1].as_str()] {
            ["127.0.1.2", "127.0.1.3"] => second_first += 1,
            ["127.0.1.3", "127.0.1.2"] => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(answers.len(), 2);
    }
    assert!((400..=600).contains(&second_first), "{second_first} of 1000");
}

/// An explanation is worth less than an answer in one packet (RFC 8914 section 3).
#[tokio::test]
async fn the_reason_gives_way_before_the_records_do() {
    let mut fixture = Fixture::start("127.24.0.20");
    let question = ask("db-read.internal.", RecordType::A).edns(512);
    let mut seen = [0; 3];
    for count in 20..35 {
        let members = 0..usize::from(count);
        fixture.publish(
            &addresses(count),
            &Decision {
                write: None,
                reads: vec![read(members, ReadReason::LastKnown)],
                stability: Stability::Stable,
            },
        );
        let reply = question.udp(fixture.address).await;
        assert!(reply.octets.len() <= 512);
        let truncated = reply.flags() & TC != 0;
        match (truncated, reply.extended_error().is_some()) {
            (false, true) => seen[0] += 1,
            (false, false) => seen[1] += 1,
            (true, true) => seen[2] += 1,
            (true, false) => panic!("a truncated reply has room for its reason"),
        }
        assert_eq!(reply.counts().0, if truncated { 0 } else { members_of(count) });
    }
    assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
    fixture.decide(&healthy());
}

fn members_of(count: u8) -> usize {
    usize::from(count)
}
