//! Who gets a place when places are short, and who loses it.

use std::{net::SocketAddr, time::Duration};

use hickory_proto::rr::RecordType;
use pointsman::config::{DnsConfig, TcpConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::{
    client::{PATIENCE, Reply, ask, framed, receive, send},
    fixture::Fixture,
};
use crate::{
    patience::until,
    process::{Service, Settings, message},
};

fn limited(listen: &str, tcp: TcpConfig) -> Fixture {
    let address = format!("{listen}:0").parse().expect("an address");
    Fixture::with(&DnsConfig { tcp, ..DnsConfig::on(vec![address], 2) })
}

async fn connect(from: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((from, 0))).expect("loopback");
    socket.connect(server).await.expect("served")
}

/// Whether the server still answers on this connection. If so, it has just been active.
async fn is_served(stream: &mut TcpStream) -> bool {
    let question = ask("db-write.internal.", RecordType::A);
    if stream.write_all(&framed(&question.octets())).await.is_err() {
        return false;
    }
    let mut length = [0; 2];
    let read = timeout(PATIENCE, stream.read_exact(&mut length)).await.expect("in time");
    if read.is_err() {
        return false;
    }
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).await.expect("a whole reply");
    Reply::parse(reply).answers() == ["127.0.1.1"]
}

/// Waits until the server has closed the connection.
async fn is_closed(stream: &mut TcpStream) {
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.expect("closed in time");
    assert_eq!(end.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_with_its_share_loses_its_longest_idle_connection() {
    let tcp = TcpConfig { max_connections_per_client: 3, ..TcpConfig::default() };
    let fixture = limited("127.31.4.1", tcp);
    let (client, other) = ([127, 31, 5, 1], [127, 31, 5, 2]);
    let mut bystander = connect(other, fixture.address).await;
    assert!(is_served(&mut bystander).await);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(client, fixture.address).await;
        assert!(is_served(&mut stream).await);
        streams.push(stream);
    }
    // Now the second is the one that has asked least lately.
    assert!(is_served(&mut streams[0]).await);
    let mut newcomer = connect(client, fixture.address).await;
    assert!(is_served(&mut newcomer).await);
    is_closed(&mut streams.remove(1)).await;
    for stream in streams.iter_mut().chain([&mut newcomer, &mut bystander]) {
        assert!(is_served(stream).await);
    }
}

#[tokio::test]
async fn when_all_places_are_taken_the_longest_idle_of_all_gives_way() {
    let tcp = TcpConfig { max_connections: 4, ..TcpConfig::default() };
    let fixture = limited("127.31.4.2", tcp);
    let mut streams = Vec::new();
    for last in 1..=4 {
        let mut stream = connect([127, 31, 6, last], fixture.address).await;
        assert!(is_served(&mut stream).await);
        streams.push(stream);
    }
    // Octets are no question: the first stays the longest idle.
    streams[0].write_all(&[0]).await.expect("an open connection");
    let mut newcomer = connect([127, 31, 6, 5], fixture.address).await;
    assert!(is_served(&mut newcomer).await);
    is_closed(&mut streams[0]).await;
    for stream in &mut streams[1..] {
        assert!(is_served(stream).await);
    }
}

/// Places of closed connections can be taken again; nobody has to give way for them.
#[tokio::test]
async fn those_who_leave_make_room() {
    let tcp = TcpConfig { max_connections_per_client: 2, ..TcpConfig::default() };
    let fixture = limited("127.31.4.3", tcp);
    let mut staying = TcpStream::connect(fixture.address).await.expect("served");
    assert!(is_served(&mut staying).await);
    for _ in 0..20 {
        let mut passing = TcpStream::connect(fixture.address).await.expect("served");
        assert!(is_served(&mut staying).await);
        assert!(is_served(&mut passing).await);
        passing.shutdown().await.expect("an open connection");
        is_closed(&mut passing).await;
    }
    assert!(is_served(&mut staying).await);
}

/// Time is paused: it runs ahead while nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn single_octets_keep_no_connection_open() {
    let fixture = Fixture::start("127.31.4.4");
    let idle = TcpConfig::default().idle_timeout;
    let mut stream = TcpStream::connect(fixture.address).await.expect("served");
    assert!(is_served(&mut stream).await);
    let asked = Instant::now();
    let question = framed(&ask("db-write.internal.", RecordType::A).octets());
    let (mut reading, mut writing) = stream.split();
    let trickle = async {
        for octet in question {
            if writing.write_all(&[octet]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    let mut buffer = [0];
    tokio::select! {
        end = reading.read(&mut buffer) => assert_eq!(end.unwrap_or(0), 0),
        () = trickle => panic!("the whole question was taken"),
    }
    assert!(asked.elapsed() >= idle && asked.elapsed() < idle * 2, "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whole_questions_keep_a_connection_open() {
    let fixture = Fixture::start("127.31.4.5");
    let mut stream = TcpStream::connect(fixture.address).await.expect("served");
    for _ in 0..10 {
        sleep(TcpConfig::default().idle_timeout * 9 / 10).await;
        assert!(is_served(&mut stream).await);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_left() {
    let idle_timeout = Duration::from_millis(300);
    let fixture = limited("127.31.4.6", TcpConfig { idle_timeout, ..TcpConfig::default() });
    let mut stream = TcpStream::connect(fixture.address).await.expect("served");
    ask_without_reading(&mut stream).await;
}

/// Asks until the connection breaks.
async fn ask_without_reading(stream: &mut TcpStream) {
    let questions = framed(&ask("db-read.internal.", RecordType::A).octets()).repeat(1_000);
    let endless = async { while stream.write_all(&questions).await.is_ok() {} };
    timeout(PATIENCE, endless).await.expect("the server leaves");
}

#[tokio::test]
async fn five_hundred_idle_and_five_hundred_stuck_clients_hold_nobody_up() {
    allow_files(4_096);
    let fixture = Fixture::start("127.31.4.7");
    let address = fixture.address;
    let mut standing = Vec::new();
    for number in 0..1_000_u16 {
        let [high, low] = (number / 100).to_be_bytes();
        let mut stream = connect([127, 31, 7 + high, low], address).await;
        if number % 2 == 0 {
            stream.write_all(&[0, 40, 1, 2, 3]).await.expect("an open connection");
        }
        standing.push(stream);
    }
    let deaf = tokio::spawn(async move {
        ask_without_reading(&mut connect([127, 31, 8, 1], address).await).await;
    });
    let slow = tokio::spawn(async move {
        let mut stream = connect([127, 31, 8, 2], address).await;
        while stream.write_all(&[0]).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let question = ask("db-write.internal.", RecordType::A);
    for _ in 0..100 {
        assert_eq!(question.udp(address).await.answers(), ["127.0.1.1"]);
        let mut newcomer = connect([127, 31, 8, 3], address).await;
        assert!(is_served(&mut newcomer).await);
    }
    for stream in standing.iter_mut().skip(1).step_by(2) {
        assert!(is_served(stream).await, "it had only been idle");
    }
    deaf.abort();
    slow.abort();
}

/// As many open files as the test needs, where the system's limit is lower.
fn allow_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        let raised = Rlimit { current: Some(count), ..limit };
        setrlimit(Resource::Nofile, raised).expect("the hard limit is higher");
    }
}

/// The service may open few more files than it has. Its clients get in all the same, each in the
/// place of the one that has been idle longest, and the log has one line about it.
#[test]
fn without_files_the_longest_idle_client_gives_way() {
    let settings = Settings::new(
        r#"
[dns]
listen = ["127.31.4.8:0"]
workers = 1
[[zone]]
origin = "internal."
file = "internal.zone"
[[cluster]]
name = "orders"
engine = "tcp"
write = { name = "db-write.internal." }
[[cluster.server]]
name = "db1"
address = "127.31.4.9"
port = 9
"#,
        "",
    );
    let (service, address) = Service::serve(&settings, &[]);
    service.limit_files(40);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let question = ask("ns.internal.", RecordType::A);
    runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..60 {
            held.push(TcpStream::connect(address).await.expect("the queue is long"));
        }
        assert_eq!(question.udp(address).await.answers(), ["127.0.0.1"]);
        let mut newcomer = TcpStream::connect(address).await.expect("the queue is long");
        send(&mut newcomer, &question.octets()).await;
        let reply = Reply::parse(receive(&mut newcomer).await.expect("a reply"));
        assert_eq!(reply.answers(), ["127.0.0.1"]);
    });
    let complaints = |service: &Service| {
        let lines = service.log();
        lines.iter().filter(|line| message(line).starts_with("cannot accept")).count()
    };
    until("the log says so", || complaints(&service) > 0);
    assert_eq!(complaints(&service), 1);
    assert_eq!(service.stop().code, Some(0));
}
