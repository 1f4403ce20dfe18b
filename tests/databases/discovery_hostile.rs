//! What hostile and broken surroundings do to discovery, on real servers: nothing wrong is published, and
//! nobody gets a password that it could read or replay.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hickory_proto::{
    op::{Message, MessageType, OpCode},
    rr::{Name, RData, Record, RecordType, rdata::A},
};

use crate::{
    discovering::{Scene, discovered, list, until_discovered, until_named},
    discovery_rogues::{Asks, Rogue},
    fault_proxy::FaultProxy,
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pgbouncer::PgBouncer,
    pointsman::{Cluster, Engine, PROBE_PASSWORD, Pointsman},
    ports,
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
};

/// Looks at names all the while, and keeps every address that nobody may be led to.
struct Watch {
    stop: Arc<AtomicBool>,
    wrong: Arc<Mutex<BTreeSet<String>>>,
    allowed: Arc<Mutex<Vec<Ipv4Addr>>>,
    looks: JoinHandle<u64>,
}

impl Watch {
    fn begin(pointsman: &Pointsman, names: [Name; 2], allowed: &[Ipv4Addr]) -> Self {
        let (stop, wrong) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let allowed = Arc::new(Mutex::new(allowed.to_vec()));
        let (ends, keeps, may) = (Arc::clone(&stop), Arc::clone(&wrong), Arc::clone(&allowed));
        let mut client = pointsman.client();
        let looks = thread::spawn(move || {
            let mut looks = 0;
            while !ends.load(Ordering::Relaxed) {
                for name in &names {
                    let said = client.addresses(name).map(|answer| answer.set());
                    let may = may.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    for address in said.into_iter().flatten() {
                        if !may.iter().any(|allowed| IpAddr::V4(*allowed) == address) {
                            let wrong: &Mutex<BTreeSet<String>> = &keeps;
                            let mut wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner);
                            wrong.insert(format!("{name} {address}"));
                        }
                    }
                    looks += 1;
                }
                thread::sleep(Duration::from_millis(20));
            }
            looks
        });
        Self { stop, wrong, allowed, looks }
    }

    /// From now on only these are right.
    fn allow(&self, allowed: &[Ipv4Addr]) {
        *self.allowed.lock().unwrap_or_else(PoisonError::into_inner) = allowed.to_vec();
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.looks.join().expect("it looks to the end");
        assert!(looks > 100, "it looked {looks} times");
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

/// A resolver that says of every name what it likes.
fn lying_resolver(at: Ipv4Addr, addresses: Vec<Ipv4Addr>) -> SocketAddr {
    let socket = UdpSocket::bind((at, 0)).expect("a UDP port is free");
    let bound = socket.local_addr().expect("bound");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
            let mut reply =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            reply.add_queries(question.queries.clone());
            for query in &question.queries {
                if query.query_type() == RecordType::A {
                    let name = query.name().clone();
                    reply.add_answers(
                        addresses.iter().map(|address| {
                            Record::from_rdata(name.clone(), 1, RData::A(A(*address)))
                        }),
                    );
                }
            }
            let wire = reply.to_vec().expect("a reply can be encoded");
            _ = socket.send_to(&wire, from);
        }
    });
    bound
}

fn reveals_nothing(rogue: &Rogue, what: &str) {
    patience::until("the rogue has been asked", || !rogue.heard().is_empty());
    for sent in rogue.heard() {
        let shown = String::from_utf8_lossy(&sent);
        assert!(!shown.contains(PROBE_PASSWORD), "{what}: {shown:?}");
        assert!(!shown.contains("md5"), "{what}: {shown:?}");
    }
    // It was taken for a server: it knows who asks.
    let heard = rogue.heard();
    let user = heard.iter().any(|sent| String::from_utf8_lossy(sent).contains("pointsman"));
    assert!(user, "{what}: {heard:?}");
}

/// A proof of SCRAM, with which a server that chose the iterations can guess offline.
fn proves_nothing(rogue: &Rogue) {
    for sent in rogue.heard() {
        let shown = String::from_utf8_lossy(&sent);
        assert!(!shown.contains(",p="), "{shown:?}");
    }
}

const NETWORK: [u8; 3] = [127, 62, 38];

const fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(NETWORK[0], NETWORK[1], NETWORK[2], last)
}

/// The primary, a standby, another cluster, a copy that was promoted, and a standby that lets everybody
/// in.
const SERVERS: [Ipv4Addr; 5] = [at(1), at(2), at(3), at(4), at(5)];

const HOME: Ipv4Addr = at(9);

#[test]
fn nobody_hostile_is_published_or_gets_the_password_of_postgresql() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        let port = servers.port();
        servers.make_foreign(2);
        servers.rebuild_promoted(3, 0);
        open_to_everybody(&servers, 4);
        let resolver = lying_resolver(HOME, vec![Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 1)]);
        // Whoever believes the resolver comes here.
        let trap = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
        trap.set_nonblocking(true).expect("it need not wait");
        let discovery = format!(
            "\n[cluster.discovery]\nsources = [\"replication\", \"file\", \"dns\"]\n\
             mode = \"join\"\nnetworks = [\"127.62.38.0/24\"]\ninterval = \"1s\"\n\n\
             [cluster.discovery.file]\npath = \"db.targets.json\"\n\n\
             [cluster.discovery.dns]\nname = \"db.example.\"\nresolver = \"{resolver}\"\n"
        );
        let cluster = Cluster::new("db", Engine::Postgres, &SERVERS[..1], port);
        let scene = Scene::new(&cluster, HOME, &discovery);
        let folder = scene.folder.path();
        let nat = FaultProxy::start((at(10), port).into(), (SERVERS[0], port).into());
        let pooler_port = ports::free_on(&[at(11)]);
        let primary = SERVERS[0].to_string();
        let pooler = PgBouncer::start_before(
            (&primary, port),
            (at(11), pooler_port),
            HOME.into(),
            "pool_mode = session\nignore_startup_parameters = options\n",
        );
        let rogues = rogues(port);
        let others = [at(10), at(20), at(21), at(22)];
        let known = SERVERS[1..].iter().chain(&others);
        let known: Vec<_> = known.map(|at| format!("\"{at}:{port}\"")).collect();
        let targets =
            format!("[{{\"targets\": [{}, \"{}:{pooler_port}\"]}}]", known.join(", "), at(11));
        list(folder, &targets);
        let pointsman = scene.serve();
        let names = [cluster.write_name(), cluster.read_name()];
        let watch = Watch::begin(&pointsman, names, &SERVERS[..2]);

        // Who belongs joins all the same.
        until_named(&pointsman, &cluster.read_name(), &SERVERS[1..2]);
        for told in [
            "belongs to another cluster",
            "asks for no password, and no known member sends to its address",
            "a stranger carries our identity",
            "is db1 at another address",
            "in none of `networks`",
        ] {
            until_discovered(&pointsman, told);
        }
        let twins = || discovered(&pointsman).matches("is db1 at another address").count();
        patience::until("the pooler and the other address are db1", || twins() == 2);
        for (rogue, what) in &rogues {
            reveals_nothing(rogue, what);
        }
        proves_nothing(&rogues[2].0);
        assert!(trap.accept().is_err(), "the resolver's lie was believed");

        lists_of_every_kind_take_nobody_away(&scene, &pointsman, &cluster);

        // Another cluster answers where the standby was: at a known address, behind a known name.
        servers.make_foreign(1);
        until_named(&pointsman, &cluster.read_name(), &SERVERS[..1]);
        watch.allow(&SERVERS[..1]);
        // The primary dies: nobody who is left may be the writer, neither the copy nor the other cluster.
        servers.kill9(0);
        watch.allow(&SERVERS[..1]);
        until_discovered(&pointsman, "a stranger carries our identity");
        patience::until("the end of the primary is known", || {
            pointsman.command(&["status"]).1.contains("Down")
        });
        watch.end();
        drop((nat, pooler));
        pointsman.stop();
    });
}

fn rogues(port: u16) -> [(Rogue, &'static str); 3] {
    [
        (Rogue::start(at(20), port, Asks::ClearText), "clear text"),
        (Rogue::start(at(21), port, Asks::Md5), "md5"),
        (Rogue::start(at(22), port, Asks::CheapScram), "cheap scram"),
    ]
}

/// From now on nobody is asked for a password, and the login shows nothing of the server. Over the
/// loopback device the primary does not see its address.
fn open_to_everybody(servers: &PgCluster, server: usize) {
    let file = servers.value(server, "SHOW hba_file");
    fs::write(file, "host all,replication all 127.0.0.0/8 trust\n").expect("it can be written");
    servers.value(server, "SELECT pg_reload_conf()");
}

/// Ten thousand servers, garbage, and nothing.
fn lists_of_every_kind_take_nobody_away(scene: &Scene, pointsman: &Pointsman, cluster: &Cluster) {
    let folder = scene.folder.path();
    let many: Vec<_> = (0..10_000_u32)
        .map(|n| format!("\"127.62.38.{}:{}\"", 100 + n % 100, 1 + n / 100))
        .collect();
    for (text, told) in [
        (format!("[{{\"targets\": [{}]}}]", many.join(", ")), "only 1000 are looked at"),
        ("\0garbage".to_owned(), "no JSON"),
    ] {
        list(folder, &text);
        until_discovered(pointsman, told);
        until_named(pointsman, &cluster.read_name(), &SERVERS[1..2]);
    }
    list(folder, "[]");
    patience::until("nothing is no fault", || !discovered(pointsman).contains("no JSON"));
    until_named(pointsman, &cluster.read_name(), &SERVERS[1..2]);
}

/// The primary, a replica, another cluster, and a copy of the replica that takes writes.
const MARIADB: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 62, 39, 1),
    Ipv4Addr::new(127, 62, 39, 2),
    Ipv4Addr::new(127, 62, 39, 3),
    Ipv4Addr::new(127, 62, 39, 4),
];

const MARIADB_HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 39, 9);

const ROGUES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 62, 39, 20), Ipv4Addr::new(127, 62, 39, 21)];

#[test]
fn nobody_hostile_is_published_or_gets_the_password_of_mariadb() {
    in_turn(|| {
        let mut servers = MySqlCluster::start(MySqlPrograms::mariadb(), &MARIADB);
        let port = servers.port();
        servers.make_foreign(2);
        servers.rebuild_promoted(3, 1, 0);
        let [known, copy] = [0, 3].map(|one| {
            let said = servers.value(one, "SELECT CONCAT(@@server_id, ' ', @@gtid_binlog_pos)");
            let (id, at) = said.split_once(' ').expect("both are told");
            let number = at.rsplit('-').next().and_then(|number| number.parse::<u64>().ok());
            (id.to_owned(), number.expect("a position"))
        });
        assert!(copy.0 == known.0 && copy.1 > known.1, "{copy:?} beside {known:?}");
        let discovery = "\n[cluster.discovery]\nsources = [\"replication\", \"file\"]\n\
                         mode = \"join\"\nnetworks = [\"127.62.39.0/24\"]\ninterval = \"1s\"\n\n\
                         [cluster.discovery.file]\npath = \"db.targets.json\"\n";
        let cluster = Cluster::new("db", Engine::MySql, &MARIADB[..1], port);
        let scene = Scene::new(&cluster, MARIADB_HOME, discovery);
        let rogues = [
            (Rogue::start(ROGUES[0], port, Asks::ClearPlugin), "from the beginning"),
            (Rogue::start(ROGUES[1], port, Asks::ClearSwitch), "by a switch"),
        ];
        let known: Vec<_> =
            MARIADB[1..].iter().chain(&ROGUES).map(|at| format!("\"{at}:{port}\"")).collect();
        list(scene.folder.path(), &format!("[{{\"targets\": [{}]}}]", known.join(", ")));
        let pointsman = scene.serve();
        let names = [cluster.write_name(), cluster.read_name()];
        let watch = Watch::begin(&pointsman, names, &MARIADB[..2]);
        until_named(&pointsman, &cluster.read_name(), &MARIADB[1..2]);
        until_discovered(&pointsman, "follows no known member");
        until_discovered(&pointsman, "a stranger carries our identity");
        for (rogue, what) in &rogues {
            reveals_nothing(rogue, what);
        }
        // The primary dies, and for a while there is nobody but the copy, which is ahead of all others.
        servers.kill9(0);
        patience::until("the end of the primary is known", || {
            pointsman.command(&["status"]).1.contains("Down")
        });
        until_discovered(&pointsman, "a stranger carries our identity");
        // The replica is promoted elsewhere and follows nobody: it was seen following, and may write.
        servers.promote(1);
        until_named(&pointsman, &cluster.write_name(), &MARIADB[1..2]);
        watch.end();
        pointsman.stop();
    });
}
