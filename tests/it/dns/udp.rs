//! UDP sockets: long and empty datagrams, many at once, and their end.

use hickory_proto::rr::RecordType;
use pointsman::{config::DnsConfig, dns::bind};
use tokio::{
    net::UdpSocket,
    time::{Duration, sleep, timeout},
};

use super::{
    client::{PATIENCE, Reply, ask, udp, udp_to},
    fixture::Fixture,
};

/// An EDNS option of that many octets, of a code for local use.
fn option(length: u16) -> Vec<u8> {
    let mut option = vec![0xff, 0x01];
    option.extend(length.to_be_bytes());
    option.resize(4 + usize::from(length), 0);
    option
}

async fn next(socket: &UdpSocket) -> Reply {
    let mut buffer = vec![0; 65_535];
    let received = timeout(PATIENCE, socket.recv(&mut buffer)).await;
    let length = received.expect("a reply in time").expect("loopback");
    Reply::parse(buffer[..length].to_vec())
}

#[tokio::test]
async fn long_queries_are_answered_and_longer_ones_malformed() {
    let fixture = Fixture::start("127.31.3.1");
    for length in [500, 1_400, 4_000] {
        let question = ask("db-write.internal.", RecordType::A).opt(1_232, 0, &option(length));
        let reply = question.udp(fixture.address).await;
        assert_eq!(reply.answers(), ["127.0.1.1"], "{length}");
    }
    for length in [5_000, 60_000] {
        let question = ask("db-write.internal.", RecordType::A).opt(1_232, 0, &option(length));
        let reply = udp(fixture.address, &question.octets()).await.expect("a reply");
        assert_eq!(reply[..2], question.octets()[..2]);
        assert_eq!(reply[3] & 0x0f, 1, "FORMERR to {length} octets");
    }
}

#[tokio::test]
async fn empty_datagrams_are_passed_over() {
    let fixture = Fixture::start("127.31.3.2");
    let socket = udp_to(fixture.address).await;
    let question = ask("db-write.internal.", RecordType::A);
    for id in 0..50 {
        for length in [0, 1, 11] {
            socket.send(&vec![0; length]).await.expect("loopback");
        }
        socket.send(&question.clone().id(id).octets()).await.expect("loopback");
        assert_eq!(next(&socket).await.message.metadata.id, id);
    }
}

/// More than one batch, of replies of different lengths.
#[tokio::test]
async fn each_of_many_questions_gets_its_own_answer() {
    let fixture = Fixture::start("127.31.3.3");
    let names = [("db-write.internal.", 1), ("db-read.internal.", 2), ("alias.internal.", 2)];
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(udp_to(fixture.address).await);
    }
    for id in 0..50 {
        for socket in &sockets {
            let (name, _) = names[usize::from(id) % names.len()];
            let question = ask(name, RecordType::A).id(id);
            socket.send(&question.octets()).await.expect("loopback");
        }
    }
    for socket in &sockets {
        for id in 0..50 {
            let reply = next(socket).await;
            assert_eq!(reply.message.metadata.id, id);
            let (_, count) = names[usize::from(id) % names.len()];
            assert_eq!(reply.counts().0, count, "{id}");
        }
    }
}

#[tokio::test]
async fn shutdown_answers_what_has_arrived() {
    for _ in 0..10 {
        let fixture = Fixture::start("127.31.3.4");
        let socket = udp_to(fixture.address).await;
        let question = ask("db-write.internal.", RecordType::A);
        for id in 0..100 {
            socket.send(&question.clone().id(id).octets()).await.expect("loopback");
        }
        fixture.server.shutdown().await;
        for id in 0..100 {
            assert_eq!(next(&socket).await.message.metadata.id, id);
        }
    }
}

#[tokio::test]
async fn a_dropped_server_leaves_its_addresses() {
    let Fixture { server, address, publisher, .. } = Fixture::start("127.31.3.5");
    drop(server);
    let again = async {
        loop {
            match bind(&DnsConfig::on(vec![address], 2), &publisher.reader()) {
                Ok(server) => break server,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let server = timeout(PATIENCE, again).await.expect("the address becomes free");
    let question = ask("db-write.internal.", RecordType::A);
    assert_eq!(question.udp(server.local_addresses()[0]).await.answers(), ["127.0.1.1"]);
}
