//! A primary and its replicas, whatever their engine: the same verbs for both.

use std::{any::Any, ffi::OsString, net::Ipv4Addr, time::Duration};

use pointsman_testbed::{
    mysql_cluster::MySqlCluster,
    mysql_flavour::Flavour,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Engine, PROBE_PASSWORD},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

use crate::row::Kind;

/// Three servers, numbered from 0.
pub(crate) enum Group {
    Postgres(PgCluster),
    MySql(Marked),
}

/// Servers of MySQL and MariaDB keep no note of whether they may be written to over a restart; the
/// option file does.
pub(crate) struct Marked {
    pub(crate) cluster: MySqlCluster,
    writable: [bool; 3],
}

impl Group {
    /// New servers at `addresses`, the first of them the primary, with the heartbeat's table.
    pub(crate) fn start(kind: Kind, addresses: &[Ipv4Addr; 3]) -> Self {
        match kind {
            Kind::Postgres => {
                let cluster = PgCluster::start(Programs::installed(), addresses);
                cluster.allow_heartbeats(0);
                Self::Postgres(cluster)
            }
            Kind::MariaDb => Self::marked(MySqlPrograms::mariadb(), addresses),
            Kind::MySql => Self::marked(MySqlPrograms::mysql(), addresses),
        }
    }

    fn marked(programs: MySqlPrograms, addresses: &[Ipv4Addr; 3]) -> Self {
        let cluster = MySqlCluster::start(programs, addresses);
        cluster.allow_heartbeats(0);
        Self::MySql(Marked { cluster, writable: [true, false, false] })
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::MySql(_) => Engine::MySql,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Postgres(cluster) => cluster.port(),
            Self::MySql(marked) => marked.cluster.port(),
        }
    }

    /// With it, a fresh probe takes about 0.8 of the timeout, which is 1 s: six round trips, and on
    /// MySQL, which speaks TLS by itself and is asked for its position apart, eight or nine.
    pub(crate) fn long_round_trip(&self) -> Duration {
        let is_mysql =
            matches!(self, Self::MySql(marked) if marked.cluster.flavour() == Flavour::MySql);
        Duration::from_millis(if is_mysql { 85 } else { 130 })
    }

    /// SIGKILL to the main process.
    pub(crate) fn kill9(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.kill9(server),
            Self::MySql(marked) => marked.cluster.kill9(server),
        }
    }

    /// An orderly stop that ends the sessions: `pg_ctl stop -m fast`, SIGTERM to `mariadbd`.
    pub(crate) fn stop(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.stop(server, Shutdown::Fast),
            Self::MySql(marked) => marked.cluster.stop(server),
        }
    }

    /// The same where it is no fault, but servers are made ready: it takes no longer than it must.
    pub(crate) fn stop_quickly(&mut self, server: usize) {
        match self {
            Self::Postgres(_) => self.stop(server),
            Self::MySql(marked) => marked.cluster.stop_quickly(server),
        }
    }

    /// Starts a stopped server as what it was.
    pub(crate) fn start_again(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.start_server(server),
            Self::MySql(marked) => {
                marked.cluster.start_server(server, !marked.writable[server]);
            }
        }
    }

    /// A shutdown that waits for the sessions of others; what is returned is such a session.
    /// MySQL and MariaDB have none: `SHUTDOWN WAIT FOR ALL SLAVES` waits for replicas, and ends sessions at once.
    pub(crate) fn begin_smart_shutdown(&self, server: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.begin_smart_shutdown(server)),
            Self::MySql(_) => panic!("only PostgreSQL has a smart shutdown"),
        }
    }

    /// Waits for the end of [`Self::begin_smart_shutdown`].
    pub(crate) fn wait_for_end(&mut self, server: usize) {
        if let Self::Postgres(cluster) = self {
            cluster.wait_for_end(server);
        }
    }

    /// It crashes and is up again as soon as it can: PostgreSQL restarts by itself when a session
    /// is killed, the others are started again by whoever watches over it.
    pub(crate) fn crash_and_restart(&mut self, server: usize) {
        if let Self::Postgres(cluster) = self {
            cluster.crash_session(server);
        } else {
            self.kill9(server);
            self.start_again(server);
        }
    }

    /// Stops applying what is received: replay is paused, the applying thread stopped.
    pub(crate) fn pause_replay(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.pause_replay(server),
            Self::MySql(marked) => marked.cluster.stop_sql_thread(server),
        }
    }

    /// Ends [`Self::pause_replay`].
    pub(crate) fn resume_replay(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.resume_replay(server),
            Self::MySql(marked) => marked.cluster.start_threads(server),
        }
    }

    /// Fills the disk of the primary and goes on writing. PostgreSQL ends of it; the others wait
    /// for room, and so does everybody who writes.
    pub(crate) fn fill_disk(&mut self, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.fill_disk(primary),
            Self::MySql(marked) => marked.cluster.fill_disk(primary, true),
        }
    }

    /// Ends [`Self::fill_disk`], and starts the server anew.
    pub(crate) fn free_disk(&mut self, server: usize) {
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
    pub(crate) fn block_replay(&self, server: usize, primary: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.block_replay(server, primary)),
            Self::MySql(marked) => Box::new(marked.cluster.block_writes(server)),
        }
    }

    /// Writes a row every 20 ms until what is returned is dropped.
    pub(crate) fn write_steadily(&self, primary: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.write_steadily(primary)),
            Self::MySql(marked) => Box::new(marked.cluster.write_steadily(primary)),
        }
    }

    /// One transaction that is huge for PostgreSQL, and takes a replica of the others six
    /// seconds.
    pub(crate) fn write_much(&self, primary: usize) {
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
    pub(crate) fn begin_migration(&self, replica: usize, namesake: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(_) => panic!("a row of MySQL and MariaDB"),
            Self::MySql(marked) => Box::new(marked.cluster.begin_migration(replica, namesake)),
        }
    }

    /// Puts a new and empty server in the place of `server`.
    pub(crate) fn make_foreign(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.make_foreign(server),
            Self::MySql(marked) => marked.cluster.make_foreign(server),
        }
    }

    /// Puts a new and empty server in the place of a primary. Replicas of MySQL take what it has, so
    /// that its binary log must be empty as well, or they would stop one by one.
    pub(crate) fn make_empty(&mut self, primary: usize) {
        match self {
            Self::MySql(marked) if marked.cluster.flavour() == Flavour::MySql => {
                marked.cluster.make_empty(primary);
            }
            _ => self.make_foreign(primary),
        }
    }

    /// Ends [`Self::make_foreign`] or [`Self::make_empty`].
    pub(crate) fn make_native(&mut self, server: usize, primary: usize) {
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
    pub(crate) fn make_stray(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.make_stray(server),
            Self::MySql(_) => panic!("a row of PostgreSQL"),
        }
    }

    /// The primary takes no more writes, as the first step of a planned switchover: it is stopped,
    /// or made read-only.
    pub(crate) fn begin_switchover(&mut self, primary: usize) {
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
    pub(crate) fn demote(&mut self, old: usize, new: usize) {
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
    pub(crate) fn rebuild(&mut self, server: usize, of: usize) {
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
    pub(crate) fn freeze(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.freeze(server),
            Self::MySql(marked) => marked.cluster.freeze(server),
        }
    }

    /// Ends [`Self::freeze`].
    pub(crate) fn thaw(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.thaw(server),
            Self::MySql(marked) => marked.cluster.thaw(server),
        }
    }

    /// Makes a replica a primary, which writes something that no other server has.
    pub(crate) fn promote(&mut self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.promote(server),
            Self::MySql(marked) => {
                marked.cluster.promote(server);
                marked.writable[server] = true;
                marked.cluster.write(server, "after the promotion");
            }
        }
    }

    /// PostgreSQL: makes a replica a writable copy of its primary.
    pub(crate) fn copy_writable(&mut self, server: usize, of: usize) {
        match self {
            Self::Postgres(cluster) => cluster.rebuild_writable(server, of),
            Self::MySql(_) => panic!("a row of PostgreSQL"),
        }
    }

    /// Lets a healthy replica follow another primary.
    pub(crate) fn repoint(&mut self, server: usize, to: usize) {
        match self {
            Self::Postgres(cluster) => cluster.repoint(server, to),
            Self::MySql(marked) => marked.cluster.follow(server, to),
        }
    }

    /// Makes `server` a healthy replica of `of`, whatever it was and whether or not it runs. Its
    /// history must be a part of the other one's, but on PostgreSQL.
    pub(crate) fn rejoin(&mut self, server: usize, of: usize) {
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
    pub(crate) fn wait_until_follows(&self, replica: usize, of: usize) {
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
    pub(crate) fn fill_connections(&self, server: usize) -> Box<dyn Any> {
        match self {
            Self::Postgres(cluster) => Box::new(cluster.fill_connections(server)),
            Self::MySql(marked) => Box::new(marked.cluster.fill_connections(server)),
        }
    }

    pub(crate) fn is_running(&self, server: usize) -> bool {
        match self {
            Self::Postgres(cluster) => cluster.is_running(server),
            Self::MySql(marked) => marked.cluster.is_running(server),
        }
    }

    /// Sets the password of the probe's user on the primary.
    pub(crate) fn rotate_password(&self, primary: usize, right: bool) {
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

    /// What a server finds in its environment from its next start on.
    pub(crate) fn set_environment(
        &mut self,
        server: usize,
        environment: Vec<(OsString, OsString)>,
    ) {
        match self {
            Self::Postgres(cluster) => cluster.set_environment(server, environment),
            Self::MySql(marked) => marked.cluster.set_environment(server, environment),
        }
    }

    /// Lets a running server speak TLS with this key and certificate, PEM, or no TLS any more.
    /// MySQL and MariaDB are started anew for either.
    pub(crate) fn set_tls(&mut self, server: usize, identity: Option<&str>) {
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
    pub(crate) fn replace_identity(&self, server: usize, identity: &str) {
        match self {
            Self::Postgres(cluster) => cluster.set_identity(server, Some(identity)),
            Self::MySql(marked) => marked.cluster.replace_identity(server, identity),
        }
    }

    /// Waits until a replica has all that the primary has.
    pub(crate) fn wait_caught_up(&self, replica: usize, primary: usize) {
        match self {
            Self::Postgres(cluster) => cluster.wait_caught_up(replica, primary),
            Self::MySql(marked) => marked.cluster.wait_caught_up(replica, primary),
        }
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub(crate) fn end_probe_sessions(&self, server: usize) {
        match self {
            Self::Postgres(cluster) => cluster.end_probe_sessions(server),
            Self::MySql(marked) => marked.cluster.end_probe_sessions(server),
        }
    }

    /// How many sessions the probe has there; `None` when the server does not tell.
    pub(crate) fn probe_sessions(&self, server: usize) -> Option<usize> {
        match self {
            Self::Postgres(cluster) => cluster.probe_sessions(server),
            Self::MySql(marked) => marked.cluster.probe_sessions(server),
        }
    }

    /// What the server has logged because of the probe.
    pub(crate) fn log_of_probe(&self, server: usize) -> Vec<String> {
        match self {
            Self::Postgres(cluster) => cluster.log_of_probe(server),
            Self::MySql(marked) => marked.cluster.log_of_probe(server),
        }
    }

    /// Waits until nothing of the probe is left on any server, so that a row begins with nothing
    /// of the last one.
    pub(crate) fn wait_until_alone(&self) {
        patience::until("the last row's sessions end", || {
            (0..3).all(|server| self.probe_sessions(server) == Some(0))
        });
    }
}
