//! Tables are replaced a thousand times a second, and no answer is lost, mixed or old.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use hickory_proto::rr::RecordType;
use pointsman::engine::{Decision, ReadReason, Stability, WriteReason};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    client::{PATIENCE, Reply, ask, udp_to},
    fixture::{Fixture, read, write},
};

/// Published, one each millisecond.
const GENERATIONS: u16 = 2_000;

/// Questions under way at a time. Few enough for any socket's buffer.
const WINDOW: u16 = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_lost_while_tables_are_replaced() {
    let mut fixture = Fixture::start("127.24.5.1");
    let decision = Decision {
        write: Some(write(Some(0), WriteReason::Primary)),
        reads: vec![read(0..1, ReadReason::Eligible)],
        stability: Stability::Stable,
    };
    fixture.publish(&[vec![address_of(0)]], &decision);
    let published = Arc::new(AtomicU16::new(0));
    let asking = tokio::spawn(ask_on(fixture.address, Arc::clone(&published)));
    let mut each = interval(Duration::from_millis(1));
    each.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for generation in 1..=GENERATIONS {
        each.tick().await;
        fixture.publish(&[vec![address_of(generation)]], &decision);
        published.store(generation, Ordering::SeqCst);
    }
    let asked = asking.await.expect("every answer came, whole and new");
    assert!(asked > usize::from(WINDOW), "{asked} questions are no load");
}

/// Asks window after window until the last generation is seen; returns how many questions.
async fn ask_on(server: std::net::SocketAddr, published: Arc<AtomicU16>) -> usize {
    let socket = udp_to(server).await;
    let question = ask("db-write.internal.", RecordType::A);
    let mut asked = 0;
    loop {
        // What was published before a question was sent is the oldest that may answer it.
        let oldest = published.load(Ordering::SeqCst);
        for id in 0..WINDOW {
            let query = question.clone().id(id).octets();
            socket.send(&query).await.expect("loopback");
        }
        let mut missing: Vec<_> = (0..WINDOW).collect();
        while !missing.is_empty() {
            let mut buffer = [0; 512];
            let length = timeout(PATIENCE, socket.recv(&mut buffer))
                .await
                .unwrap_or_else(|_| panic!("no answer to {missing:?}"))
                .expect("loopback");
            let reply = Reply::parse(buffer[..length].to_vec());
            missing.retain(|&id| id != reply.message.metadata.id);
            let [answer] = &reply.answers()[..] else {
                panic!("{:?} is not one address", reply.answers());
            };
            let newest = published.load(Ordering::SeqCst) + 1;
            let known: Vec<_> =
                (oldest..=newest).map(|generation| address_of(generation).to_string()).collect();
            assert!(known.contains(answer), "{answer} is not of {oldest} to {newest}");
        }
        asked += usize::from(WINDOW);
        if oldest == GENERATIONS {
            return asked;
        }
    }
}

fn address_of(generation: u16) -> IpAddr {
    let [high, low] = generation.to_be_bytes();
    IpAddr::from([10, high, low, 1])
}
