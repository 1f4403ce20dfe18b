//! A primary and its replicas, whatever their engine: the same verbs for both.

use std::{any::Any, ffi::OsString, net::Ipv4Addr, time::Duration};

use crate::{
    mysql_cluster::MySqlCluster,
    mysql_flavour::Flavour,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Engine, PROBE_PASSWORD},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

/// An engine with its real servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The PostgreSQL of this system.
    Postgres,
    /// The MariaDB of this system.
    MariaDb,
    /// The MySQL that `tests/fetch-servers` gets.
    MySql,
}

impl Kind {
    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }
}

/// Three servers, numbered from 0.
pub enum Group {
    /// A primary and its streaming standbys.
    Postgres(PgCluster),
    /// A primary and its GTID replicas.
    MySql(Marked),
}

/// Servers of MySQL and MariaDB keep no note of whether they may be written to over a restart; the
/// option file does.
pub struct Marked {
    cluster: MySqlCluster,
    writable: [bool; 3],
}

impl Group {
    /// New servers at `addresses`, the first of them the primary.
    pub fn start(kind: Kind, addresses: &[Ipv4Addr; 3]) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(PgCluster::start(Programs::installed(), addresses)),
            Kind::MariaDb => Self::marked(MySqlPrograms::mariadb(), addresses),
            Kind::MySql => Self::marked(MySqlPrograms::mysql(), addresses),
        }
    }

    fn marked(programs: MySqlPrograms, addresses: &[Ipv4Addr; 3]) -> Self {
        println!("{} {}", programs.flavour().title(), programs.version());
        let cluster = MySqlCluster::start(programs, addresses);
        Self::MySql(Marked { cluster, writable: [true, false, false] })
    }

    /// For what only MySQL and MariaDB can do.
    ///
    /// # Panics
    /// On PostgreSQL.
    pub fn mysql(&self) -> &MySqlCluster {
        match self {
            Self::Postgres(_) => panic!("only MySQL and MariaDB can do this"),
            Self::MySql(marked) => &marked.cluster,
        }
    }

    /// Makes the heartbeat's table on the primary.
    pub fn allow_heartbeats(&self, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.allow_heartbeats(primary),
            Self::MySql(marked) => marked.cluster.allow_heartbeats(primary),
        }
    }

    /// What the servers speak.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::MySql(_) => Engine::MySql,
        }
    }

    /// The port, the same on every address.
    pub fn port(&self) -> u16 {
        match self {
            Self::Postgres(cluster) => cluster.port(),
            Self::MySql(marked) => marked.cluster.port(),
        }
    }

    /// With it, a fresh probe takes about 0.8 of the timeout, which is 1 s: six round trips, and on
    /// MySQL, which speaks TLS by itself and is asked for its position apart, eight or nine.
    pub fn long_round_trip(&self) -> Duration {
        let is_mysql =
            matches!(self, Self::MySql(marked) if marked.cluster.flavour() == Flavour::MySql);
        Duration::from_millis(if is_mysql { 85 } else { 130 })
    }

    /// SIGKILL to the main process.
    pub fn kill9(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.kill9(server),
            Self::MySql(marked) => marked.cluster.kill9(server),
        }
    }

    /// An orderly stop that ends the sessions: `pg_ctl stop -m fast`, SIGTERM to `mariadbd`.
    pub fn stop(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.stop(server, Shutdown::Fast),
            Self::MySql(marked) => marked.cluster.stop(server),
        }
    }

    /// The same where it is no fault, but servers are made ready: it takes no longer than it must.
    pub fn stop_quickly(&mut self, server: usize) {
        match self {
            Self::Postgres(_) => self.stop(server),
            Self::MySql(marked) => marked.cluster.stop_quickly(server),
        }
    }

    /// A stop that leaves a recovery to the next start: `pg_ctl stop -m immediate`. The others have
    /// none but the orderly one.
    pub fn stop_immediately(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.stop(server, Shutdown::Immediate),
            Self::MySql(marked) => marked.cluster.stop(server),
        }
    }

    /// Starts a stopped server as what it was.
    pub fn start_again(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.start_server(server),
            Self::MySql(marked) => {
                marked.cluster.start_server(server, !marked.writable[server]);
            }
        }
    }

    /// A shutdown that waits for the sessions of others; what is returned is such a session.
    /// MySQL and MariaDB have none: `SHUTDOWN WAIT FOR ALL SLAVES` waits for replicas, and ends sessions at once.
    pub fn begin_smart_shutdown(&self, server: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.begin_smart_shutdown(server)),
            Self::MySql(_) => panic!("only PostgreSQL has a smart shutdown"),
        }
    }

    /// Waits for the end of [`Self::begin_smart_shutdown`].
    pub fn wait_for_end(&mut self, server: usize) {
        if let Self::Postgres(cluster) = self {
            cluster.wait_for_end(server);
        }
    }

    /// It crashes and is up again as soon as it can: PostgreSQL restarts by itself when a session
    /// is killed, the others are started again by whoever watches over it.
    pub fn crash_and_restart(&mut self, server: usize) {
        if let Self::Postgres(cluster) = self {
            cluster.crash_session(server);
        } else {
            self.kill9(server);
            self.start_again(server);
        }
    }

    /// Stops applying what is received: replay is paused, the applying thread stopped.
    pub fn pause_replay(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.pause_replay(server),
            Self::MySql(marked) => marked.cluster.stop_sql_thread(server),
        }
    }

    /// Ends [`Self::pause_replay`].
    pub fn resume_replay(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.resume_replay(server),
            Self::MySql(marked) => marked.cluster.start_threads(server),
        }
    }

    /// Fills the disk of the primary and goes on writing. PostgreSQL ends of it; the others wait
    /// for room, and so does everybody who writes.
    pub fn fill_disk(&mut self, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.fill_disk(primary),
            Self::MySql(marked) => marked.cluster.fill_disk(primary, true),
        }
    }

    /// Ends [`Self::fill_disk`], and starts the server anew.
    pub fn free_disk(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => {
                cluster.free_disk(server);
                cluster.start_server(server);
            }
            Self::MySql(marked) => {
                marked.cluster.fill_disk(server, false);
                marked.cluster.kill9(server);
                self.start_again(server);
            }
        }
    }

    /// Makes applying wait for a reader, or for whoever has locked all tables, until what is
    /// returned is dropped.
    pub fn block_replay(&self, server: usize, primary: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.block_replay(server, primary)),
            Self::MySql(marked) => Box::new(marked.cluster.block_writes(server)),
        }
    }

    /// Writes a row every 20 ms until what is returned is dropped.
    pub fn write_steadily(&self, primary: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.write_steadily(primary)),
            Self::MySql(marked) => Box::new(marked.cluster.write_steadily(primary)),
        }
    }

    /// One transaction that is huge for PostgreSQL, and takes a replica of the others six
    /// seconds.
    pub fn write_much(&self, primary: usize) {
        match self {
            Self::Postgres(cluster) => {
                let rows = "INSERT INTO ticks SELECT now() FROM generate_series(1, 200000)";
                cluster.sql(primary, rows);
            }
            Self::MySql(marked) => marked.cluster.write_slowly(primary, 6),
        }
    }

    /// Lets a replica receive from a server outside as well, which has the `server_id` of
    /// `namesake` and goes on writing until what is returned is dropped.
    pub fn begin_migration(&self, replica: usize, namesake: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(_) => panic!("a row of MySQL and MariaDB"),
            Self::MySql(marked) => Box::new(marked.cluster.begin_migration(replica, namesake)),
        }
    }

    /// Puts a new and empty server in the place of `server`.
    pub fn make_foreign(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.make_foreign(server),
            Self::MySql(marked) => marked.cluster.make_foreign(server),
        }
    }

    /// Puts a new and empty server in the place of a primary. Replicas of MySQL take what it has, so
    /// that its binary log must be empty as well, or they would stop one by one.
    pub fn make_empty(&mut self, primary: usize) {
        match self {
            Self::MySql(marked) if marked.cluster.flavour() == Flavour::MySql => {
                marked.cluster.make_empty(primary);
            }
            _ => self.make_foreign(primary),
        }
    }

    /// Ends [`Self::make_foreign`] or [`Self::make_empty`].
    pub fn make_native(&mut self, server: usize, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.make_native(server),
            Self::MySql(marked) => {
                marked.cluster.make_native(server, primary);
                if marked.writable[server] {
                    marked.cluster.set_read_only(server, false);
                }
            }
        }
    }

    /// Makes a replica a standby of a promoted copy: its timeline is one that no member has.
    pub fn make_stray(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.make_stray(server),
            Self::MySql(_) => panic!("a row of PostgreSQL"),
        }
    }

    /// The primary takes no more writes, as the first step of a planned switchover: it is stopped,
    /// or made read-only.
    pub fn begin_switchover(&mut self, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.stop(primary, Shutdown::Fast),
            Self::MySql(marked) => {
                marked.cluster.set_read_only(primary, true);
                for replica in (0..3).filter(|&server| server != primary) {
                    marked.cluster.wait_caught_up(replica, primary);
                }
            }
        }
    }

    /// The last step, after the promotion: the old primary is a replica of the new one.
    pub fn demote(&mut self, old: usize, new: usize) {
        match self {
            Self::Postgres(cluster) => cluster.start_as_standby(old, new),
            Self::MySql(marked) => {
                marked.cluster.follow(old, new);
                marked.writable[old] = false;
            }
        }
    }

    /// Gives a server whose history is its own a copy of the others', as a replica of `of`. The
    /// third server may be stopped meanwhile.
    pub fn rebuild(&mut self, server: usize, of: usize) {
        match self {
            Self::Postgres(cluster) => cluster.rebuild(server, of),
            Self::MySql(marked) => {
                marked.writable[server] = false;
                let donor = 3 - server - of;
                marked.cluster.rebuild(server, donor, of);
            }
        }
    }

    /// SIGSTOP to all of its processes.
    pub fn freeze(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.freeze(server),
            Self::MySql(marked) => marked.cluster.freeze(server),
        }
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.thaw(server),
            Self::MySql(marked) => marked.cluster.thaw(server),
        }
    }

    /// Makes a replica a primary.
    pub fn promote(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.promote(server),
            Self::MySql(marked) => {
                marked.cluster.promote(server);
                marked.writable[server] = true;
            }
        }
    }

    /// A promoted server writes something that no other one has. On PostgreSQL its timeline is that.
    pub fn write_after_promotion(&self, server: usize) {
        if let Self::MySql(marked) = self {
            marked.cluster.write(server, "after the promotion");
        }
    }

    /// PostgreSQL: makes a replica a writable copy of its primary.
    pub fn copy_writable(&mut self, server: usize, of: usize) {
        match self {
            Self::Postgres(cluster) => cluster.rebuild_writable(server, of),
            Self::MySql(_) => panic!("a row of PostgreSQL"),
        }
    }

    /// Lets a healthy replica follow another primary.
    pub fn repoint(&mut self, server: usize, to: usize) {
        match self {
            Self::Postgres(cluster) => cluster.repoint(server, to),
            Self::MySql(marked) => marked.cluster.follow(server, to),
        }
    }

    /// Makes `server` a healthy replica of `of`, whatever it was and whether or not it runs. Its
    /// history must be a part of the other one's, but on PostgreSQL.
    pub fn rejoin(&mut self, server: usize, of: usize) {
        match self {
            Self::Postgres(cluster) => {
                if cluster.follows(server, of) {
                    return;
                }
                if cluster.is_standby(server) {
                    cluster.repoint(server, of);
                } else {
                    cluster.rebuild(server, of);
                }
            }
            Self::MySql(marked) => {
                marked.writable[server] = false;
                if marked.cluster.follows(server, of) {
                    return;
                }
                if !marked.cluster.is_running(server) {
                    marked.cluster.start_server(server, true);
                }
                marked.cluster.follow(server, of);
            }
        }
    }

    /// Waits until a replica that was told to follow `of` does so.
    pub fn wait_until_follows(&self, replica: usize, of: usize) {
        let follows = patience::poll(patience::PATIENCE, || {
            let follows = match self {
                Self::Postgres(cluster) => cluster.follows(replica, of),
                Self::MySql(marked) => marked.cluster.follows(replica, of),
            };
            follows.then_some(())
        });
        assert!(
            follows.is_some(),
            "waited in vain until {replica} follows {of}:\n{}",
            self.tell(replica)
        );
    }

    /// What a server says of its replication, and the end of its log.
    fn tell(&self, server: usize) -> String {
        match self {
            Self::Postgres(cluster) => cluster.tell(server),
            Self::MySql(marked) => marked.cluster.tell(server),
        }
    }

    /// Takes every connection slot that an ordinary user can get, the probe's too, until what is
    /// returned is dropped.
    pub fn fill_connections(&self, server: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.fill_connections(server)),
            Self::MySql(marked) => Box::new(marked.cluster.fill_connections(server)),
        }
    }

    /// Whether a server is running.
    pub fn is_running(&self, server: usize) -> bool {
        match self {
            Self::Postgres(cluster) => cluster.is_running(server),
            Self::MySql(marked) => marked.cluster.is_running(server),
        }
    }

    /// Sets the password of the probe's user on the primary.
    pub fn rotate_password(&self, primary: usize, right: bool) {
        let word = if right { PROBE_PASSWORD } else { "another" };
        match self {
            Self::Postgres(cluster) => {
                cluster.sql(primary, &format!("ALTER ROLE pointsman PASSWORD '{word}'"));
            }
            Self::MySql(marked) => {
                let alter = format!("ALTER USER pointsman IDENTIFIED BY '{word}'");
                marked.cluster.sql(primary, &[&alter]);
            }
        }
    }

    /// Lets the probe's user log in, or not any more, as the primary has it.
    pub fn set_login(&self, primary: usize, allowed: bool) {
        match self {
            Self::Postgres(cluster) => {
                let login = if allowed { "LOGIN" } else { "NOLOGIN" };
                cluster.sql(primary, &format!("ALTER ROLE pointsman {login}"));
            }
            Self::MySql(marked) => {
                let lock = if allowed { "UNLOCK" } else { "LOCK" };
                marked.cluster.sql(primary, &[&format!("ALTER USER pointsman ACCOUNT {lock}")]);
            }
        }
    }

    /// What a server finds in its environment from its next start on.
    pub fn set_environment(&mut self, server: usize, environment: Vec<(OsString, OsString)>) {
        match self {
            Self::Postgres(cluster) => cluster.set_environment(server, environment),
            Self::MySql(marked) => marked.cluster.set_environment(server, environment),
        }
    }

    /// Lets a running server speak TLS with this key and certificate, PEM, or no TLS any more.
    /// MySQL and MariaDB are started anew for either.
    pub fn set_tls(&mut self, server: usize, identity: Option<&str>) {
        match self {
            Self::Postgres(cluster) => cluster.set_identity(server, identity),
            Self::MySql(marked) => {
                marked.cluster.put_identity(server, identity);
                self.stop_quickly(server);
                self.start_again(server);
            }
        }
    }

    /// Gives a running server that speaks TLS another key and certificate, PEM, which its next
    /// session sees.
    pub fn replace_identity(&self, server: usize, identity: &str) {
        match self {
            Self::Postgres(cluster) => cluster.set_identity(server, Some(identity)),
            Self::MySql(marked) => marked.cluster.replace_identity(server, identity),
        }
    }

    /// Waits until a replica has all that the primary has.
    pub fn wait_caught_up(&self, replica: usize, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.wait_caught_up(replica, primary),
            Self::MySql(marked) => marked.cluster.wait_caught_up(replica, primary),
        }
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub fn end_probe_sessions(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.end_probe_sessions(server),
            Self::MySql(marked) => marked.cluster.end_probe_sessions(server),
        }
    }

    /// How many sessions the probe has there; `None` when the server does not tell.
    pub fn probe_sessions(&self, server: usize) -> Option<usize> {
        match self {
            Self::Postgres(cluster) => cluster.probe_sessions(server),
            Self::MySql(marked) => marked.cluster.probe_sessions(server),
        }
    }

    /// What the server has logged because of the probe.
    pub fn log_of_probe(&self, server: usize) -> Vec<String> {
        match self {
            Self::Postgres(cluster) => cluster.log_of_probe(server),
            Self::MySql(marked) => marked.cluster.log_of_probe(server),
        }
    }

    /// Waits until nothing of the probe is left on any server, so that a row begins with nothing
    /// of the last one.
    pub fn wait_until_alone(&self) {
        patience::until("the last row's sessions end", || {
            (0..3).all(|server| self.probe_sessions(server) == Some(0))
        });
    }
}
