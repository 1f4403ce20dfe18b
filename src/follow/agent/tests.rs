//! The agent on real connections, in a network namespace of its own, whose only device is loopback.
//! It needs root's rights and `ip`, as tests/run has them.

use std::{
    io::Read as _,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use hickory_proto::{
    op::{Message, MessageType},
    rr::{
        RData, Record, RecordType,
        rdata::{A, AAAA, TXT},
    },
};
use nix::sched::{CloneFlags, unshare};
use tokio::time::timeout;

use super::*;
use crate::engine::ServerState;

/// What the name says: the numbers of the servers, and the state of the first.
type Zone = Arc<Mutex<(Vec<usize>, ServerState)>>;

/// Two servers, each with an address of both families. Nothing is ever read of what they accept, as
/// by a process that is stopped: the kernel acknowledges all the same.
const SERVERS: [[&str; 2]; 2] = [["127.0.1.1", "fd00::1"], ["127.0.1.2", "fd00::2"]];

/// Answers A, AAAA and the text beside the name.
fn answer_dns(zone: &Zone, port: u16) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let zone = Arc::clone(zone);
    thread::spawn(move || {
        let mut buffer = [0; 1232];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(mut reply) = Message::from_vec(&buffer[..length]) else { continue };
            reply.metadata.message_type = MessageType::Response;
            let (says, state) = zone.lock().unwrap().clone();
            let query = reply.queries[0].clone();
            let add = |data| Record::from_rdata(query.name().clone(), 1, data);
            let records: Vec<_> = match query.query_type() {
                RecordType::A => says
                    .iter()
                    .map(|server| add(RData::A(A(SERVERS[*server][0].parse().unwrap()))))
                    .collect(),
                RecordType::AAAA => says
                    .iter()
                    .map(|server| add(RData::AAAA(AAAA(SERVERS[*server][1].parse().unwrap()))))
                    .collect(),
                _ => (0..SERVERS.len())
                    .map(|server| {
                        let is_in = if says.contains(&server) { "yes" } else { "no" };
                        let state = if server == 0 { state } else { ServerState::Primary };
                        let addresses = SERVERS[server].join(",");
                        let line = format!(
                            "server=db{server} state={state} in={is_in} address={addresses} \
                             port={port} reason=\"a test\""
                        );
                        add(RData::TXT(TXT::new(vec![line])))
                    })
                    .collect(),
            };
            reply.answers.extend(records);
            _ = socket.send_to(&reply.to_vec().unwrap(), from);
        }
    });
    address
}

/// Runs `play` in a namespace that ends with it.
fn in_a_namespace(play: impl FnOnce() + Send + 'static) {
    let played = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace needs root's rights");
        let ip = |line: &str| {
            let status = Command::new("ip").args(line.split(' ')).status().expect("ip(8)");
            assert!(status.success(), "ip {line}");
        };
        ip("link set lo up");
        for server in SERVERS {
            ip(&format!("addr add {}/128 dev lo nodad", server[1]));
        }
        play();
    });
    played.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// A connection there. The kernel lays the route to a new IPv6 address later.
fn connected(address: &str, port: u16) -> TcpStream {
    for _ in 0..20_000 {
        match TcpStream::connect((address, port)) {
            Err(error) if error.kind() == io::ErrorKind::NetworkUnreachable => {
                thread::sleep(Duration::from_millis(1));
            }
            made => return made.unwrap(),
        }
    }
    panic!("no route to {address}");
}

/// A connection to each address of each server.
struct Clients {
    _listeners: Vec<TcpListener>,
    open: Vec<(usize, TcpStream)>,
    port: u16,
}

impl Clients {
    fn connect() -> Self {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut open = Vec::new();
        let mut port = 0;
        for (server, addresses) in SERVERS.iter().enumerate() {
            for address in addresses {
                let at = SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
                let listener = TcpListener::bind(at).unwrap();
                port = listener.local_addr().unwrap().port();
                let client = connected(address, port);
                client.set_nonblocking(true).unwrap();
                open.push((server, client));
                listeners.push(listener);
            }
        }
        Self { _listeners: listeners, open, port }
    }

    /// The servers whose connections have ended, in order.
    fn ended(&mut self) -> Vec<usize> {
        let ended = self.open.iter_mut().filter_map(|(server, client)| {
            let error = client.read(&mut [0]).err()?;
            (error.kind() != io::ErrorKind::WouldBlock).then(|| {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
                *server
            })
        });
        ended.collect()
    }
}

fn settings(server: SocketAddr, port: u16, limits: Limits) -> Settings {
    Settings {
        names: vec!["write.db.internal".into()],
        server,
        port: Port::Given(port),
        interval: Duration::from_millis(200),
        grace: Duration::ZERO,
        rules: Rules::default(),
        limits,
        dry_run: false,
        flush: false,
        hooks: Vec::new(),
        socket: None,
    }
}

/// Lets the agent work until `is_done`, or for `patience`.
fn work(agent: &mut Agent, patience: Duration, mut is_done: impl FnMut() -> bool) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let watched = async {
            while !is_done() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = agent.follow() => false,
            done = timeout(patience, watched) => done.is_ok(),
        }
    })
}

fn agent(settings: Settings) -> (Agent, Shared) {
    let question = Question::about(&settings.names[0]).unwrap();
    let questions = [(settings.names[0].clone(), question)].into();
    let shared = Shared::default();
    (Agent::new(settings, questions, shared.clone()), shared)
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn connections_to_a_frozen_server_end_once_another_is_published() {
    in_a_namespace(|| {
        let mut clients = Clients::connect();
        let zone: Zone = Arc::new(Mutex::new((vec![0], ServerState::Primary)));
        let dns = answer_dns(&zone, clients.port);
        let (mut agent, shared) = agent(settings(dns, clients.port, Limits::default()));
        let lookups = |shared: &Shared| {
            let mut lookups = 0;
            shared.with(|report| lookups = report.names.values().map(|name| name.lookups).sum());
            lookups
        };
        assert!(work(&mut agent, PATIENCE, || lookups(&shared) >= 2));
        // Frozen, and nobody has taken over: then nobody at all is said.
        for says in [vec![0], vec![]] {
            *zone.lock().unwrap() = (says, ServerState::Down);
            let before = lookups(&shared);
            assert!(work(&mut agent, PATIENCE, || lookups(&shared) >= before + 3));
            assert_eq!(clients.ended(), [] as [usize; 0]);
        }
        *zone.lock().unwrap() = (vec![1], ServerState::Down);
        let mut ended = Vec::new();
        assert!(work(&mut agent, PATIENCE, || {
            ended.extend(clients.ended());
            ended.len() >= 2
        }));
        assert_eq!(ended, [0, 0], "IPv4 and IPv6, and the new server's live on");
        let before = lookups(&shared);
        assert!(work(&mut agent, PATIENCE, || lookups(&shared) >= before + 3));
        let open = clients.open.iter_mut().filter(|(server, _)| *server == 1);
        for (_, client) in open {
            let error = client.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        shared.with(|report| {
            assert_eq!((report.cut["down"], report.failures), (2, 0), "{report:?}");
            assert!(report.metrics().contains("_cut_total{reason=\"down\"} 2\n"));
        });
    });
}

#[test]
fn a_dry_run_and_an_excluded_user_keep_their_connections() {
    in_a_namespace(|| {
        let mut clients = Clients::connect();
        let zone: Zone = Arc::new(Mutex::new((vec![0], ServerState::Primary)));
        let dns = answer_dns(&zone, clients.port);
        let ours = nix::unistd::getuid().as_raw();
        let never = Limits { never_uids: [ours].into(), ..Limits::default() };
        let dry = Settings { dry_run: true, ..settings(dns, clients.port, Limits::default()) };
        for (settings, would_be_cut) in [(dry, 2), (settings(dns, clients.port, never), 0)] {
            *zone.lock().unwrap() = (vec![0], ServerState::Primary);
            let (mut agent, shared) = agent(settings);
            let count = |shared: &Shared, of: fn(&super::super::report::FollowReport) -> u64| {
                let mut told = 0;
                shared.with(|report| told = of(report));
                told
            };
            let lookups = |shared: &Shared| {
                count(shared, |report| report.names.values().map(|name| name.lookups).sum())
            };
            assert!(work(&mut agent, PATIENCE, || lookups(&shared) >= 2));
            *zone.lock().unwrap() = (vec![1], ServerState::Down);
            assert!(work(&mut agent, PATIENCE, || {
                count(&shared, |report| report.names.values().map(|name| name.moves).sum()) == 1
            }));
            let before = lookups(&shared);
            assert!(work(&mut agent, PATIENCE, || lookups(&shared) >= before + 3));
            assert_eq!(count(&shared, |report| report.cut.values().sum()), would_be_cut);
            assert_eq!(clients.ended(), [] as [usize; 0]);
        }
    });
}
