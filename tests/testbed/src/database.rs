//! A real cluster and what is done to it in a failover, the same for both engines: what benches need.

use std::{
    net::Ipv4Addr,
    sync::mpsc::{self, TryRecvError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use rustix::process::{Signal, kill_process};
use tokio::{runtime, time};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use crate::{
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

/// Servers of each cluster: a primary and two replicas.
pub const SERVERS: usize = 3;

/// What the servers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Engine {
    /// PostgreSQL with streaming replication.
    Postgres,
    /// MariaDB with GTID replication.
    #[value(name = "mariadb")]
    MariaDb,
}

/// A primary and its replicas. Dropped, nothing of them is left.
pub enum Database {
    /// PostgreSQL.
    Postgres(PgCluster),
    /// MariaDB.
    MariaDb(MySqlCluster),
}

/// What the primary that has lost its role is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former {
    /// It gave way in order: the new one has all that it has.
    Retired,
    /// It has ended, and nobody wrote to it since the others were told the last of it.
    Crashed,
    /// It runs or not, frozen or not, and may have what nobody else has.
    Diverged,
}

/// Waits beside a promotion for the moment when the server itself says that it is writable.
pub struct Lookout {
    thread: JoinHandle<Option<Instant>>,
    begin: mpsc::Sender<()>,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::MariaDb];

    /// As tables call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        }
    }
}

impl Database {
    /// Makes a cluster with the primary at the first of `addresses`.
    pub fn start(engine: Engine, addresses: &[Ipv4Addr]) -> Self {
        match engine {
            Engine::Postgres => {
                let mut cluster = PgCluster::start(Programs::installed(), addresses);
                widen(&mut cluster, addresses.len());
                Self::Postgres(cluster)
            }
            Engine::MariaDb => {
                Self::MariaDb(MySqlCluster::start(MySqlPrograms::mariadb(), addresses))
            }
        }
    }

    /// The port of every server.
    pub fn port(&self) -> u16 {
        match self {
            Self::Postgres(cluster) => cluster.port(),
            Self::MariaDb(cluster) => cluster.port(),
        }
    }

    /// SIGKILL; returns when it was sent.
    pub fn kill(&mut self, server: usize) -> Instant {
        let pid = match self {
            Self::Postgres(cluster) => cluster.pid(server),
            Self::MariaDb(cluster) => cluster.pid(server),
        };
        let at = Instant::now();
        kill_process(pid, Signal::KILL).expect("a running server can be killed");
        match self {
            Self::Postgres(cluster) => cluster.kill9(server), // Waits for its children.
            Self::MariaDb(cluster) => cluster.kill9(server),
        }
        at
    }

    /// Starts a killed replica again.
    pub fn restart_replica(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.start_server(server),
            Self::MariaDb(cluster) => cluster.start_server(server, true),
        }
    }

    /// SIGSTOP to all processes of a server; returns when the first was sent.
    pub fn freeze(&self, server: usize) -> Instant {
        let at = Instant::now();
        match self {
            Self::Postgres(cluster) => cluster.freeze(server),
            Self::MariaDb(cluster) => cluster.freeze(server),
        }
        at
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.thaw(server),
            Self::MariaDb(cluster) => cluster.thaw(server),
        }
    }

    /// The first half of a switchover: `primary` takes no more writes, and `next` has all of them.
    /// PostgreSQL is stopped for that, MariaDB set read-only.
    pub fn retire(&mut self, primary: usize, next: usize) {
        match self {
            Self::Postgres(cluster) => cluster.stop(primary, Shutdown::Fast),
            Self::MariaDb(cluster) => {
                cluster.set_read_only(primary, true);
                cluster.wait_caught_up(next, primary);
            }
        }
    }

    /// Makes a replica the primary; returns when the server's own call has returned.
    pub fn promote(&self, replica: usize) {
        match self {
            Self::Postgres(cluster) => {
                let done = cluster.value(replica, "SELECT pg_promote(true, 60)");
                assert_eq!(done, "t", "the promotion is done within a minute");
            }
            Self::MariaDb(cluster) => cluster.promote(replica),
        }
    }

    /// Lets `third` follow the new `primary`, and brings `old`, the former one, back as its replica.
    pub fn regroup(&mut self, primary: usize, third: usize, old: usize, former: Former) {
        match self {
            Self::Postgres(cluster) => {
                cluster.repoint(third, primary);
                match former {
                    Former::Crashed | Former::Diverged => cluster.rebuild(old, primary),
                    Former::Retired => cluster.start_as_standby(old, primary),
                }
                cluster.sql(primary, "INSERT INTO ticks DEFAULT VALUES");
            }
            Self::MariaDb(cluster) => {
                cluster.follow(third, primary);
                match former {
                    Former::Diverged => cluster.rebuild(old, third, primary),
                    Former::Crashed => {
                        cluster.start_server(old, true);
                        cluster.follow(old, primary);
                    }
                    Former::Retired => cluster.follow(old, primary),
                }
                cluster.write(primary, "after the promotion");
            }
        }
    }

    /// The one of `replicas` that has received most; the first of equals.
    ///
    /// # Panics
    /// Without replicas, or when one does not tell.
    pub fn most_advanced(&self, replicas: &[usize]) -> usize {
        let of = |replica: &usize| (self.position(*replica), std::cmp::Reverse(*replica));
        *replicas.iter().max_by_key(|replica| of(replica)).expect("replicas")
    }

    /// How far a replica is, as a number that grows.
    fn position(&self, replica: usize) -> u64 {
        let said = match self {
            Self::Postgres(cluster) => {
                let received = "SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint";
                cluster.value(replica, received)
            }
            // `domain-server-number`, of the one domain that there is.
            Self::MariaDb(cluster) => cluster.value(replica, "SELECT @@global.gtid_binlog_pos"),
        };
        let number = said.rsplit('-').next().unwrap_or_default();
        number.parse().unwrap_or_else(|_| panic!("no position of {replica}: {said}"))
    }

    /// Gives the servers as many connections as a large one has, where a restart forgets that.
    pub fn widen(&self) {
        match self {
            Self::Postgres(_) => {}
            Self::MariaDb(cluster) => {
                for server in 0..SERVERS {
                    cluster.sql(server, &["SET GLOBAL max_connections = 500"]);
                }
            }
        }
    }

    /// Posts a lookout at `address`, with its session open.
    pub fn look_out(&self, address: Ipv4Addr) -> Lookout {
        let engine = match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::MariaDb(_) => Engine::MariaDb,
        };
        Lookout::post(engine, address, self.port())
    }
}

impl Lookout {
    /// Posts one at a server, with its session open.
    ///
    /// # Panics
    /// When the server gives no session.
    pub fn post(engine: Engine, address: Ipv4Addr, port: u16) -> Self {
        let (begin, wait) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut session = match engine {
                    Engine::Postgres => Session::postgres(address, port).await?,
                    Engine::MariaDb => Session::maria_db(address, port).await?,
                };
                open.send(()).ok()?;
                wait.recv().ok()?;
                let deadline = Instant::now() + LOOKOUT;
                let is_wanted = || wait.try_recv() != Err(TryRecvError::Disconnected);
                while Instant::now() < deadline && is_wanted() {
                    if session.is_writable().await? {
                        return Some(Instant::now());
                    }
                    time::sleep(LOOK_EVERY).await;
                }
                None
            })
        });
        opened.recv().expect("a session of the lookout");
        Self { thread, begin }
    }

    /// From now on it asks every millisecond.
    pub fn begin(&self) {
        _ = self.begin.send(()); // A lookout that is gone has its say in `end`.
    }

    /// When it saw the first writable moment.
    ///
    /// # Panics
    /// When it saw none within a minute.
    pub fn end(self) -> Instant {
        let seen = self.thread.join().expect("the lookout does not panic");
        seen.expect("a promoted server says so within a minute")
    }

    /// Which of `lookouts` is the first to see a writable moment, and when; the others leave.
    ///
    /// # Panics
    /// When none sees one within a minute.
    pub fn first_of(mut lookouts: Vec<Self>) -> (usize, Instant) {
        let mut places: Vec<_> = (0..lookouts.len()).collect();
        loop {
            assert!(!lookouts.is_empty(), "somebody is promoted within a minute");
            let ended = lookouts.iter().position(|lookout| lookout.thread.is_finished());
            let Some(ended) = ended else {
                thread::sleep(LOOK_EVERY);
                continue;
            };
            let (lookout, place) = (lookouts.swap_remove(ended), places.swap_remove(ended));
            if let Some(at) = lookout.thread.join().expect("the lookout does not panic") {
                return (place, at);
            }
        }
    }
}

/// Gives servers as many slots as a large one has: a frozen server's queue of connections is twice
/// as long, and must not fill up by the checks of all contestants together.
fn widen(cluster: &mut PgCluster, servers: usize) {
    // A standby may have more slots than its primary, and not fewer.
    for server in (0..servers).rev() {
        cluster.sql(server, "ALTER SYSTEM SET max_connections = 500");
        cluster.stop(server, Shutdown::Fast);
        cluster.start_server(server);
    }
}

enum Session {
    Postgres(tokio_postgres::Client),
    MariaDb(Conn),
}

impl Session {
    async fn postgres(address: Ipv4Addr, port: u16) -> Option<Self> {
        let mut settings = Config::new();
        settings.host(address.to_string()).port(port).user("postgres").dbname("postgres");
        let (client, connection) = settings.connect(NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(Self::Postgres(client))
    }

    async fn maria_db(address: Ipv4Addr, port: u16) -> Option<Self> {
        let settings = OptsBuilder::default()
            .ip_or_hostname(address.to_string())
            .tcp_port(port)
            .user(Some("application"))
            .prefer_socket(false);
        Some(Self::MariaDb(Conn::new(settings).await.ok()?))
    }

    async fn is_writable(&mut self) -> Option<bool> {
        match self {
            Self::Postgres(client) => {
                let rows = client.simple_query("SELECT pg_is_in_recovery()").await.ok()?;
                Some(rows.iter().any(
                    |row| matches!(row, SimpleQueryMessage::Row(row) if row.get(0) == Some("f")),
                ))
            }
            Self::MariaDb(session) => {
                let read_only = session.query_first("SELECT @@global.read_only").await.ok()?;
                Some(read_only == Some(0))
            }
        }
    }
}

/// Between two questions of a lookout.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long a lookout stays.
const LOOKOUT: Duration = Duration::from_secs(60);
