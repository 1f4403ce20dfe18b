//! `pointsman follow` on a host whose application writes to a real PostgreSQL: a network of its own,
//! whose connections alone the agent may see and cut.

mod writer;

use std::{
    fs,
    io::{ErrorKind, Read as _},
    net::{IpAddr, Ipv4Addr, TcpStream},
    path::PathBuf,
    time::Instant,
};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio_postgres::Client;

use self::writer::Writer;
use crate::{
    account::Account,
    in_turn,
    kick::{wait_for_writer, watch},
    namespace::Namespace,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
    postgres_sessions::SessionMaker,
    process::ServerProcess,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 66, 1, 1), Ipv4Addr::new(127, 66, 1, 2), Ipv4Addr::new(127, 66, 1, 3)];

/// Connections from here are to be left alone.
const IGNORED: Ipv4Addr = Ipv4Addr::new(127, 66, 1, 200);

/// A user whose connections are to be left alone.
const NEVER: &str = "nobody";

#[test]
fn an_application_of_postgres_is_led_away() {
    in_turn(|| {
        let _namespace = Namespace::enter();
        let mut stage = Stage::new();
        stage.a_frozen_primary_holds_whom_nobody_cuts();
        stage.a_frozen_primary_loses_its_application();
        stage.a_planned_switchover_leaves_nobody_behind();
    });
}

struct Stage {
    servers: PgCluster,
    maker: SessionMaker,
    pointsman: Pointsman,
    cluster: Cluster,
    folder: TempDir,
}

/// Connections that no agent may cut.
struct Bystanders {
    /// Of a user that is never cut, in a statement that does not end.
    user: ServerProcess,
    /// Of a network that is never cut.
    network: TcpStream,
    /// With a server that keeps its role, and one that gets a better one.
    others: Vec<Client>,
}

impl Stage {
    fn new() -> Self {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.sql(0, writer::TABLE);
        for standby in [1, 2] {
            servers.wait_caught_up(standby, 0);
        }
        let cluster = Cluster::new("fp", Engine::Postgres, SERVERS, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        wait_for_writer(&pointsman, &cluster, 0);
        let folder = Account::current().directory("pointsman-follow-");
        Self { servers, maker: SessionMaker::start(), pointsman, cluster, folder }
    }

    fn writer(&self) -> Writer {
        let writer =
            Writer::start(self.pointsman.dns(), self.cluster.write_name(), self.servers.port());
        patience::until("the application writes", || writer.acks().len() >= 5);
        writer
    }

    /// An agent, once it has asked for the name.
    fn follow(&self, title: &str, more: &[&str]) -> Agent {
        let (socket, log) = (self.folder.path().join(title), self.log_of(title));
        let mut command = Account::current().command(pointsman_testbed::binary());
        command.args(["follow", self.cluster.write_name().to_string().trim_end_matches('.')]);
        command.args(["--server", &self.pointsman.dns().to_string(), "--interval", "200ms"]);
        command.args(["--never-uid", NEVER, "--ignore", &IGNORED.to_string(), "--socket"]);
        command.arg(&socket).args(more);
        let mut agent = Agent { process: ServerProcess::spawn(command, &log), socket, log };
        patience::until("the agent has asked", || {
            assert!(agent.process.is_running(), "the agent has ended:\n{}", agent.text());
            agent.count("pointsman_follow_in_sight{") == 1
                && agent.count("pointsman_follow_lookups_total{") >= 2
        });
        agent
    }

    fn bystanders(&self, primary: usize, others: [usize; 2]) -> Bystanders {
        let mut psql = Account::named(NEVER).command("psql");
        let to = format!(
            "host={} port={} user=application dbname=postgres application_name=bystander",
            SERVERS[primary],
            self.servers.port()
        );
        psql.args(["--no-psqlrc", "--command", "SELECT pg_sleep(3600)", &to]);
        let user = ServerProcess::spawn(psql, &self.log_of("psql"));
        let sleeps = "SELECT count(*) FROM pg_stat_activity \
                      WHERE application_name = 'bystander' AND wait_event = 'PgSleep'";
        patience::until("the statement runs", || self.servers.value(primary, sleeps) == "1");

        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&std::net::SocketAddr::from((IGNORED, 0)).into()).expect("a local address");
        let server = std::net::SocketAddr::from((SERVERS[primary], self.servers.port()));
        socket.connect(&server.into()).expect("the server listens");
        let network = TcpStream::from(socket);
        network.set_nonblocking(true).expect("a socket can be made non-blocking");

        let port = self.servers.port();
        let open = |server| self.maker.open(SERVERS[server], port, "application");
        let others = others.map(open).map(|session| session.expect("a session")).into();
        Bystanders { user, network, others }
    }

    fn log_of(&self, title: &str) -> PathBuf {
        self.folder.path().join(format!("{title}.log"))
    }

    /// Freezes `primary` and promotes `next` once that has been noticed.
    fn replace_frozen(&self, primary: usize, next: usize) {
        let noticed = format!("\"server\":\"{}\"", self.cluster.server_name(primary));
        self.servers.freeze(primary);
        patience::until("it is noticed", || {
            let log = self.pointsman.log().text();
            log.lines().any(|line| line.contains(&noticed) && line.contains("\"to\":\"Down\""))
        });
        self.servers.promote(next);
        wait_for_writer(&self.pointsman, &self.cluster, next);
    }

    /// The control: what the agent would prevent happens where it may not act.
    fn a_frozen_primary_holds_whom_nobody_cuts(&mut self) {
        println!("follow 1: a frozen primary, and an agent that only tells");
        let writer = self.writer();
        let agent = self.follow("dry", &["--dry-run"]);
        self.replace_frozen(0, 1);
        patience::until("the agent would cut the connection", || {
            agent.text().contains("would be cut")
        });
        let acked = writer.acks().len();
        watch("the application waits for a server that is frozen", || {
            writer.acks().len() == acked && writer.failures().is_empty()
        });
        drop(agent);
        self.servers.repoint(2, 1);
        // The end of the old server frees it.
        self.servers.rebuild(0, 1);
        patience::until("the application writes to the new primary", || {
            writer.writes_to(SERVERS[1])
        });
    }

    fn a_frozen_primary_loses_its_application(&mut self) {
        println!("follow 2: a frozen primary");
        let writer = self.writer();
        let agent = self.follow("frozen", &[]);
        let mut bystanders = self.bystanders(1, [2, 0]);
        self.replace_frozen(1, 2);
        patience::until("the application gets an error", || !writer.failures().is_empty());
        let error = &writer.failures()[0];
        assert_eq!(error.server, IpAddr::V4(SERVERS[1]));
        assert!(error.words.contains("onnection abort"), "{}", error.words);
        patience::until("the application writes to the new primary", || {
            writer.writes_to(SERVERS[2])
        });
        assert!(agent.count(&cut("down")) >= 1, "{}", agent.text());
        watch("the others keep their connections", || bystanders.all_live(&self.maker));
        assert_eq!(agent.count("pointsman_follow_cut_failures_total"), 0, "{}", agent.text());
        for reason in ["writable", "alive", "untold", "silent"] {
            assert_eq!(agent.count(&cut(reason)), 0, "{reason}: {}", agent.text());
        }
        drop((agent, writer));
        self.servers.repoint(0, 2);
        self.servers.rebuild(1, 2);
    }

    fn a_planned_switchover_leaves_nobody_behind(&mut self) {
        println!("follow 3: a planned switchover");
        let writer = self.writer();
        let agent = self.follow("planned", &["--grace", "1s"]);
        let others = self.bystanders(2, [0, 1]).others;
        self.servers.stop(2, Shutdown::Fast);
        self.servers.promote(0);
        let mut moved = None;
        let mut dns = self.pointsman.client();
        patience::until("the name moves", || {
            let answer = dns.addresses(&self.cluster.write_name());
            let is_new = answer.is_some_and(|answer| answer.addresses == [SERVERS[0]]);
            moved = is_new.then(Instant::now);
            is_new
        });
        patience::until("the application writes to the new primary", || {
            writer.writes_to(SERVERS[0])
        });
        self.servers.start_as_standby(2, 0);
        patience::until("the agent has seen the move", || {
            agent.count("pointsman_follow_moves_total{") == 1
        });

        // One that comes late, by an old answer: it would read what is there, and never write.
        let late = self.maker.open(SERVERS[2], self.servers.port(), "application");
        let late = late.expect("the standby takes sessions");
        patience::until("the session that came late ends", || !self.maker.is_open(&late));
        // As `alive`, or as `down` where nobody has noticed yet that it has come back.
        let cuts = agent.count(&cut("alive")) + agent.count(&cut("down"));
        assert!(cuts >= 1, "{}", agent.text());
        for session in &others {
            assert!(self.maker.is_open(session), "sessions with the other two live on");
        }

        let acks = writer.acks();
        let moved = moved.expect("the name has moved");
        let astray = acks.iter().filter(|ack| ack.server == SERVERS[2] && ack.at > moved);
        assert_eq!(astray.count(), 0, "writes on the old primary after the name has moved");
        // Nothing that was acknowledged is lost.
        let ids: Vec<_> = acks.iter().map(|ack| ack.id.to_string()).collect();
        let kept = format!("SELECT count(*) FROM written WHERE id IN ({})", ids.join(","));
        let kept = self.servers.value(0, &kept);
        assert_eq!(kept, acks.len().to_string(), "acknowledged writes on the new primary");
    }
}

impl Bystanders {
    fn all_live(&mut self, maker: &SessionMaker) -> bool {
        let waits = self.network.read(&mut [0]).expect_err("the server says nothing").kind();
        self.user.is_running()
            && waits == ErrorKind::WouldBlock
            && self.others.iter().all(|one| maker.ask(one, "SELECT 1").as_deref() == Some("1"))
    }
}

/// A running `pointsman follow`. Dropped, it is killed.
struct Agent {
    socket: PathBuf,
    log: PathBuf,
    process: ServerProcess,
}

impl Agent {
    /// What it has logged.
    fn text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The first of its metrics whose line begins so; 0 where there is none yet.
    fn count(&self, begin: &str) -> u64 {
        let mut command = Account::current().command(pointsman_testbed::binary());
        let output = command.args(["follow", "--metrics", "--socket"]).arg(&self.socket).output();
        let text = output.expect("the binary can be started").stdout;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.starts_with(begin));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0)
    }
}

/// How the metric of connections that were cut for this reason begins.
fn cut(reason: &str) -> String {
    format!("pointsman_follow_connections_cut_total{{reason=\"{reason}\"}}")
}
