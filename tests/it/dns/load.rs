//! Hostile streams, and good queries while the table changes. `tests/hostile` has the datagrams.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;
use pointsman::engine::{Decision, ReadReason, Stability, WriteReason};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use super::{
    client::{Ask, PATIENCE, Reply, ask, framed, receive},
    fixture::{Fixture, read, write},
    hostile::Hostile,
};

#[tokio::test]
async fn hostile_streams_do_no_harm() {
    let fixture = Fixture::start("127.24.2.2");
    let mut rng = StdRng::seed_from_u64(99);
    let seeds = ["db-write.internal.", "db-read.internal.", "a.b.c.", "internal."]
        .map(|name| ask(name, RecordType::A).edns(1232).octets());
    let mut hostile = Hostile::new(StdRng::seed_from_u64(98), seeds.into());
    for _ in 0..200 {
        let mut stream = TcpStream::connect(fixture.address).await.expect("served");
        let octets = framed(&hostile.packet());
        let cut = rng.random_range(0..=octets.len());
        let sent = tokio::io::AsyncWriteExt::write_all(&mut stream, &octets[..cut]).await;
        sent.expect("an open connection");
    }
    let reply = ask("db-write.internal.", RecordType::A).tcp(fixture.address).await;
    assert_eq!(reply.answers(), ["127.0.1.1"]);
}

/// Every generation publishes five servers of its own, so that a mixture would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_of_one_generation() {
    let mut fixture = Fixture::start("127.24.2.3");
    let decision = Decision {
        write: Some(write(Some(0), WriteReason::Primary)),
        reads: vec![read(0..5, ReadReason::Eligible)],
        stability: Stability::Stable,
    };
    let servers = |generation: u16| -> Vec<Vec<IpAddr>> {
        let [high, low] = generation.to_be_bytes();
        (1..=5).map(|last| vec![IpAddr::from([10, high, low, last])]).collect()
    };
    fixture.publish(&servers(0), &decision);
    let address = fixture.address;
    let (answered, mut answers) = mpsc::channel(1);
    let asking = tokio::spawn(async move {
        let question = ask("db-read.internal.", RecordType::A);
        let mut stream = TcpStream::connect(address).await.expect("served");
        let mut last = 0;
        while last < 1_000 {
            for reply in [question.udp(address).await, by(&mut stream, &question).await] {
                let generation = generation_of(&reply);
                assert!(generation >= last, "{generation} after {last}");
                last = generation;
            }
            // Nobody listens after the last generation.
            let _sent = answered.send(()).await;
        }
    });
    for generation in 1..=1_000 {
        timeout(PATIENCE, answers.recv()).await.expect("in time").expect("no panic");
        fixture.publish(&servers(generation), &decision);
    }
    drop(answers);
    timeout(PATIENCE, asking).await.expect("in time").expect("no panic");
}

async fn by(stream: &mut TcpStream, question: &Ask) -> Reply {
    super::client::send(stream, &question.octets()).await;
    Reply::parse(receive(stream).await.expect("a reply"))
}

/// The generation that all five addresses of a whole answer belong to.
fn generation_of(reply: &Reply) -> u16 {
    let mut addresses: Vec<[u8; 4]> = reply
        .answers()
        .iter()
        .map(|text| text.parse::<std::net::Ipv4Addr>().expect("an address").octets())
        .collect();
    addresses.sort_unstable();
    let lasts: Vec<_> = addresses.iter().map(|octets| octets[3]).collect();
    assert_eq!(lasts, [1, 2, 3, 4, 5], "not whole");
    let generations: Vec<_> =
        addresses.iter().map(|octets| u16::from_be_bytes([octets[1], octets[2]])).collect();
    assert!(generations.iter().all(|&generation| generation == generations[0]), "mixed");
    generations[0]
}
