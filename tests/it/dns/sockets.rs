//! Binding, sharing, closing, and the life of TCP connections.

use hickory_proto::rr::RecordType;
use pointsman::{
    config::{DnsConfig, TcpConfig},
    dns::{BindError, DnsServer, bind},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    client::{PATIENCE, Reply, ask, framed, receive, send, udp_to},
    fixture::Fixture,
};

fn try_bind(fixture: &Fixture, listen: &[&str]) -> Result<DnsServer, BindError> {
    let config =
        DnsConfig::on(listen.iter().map(|text| text.parse().expect("an address")).collect(), 2);
    bind(&config, &fixture.publisher.reader())
}

#[tokio::test]
async fn a_second_server_on_the_address_is_told_so() {
    let fixture = Fixture::start("127.24.1.1");
    let taken = fixture.address.to_string();
    let error = try_bind(&fixture, &[&taken]).expect_err("the address is in use");
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{taken} (UDP) is in use")), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_for_tcp_alone_is_refused() {
    let fixture = Fixture::start("127.24.1.2");
    let listener = std::net::TcpListener::bind("127.24.1.3:0").expect("a port");
    let taken = listener.local_addr().expect("bound").to_string();
    let error = try_bind(&fixture, &[&taken]).expect_err("the address is in use");
    assert!(error.to_string().starts_with(&format!("{taken} (TCP) is in use")), "{error}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    let fixture = Fixture::start("127.24.1.4");
    let error = try_bind(&fixture, &["192.0.2.1:5300"]).expect_err("a foreign address");
    assert!(
        error.to_string().starts_with("192.0.2.1:5300 (UDP) is no address of this machine"),
        "{error}"
    );
    assert!(matches!(try_bind(&fixture, &[]), Err(BindError::NoAddress)));
}

#[tokio::test]
async fn several_addresses_are_served_at_once() {
    let fixture = Fixture::start("127.24.1.5");
    let server = try_bind(&fixture, &["127.24.1.6:0", "[::1]:0", "127.24.1.7:0"]).expect("bound");
    assert_eq!(server.local_addresses().len(), 3);
    for &address in server.local_addresses() {
        assert_ne!(address.port(), 0);
        let question = ask("db-write.internal.", RecordType::A);
        assert_eq!(question.udp(address).await.answers(), ["127.0.1.1"]);
        assert_eq!(question.tcp(address).await.answers(), ["127.0.1.1"]);
    }
}

#[tokio::test]
async fn after_shutdown_the_address_is_free() {
    let fixture = Fixture::start("127.24.1.8");
    let question = ask("db-write.internal.", RecordType::A);
    let mut open = TcpStream::connect(fixture.address).await.expect("served");
    send(&mut open, &question.octets()).await;
    receive(&mut open).await.expect("a reply");
    fixture.server.shutdown().await;
    assert_eq!(open.read(&mut [0]).await.unwrap_or(0), 0, "the connection is closed");
    let refused = TcpStream::connect(fixture.address).await;
    assert!(refused.is_err());
    let config = DnsConfig::on(vec![fixture.address], 2);
    let again = bind(&config, &fixture.publisher.reader()).expect("the address is free");
    assert_eq!(question.udp(again.local_addresses()[0]).await.answers(), ["127.0.1.1"]);
}

#[tokio::test]
async fn a_server_that_is_well_has_not_failed() {
    let mut fixture = Fixture::start("127.24.1.9");
    let question = ask("db-write.internal.", RecordType::A);
    tokio::select! {
        error = fixture.server.failed() => panic!("{error}"),
        reply = question.udp(fixture.address) => assert_eq!(reply.answers(), ["127.0.1.1"]),
    }
}

/// The kernel spreads clients over the sockets of an address by their ports.
#[tokio::test]
async fn clients_of_every_port_are_answered() {
    let fixture = Fixture::start("127.24.1.10");
    for _ in 0..200 {
        let reply = ask("db-write.internal.", RecordType::A).udp(fixture.address).await;
        assert_eq!(reply.answers(), ["127.0.1.1"]);
    }
}

#[tokio::test]
async fn a_connection_may_ask_without_waiting() {
    let fixture = Fixture::start("127.24.1.11");
    let mut stream = TcpStream::connect(fixture.address).await.expect("served");
    let mut octets = Vec::new();
    for id in 0..500 {
        let name = if id % 2 == 0 { "db-write.internal." } else { "db-read.internal." };
        octets.extend(framed(&ask(name, RecordType::A).id(id).octets()));
    }
    stream.write_all(&octets).await.expect("an open connection");
    for id in 0..500 {
        let reply = Reply::parse(receive(&mut stream).await.expect("a reply"));
        assert_eq!(reply.message.metadata.id, id);
        assert_eq!(reply.counts().0, if id % 2 == 0 { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_message_may_come_in_pieces() {
    let fixture = Fixture::start("127.24.1.12");
    let mut stream = TcpStream::connect(fixture.address).await.expect("served");
    stream.set_nodelay(true).expect("TCP");
    for octet in framed(&ask("db-write.internal.", RecordType::A).octets()) {
        stream.write_all(&[octet]).await.expect("an open connection");
    }
    let reply = Reply::parse(receive(&mut stream).await.expect("a reply"));
    assert_eq!(reply.answers(), ["127.0.1.1"]);
}

/// Time is paused: it runs ahead while nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn silent_connections_are_closed() {
    let fixture = Fixture::start("127.24.1.13");
    let started = Instant::now();
    let mut silent = TcpStream::connect(fixture.address).await.expect("served");
    let mut stuck = TcpStream::connect(fixture.address).await.expect("served");
    stuck.write_all(&[0]).await.expect("an open connection");
    for stream in [&mut silent, &mut stuck] {
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        let open_for = started.elapsed();
        let idle = TcpConfig::default().idle_timeout;
        assert!(open_for >= idle && open_for < idle * 2, "{open_for:?}");
    }
}

#[tokio::test]
async fn idle_connections_hold_nobody_up() {
    let fixture = Fixture::start("127.24.1.14");
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(fixture.address).await.expect("served");
        stream.write_all(&[0, 40, 1]).await.expect("an open connection");
        idle.push(stream);
    }
    let question = ask("db-write.internal.", RecordType::A);
    assert_eq!(question.tcp(fixture.address).await.answers(), ["127.0.1.1"]);
    assert_eq!(question.udp(fixture.address).await.answers(), ["127.0.1.1"]);
}

/// A reply to a reply could go round for ever. The good question after it shows that the silence
/// was meant.
#[tokio::test]
async fn replies_are_not_replied_to() {
    let fixture = Fixture::start("127.24.1.15");
    let socket = udp_to(fixture.address).await;
    let question = ask("db-write.internal.", RecordType::A);
    for flags in [0x8000, 0x8400, 0x8180, 0xa800] {
        let octets = question.clone().id(1).flags(flags).octets();
        socket.send(&octets).await.expect("loopback");
    }
    socket.send(&question.id(2).octets()).await.expect("loopback");
    let mut buffer = [0; 512];
    let length = timeout(PATIENCE, socket.recv(&mut buffer))
        .await
        .expect("a reply in time")
        .expect("a reply");
    let reply = Reply::parse(buffer[..length].to_vec());
    assert_eq!(reply.message.metadata.id, 2);
}
