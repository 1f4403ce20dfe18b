//! Socket activation: sockets that outlive the process, and a restart under load that loses no
//! question. The test is the service manager.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::RecordType;
use rustix::io::{FdFlags, fcntl_getfd};
use tempfile::TempDir;

use crate::{
    dns::client::{Reply, ask, framed},
    patience::{PATIENCE, until},
    process::{Service, Settings},
};

/// An address with sockets of both kinds.
struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

impl Sockets {
    fn bind(host: &str) -> Self {
        for _ in 0..100 {
            let udp = UdpSocket::bind((host, 0)).expect("a free port");
            let address = udp.local_addr().expect("bound");
            if let Ok(tcp) = TcpListener::bind(address) {
                return Self { udp, tcp, address };
            }
        }
        panic!("no port of {host} is free for both");
    }

    /// Both, for one process; ours stay open.
    fn handed_over(&self) -> [OwnedFd; 2] {
        let udp = self.udp.try_clone().expect("a descriptor");
        let tcp = self.tcp.try_clone().expect("a descriptor");
        [udp.into(), tcp.into()]
    }
}

/// A `tcp` cluster of one server at which nobody listens; the static records are what is asked for.
fn config(dns: SocketAddr, more: &str) -> String {
    format!(
        r#"
[dns]
listen = ["{dns}"]
workers = 3

[[zone]]
origin = "internal."
file = "internal.zone"
{more}
[[cluster]]
name = "orders"
engine = "tcp"
write = {{ name = "db-write.internal." }}
probe = {{ interval = "200ms", fast_interval = "100ms", timeout = "1s" }}

[[cluster.server]]
name = "db1"
address = "127.56.3.250"
port = 9
"#
    )
}

/// Whether a reply to a question for `ns.internal.` is the whole right answer.
fn is_right(octets: &[u8]) -> bool {
    let reply = Reply::parse(octets.to_vec());
    reply.code() == 0 && reply.answers() == ["127.0.0.1"]
}

fn question(id: u16) -> Vec<u8> {
    ask("ns.internal.", RecordType::A).id(id).octets()
}

#[test]
fn a_restart_loses_no_question() {
    let sockets = Sockets::bind("127.56.3.1");
    let address = sockets.address;
    let settings = Settings::new(&config(address, ""), "");
    let (service, said) = Service::activate(&settings, sockets.handed_over()).answering();
    assert_eq!(said, address);
    let load = Load::start(address);
    until("questions are answered", || load.udp_answered.load(Ordering::Relaxed) > 100);

    let mut running = service;
    for _ in 0..3 {
        assert_eq!(running.stop().code, Some(0));
        let asked = load.udp_asked.load(Ordering::Relaxed);
        until("questions come while nobody answers", || {
            load.udp_asked.load(Ordering::Relaxed) >= asked + 20
        });
        running = Service::activate(&settings, sockets.handed_over()).answering().0;
        let answered = load.udp_answered.load(Ordering::Relaxed);
        until("questions are answered again", || {
            load.udp_answered.load(Ordering::Relaxed) >= answered + 100
        });
    }
    load.end();
    assert_eq!(running.stop().code, Some(0));
}

/// Questions by UDP and TCP, some hundred a second, of which each must be answered in the end.
struct Load {
    over: Arc<AtomicBool>,
    udp_asked: Arc<AtomicUsize>,
    udp_answered: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// Questions by UDP at most; one of every ID.
const QUESTIONS: u16 = 20_000;

/// Between two of them.
const APART: Duration = Duration::from_millis(3);

impl Load {
    fn start(server: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (udp_asked, udp_answered) = (Arc::default(), Arc::default());
        let threads = vec![
            thread::spawn({
                let (over, asked, answered) =
                    (Arc::clone(&over), Arc::clone(&udp_asked), Arc::clone(&udp_answered));
                move || ask_by_udp(server, &over, &asked, &answered)
            }),
            thread::spawn({
                let over = Arc::clone(&over);
                move || ask_by_tcp(server, &over)
            }),
        ];
        Self { over, udp_asked, udp_answered, threads }
    }

    /// Asks no more, and expects every answer that is still due.
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("every question is answered");
        }
    }
}

fn ask_by_udp(server: SocketAddr, over: &AtomicBool, asked: &AtomicUsize, answered: &AtomicUsize) {
    let socket = UdpSocket::bind("127.56.3.200:0").expect("a free port");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(APART)).expect("a socket option");
    let mut due = BTreeSet::new();
    let mut buffer = [0; 4096];
    let mut read = |due: &mut BTreeSet<u16>| {
        let Ok(length) = socket.recv(&mut buffer) else { return };
        assert!(is_right(&buffer[..length]), "a wrong answer");
        assert!(due.remove(&u16::from_be_bytes([buffer[0], buffer[1]])), "two answers");
        answered.fetch_add(1, Ordering::Relaxed);
    };
    for id in 0..QUESTIONS {
        if over.load(Ordering::Relaxed) {
            break;
        }
        socket.send(&question(id)).expect("a socket that stays open refuses nobody");
        due.insert(id);
        asked.fetch_add(1, Ordering::Relaxed);
        read(&mut due);
    }
    let deadline = Instant::now() + PATIENCE;
    while !due.is_empty() && Instant::now() < deadline {
        read(&mut due);
    }
    assert!(due.is_empty(), "lost: {due:?}");
}

/// One question per connection. A server may end a connection that it has accepted before the
/// question was there; a client then asks again (RFC 7766 section 6.2.4).
fn ask_by_tcp(server: SocketAddr, over: &AtomicBool) {
    let (mut asked, mut again) = (0, 0);
    while !over.load(Ordering::Relaxed) && asked < QUESTIONS {
        asked += 1;
        while !is_answered_by_tcp(server, asked) {
            again += 1;
            assert!(again <= 6, "more than a connection or two at each restart");
        }
        thread::sleep(APART);
    }
    assert!(asked > 0);
}

fn is_answered_by_tcp(server: SocketAddr, id: u16) -> bool {
    let mut stream = TcpStream::connect(server).expect("somebody listens all the while");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let mut length = [0; 2];
    if stream.write_all(&framed(&question(id))).is_err() || stream.read_exact(&mut length).is_err()
    {
        return false;
    }
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).expect("a whole reply");
    assert!(is_right(&reply), "a wrong answer");
    true
}

/// With `ReusePort=yes` a socket unit may have an address several times; the kernel spreads clients
/// over all of them.
#[test]
fn every_socket_of_an_address_is_served() {
    let address: SocketAddr = "127.56.3.2:0".parse().expect("an address");
    let first = shared_port(address);
    let address = first.local_addr().expect("bound");
    let second = shared_port(address);
    let settings = Settings::new(&config(address, ""), "");
    let handed_over = [&first, &second].map(|udp| udp.try_clone().expect("a descriptor").into());
    let (service, _) = Service::activate(&settings, handed_over).answering();
    for id in 0..50 {
        let client = UdpSocket::bind("127.56.3.201:0").expect("a free port");
        client.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        client.send_to(&question(id), address).expect("loopback");
        let mut buffer = [0; 4096];
        let length = client.recv(&mut buffer).expect("an answer");
        assert!(is_right(&buffer[..length]));
    }
    // No TCP was handed over, so the service has a listener of its own.
    assert!(is_answered_by_tcp(address, 1));
    assert_eq!(service.stop().code, Some(0));
}

fn shared_port(address: SocketAddr) -> UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
    let socket = socket.expect("a socket");
    socket.set_reuse_port(true).expect("a socket option");
    socket.bind(&address.into()).expect("a free port");
    socket.into()
}

#[test]
fn the_admin_socket_may_be_the_service_manager_s() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("admin.sock");
    let unix = UnixListener::bind(&path).expect("a socket");
    // No TCP is handed over, so the service has a listener of its own.
    let Sockets { udp, address, .. } = Sockets::bind("127.56.3.3");
    let more = format!("\n[admin]\nsocket = \"{}\"\n", path.display());
    let settings = Settings::new(&config(address, &more), "");
    for _ in 0..2 {
        let udp = udp.try_clone().expect("a descriptor");
        let handed_over = [udp.into(), unix.try_clone().expect("a descriptor").into()];
        let (service, _) = Service::activate(&settings, handed_over).answering();
        let mut client = UnixStream::connect(&path).expect("it is open");
        client.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").expect("an open connection");
        let mut reply = String::new();
        client.read_to_string(&mut reply).expect("a reply");
        assert!(reply.starts_with("HTTP/1.0 200"), "{reply}");
        assert_eq!(service.stop().code, Some(0));
        assert!(path.exists(), "the file is the service manager's");
    }
}

#[test]
fn a_socket_that_nobody_asks_for_is_an_error() {
    let (asked, stray) = (Sockets::bind("127.56.3.4"), Sockets::bind("127.56.3.5"));
    let settings = Settings::new(&config(asked.address, ""), "");
    let handed_over = [asked.udp.into(), stray.udp.into()];
    drop(asked.tcp);
    let mut service = Service::activate(&settings, handed_over);
    assert_eq!(service.exit_code(PATIENCE), Some(1));
    let told = format!(
        "the service manager hands over {0} (UDP), which the configuration does not ask for; take \
         ListenDatagram={0} out of the socket unit, or put the address into `listen` of [dns]",
        stray.address
    );
    until("the log tells", || service.output().contains(&told));
}

#[test]
fn a_descriptor_that_is_no_such_socket_is_an_error() {
    let sockets = Sockets::bind("127.56.3.6");
    let settings = Settings::new(&config(sockets.address, ""), "");
    let file = std::fs::File::open("/dev/null").expect("there is one");
    let mut service = Service::activate(&settings, [sockets.udp.into(), file.into()]);
    assert_eq!(service.exit_code(PATIENCE), Some(1));
    until("the log tells", || service.output().contains("hands over descriptor 4, which is no"));
}

/// Sockets must not reach the commands that are checks: they would outlive the service there.
#[test]
fn children_inherit_nothing() {
    let sockets = Sockets::bind("127.56.3.7");
    let words = TempDir::new().expect("a temporary folder");
    let list = words.path().join("list");
    let script = format!(
        "ls -l /proc/self/fd > {0}.new; env >> {0}.new; mv {0}.new {0}; echo up",
        list.display()
    );
    let more_checks = format!(
        "probe = {{ interval = \"200ms\", fast_interval = \"100ms\", timeout = \"1s\", \
         checks = [\"database\", \"command\"], \
         command = {{ run = [\"/bin/sh\", \"-c\", \"{script}\"] }} }}"
    );
    let text = config(sockets.address, "");
    let checks = r#"probe = { interval = "200ms", fast_interval = "100ms", timeout = "1s" }"#;
    assert!(text.contains(checks));
    let settings = Settings::new(&text.replace(checks, &more_checks), "");
    let (service, _) = Service::activate(&settings, sockets.handed_over()).answering();
    until("the check has run", || list.exists());
    let seen = std::fs::read_to_string(&list).expect("it is there");
    assert!(!seen.contains("LISTEN_"), "{seen}");
    let sockets_seen = seen.lines().filter(|line| line.contains("socket:")).count();
    assert_eq!(sockets_seen, 0, "{seen}");
    assert_eq!(service.stop().code, Some(0));
    let ours = fcntl_getfd(&sockets.udp).expect("it is open");
    assert!(ours.contains(FdFlags::CLOEXEC), "our own are not what a child would have");
}
