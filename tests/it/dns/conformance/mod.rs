//! The rules of the RFCs, one check for each: over UDP, over TCP, and by both paths in process.
//!
//! What must hold of every reply whatsoever stands in [`faults_of_any`]; each check adds its own.

mod check;
mod classes;
mod edns;
mod frame;
mod header;
mod limits;
mod names;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use hickory_proto::rr::RecordType;
use pointsman::{
    config::{DnsConfig, ExposeConfig, Networks},
    dns::{Responder, Rules, Transport},
    engine::{Decision, ReadDecision, ReadReason, ServerState, WriteDecision, WriteReason},
};
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use self::check::{Check, Over, Stage};
use super::{
    client::{PATIENCE, RD, Reply, ask, receive, send},
    fixture::{Fixture, addresses, healthy, read, write},
};

const STAGES: [Stage; 8] = [
    Stage::Stable,
    Stage::Held,
    Stage::Crowded,
    Stage::Flooded,
    Stage::Unready,
    Stage::Closed,
    Stage::Discreet,
    Stage::Silent,
];

/// Where queries come from; cookies are made for it.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 32, 255, 1);

/// What makes cookies.
const SECRET: [u8; 16] = [0x5e; 16];

/// What the instance is called.
const IDENTITY: &str = "ns1 of two";

fn checks() -> Vec<Check> {
    let mut checks = header::checks();
    checks.extend(frame::checks());
    checks.extend(names::checks());
    checks.extend(classes::checks());
    checks.extend(edns::checks());
    checks.extend(limits::checks());
    checks
}

#[tokio::test]
async fn every_rule_holds_over_every_transport_and_path() {
    let checks = checks();
    let clauses: BTreeSet<_> = checks.iter().map(|check| check.clause.as_str()).collect();
    assert_eq!(clauses.len(), checks.len(), "two checks share a name");
    let mut failures = Vec::new();
    for stage in STAGES {
        let scene = Scene::set(stage);
        for check in checks.iter().filter(|check| check.stage == stage) {
            for transport in [Transport::Udp, Transport::Tcp] {
                let skipped = if transport == Transport::Udp { Over::Tcp } else { Over::Udp };
                if check.over == skipped {
                    continue;
                }
                for (path, reply) in scene.ask_all_ways(&check.query, transport).await {
                    failures.extend(
                        faults(check, transport, reply).into_iter().map(|fault| {
                            format!("{} by {transport}, {path}: {fault}", check.clause)
                        }),
                    );
                }
            }
        }
    }
    println!("{} checks", checks.len());
    assert!(failures.is_empty(), "{} faults:\n{}", failures.len(), failures.join("\n"));
    assert!(checks.len() >= 150, "{} checks", checks.len());
}

/// What `reply` does wrong.
fn faults(check: &Check, transport: Transport, reply: Option<Vec<u8>>) -> Vec<String> {
    let Some(octets) = reply else {
        return if check.silence { Vec::new() } else { vec!["no reply".to_owned()] };
    };
    if check.silence {
        return vec![format!("a reply of {} octets", octets.len())];
    }
    let reply = Reply::parse(octets);
    let mut faults = faults_of_any(check, transport, &reply);
    let own = check.demands.iter().filter(|(_, holds)| !holds(&reply));
    faults.extend(own.map(|(demand, _)| format!("not {demand} in {:02x?}", reply.octets)));
    faults
}

/// What would be wrong in any reply (RFC 1035 section 4.1.1, RFC 6891 sections 6.1.1 and 6.2.3,
/// RFC 4035 section 3.1.6).
fn faults_of_any(check: &Check, transport: Transport, reply: &Reply) -> Vec<String> {
    let flags = reply.flags();
    let asked = u16::from_be_bytes([check.query[2], check.query[3]]);
    let limit = if transport == Transport::Udp { check.size.min(1232).into() } else { 65_535 };
    let edns = reply.edns();
    let rules = [
        ("ID", reply.octets[..2] == check.query[..2]),
        ("QR", flags & 0x8000 != 0),
        ("opcode and RD", (flags ^ asked) & (0x7800 | RD) == 0),
        ("RA, Z, AD and CD clear", flags & 0x00f0 == 0),
        ("TC by TCP", transport == Transport::Udp || flags & 0x0200 == 0),
        ("no records with TC", flags & 0x0200 == 0 || reply.counts() == (0, 0, 0)),
        ("size", reply.octets.len() <= limit),
        (
            "EDNS version 0, size 1232",
            edns.is_none_or(|e| (e.version(), e.max_payload()) == (0, 1232)),
        ),
        ("EDNS flags but DO clear", edns.is_none_or(|edns| edns.flags().z == 0)),
    ];
    let broken = rules.into_iter().filter(|(_, holds)| !holds);
    broken.map(|(rule, _)| format!("{rule} in {:02x?}", reply.octets)).collect()
}

/// A server of one stage, and the same in process.
struct Scene {
    fixture: Fixture,
    rules: Arc<Rules>,
}

impl Scene {
    fn set(stage: Stage) -> Self {
        let config = config(stage);
        let mut fixture = Fixture::with(&config);
        match stage {
            Stage::Stable | Stage::Closed | Stage::Discreet | Stage::Silent => {
                fixture.decide(&healthy());
            }
            Stage::Held => fixture.decide(&decision(
                write(Some(0), WriteReason::Held(ServerState::Down)),
                read([0], ReadReason::WithPrimary),
            )),
            Stage::Crowded => fixture.publish(&addresses(40), &readers(40, ReadReason::Eligible)),
            Stage::Flooded => {
                fixture.publish(&addresses(250), &readers(250, ReadReason::LastKnown));
            }
            Stage::Unready => fixture.decide(&decision(
                write(None, WriteReason::NotReady),
                read([], ReadReason::NotReady),
            )),
        }
        Self { fixture, rules: Arc::new(Rules::new(&config)) }
    }

    /// The replies to `query`: over the wire, and by each path in process.
    async fn ask_all_ways(
        &self,
        query: &[u8],
        transport: Transport,
    ) -> [(&'static str, Option<Vec<u8>>); 3] {
        let over_the_wire = match transport {
            Transport::Udp => self.ask_udp(query).await,
            _ => self.ask_tcp(query).await,
        };
        [
            ("over the wire", over_the_wire),
            ("in process", self.ask_in_process(query, transport, false)),
            ("by messages", self.ask_in_process(query, transport, true)),
        ]
    }

    fn ask_in_process(
        &self,
        query: &[u8],
        transport: Transport,
        by_messages: bool,
    ) -> Option<Vec<u8>> {
        let mut responder =
            Responder::new(self.fixture.publisher.reader(), Arc::clone(&self.rules));
        let mut turn = responder.turn();
        let client = SocketAddr::from((CLIENT, 4096));
        let mut reply = vec![0xaa; 2];
        let replied = if by_messages {
            turn.respond_by_messages(query, client, transport, &mut reply)
        } else {
            turn.respond(query, client, transport, &mut reply)
        };
        assert_eq!(reply[..2], [0xaa; 2], "what was there before is kept");
        assert_eq!(replied, reply.len() > 2);
        replied.then(|| reply.split_off(2))
    }

    /// A good query follows, whose reply shows that silence is meant.
    async fn ask_udp(&self, query: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind((CLIENT, 0)).await.expect("a local port");
        socket.connect(self.fixture.address).await.expect("loopback");
        socket.send(query).await.expect("loopback");
        socket.send(&last_word(query)).await.expect("loopback");
        let mut buffer = vec![0; 65_535];
        let received = timeout(PATIENCE, socket.recv(&mut buffer)).await;
        let length = received.expect("a reply in time").expect("loopback");
        reply_before_the_last(&buffer[..length], query)
    }

    async fn ask_tcp(&self, query: &[u8]) -> Option<Vec<u8>> {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((CLIENT, 0))).expect("a local port");
        let stream: std::io::Result<TcpStream> = socket.connect(self.fixture.address).await;
        let mut stream = stream.expect("TCP is served");
        send(&mut stream, query).await;
        if query.len() < 12 {
            // No message is so short: whoever sends it has lost count, and the rest is noise.
            assert_eq!(receive(&mut stream).await, None, "the connection is closed");
            return None;
        }
        send(&mut stream, &last_word(query)).await;
        let reply = receive(&mut stream).await.expect("a reply by TCP");
        reply_before_the_last(&reply, query)
    }
}

/// A good query with another ID than `query`.
fn last_word(query: &[u8]) -> Vec<u8> {
    let id = if query.starts_with(&[0xfe, 0xed]) { 0xbeef } else { 0xfeed };
    ask("internal.", RecordType::SOA).id(id).octets()
}

/// `reply`, unless it is the one to the last word.
fn reply_before_the_last(reply: &[u8], query: &[u8]) -> Option<Vec<u8>> {
    (reply[..2] != last_word(query)[..2]).then(|| reply.to_vec())
}

fn config(stage: Stage) -> DnsConfig {
    let elsewhere = || Networks::Only(["192.0.2.0/24".parse().expect("a network")].into());
    let mut config = DnsConfig::on(vec![SocketAddr::from((Ipv4Addr::new(127, 32, 1, 1), 0))], 2);
    config.identity = Some(IDENTITY.into());
    config.cookie_secrets = vec![SECRET];
    let hidden_as = |networks: Networks| ExposeConfig {
        version: networks.clone(),
        identity: networks,
        ..ExposeConfig::default()
    };
    match stage {
        Stage::Closed => config.allow_query = elsewhere(),
        Stage::Discreet => config.expose = hidden_as(elsewhere()),
        Stage::Silent => config.expose = hidden_as(Networks::Nobody),
        _ => {}
    }
    config
}

fn readers(count: usize, reason: ReadReason) -> Decision {
    decision(write(Some(0), WriteReason::Primary), read(0..count, reason))
}

fn decision(write: WriteDecision, read: ReadDecision) -> Decision {
    let mut decision = healthy();
    decision.write = Some(write);
    decision.reads = vec![read];
    decision
}

/// Wall time in seconds since 1970, for cookies.
#[expect(clippy::disallowed_methods, reason = "cookies carry the wall time of their maker")]
fn wall_seconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u32::try_from(since.as_secs()).expect("a year before 2106")
}
