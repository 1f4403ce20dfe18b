//! The whole of `serve`, from probes to DNS: a `tcp` cluster with listeners of this test.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use hickory_proto::rr::{LowerName, Name, RecordType};
use socket2::{Domain, Socket, Type};

use crate::{
    fake_postgres::Fake,
    names::Names,
    patience::{PATIENCE, poll},
    process::{Service, Settings},
};

const SERVFAIL: u16 = 2;

/// RFC 8914 section 4.15.
const NOT_READY: u16 = 14;

/// The minimum in the SOA record of the zone.
const MINIMUM: u32 = 1;

/// Three servers. The first round of probes ends when each has said something, or after `timeout`
/// and half a second.
fn config(servers: [SocketAddr; 3]) -> String {
    let mut text = r#"
[dns]
listen = ["127.27.3.1:0"]

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "tcp"
write = { name = "db-write.internal." }
read = [{ name = "db-read.internal." }]
probe = { interval = "200ms", fast_interval = "100ms", timeout = "2s" }
"#
    .to_owned();
    for (number, server) in (1..).zip(servers) {
        let (address, port) = (server.ip(), server.port());
        text += &format!(
            "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\nport = {port}\n"
        );
    }
    text
}

/// A port that neither takes nor refuses connections: its queue is full, and nobody empties it.
struct Hanging {
    listener: TcpListener,
    _queue: Vec<Socket>,
}

impl Hanging {
    fn start(ip: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = format!("{ip}:0").parse().expect("an address");
        socket.bind(&any.into()).expect("a free port");
        socket.listen(0).expect("a queue of the least length");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("bound");
        let mut queue = Vec::new();
        loop {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            if client.connect_timeout(&address.into(), Duration::from_millis(300)).is_err() {
                return Self { listener, _queue: queue };
            }
            queue.push(client);
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("bound")
    }

    /// From now on it answers.
    fn answer(self) -> Fake {
        Fake::start_on(self.listener, vec![Vec::new()])
    }
}

#[tokio::test]
async fn names_follow_the_servers_and_the_serial_follows_the_names() {
    let first = Hanging::start("127.27.3.11");
    let second = Fake::start("127.27.3.12", Vec::new());
    let third = Fake::start("127.27.3.13", Vec::new());
    let addresses = [first.address(), second.address, third.address];
    let settings = Settings::new(&config(addresses), "");
    let (service, address) = Service::serve(&settings, &[]);
    let names = Names(address);

    // The first server has said nothing yet, and its time is not over.
    for name in ["db-write.internal.", "db-read.internal."] {
        for record_type in [RecordType::A, RecordType::AAAA] {
            let reply = names.ask(name, record_type).await;
            assert_eq!((reply.code(), reply.counts()), (SERVFAIL, (0, 0, 0)), "{name}");
            let (code, text) = reply.extended_error().expect("a reason");
            assert_eq!(code, NOT_READY, "{text}");
            assert!(text.starts_with("orders: not ready"), "{text}");
        }
    }
    let not_ready = names.serial().await;

    // Then it counts as absent: the next one in order is for writes, and the one after for reads.
    names.wait_for("db-write.internal.", &addresses[1..2]).await;
    names.wait_for("db-read.internal.", &addresses[2..]).await;
    let started = names.serial().await;
    assert!(started > not_ready, "{started} after {not_ready}");

    // Probes that say nothing new change nothing.
    let before = second.accepted();
    let asked_on = poll(PATIENCE, || (second.accepted() > before + 5).then_some(()));
    assert!(asked_on.is_some(), "{}", service.output());
    assert_eq!(names.serial().await, started);

    // The server for reads goes, so the other one helps out; then another comes.
    drop(third);
    names.wait_for("db-read.internal.", &addresses[1..2]).await;
    let left = names.serial().await;
    assert!(left > started, "{left} after {started}");
    let _first = first.answer();
    names.wait_for("db-read.internal.", &addresses[..1]).await;
    let joined = names.serial().await;
    assert!(joined > left, "{joined} after {left}");
    // The healthy one stays published for writes, though another comes before it in order.
    names.wait_for("db-write.internal.", &addresses[1..2]).await;

    let nodata = names.ask("db-write.internal.", RecordType::AAAA).await;
    assert_eq!((nodata.code(), nodata.counts()), (0, (0, 1, 0)));
    let apex = LowerName::from(Name::from_ascii("internal.").expect("a name"));
    assert_eq!(nodata.authority(), (apex, MINIMUM));

    assert_eq!(service.stop().code, Some(0));
}
