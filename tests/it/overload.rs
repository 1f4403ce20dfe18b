//! `pointsman serve` in distress of its own: no file left to open, more packets than it can
//! answer, a process that stood still. None of it is a word about the servers, and all of it
//! passes.

use std::{
    net::{SocketAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::RecordType;
use rustix::process::Signal;

use crate::{
    dns::client::{Reply, ask},
    fake_postgres::Fake,
    patience::{PATIENCE, poll, until},
    process::{Service, Settings},
};

const WRITE: &str = "db-write.internal.";
const READ: &str = "db-read.internal.";

/// Two servers without roles: the first for writes, the second for reads.
struct Scene {
    servers: [Fake; 2],
    settings: Settings,
}

impl Scene {
    /// The servers at `.2` and `.3` of `network`, DNS at `.1`.
    fn new(network: &str) -> Self {
        let servers = [2, 3].map(|last| Fake::start(&format!("{network}.{last}"), Vec::new()));
        let mut text = format!(
            "[dns]\nlisten = [\"{network}.1:0\"]\nworkers = 2\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
             [[cluster]]\nname = \"orders\"\nengine = \"tcp\"\n\
             write = {{ name = \"{WRITE}\" }}\nread = [{{ name = \"{READ}\" }}]\n\
             probe = {{ interval = \"100ms\", fast_interval = \"100ms\", timeout = \"500ms\" }}\n"
        );
        for (number, server) in (1..).zip(&servers) {
            let (address, port) = (server.address.ip(), server.address.port());
            text += &format!(
                "[[cluster.server]]\nname = \"db{number}\"\n\
                 address = \"{address}\"\nport = {port}\n"
            );
        }
        Self { servers, settings: Settings::new(&text, "") }
    }

    /// Whether both names say what they should. A lost packet is asked again.
    fn is_well(&self, client: &Client) -> bool {
        [WRITE, READ].iter().zip(&self.servers).all(|(name, server)| {
            let answers = poll(PATIENCE, || client.answers(name)).expect("an answer by UDP");
            answers == [server.address.ip().to_string()]
        })
    }

    /// Waits until each server has been probed so often again.
    ///
    /// # Panics
    /// When a name says anything else meanwhile.
    fn stays_well(&self, client: &Client, probes: usize) {
        let before = self.servers.each_ref().map(Fake::accepted);
        until("both servers are probed", || {
            assert!(self.is_well(client), "a name has changed");
            let done = |(server, before): (&Fake, usize)| server.accepted() >= before + probes;
            self.servers.iter().zip(before).all(done)
        });
    }
}

/// Asks one DNS server.
struct Client(UdpSocket);

impl Client {
    fn of(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.36.255.1:0").expect("a local port");
        socket.connect(server).expect("loopback");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket option");
        Self(socket)
    }

    /// The addresses of `name`; `None` when the question or the reply is lost.
    fn answers(&self, name: &str) -> Option<Vec<String>> {
        let question = ask(name, RecordType::A).id(rand::random());
        let octets = question.octets();
        self.0.send(&octets).ok()?;
        let mut buffer = [0; 2048];
        loop {
            let length = self.0.recv(&mut buffer).ok()?;
            // Those to earlier questions come late.
            if buffer[..2] == octets[..2] {
                return Some(Reply::parse(buffer[..length].to_vec()).answers());
            }
        }
    }
}

/// Whether a question by TCP is answered.
fn tcp_answers(server: SocketAddr) -> bool {
    use std::io::{Read, Write};

    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(&crate::dns::client::framed(&ask(WRITE, RecordType::A).octets()))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut reply = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut reply)?;
        Ok(reply)
    };
    ask().is_ok_and(|reply| Reply::parse(reply).counts().0 == 1)
}

/// With every file taken by TCP clients, UDP is answered and the names stay what they are, though
/// no probe can connect; when the clients leave, all is as before.
#[test]
fn clients_that_take_every_file_leave_udp_and_the_names_alone() {
    const FILES: u32 = 64;
    let scene = Scene::new("127.36.1");
    let (service, address) = Service::serve_with_files(&scene.settings, FILES);
    let client = Client::of(address);
    until("the names are served", || scene.is_well(&client));
    assert!(tcp_answers(address));
    let before = service.open_files();
    let mut crowd = Vec::new();
    // The kernel takes connections that the process has no files for.
    for _ in 0..2 * FILES {
        let stream = TcpStream::connect(address).expect("a place in the queue");
        crowd.push(stream);
    }
    until("it has no file left", || service.open_files() >= usize::try_from(FILES).unwrap() - 2);
    // Longer than three failed probes, and than the limit for a probe task that is stuck.
    let end = Instant::now() + Duration::from_secs(9);
    while Instant::now() < end {
        assert!(scene.is_well(&client), "a name has changed: {}", service.output());
    }
    drop(crowd);
    until("TCP is answered again", || tcp_answers(address));
    until("its files are closed", || service.open_files() <= before + 4);
    scene.stays_well(&client, 5);
    let ended = service.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// More packets than it can answer are lost; nothing else is.
#[test]
fn a_burst_of_packets_leaves_memory_and_answers_alone() {
    const PACKETS: u32 = 50_000;
    let scene = Scene::new("127.36.2");
    let (service, address) = Service::serve(&scene.settings, &[]);
    let client = Client::of(address);
    until("the names are served", || scene.is_well(&client));
    let before = service.memory();
    let good = ask(READ, RecordType::A).edns(1232).octets();
    let senders: Vec<_> = (0..4_u8)
        .map(|sender| {
            let mut packet = good.clone();
            thread::spawn(move || {
                let socket = UdpSocket::bind("127.36.255.2:0").expect("a local port");
                socket.connect(address).expect("loopback");
                for number in 0..PACKETS / 4 {
                    // Good ones, and ones that are cut somewhere.
                    packet[..2].copy_from_slice(&number.to_be_bytes()[2..]);
                    let whole = sender % 2 == 0;
                    let length = packet.len() * usize::from(packet[1]) / 256;
                    // A packet that the kernel refuses is lost, too.
                    _ = socket.send(if whole { &packet } else { &packet[..length] });
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("no panic");
    }
    assert!(scene.is_well(&client), "{}", service.output());
    let grown = service.memory().saturating_sub(before);
    assert!(grown <= 16 * 1024, "{grown} KiB more memory");
    scene.stays_well(&client, 3);
    assert!(tcp_answers(address));
    assert_eq!(service.stop().code, Some(0));
}

/// A process that was stopped, as by a debugger or with its virtual machine, has missed every
/// deadline; the servers have not.
#[test]
fn standing_still_is_no_word_about_the_servers() {
    let scene = Scene::new("127.36.3");
    let (service, address) = Service::serve(&scene.settings, &[]);
    let client = Client::of(address);
    until("the names are served", || scene.is_well(&client));
    scene.stays_well(&client, 3);
    let events = |service: &Service| {
        let log = service.log();
        log.into_iter().filter(|line| line["fields"]["event"].is_string()).collect::<Vec<_>>()
    };
    let before = events(&service);
    assert!(!before.is_empty(), "{}", service.output());
    for _ in 0..2 {
        service.signal(Signal::STOP);
        // The fault itself: many intervals, and more than the timeout of a probe.
        thread::sleep(Duration::from_secs(2));
        service.signal(Signal::CONT);
        scene.stays_well(&client, 8);
    }
    assert_eq!(events(&service), before, "states and names have not changed");
    assert_eq!(service.stop().code, Some(0));
}
