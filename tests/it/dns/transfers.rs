//! The rules of zone transfers, one clause after the other: AXFR (RFC 5936), IXFR (RFC 1995), NOTIFY (RFC 1996),
//! TSIG (RFC 8945), transfers over TLS (RFC 9103), EXPIRE (RFC 7314).
//!
//! `tests/secondaries` has the same with the servers and clients of others.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use hickory_proto::{
    op::Message,
    rr::{LowerName, Name, RData, Record, RecordType, rdata::SOA},
    serialize::binary::{BinEncodable, BinEncoder},
};
use pointsman::{
    answers::Copied,
    clock,
    config::{
        DnsConfig, KeyAlgorithm, KeyConfig, SecondaryConfig, TransferConfig, TransferTransport,
        ZoneTransfer,
    },
    engine::WriteReason,
    transfer::{Key, Listening, TransferService, Transfers, last_record, sign_request},
};
use tokio::{net::TcpStream, time::timeout};

use super::{
    AA, FORMERR, NOERROR, NOTAUTH, NOTIMP, QR, REFUSED, Reply,
    client::{Ask, PATIENCE, RD, ask, receive, send},
    fixture::{Fixture, healthy, write},
};

const ZONE: &str = "internal.";

/// Who signs.
fn key(secret: &[u8]) -> Key {
    Key::new(&Arc::new(KeyConfig {
        name: LowerName::from_str("xfr.internal.").expect("a name"),
        algorithm: KeyAlgorithm::HmacSha256,
        secret: secret.into(),
        secret_file: "x.key".into(),
    }))
}

fn config(transport: TransferTransport, signs: bool, address: SocketAddr) -> TransferConfig {
    let key = KeyConfig {
        name: LowerName::from_str("xfr.internal.").expect("a name"),
        algorithm: KeyAlgorithm::HmacSha256,
        secret: (*SECRET).into(),
        secret_file: "x.key".into(),
    };
    let secondary = SecondaryConfig {
        name: "ns3".into(),
        address: address.ip(),
        port: address.port(),
        key: signs.then(|| Arc::new(key)),
        transport,
        notify: true,
        notify_every: None,
    };
    let origin = LowerName::from_str(ZONE).expect("a name");
    TransferConfig {
        zones: vec![ZoneTransfer { origin, secondaries: vec![secondary] }],
        catalog: None,
    }
}

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A server with a secondary at the address that the questions come from.
struct Scene {
    fixture: Fixture,
    _service: TransferService,
}

impl Scene {
    fn new(number: u8, transport: TransferTransport, signs: bool) -> Self {
        let at = Ipv4Addr::new(127, 39, number, 1);
        let dns = DnsConfig::on(vec![SocketAddr::from((at, 0))], 1);
        let transfers = Transfers::default();
        let fixture = Fixture::with_transfers(&dns, &transfers);
        let secondary = SocketAddr::from((CLIENT, 9));
        let service = transfers.serve(
            config(transport, signs, secondary),
            Copied { services: false, servers: false },
            Listening { plain: vec![fixture.address], encrypted: Vec::new() },
            &fixture.publisher.reader(),
        );
        Self { fixture, _service: service }
    }

    async fn stream(&self) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((CLIENT, 0))).expect("a local port");
        socket.connect(self.fixture.address).await.expect("TCP is served")
    }

    /// Every message of the answer by TCP: until the last record is the SOA again, or there is but one.
    async fn tcp(&self, question: &[u8]) -> Vec<Reply> {
        let mut stream = self.stream().await;
        send(&mut stream, question).await;
        messages(&mut stream).await
    }

    async fn udp(&self, question: &[u8]) -> Reply {
        let socket = tokio::net::UdpSocket::bind((CLIENT, 0)).await.expect("a local port");
        socket.connect(self.fixture.address).await.expect("loopback");
        socket.send(question).await.expect("loopback");
        let mut buffer = vec![0; 65_535];
        let received = timeout(PATIENCE, socket.recv(&mut buffer)).await;
        let length = received.expect("a reply in time").expect("loopback");
        buffer.truncate(length);
        Reply::parse(buffer)
    }

    /// The serial that is transferred, once there is one that `fits`.
    async fn serial(&self, signer: Option<&Key>, fits: impl Fn(u32) -> bool) -> u32 {
        let poll = async {
            loop {
                let all = self.tcp(&signed(axfr(), signer)).await;
                match all[0].message.answers.first().map(|record| &record.data) {
                    Some(RData::SOA(soa)) if fits(soa.serial) => return soa.serial,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        timeout(PATIENCE, poll).await.expect("the zone is offered")
    }
}

/// Where questions come from.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 39, 255, 1);

async fn messages(stream: &mut TcpStream) -> Vec<Reply> {
    let mut all = Vec::new();
    let mut first = None;
    loop {
        let Some(octets) = receive(stream).await else { return all };
        let reply = Reply::parse(octets);
        let records = &reply.message.answers;
        first = first.or_else(|| records.first().cloned());
        let (count, last) = (records.len(), records.last().cloned());
        all.push(reply);
        if last.is_none() || last == first && (all.len() > 1 || count != 1) {
            return all;
        }
        // One SOA alone: nothing is new.
        if all.len() == 1 && count == 1 {
            return all;
        }
    }
}

fn axfr() -> Vec<u8> {
    ask(ZONE, RecordType::AXFR).flags(0).octets()
}

/// IXFR with SOA records of these owners and serials in the authority section.
fn ixfr(soas: &[(&str, u32)]) -> Vec<u8> {
    let mut octets = ask(ZONE, RecordType::IXFR).flags(0).octets();
    octets[9] = u8::try_from(soas.len()).expect("few");
    for (owner, serial) in soas {
        let name = Name::from_ascii(owner).expect("a name");
        let soa = SOA::new(Name::root(), Name::root(), *serial, 1, 1, 1, 1);
        let mut record = Vec::new();
        let record_of = Record::from_rdata(name, 0, RData::SOA(soa));
        record_of.emit(&mut BinEncoder::new(&mut record)).expect("it fits");
        octets.extend(record);
    }
    octets
}

fn signed(mut question: Vec<u8>, key: Option<&Key>) -> Vec<u8> {
    if let Some(key) = key {
        sign_request(key, &mut question, clock::unix_seconds());
    }
    question
}

fn records(all: &[Reply]) -> Vec<Record> {
    all.iter().flat_map(|reply| reply.message.answers.clone()).collect()
}

fn kinds(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| match &record.data {
            RData::SOA(soa) => soa.serial.to_string(),
            data => format!("{} {data}", record.name),
        })
        .collect()
}

#[tokio::test]
async fn axfr_is_as_rfc_5936_says() {
    let scene = Scene::new(1, TransferTransport::Tcp, false);
    scene.serial(None, |_| true).await;
    let mut stream = scene.stream().await;
    send(&mut stream, &axfr()).await;
    let all = messages(&mut stream).await;
    for reply in &all {
        // 2.2.1: ID, QR, AA, opcode and RCODE; the question is ours. 2.2.3, 2.2.4: other sections are empty.
        assert_eq!(reply.octets[..2], axfr()[..2]);
        assert_eq!(reply.flags(), QR | AA);
        assert_eq!(reply.message.queries.len(), 1);
        assert!(reply.message.authorities.is_empty() && reply.message.additionals.is_empty());
    }
    // 2.2: the SOA first and last, and nowhere else; every other record once, delegations and glue too.
    let records = records(&all);
    assert_eq!(records.first(), records.last());
    let soas = records.iter().filter(|record| record.record_type() == RecordType::SOA).count();
    assert_eq!(soas, 2);
    let mut told = kinds(&records[1..records.len() - 1]);
    for part in
        ["db-write.internal. 127.0.1.1", "ns.child.internal. 192.0.2.53", "*.wild.internal."]
    {
        assert!(told.iter().any(|record| record.starts_with(part)), "{part}: {told:?}");
    }
    // What changes with every probe is held by a HINFO record, and not told.
    let texts = told.iter().filter(|record| record.contains("_status"));
    assert!(texts.clone().count() > 0 && texts.clone().all(|text| text.contains("RFC8482")));
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count);
    // 4.1.1: the connection is of further use.
    send(&mut stream, &ask("db-write.internal.", RecordType::A).octets()).await;
    let next = receive(&mut stream).await.expect("a second answer");
    assert_eq!(Reply::parse(next).answers(), ["127.0.1.1"]);
    // 4.2: not by UDP. 2.2.1: what is no apex of ours is not transferred. 5: nor is it to strangers.
    assert_eq!(scene.udp(&axfr()).await.code(), REFUSED);
    for name in ["db-write.internal.", "elsewhere."] {
        let all = scene.tcp(&ask(name, RecordType::AXFR).octets()).await;
        assert_eq!((all[0].code(), all[0].counts().0), (REFUSED, 0), "{name}");
    }
    let stranger = ask(ZONE, RecordType::AXFR).tcp(scene.fixture.address).await;
    assert_eq!((stranger.code(), stranger.counts().0), (REFUSED, 0));
    let chaos = scene.tcp(&ask(ZONE, RecordType::AXFR).class(3).octets()).await;
    assert_eq!((chaos[0].code(), chaos[0].counts().0), (REFUSED, 0));
}

#[tokio::test]
async fn ixfr_is_as_rfc_1995_says() {
    let mut scene = Scene::new(2, TransferTransport::Tcp, false);
    let old = scene.serial(None, |_| true).await;
    let mut decision = healthy();
    decision.write = Some(write(Some(1), WriteReason::Primary));
    scene.fixture.decide_at(10, &decision);
    let new = scene.serial(None, |serial| serial > old).await;
    // 4: the new SOA, the old one and what is gone, the new one and what is new, the new SOA.
    let [old_text, new_text] = [old, new].map(|serial| serial.to_string());
    let expected = [
        new_text.clone(),
        old_text,
        "db-write.internal. 127.0.1.1".to_owned(),
        new_text.clone(),
        "db-write.internal. 127.0.1.2".to_owned(),
        new_text.clone(),
    ];
    let question = ixfr(&[(ZONE, old)]);
    assert_eq!(kinds(&records(&scene.tcp(&question).await)), expected);
    // 2: also by UDP, if it fits.
    assert_eq!(kinds(&scene.udp(&question).await.message.answers), expected);
    // 2, 4: one SOA when there is nothing new, or when the secondary is ahead.
    for serial in [new, new + 1] {
        let question = ixfr(&[(ZONE, serial)]);
        assert_eq!(kinds(&records(&scene.tcp(&question).await)), [new_text.as_str()]);
        assert_eq!(kinds(&scene.udp(&question).await.message.answers), [new_text.as_str()]);
    }
    // 4: the whole zone for a serial that is not known, as AXFR has it; by UDP one SOA.
    let question = ixfr(&[(ZONE, old - 1)]);
    let whole = records(&scene.tcp(&question).await);
    assert_eq!(whole, records(&scene.tcp(&axfr()).await));
    assert_eq!(kinds(&scene.udp(&question).await.message.answers), [new_text]);
    // 3: the authority section has the SOA record of the zone, and nothing else.
    for soas in [&[][..], &[("elsewhere.", old)], &[(ZONE, old), (ZONE, old)]] {
        assert_eq!(scene.tcp(&ixfr(soas)).await[0].code(), FORMERR, "{soas:?}");
    }
}

#[tokio::test]
async fn notify_to_us_is_not_taken() {
    let scene = Scene::new(3, TransferTransport::Tcp, false);
    // RFC 1996 4.7 is of secondaries, and we are none.
    let notify = ask(ZONE, RecordType::SOA).flags(4 << 11 | AA).octets();
    assert_eq!(scene.udp(&notify).await.code(), NOTIMP);
    let update = ask(ZONE, RecordType::SOA).flags(5 << 11).octets();
    assert_eq!(scene.udp(&update).await.code(), NOTIMP);
}

#[tokio::test]
async fn expire_is_as_rfc_7314_says() {
    let scene = Scene::new(4, TransferTransport::Tcp, false);
    scene.serial(None, |_| true).await;
    let wants = |ask: Ask| ask.flags(RD).opt(1232, 0, &[0, 9, 0, 0]);
    // 3.1, 3.2: with SOA and transfers, by the SOA's EXPIRE at a primary; 2: not unless it is asked.
    let seconds = 86_400_u32.to_be_bytes().to_vec();
    let soa = scene.udp(&wants(ask(ZONE, RecordType::SOA)).octets()).await;
    assert_eq!(soa.option(9), Some(seconds.clone()));
    let all = scene.tcp(&wants(ask(ZONE, RecordType::AXFR)).octets()).await;
    assert_eq!(all[0].option(9), Some(seconds));
    let plain = scene.udp(&ask(ZONE, RecordType::SOA).edns(1232).octets()).await;
    assert_eq!(plain.option(9), None);
}

/// The error of a reply's TSIG record, octets of its code and its other data.
fn tsig(reply: &Reply) -> Option<(u16, usize, Vec<u8>)> {
    let last = reply.message.additionals.last()?;
    let RData::TSIG(tsig) = &last.data else { return None };
    let error = tsig.error.as_ref().map_or(0, |error| u16::from(*error));
    Some((error, tsig.mac.len(), tsig.other.clone()))
}

#[tokio::test]
async fn signatures_are_as_rfc_8945_says() {
    let scene = Scene::new(5, TransferTransport::Tcp, true);
    let (ours, other) = (key(SECRET), key(b"another secret, as long as that"));
    scene.serial(Some(&ours), |_| true).await;
    // 5.3, 5.3.1: the reply is signed as an answer to the request, every message of it.
    let mut question = axfr();
    let expected = sign_request(&ours, &mut question, clock::unix_seconds());
    let all = scene.tcp(&question).await;
    let start = last_record(&all[0].octets).expect("a last record");
    assert!(expected.is_signed(&all[0].octets, start, clock::unix_seconds()));
    assert!(all.iter().all(|reply| tsig(reply).is_some_and(|(error, ..)| error == 0)));
    assert!(all.iter().all(|reply| reply.code() == NOERROR));
    // Without a signature: nothing, and no signature.
    let unsigned = scene.tcp(&axfr()).await;
    assert_eq!((unsigned[0].code(), tsig(&unsigned[0])), (REFUSED, None));
    // 5.2.2, 5.3.2: another secret is BADSIG, and the reply has no code.
    let bad = scene.tcp(&signed(axfr(), Some(&other))).await;
    assert_eq!((bad[0].code(), tsig(&bad[0])), (NOTAUTH, Some((16, 0, Vec::new()))));
    // 5.2.1: a key that is not known is BADKEY.
    let mut unknown = signed(axfr(), Some(&ours));
    let start = last_record(&unknown).expect("a last record");
    unknown[start + 1] ^= 1;
    let bad = scene.tcp(&unknown).await;
    assert_eq!((bad[0].code(), tsig(&bad[0])), (NOTAUTH, Some((17, 0, Vec::new()))));
    // 5.2.3: clocks that differ are BADTIME, signed, with our time in six octets.
    let mut late = axfr();
    sign_request(&ours, &mut late, clock::unix_seconds() - 301);
    let bad = scene.tcp(&late).await;
    let (error, code, time) = tsig(&bad[0]).expect("a TSIG record");
    assert_eq!((bad[0].code(), error, code, time.len()), (NOTAUTH, 18, 32, 6));
    // 5.1: the record is the last one, and there is one.
    let mut twice = signed(axfr(), Some(&ours));
    let again = twice[last_record(&twice).expect("a last record")..].to_vec();
    twice.extend(again);
    twice[11] += 1;
    assert_eq!(scene.tcp(&twice).await[0].code(), FORMERR);
    // 4.3.2: the id may have been changed on the way.
    let mut forwarded = signed(axfr(), Some(&ours));
    forwarded[..2].copy_from_slice(&[0xbe, 0xef]);
    assert_eq!(scene.tcp(&forwarded).await[0].code(), NOERROR);
}

#[tokio::test]
async fn a_zone_for_tls_alone_is_as_rfc_9103_says() {
    let scene = Scene::new(6, TransferTransport::Tls, false);
    // 7.1: not in the clear, not even in part; 6.1: one SOA by UDP says "ask again by a stream".
    let refused = async {
        loop {
            let reply = scene.tcp(&axfr()).await.swap_remove(0);
            if reply.code() == REFUSED {
                return reply;
            }
        }
    };
    let refused: Reply = timeout(PATIENCE, refused).await.expect("the zone is known");
    assert_eq!(refused.counts().0, 0);
    let question = ixfr(&[(ZONE, 1)]);
    let by_stream = scene.tcp(&question).await;
    assert_eq!((by_stream[0].code(), by_stream[0].counts().0), (REFUSED, 0));
    let by_datagram: Message = scene.udp(&question).await.message;
    assert_eq!(by_datagram.answers.len(), 1);
}
