//! The wire against a peer on a socket that says one thing.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Fault, REPLY_OCTETS_MAX, Trouble, Wire, frames::frame};
use crate::{
    config::TlsMode,
    engine::FailureKind,
    probe::{tls, trail::Trail},
};

const PATIENCE: Duration = Duration::from_secs(10);
const SHUTDOWN: &[u8] = b"\xFF\x1D\x04#08S01Server shutdown in progress";
const EXPIRED: &[u8] = b"\xFF\xBF\x0F#HY000The client was disconnected because of inactivity";

/// A wire and its other end.
async fn pair() -> (Wire, TcpStream) {
    let listener = TcpListener::bind(("127.31.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (theirs, _) = theirs.expect("a connection");
    theirs.set_nodelay(true).expect("a TCP socket");
    (Wire::new(ours.expect("a connection")), theirs)
}

/// The octets of some packets from the first number on.
fn packets(from: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut number = from.wrapping_sub(1);
    let mut next = |payload: &&[u8]| {
        number = number.wrapping_add(1);
        frame(number, payload).expect("fits")
    };
    payloads.iter().flat_map(&mut next).collect()
}

fn kind(trouble: Trouble) -> FailureKind {
    match trouble {
        Trouble::Failed(failure) => failure.kind,
        Trouble::Expired => panic!("expired"),
    }
}

#[tokio::test]
async fn packets_arrive_however_the_octets_are_cut() {
    let (mut wire, mut peer) = pair().await;
    let long = vec![7; 20_000];
    let octets = packets(0, &[b"one", b"", &long]);
    let sender = tokio::spawn(async move {
        for octet in octets {
            peer.write_all(&[octet]).await.expect("the wire reads");
        }
        peer
    });
    assert_eq!(wire.receive().await.expect("a packet"), b"one");
    assert_eq!(wire.receive().await.expect("a packet"), b"");
    assert_eq!(wire.receive().await.expect("a packet"), long);
    drop(sender.await.expect("the peer"));
    let fault = wire.receive().await.expect_err("the end");
    assert_eq!(kind(fault.into()), FailureKind::Closed);
}

#[tokio::test]
async fn only_the_next_number_is_in_order() {
    for (first, second) in [(1, 1), (0, 0), (0, 2), (255, 0)] {
        let (mut wire, mut peer) = pair().await;
        let both = [packets(first, &[b"a"]), packets(second, &[b"b"])].concat();
        peer.write_all(&both).await.expect("a connection");
        let fault = async {
            wire.receive().await?;
            wire.receive().await
        };
        let fault = fault.await.expect_err("out of order");
        assert_eq!(kind(fault.into()), FailureKind::Garbled, "{first}, {second}");
    }
    let (mut wire, mut peer) = pair().await;
    wire.sequence = 255;
    peer.write_all(&[packets(255, &[b"a"]), packets(0, &[b"b"])].concat()).await.expect("sent");
    assert!(wire.receive().await.is_ok());
    assert!(wire.receive().await.is_ok(), "255 is followed by 0");
}

#[tokio::test]
async fn an_error_that_crosses_the_question_belongs_to_the_connection() {
    for (number, packet, is_broken) in
        [(1, SHUTDOWN, false), (0, SHUTDOWN, true), (0, EXPIRED, true)]
    {
        let (mut wire, mut peer) = pair().await;
        peer.write_all(&packets(number, &[packet])).await.expect("a connection");
        wire.begin();
        wire.send(&[3]).await.expect("a connection");
        let fault = wire.receive().await.expect_err("an error");
        assert_eq!(matches!(fault, Fault::Broken(_)), is_broken, "{fault:?}");
        match Trouble::from(fault) {
            Trouble::Expired => assert_eq!(packet, EXPIRED),
            trouble => assert_eq!(kind(trouble), FailureKind::ShuttingDown),
        }
    }
}

#[tokio::test]
async fn what_ends_an_idle_connection_is_told_apart() {
    for (octets, expected) in [
        (packets(0, &[SHUTDOWN]), FailureKind::ShuttingDown),
        (packets(9, &[SHUTDOWN]), FailureKind::ShuttingDown),
        (packets(0, &[b"\xFF\x87\x07Connection was killed"]), FailureKind::Closed),
        (packets(0, &[b"\xFF\x61\x0C#HY000killed"]), FailureKind::Closed),
        (packets(0, &[b"\xFF\x25\x05#70100interrupted"]), FailureKind::Closed),
        (packets(0, &[b"\0\0\0\x02\0\0\0"]), FailureKind::Garbled),
        (packets(0, &[b""]), FailureKind::Garbled),
        (packets(0, &[b"\xFF"]), FailureKind::Garbled),
        (b"\xFF\xFF\xFF\0".to_vec(), FailureKind::Garbled),
        (b"\x07\0\0\0half".to_vec(), FailureKind::Closed),
        (Vec::new(), FailureKind::Closed),
    ] {
        let (mut wire, mut peer) = pair().await;
        peer.write_all(&octets).await.expect("a connection");
        drop(peer);
        let trouble = timeout(PATIENCE, wire.ended()).await.expect("at once");
        assert_eq!(kind(trouble), expected, "{octets:?}");
    }
    let (mut wire, mut peer) = pair().await;
    peer.write_all(&packets(0, &[EXPIRED])).await.expect("a connection");
    assert_eq!(wire.ended().await, Trouble::Expired);
}

#[tokio::test]
async fn waiting_for_the_end_loses_nothing_when_it_is_cut_off() {
    let (mut wire, mut peer) = pair().await;
    for octet in packets(0, &[SHUTDOWN]) {
        tokio::select! {
            biased;
            _ = wire.ended() => panic!("ended too early"),
            () = tokio::task::yield_now() => {}
        }
        peer.write_all(&[octet]).await.expect("a connection");
    }
    let trouble = timeout(PATIENCE, wire.ended()).await.expect("at once");
    assert_eq!(kind(trouble), FailureKind::ShuttingDown);
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_cut_off() {
    let (mut wire, mut peer) = pair().await;
    wire.begin();
    let sender = tokio::spawn(async move {
        // Many small packets: none of them is too long.
        let mut number = 0_u8;
        while peer.write_all(&packets(number, &[&[7; 1000]])).await.is_ok() {
            number = number.wrapping_add(1);
        }
    });
    let mut read = 0;
    let fault = loop {
        match wire.receive().await {
            Ok(payload) => read += payload.len(),
            Err(fault) => break fault,
        }
    };
    assert_eq!(kind(fault.into()), FailureKind::Garbled);
    assert!(read <= REPLY_OCTETS_MAX + super::READ_OCTETS, "{read}");
    drop(wire);
    sender.await.expect("the peer ends");
}

#[tokio::test]
async fn clear_text_before_the_encryption_does_not_pass_for_the_server() {
    let (mut wire, mut peer) = pair().await;
    peer.write_all(&packets(0, &[b"greeting", b"more"])).await.expect("a connection");
    wire.receive().await.expect("the greeting");
    wire.frames.take_in(b"more");
    let config = tls::client_config(&TlsMode::Require, &Trail::default()).expect("settings");
    let name = "localhost".try_into().expect("a name");
    let Err(failure) = wire.encrypt(Arc::new(config), name).await else {
        panic!("went on");
    };
    assert_eq!(failure.kind, FailureKind::Garbled, "{failure}");
}

#[tokio::test]
async fn octets_at_random_end_in_a_failure() {
    for seed in 1..100_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut octets = Vec::new();
        for _ in 0..512 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            octets.push(state.to_le_bytes()[3]);
        }
        for idle in [false, true] {
            let (mut wire, mut peer) = pair().await;
            peer.write_all(&octets).await.expect("a connection");
            peer.shutdown().await.expect("a connection");
            if idle {
                wire.ended().await;
            } else {
                while wire.receive().await.is_ok() {}
            }
            // What was read is what was sent, and no buffer was made for more.
            let mut rest = [0; 1];
            drop(wire);
            let _ = peer.read(&mut rest).await;
        }
    }
}
