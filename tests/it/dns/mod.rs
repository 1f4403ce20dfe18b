//! The DNS server from outside: each rule of the wire as one check.

pub(crate) mod client;
mod companions;
mod fixture;
mod limits;
mod load;
mod replacing;
mod sockets;
mod tcp_limits;
mod tcp_stream;
mod tls;
mod udp;
mod wildcard;

use hickory_proto::rr::{LowerName, Name, RData, RecordType};
use pointsman::engine::{Decision, ReadReason, ServerState, Stability, WriteReason};

use self::{
    client::{RD, Reply, ask, header, udp},
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

#[tokio::test]
async fn flags_are_those_of_an_authority() {
    let fixture = Fixture::start("127.24.0.2");
    for (asked, expected) in [
        (0, QR | AA),
        (RD, QR | AA | RD),
        (RD | AD | CD, QR | AA | RD),
        (RD | AA | RA | TC, QR | AA | RD),
    ] {
        let question = ask("db-write.internal.", RecordType::A).flags(asked);
        let reply = question.id(0xabcd).udp(fixture.address).await;
        assert_eq!(reply.flags(), expected, "asked with {asked:#06x}");
        assert_eq!(reply.message.metadata.id, 0xabcd);
    }
    let reply = ask("nobody.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(reply.flags(), QR | AA | RD | NXDOMAIN);
    let reply = ask("elsewhere.", RecordType::A).udp(fixture.address).await;
    assert_eq!(reply.flags(), QR | RD | REFUSED);
}

#[tokio::test]
async fn the_question_comes_back_octet_for_octet() {
    let fixture = Fixture::start("127.24.0.3");
    for name in ["dB-WrItE.InTeRnAl.", "DB-WRITE.INTERNAL.", "db-write.internal."] {
        let question = ask(name, RecordType::A);
        let reply = question.udp(fixture.address).await;
        assert_eq!(reply.answers(), ["127.0.1.1"], "{name}");
        let echoed = &reply.octets[12..12 + question.question().len()];
        assert_eq!(echoed, question.question());
    }
}

#[tokio::test]
async fn negative_answers_carry_one_soa_with_the_lesser_ttl() {
    let fixture = Fixture::start("127.24.0.4");
    for (name, record_type, code) in [
        ("db-write.internal.", RecordType::AAAA, NOERROR),
        ("db-write.internal.", RecordType::TXT, NOERROR),
        ("db-write.internal.", RecordType::Unknown(65_280), NOERROR),
        ("deep.internal.", RecordType::A, NOERROR),
        ("internal.", RecordType::DNSKEY, NOERROR),
        ("nobody.internal.", RecordType::A, NXDOMAIN),
    ] {
        let reply = ask(name, record_type).udp(fixture.address).await;
        assert_eq!(reply.code(), code, "{name} {record_type}");
        assert_eq!(reply.counts(), (0, 1, 0), "{name} {record_type}");
        let apex = LowerName::from(Name::from_ascii("internal.").expect("a name"));
        assert_eq!(reply.authority(), (apex, 5), "{name} {record_type}");
    }
}

#[tokio::test]
async fn the_apex_has_soa_and_name_servers_that_resolve() {
    let fixture = Fixture::start("127.24.0.5");
    let soa = ask("internal.", RecordType::SOA).udp(fixture.address).await;
    assert_eq!(soa.counts(), (1, 0, 0));
    assert_eq!(soa.answers(), ["ns1.internal. hostmaster.internal. 1700000000 3600 600 86400 5"]);
    let servers = ask("internal.", RecordType::NS).udp(fixture.address).await;
    assert_eq!(servers.answers(), ["ns1.internal."]);
    let glue = ask("ns1.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(glue.answers(), ["192.0.2.1"]);
}

#[tokio::test]
async fn aliases_are_followed_and_delegations_referred_to() {
    let fixture = Fixture::start("127.24.0.6");
    let alias = ask("alias.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(alias.answers(), ["db-write.internal.", "127.0.1.1"]);
    let referral = ask("a.child.internal.", RecordType::A).udp(fixture.address).await;
    assert_eq!(referral.flags(), QR | RD);
    assert_eq!(referral.counts(), (0, 1, 1));
    assert_eq!(referral.message.authorities[0].data.to_string(), "ns.child.internal.");
    assert_eq!(referral.message.additionals[0].data.to_string(), "192.0.2.53");
}

#[tokio::test]
async fn outside_the_zones_everything_is_refused() {
    let fixture = Fixture::start("127.24.0.7");
    for name in [".", "example.", "internal.example.", "xinternal.", "1.0.0.127.in-addr.arpa."] {
        for record_type in [RecordType::A, RecordType::NS, RecordType::ANY] {
            let question = ask(name, record_type);
            let plain = question.udp(fixture.address).await;
            assert_eq!(plain.flags(), QR | RD | REFUSED, "{name}");
            assert_eq!(plain.counts(), (0, 0, 0), "{name}: an upward referral");
            let explained = question.edns(1232).udp(fixture.address).await;
            assert_eq!(explained.extended_error(), Some((20, String::new())), "{name}");
        }
    }
}

#[tokio::test]
async fn other_classes_are_refused() {
    let fixture = Fixture::start("127.24.0.8");
    for class in [0, 2, 3, 4, 254, 255, 65_280] {
        let reply =
            ask("db-write.internal.", RecordType::A).class(class).udp(fixture.address).await;
        assert_eq!(reply.flags(), QR | RD | REFUSED, "class {class}");
        assert_eq!(reply.counts(), (0, 0, 0), "class {class}");
    }
}

#[tokio::test]
async fn zone_transfers_are_refused() {
    let fixture = Fixture::start("127.24.0.9");
    for record_type in [RecordType::AXFR, RecordType::IXFR] {
        let question = ask("internal.", record_type);
        assert_eq!(question.udp(fixture.address).await.code(), REFUSED);
        assert_eq!(question.tcp(fixture.address).await.code(), REFUSED);
    }
}

#[tokio::test]
async fn other_opcodes_are_not_implemented() {
    let fixture = Fixture::start("127.24.0.10");
    for opcode in 1..16 {
        let flags = opcode << 11;
        let whole = ask("internal.", RecordType::SOA).flags(flags | RD);
        let reply = whole.udp(fixture.address).await;
        assert_eq!(reply.flags(), QR | flags | RD | NOTIMP, "opcode {opcode}");
        let bare = header(1, flags, [0; 4]);
        let reply = Reply::parse(udp(fixture.address, &bare).await.expect("a reply"));
        assert_eq!(reply.flags(), QR | flags | NOTIMP, "bare opcode {opcode}");
    }
}

#[tokio::test]
async fn a_query_has_exactly_one_question() {
    let fixture = Fixture::start("127.24.0.11");
    let question = ask("db-write.internal.", RecordType::A).edns(1232);
    for count in [0, 2, 40, 100] {
        let octets = question.with_questions(count);
        let reply = Reply::parse(udp(fixture.address, &octets).await.expect("a reply"));
        assert_eq!(reply.flags(), QR | RD | FORMERR, "{count} questions");
        assert!(reply.octets.len() <= 512, "{count} questions");
    }
}

#[tokio::test]
async fn edns_is_spoken_to_those_who_speak_it() {
    let fixture = Fixture::start("127.24.0.12");
    let question = ask("db-write.internal.", RecordType::A);
    assert!(question.udp(fixture.address).await.edns().is_none());
    // Option 65001 and an expiry (RFC 7314); flag bits besides DO.
    let options = [253, 233, 0, 1, 7, 0, 9, 0, 0];
    for (flags, dnssec_ok) in [(0, false), (0x8000, true), (0x7fff, false), (0xffff, true)] {
        let question = question.clone().opt(4096, flags, &options);
        for reply in [question.udp(fixture.address).await, question.tcp(fixture.address).await] {
            let edns = reply.edns().expect("an OPT record");
            assert_eq!(reply.answers(), ["127.0.1.1"]);
            assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
            assert_eq!(edns.flags().dnssec_ok, dnssec_ok);
            assert_eq!(edns.flags().z, 0);
            assert!(edns.options().as_ref().is_empty(), "{:?}", edns.options());
        }
    }
}

#[tokio::test]
async fn later_edns_versions_are_told_ours() {
    let fixture = Fixture::start("127.24.0.13");
    for version in [1, 255] {
        let question = ask("db-write.internal.", RecordType::A).opt(1232, version << 16, &[]);
        let reply = question.udp(fixture.address).await;
        assert_eq!(reply.code(), BADVERS);
        assert_eq!(reply.edns().expect("an OPT record").version(), 0);
        assert_eq!(reply.counts(), (0, 0, 0));
    }
}

#[tokio::test]
async fn two_opt_records_are_malformed() {
    let fixture = Fixture::start("127.24.0.14");
    let question = ask("db-write.internal.", RecordType::A).edns(1232);
    let mut octets = question.octets();
    octets.extend(question.opt.iter().flatten());
    octets[11] = 2;
    let reply = Reply::parse(udp(fixture.address, &octets).await.expect("a reply"));
    assert_eq!(reply.code(), FORMERR);
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
async fn an_unknown_key_is_told_so() {
    let fixture = Fixture::start("127.24.0.15");
    let octets = signed("db-write.internal.", b"\x03key\x00");
    let reply = Reply::parse(udp(fixture.address, &octets).await.expect("a reply"));
    assert_eq!((reply.code(), reply.counts()), (NOTAUTH, (0, 0, 1)));
    assert!(reply.edns().is_some());
    let RData::TSIG(tsig) = &reply.message.additionals[0].data else {
        panic!("no TSIG record");
    };
    assert!(tsig.mac.is_empty());
    // Nothing may follow the TSIG record: it ends with the ID, BADKEY and no other data.
    assert!(reply.octets.ends_with(&[0x47, 0x11, 0, 17, 0, 0]));

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
            stability: Stability::Calm,
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
        stability: Stability::Calm,
    });
    let held = write_question.udp(fixture.address).await;
    assert_eq!((held.code(), held.answers()), (NOERROR, vec!["127.0.1.1".to_owned()]));
    let text = "held: the last primary is Down and there is no other";
    assert_eq!(held.extended_error(), said(3, text));
    let fallback = read_question.udp(fixture.address).await;
    assert_eq!(fallback.answers(), ["127.0.1.1"]);
    let text = "too few fit replicas, so the primary helps out";
    assert_eq!(fallback.extended_error(), said(0, text));
    let mute = ask("db-write.internal.", RecordType::A).udp(fixture.address).await;
    assert!(mute.edns().is_none());

    fixture.decide(&Decision {
        write: Some(write(None, WriteReason::NotWritable)),
        reads: vec![read([], ReadReason::NotReady)],
        stability: Stability::Calm,
    });
    let withdrawn = write_question.udp(fixture.address).await;
    assert_eq!((withdrawn.code(), withdrawn.counts()), (NOERROR, (0, 1, 0)));
    let text = "no address: the last primary is not writable and nobody else is";
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

#[tokio::test]
async fn what_does_not_fit_is_truncated_as_a_whole() {
    let mut fixture = Fixture::start("127.24.0.19");
    let publish = |fixture: &mut Fixture, count: u8, reason| {
        let members = 0..usize::from(count);
        fixture.publish(
            &addresses(count),
            &Decision {
                write: None,
                reads: vec![read(members, reason)],
                stability: Stability::Calm,
            },
        );
    };
    let plain = ask("db-read.internal.", RecordType::A);
    publish(&mut fixture, 40, ReadReason::Fit);
    for (question, fits) in [
        (plain.clone(), false),
        (plain.clone().edns(0), false),
        (plain.clone().edns(512), false),
        (plain.clone().edns(600), false),
        (plain.clone().edns(1232), true),
        (plain.clone().edns(65_535), true),
    ] {
        let reply = question.udp(fixture.address).await;
        assert_eq!(reply.edns().is_some(), question.opt.is_some());
        if fits {
            assert_eq!((reply.flags(), reply.counts()), (QR | AA | RD, (40, 0, 0)));
        } else {
            assert_eq!((reply.flags(), reply.counts()), (QR | AA | TC | RD, (0, 0, 0)));
        }
        let whole = question.tcp(fixture.address).await;
        assert_eq!((whole.flags(), whole.counts()), (QR | AA | RD, (40, 0, 0)));
    }
    publish(&mut fixture, 200, ReadReason::LastKnown);
    let reply = plain.clone().edns(65_535).udp(fixture.address).await;
    assert_eq!((reply.flags(), reply.counts()), (QR | AA | TC | RD, (0, 0, 0)));
    assert!(reply.extended_error().is_some());
    assert_eq!(plain.edns(1232).tcp(fixture.address).await.counts(), (200, 0, 0));
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
                stability: Stability::Calm,
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
