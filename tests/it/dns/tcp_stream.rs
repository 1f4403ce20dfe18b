//! One TCP connection: how its octets are cut into messages, and how it ends.

use hickory_proto::rr::RecordType;
use pointsman::dns::DnsServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    client::{PATIENCE, Reply, ask, framed, header, receive, send},
    fixture::Fixture,
};

/// A question with this ID, with its length in front.
fn question(id: u16) -> Vec<u8> {
    framed(&ask("db-write.internal.", RecordType::A).id(id).octets())
}

async fn answered(stream: &mut TcpStream, id: u16) {
    let reply = Reply::parse(receive(stream).await.expect("a reply"));
    assert_eq!(reply.message.metadata.id, id);
    assert_eq!(reply.answers(), ["127.0.1.1"]);
}

async fn open(server: &DnsServer) -> TcpStream {
    TcpStream::connect(server.local_addresses()[0]).await.expect("served")
}

/// RFC 7766 section 6.2.1: the client may send all it has to ask and close its half.
#[tokio::test]
async fn a_half_closed_connection_is_answered_to_its_end() {
    let fixture = Fixture::start("127.31.9.1");
    let mut stream = open(&fixture.server).await;
    let questions: Vec<u8> = (0..300).flat_map(question).collect();
    // The last one is cut off.
    stream.write_all(&questions[..questions.len() - 1]).await.expect("an open connection");
    stream.shutdown().await.expect("an open connection");
    for id in 0..299 {
        answered(&mut stream, id).await;
    }
    assert!(receive(&mut stream).await.is_none(), "the end, and no answer to a part");
}

#[tokio::test]
async fn a_length_that_no_message_has_ends_the_connection() {
    let fixture = Fixture::start("127.31.9.2");
    for length in [0_u16, 1, 11] {
        let mut stream = open(&fixture.server).await;
        let mut octets = [question(1), question(2)].concat();
        octets.extend(length.to_be_bytes());
        stream.write_all(&octets).await.expect("an open connection");
        answered(&mut stream, 1).await;
        answered(&mut stream, 2).await;
        assert!(receive(&mut stream).await.is_none(), "length {length}");
    }
}

#[tokio::test]
async fn messages_of_every_length_are_told_apart() {
    let fixture = Fixture::start("127.31.9.3");
    let mut stream = open(&fixture.server).await;
    for length in [12, 13, 511, 512, 513, 16_383, 16_384, 16_385, 65_535] {
        // A header that promises one question, and octets that are none.
        let mut garbage = header(7, 0, [1, 0, 0, 0]);
        garbage.resize(length, 0xff);
        let octets = [framed(&garbage), question(8)].concat();
        stream.write_all(&octets).await.expect("an open connection");
        let reply = receive(&mut stream).await.expect("a reply");
        assert_eq!((reply[1], reply[3] & 0x0f), (7, 1), "FORMERR to {length} octets");
        answered(&mut stream, 8).await;
    }
}

/// A reply gets none, and does not keep the questions around it from being answered.
#[tokio::test]
async fn what_is_no_question_is_passed_over() {
    let fixture = Fixture::start("127.31.9.4");
    let mut stream = open(&fixture.server).await;
    let reply = framed(&ask("db-write.internal.", RecordType::A).flags(0x8000).octets());
    let octets = [reply.clone(), question(1), reply.clone(), reply, question(2)].concat();
    stream.write_all(&octets).await.expect("an open connection");
    answered(&mut stream, 1).await;
    answered(&mut stream, 2).await;
}

/// Far more than fits into all buffers on the way.
#[tokio::test]
async fn a_client_may_ask_and_read_at_the_same_time() {
    const COUNT: u16 = 60_000;
    let fixture = Fixture::start("127.31.9.5");
    let (mut reading, mut writing) = open(&fixture.server).await.into_split();
    let asking = tokio::spawn(async move {
        for ids in (0..COUNT).collect::<Vec<_>>().chunks(777) {
            let octets: Vec<u8> = ids.iter().copied().flat_map(question).collect();
            writing.write_all(&octets).await.expect("an open connection");
        }
        writing
    });
    for id in 0..COUNT {
        let read = async {
            let length = reading.read_u16().await.expect("a reply");
            let mut reply = vec![0; usize::from(length)];
            reading.read_exact(&mut reply).await.expect("a whole reply");
            reply
        };
        let reply = timeout(PATIENCE, read).await.expect("a reply in time");
        assert_eq!(reply[..2], id.to_be_bytes());
    }
    asking.await.expect("no panic");
}

#[tokio::test]
async fn shutdown_answers_what_has_arrived_and_closes_idle_connections() {
    let fixture = Fixture::start("127.31.9.6");
    let mut idle = open(&fixture.server).await;
    send(&mut idle, &question(1)[2..]).await;
    answered(&mut idle, 1).await;
    let mut asking = Vec::new();
    for _ in 0..20 {
        let mut stream = open(&fixture.server).await;
        stream.write_all(&[question(2), question(3)].concat()).await.expect("open");
        asking.push(stream);
    }
    // Most of them have not even been accepted: nobody has waited since.
    fixture.server.shutdown().await;
    for mut stream in asking {
        answered(&mut stream, 2).await;
        answered(&mut stream, 3).await;
        assert!(receive(&mut stream).await.is_none());
    }
    assert!(receive(&mut idle).await.is_none());
}
