//! A hundred thousand hostile packets, after which nothing has grown and a good query is answered.
//!
//! A binary of its own with one test, so that the memory of this process is that of the server.

#[path = "../it/dns/client.rs"]
#[expect(dead_code, reason = "the client of tests/it can do more than is needed here")]
mod client;
#[path = "../it/dns/fixture.rs"]
#[expect(dead_code, reason = "the fixture of tests/it can do more than is needed here")]
mod fixture;
#[path = "../it/dns/hostile.rs"]
mod hostile;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hickory_proto::rr::RecordType;
use pointsman::{
    config::DnsConfig,
    dns::{Responder, Rules, Transport},
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{net::UdpSocket, time::timeout};

use self::{
    client::{PATIENCE, Reply, ask, header},
    fixture::Fixture,
    hostile::Hostile,
};

/// Packets that go through the responder in this process, each by both paths.
const IN_PROCESS: usize = 80_000;

/// Packets that go over a socket.
const OVER_UDP: usize = 20_000;

/// Packets before the memory is measured for the first time.
const WARM_UP: usize = 2_000;

/// How many packets go out before a good query: few enough for any socket's buffer.
const BURST: usize = 16;

/// What may be more in memory afterwards, in KiB.
const GROWTH: u64 = 8 * 1024;

const LOCAL: Ipv4Addr = Ipv4Addr::new(127, 32, 2, 1);

/// The IDs of good queries, of hostile packets with QR set, and of all others.
const GOOD: [u8; 2] = [0x60, 0x0d];
const REPLIES: [u8; 2] = [0xde, 0xad];
const OTHERS: [u8; 2] = [0x0b, 0xad];

#[tokio::test]
async fn a_hundred_thousand_hostile_packets_leave_no_trace() {
    let config = DnsConfig::on(vec![SocketAddr::from((LOCAL, 0))], 2);
    let fixture = Fixture::with(&config, 3);
    let rules = Arc::new(Rules::new(&config));
    let mut responder = Responder::new(fixture.publisher.reader(), rules);
    let mut hostile = Hostile::new(StdRng::seed_from_u64(0x5eed), seeds());

    let warm_up = in_process(&mut responder, &mut hostile, WARM_UP);
    over_udp(fixture.address, &mut hostile, WARM_UP).await;
    let before = resident();
    let replied = in_process(&mut responder, &mut hostile, IN_PROCESS);
    over_udp(fixture.address, &mut hostile, OVER_UDP).await;
    let after = resident();

    assert!(after <= before + GROWTH, "{before} KiB before, {after} KiB after");
    assert!(warm_up > 0 && replied > IN_PROCESS / 4, "only {replied} were answered");
    let good = ask("db-write.internal.", RecordType::A);
    assert_eq!(good.udp(fixture.address).await.answers(), ["127.0.1.1"]);
    assert_eq!(good.tcp(fixture.address).await.answers(), ["127.0.1.1"]);
}

/// Returns how many packets got a reply.
fn in_process(responder: &mut Responder, hostile: &mut Hostile, count: usize) -> usize {
    let mut replied = 0;
    let client = SocketAddr::new(IpAddr::V4(LOCAL), 4096);
    let mut reply = Vec::new();
    for _ in 0..count {
        let packet = hostile.packet();
        for by_messages in [false, true] {
            for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
                reply.clear();
                let mut turn = responder.turn();
                let is_due = if by_messages {
                    turn.respond_by_messages(&packet, client, transport, &mut reply)
                } else {
                    turn.respond(&packet, client, transport, &mut reply)
                };
                let answerable = packet.len() >= 12 && packet[2] & 0x80 == 0;
                assert_eq!(is_due, answerable, "to {packet:02x?}");
                if is_due {
                    judge(&packet, &reply, transport);
                }
                replied += usize::from(is_due && transport == Transport::Udp && by_messages);
            }
        }
    }
    replied
}

/// After each burst a good query goes out by the same socket, so that its answer shows that the
/// burst has been dealt with.
async fn over_udp(server: SocketAddr, hostile: &mut Hostile, count: usize) {
    let socket = UdpSocket::bind((LOCAL, 0)).await.expect("a local port");
    socket.connect(server).await.expect("loopback");
    let good = ask("db-write.internal.", RecordType::A).id(u16::from_be_bytes(GOOD)).octets();
    let mut buffer = vec![0; 65_535];
    for _ in 0..count / BURST {
        for _ in 0..BURST {
            let mut packet = hostile.packet();
            if packet.len() > 2 {
                let id = if packet[2] & 0x80 == 0 { OTHERS } else { REPLIES };
                packet[..2].copy_from_slice(&id);
            }
            socket.send(&packet).await.expect("loopback");
        }
        socket.send(&good).await.expect("loopback");
        loop {
            let received = timeout(PATIENCE, socket.recv(&mut buffer)).await;
            let length = received.expect("a reply in time").expect("loopback");
            let reply = &buffer[..length];
            if reply.starts_with(&GOOD) {
                assert_eq!(Reply::parse(reply.to_vec()).answers(), ["127.0.1.1"]);
                break;
            }
            assert_eq!(reply[..2], OTHERS, "a reply to a reply, or to nobody");
            judge(&[&OTHERS[..], &reply[2..]].concat(), reply, Transport::Udp);
        }
    }
}

/// What must hold of the reply to any packet.
fn judge(packet: &[u8], octets: &[u8], transport: Transport) {
    assert!(transport != Transport::Udp || octets.len() <= 1232, "to {packet:02x?}");
    let reply = Reply::parse(octets.to_vec());
    assert_eq!(octets[..2], packet[..2]);
    assert_ne!(reply.flags() & 0x8000, 0, "no reply to {packet:02x?}");
    assert_ne!(reply.code(), 2, "SERVFAIL to {packet:02x?}");
}

/// Good queries of every kind.
fn seeds() -> Vec<Vec<u8>> {
    let cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    let options = [&cookie[..], &[0, 3, 0, 0, 0, 11, 0, 0, 0, 12, 0, 2, 0, 0]].concat();
    let mut update = header(7, 5 << 11, [1, 0, 1, 0]);
    update.extend(b"\x08internal\x00\x00\x06\x00\x01\x01a\xc0\x0c\x00\x01\x00\x01\0\0\0\0\0\0");
    let mut signed = ask("db-write.internal.", RecordType::A).octets();
    signed[11] = 1;
    signed.extend(b"\x03key\x00\x00\xfa\x00\xff\0\0\0\0\x00\x1d\x0bhmac-sha256\x00");
    signed.extend(b"\0\0\x66\0\0\0\x01\x2c\0\0\x47\x11\0\0\0\0");
    let mut alone = header(8, 0x0100, [0, 0, 0, 1]);
    alone.extend(ask(".", RecordType::A).opt(1232, 0, &cookie).opt.expect("an OPT record"));
    let asked = [
        ask("db-write.internal.", RecordType::A),
        ask("dB-rEaD.internal.", RecordType::A).edns(1232),
        ask("db-read.internal.", RecordType::ANY).opt(65_535, 0x8000, &cookie),
        ask("a.b.c.", RecordType::AAAA).opt(512, 0, &options),
        ask("internal.", RecordType::SOA).edns(0),
        ask("internal.", RecordType::IXFR),
        ask("alias.internal.", RecordType::TXT).edns(1232),
        ask("a.wild.internal.", RecordType::A),
        ask("a.child.internal.", RecordType::A),
        ask("big.internal.", RecordType::TXT),
        ask("id.server.", RecordType::TXT).class(3).edns(1232),
        ask(&"x.".repeat(127), RecordType::A),
    ];
    let mut seeds: Vec<_> = asked.iter().map(client::Ask::octets).collect();
    seeds.extend([update, signed, alone]);
    seeds
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let number = line.split_whitespace().next().expect("a number");
    number.parse().expect("a number of KiB")
}
