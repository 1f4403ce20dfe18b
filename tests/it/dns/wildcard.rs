//! A server on `0.0.0.0` or `[::]` answers from the address that was asked. The clients' sockets
//! are connected, so the kernel drops what comes from any other.

use std::{
    env,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    process::Command,
};

use hickory_proto::rr::RecordType;
use pointsman::config::DnsConfig;
use tokio::{net::UdpSocket, time::timeout};

use super::{
    client::{PATIENCE, Reply, ask},
    fixture::Fixture,
};
use crate::patience::until;

/// Questions of each client that are under way at once, so that batches mix addresses.
const AT_ONCE: u16 = 6;

/// One worker, for all clients shall meet in its batches.
fn wildcard(listen: &str) -> Fixture {
    Fixture::with(&DnsConfig::on(vec![listen.parse().expect("an address")], 1))
}

/// Asks each server address from the client address beside it, all together, several rounds.
async fn all_are_answered(pairs: &[(SocketAddr, SocketAddr)]) {
    let mut clients = Vec::new();
    for (client, server) in pairs {
        let socket = UdpSocket::bind(client).await.expect("a local address");
        socket.connect(server).await.expect("a local address");
        clients.push(socket);
    }
    let question = ask("db-write.internal.", RecordType::A);
    for round in 0..20 {
        for id in 0..AT_ONCE {
            for socket in &clients {
                let octets = question.clone().id(round * AT_ONCE + id).octets();
                socket.send(&octets).await.expect("loopback");
            }
        }
        for (socket, (client, server)) in clients.iter().zip(pairs) {
            for id in 0..AT_ONCE {
                let mut buffer = [0; 512];
                let length = timeout(PATIENCE, socket.recv(&mut buffer))
                    .await
                    .unwrap_or_else(|_| panic!("{server} gave {client} no answer from itself"))
                    .expect("loopback");
                let reply = Reply::parse(buffer[..length].to_vec());
                assert_eq!(reply.message.metadata.id, round * AT_ONCE + id);
                assert_eq!(reply.answers(), ["127.0.1.1"]);
            }
        }
    }
}

#[tokio::test]
async fn each_ipv4_address_answers_for_itself() {
    let fixture = wildcard("0.0.0.0:0");
    let port = fixture.address.port();
    let pairs: Vec<_> = (1..=10)
        .map(|last| {
            let server = Ipv4Addr::new(127, 31, 1, last);
            let client = Ipv4Addr::new(127, 31, 2, last);
            (SocketAddr::from((client, 0)), SocketAddr::from((server, port)))
        })
        .collect();
    all_are_answered(&pairs).await;
    let reply = ask("db-write.internal.", RecordType::A).tcp(pairs[3].1).await;
    assert_eq!(reply.answers(), ["127.0.1.1"]);
}

#[tokio::test]
async fn ipv6_loopback_is_answered_by_the_wildcard() {
    let fixture = wildcard("[::]:0");
    let server = SocketAddr::from((Ipv6Addr::LOCALHOST, fixture.address.port()));
    all_are_answered(&[(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), server)]).await;
}

/// Set for the part of the next test that runs inside the namespace.
const INSIDE: &str = "POINTSMAN_TEST_INSIDE_NAMESPACE";

/// `::1` is the only IPv6 address that every machine has, so this test makes a network of its own:
/// it runs itself again in a namespace.
#[test]
fn each_ipv6_address_answers_for_itself() {
    if env::var_os(INSIDE).is_some() {
        return inside_the_namespace();
    }
    let possible = Command::new("unshare").args(["-rn", "true"]).output().expect("util-linux");
    if !possible.status.success() {
        let reason = String::from_utf8_lossy(&possible.stderr);
        eprintln!("cannot run: no network namespace may be made here: {reason}");
        return;
    }
    let this = "dns::wildcard::each_ipv6_address_answers_for_itself";
    let inner = Command::new("unshare")
        .arg("-rn")
        .arg(env::current_exe().expect("this program"))
        .args(["--exact", this, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("util-linux");
    let text = String::from_utf8_lossy(&inner.stdout) + String::from_utf8_lossy(&inner.stderr);
    assert!(inner.status.success() && text.contains("1 passed"), "{text}");
}

fn inside_the_namespace() {
    ip(&["link", "set", "lo", "up"]);
    for last in 1..=8 {
        ip(&["-6", "address", "add", &format!("fd31::{last}/128"), "dev", "lo", "nodad"]);
        ip(&["-6", "address", "add", &format!("fd31::c:{last}/128"), "dev", "lo", "nodad"]);
    }
    ip(&["-6", "address", "add", "fe80::31/64", "dev", "lo", "nodad"]);
    // The kernel makes the routes to new addresses a moment later.
    until("all addresses have routes", || {
        let routes = ip(&["-6", "route", "show", "table", "local"]);
        routes.lines().filter(|line| line.contains("fd31:") || line.contains("fe80::31")).count()
            == 17
    });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let fixture = wildcard("[::]:0");
        let port = fixture.address.port();
        let mut pairs: Vec<(SocketAddr, SocketAddr)> = (1..=8)
            .map(|last| {
                let server = Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 0, last);
                let client = Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 0xc, last);
                (SocketAddr::from((client, 0)), SocketAddr::from((server, port)))
            })
            .collect();
        // The loopback interface is the first. A client that is not link-local itself shows that
        // the reply does not leave from an address that is merely like the client's.
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x31);
        let server = SocketAddrV6::new(link_local, port, 0, 1).into();
        pairs.push((SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), server));
        all_are_answered(&pairs).await;
        fixture.server.shutdown().await;
    });
}

/// What `ip` prints.
fn ip(arguments: &[&str]) -> String {
    let done = Command::new("ip").args(arguments).output().expect("iproute2");
    let text = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {arguments:?}: {text}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
