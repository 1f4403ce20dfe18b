//! A MySQL or MariaDB primary with GTID replicas on loopback addresses, and everything that may befall them.
//!
//! The servers are numbered from 0 in the order of their addresses. Who is primary is up to the
//! test. Each operation waits for its effect on the server itself, never for what Pointsman makes
//! of it.

use std::{collections::BTreeMap, ffi::OsString, net::Ipv4Addr};

use rustix::process::Pid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    grants::Grants,
    migration::{self, Migration},
    mysql_flavour::Flavour,
    mysql_programs::MySqlPrograms,
    mysql_server::MySqlServer,
    mysql_sessions::{self, Sessions, Workload},
    patience, ports,
};

const REPLICATION: &str = "SHOW REPLICA STATUS";

/// The last octet of a server that is no member.
const OUTSIDE: u8 = 9;

/// The servers and their data. Dropped, nothing of them is left.
pub struct MySqlCluster {
    programs: MySqlPrograms,
    servers: Vec<MySqlServer>,
    runtime: Runtime,
    port: u16,
    /// The `report_host` of each server that has one.
    reported: BTreeMap<usize, String>,
    _directory: TempDir,
}

impl MySqlCluster {
    /// Makes new servers, the first of `addresses` the primary and the others its replicas.
    pub fn start(programs: MySqlPrograms, addresses: &[Ipv4Addr]) -> Self {
        let directory = programs.account().directory("pointsman-mysql-");
        let port = ports::free_on(addresses);
        let mut cluster = Self {
            servers: MySqlServer::install(&programs, addresses, port, directory.path()),
            programs,
            runtime: mysql_sessions::runtime(),
            port,
            reported: BTreeMap::new(),
            _directory: directory,
        };
        for server in 0..addresses.len() {
            cluster.launch(server, false);
        }
        cluster.wait_for_start(0);
        for statement in cluster.programs.users() {
            cluster.sql(0, &[&statement]);
        }
        let rows = "CREATE TABLE story.rows (id INT AUTO_INCREMENT PRIMARY KEY, word TEXT)";
        cluster.sql(0, &["CREATE DATABASE story", rows]);
        for replica in 1..addresses.len() {
            cluster.wait_for_start(replica);
            cluster.follow(replica, 0);
        }
        cluster
    }

    /// A replica calls itself so from now on, for which it is started anew.
    pub fn call_itself(&mut self, replica: usize, host: &str) {
        self.reported.insert(replica, host.to_owned());
        self.stop(replica);
        self.start_server(replica, true);
    }

    /// Makes the heartbeat's table on the primary.
    pub fn allow_heartbeats(&self, primary: usize) {
        for statement in self.grants().heartbeat() {
            self.sql(primary, &[&statement]);
        }
    }

    /// The SQL that makes the probe's user in this version.
    pub fn grants(&self) -> Grants {
        self.programs.grants()
    }

    /// Who made the servers.
    pub fn flavour(&self) -> Flavour {
        self.programs.flavour()
    }

    /// Makes replication semi-synchronous: `primary` commits nothing that no replica has
    /// acknowledged.
    pub fn wait_for_acknowledgements(&self, primary: usize) {
        for server in 0..self.servers.len() {
            self.sql(server, self.flavour().acknowledge());
            if server != primary {
                self.stop_io_thread(server);
                self.start_threads(server);
            }
        }
        let statements = self.flavour().wait_for_acknowledgements();
        self.sql(primary, &statements.each_ref().map(String::as_str));
    }

    /// The port, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of a running server.
    pub fn pid(&self, server: usize) -> Pid {
        self.servers[server].pid()
    }

    /// SIGKILL.
    pub fn kill9(&mut self, server: usize) {
        self.servers[server].kill9();
    }

    /// An orderly stop.
    pub fn stop(&mut self, server: usize) {
        self.servers[server].stop();
    }

    /// An orderly stop which is no fault, and need not last as long as one. See
    /// [`MySqlServer::stop_quickly`].
    pub fn stop_quickly(&mut self, server: usize) {
        self.servers[server].stop_quickly(&self.runtime);
    }

    /// Starts a stopped server, which goes on replicating if it did; `read_only` is what its option
    /// file says.
    pub fn start_server(&mut self, server: usize, read_only: bool) {
        self.launch(server, read_only);
        self.wait_for_start(server);
    }

    /// What a server finds in its environment from its next start on.
    pub fn set_environment(&mut self, server: usize, environment: Vec<(OsString, OsString)>) {
        self.servers[server].set_environment(environment);
    }

    /// See [`MySqlServer::put_identity`].
    pub fn put_identity(&self, server: usize, identity: Option<&str>) {
        self.servers[server].put_identity(identity);
    }

    /// Gives a running server that speaks TLS another key and certificate, PEM, from its next
    /// session on.
    pub fn replace_identity(&self, server: usize, identity: &str) {
        self.put_identity(server, Some(identity));
        self.sql(server, &[self.flavour().reload_certificate()]);
    }

    /// SIGSTOP.
    pub fn freeze(&self, server: usize) {
        self.servers[server].freeze();
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self, server: usize) {
        self.servers[server].thaw();
    }

    /// Sets or clears `read_only`; on MySQL `super_read_only` with it.
    pub fn set_read_only(&self, server: usize, on: bool) {
        self.sql(server, &[self.flavour().set_read_only(on)]);
    }

    /// Makes a replica a primary.
    pub fn promote(&self, replica: usize) {
        let statements = ["STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL read_only = 0"];
        self.sql(replica, &statements);
    }

    /// Makes a server a read-only replica of `of` from its own GTID position on; returns when it
    /// has caught up.
    pub fn follow(&self, server: usize, of: usize) {
        let statements = self.flavour().follow(self.servers[of].address(), self.port);
        let statements: Vec<_> = statements.iter().map(String::as_str).collect();
        self.sql(server, &statements);
        self.wait_caught_up(server, of);
    }

    /// Whether `server` runs, is read-only and replicates from `of` with both threads.
    pub fn follows(&self, server: usize, of: usize) -> bool {
        if !self.is_running(server) {
            return false;
        }
        let host = self.servers[of].address().to_string();
        let yes = Some("Yes");
        self.replication(server, "Source_Host") == Some(host)
            && self.replication(server, "Replica_IO_Running").as_deref() == yes
            && self.replication(server, "Replica_SQL_Running").as_deref() == yes
            && self.value(server, "SELECT @@global.read_only") == "1"
    }

    /// What a server says of its replication, and the end of its log.
    pub fn tell(&self, server: usize) -> String {
        let said = |column: &str| {
            let said = self.replication(server, column);
            format!("{column}: {}\n", said.as_deref().unwrap_or("-"))
        };
        let columns = [
            "Source_Host",
            "Replica_IO_State",
            "Replica_IO_Running",
            "Last_IO_Error",
            "Replica_SQL_Running",
            "Last_SQL_Error",
        ];
        let said: String = columns.into_iter().map(said).collect();
        said + &self.servers[server].log_tail()
    }

    /// Lets a replica and its primary each write what the other has not, and makes the replica
    /// writable.
    pub fn diverge(&self, replica: usize, primary: usize) {
        self.sql(replica, &["STOP REPLICA"]);
        self.write(primary, "only on the primary");
        self.write(replica, "only on the replica");
        self.promote(replica);
    }

    /// Stops the applying thread.
    pub fn stop_sql_thread(&self, replica: usize) {
        self.sql(replica, &["STOP REPLICA SQL_THREAD"]);
    }

    /// Stops the receiving thread.
    pub fn stop_io_thread(&self, replica: usize) {
        self.sql(replica, &["STOP REPLICA IO_THREAD"]);
    }

    /// Starts both threads.
    pub fn start_threads(&self, replica: usize) {
        self.sql(replica, &["START REPLICA"]);
    }

    /// Makes the applying thread fail with a duplicate key (1062); returns when it has.
    pub fn break_sql_thread(&self, replica: usize, primary: usize) {
        let insert = "INSERT INTO story.rows (id, word) VALUES (1000000, 'mine')";
        self.sql(replica, &["SET sql_log_bin = 0", insert]);
        self.sql(primary, &[insert]);
        let column = self.flavour().column("Replica_SQL_Running");
        self.servers[replica].wait_for(&self.runtime, REPLICATION, &column, "No");
    }

    /// Ends [`Self::break_sql_thread`].
    pub fn mend_sql_thread(&self, replica: usize, primary: usize) {
        let delete = "DELETE FROM story.rows WHERE id = 1000000";
        self.sql(replica, &["SET sql_log_bin = 0", delete, "SET sql_log_bin = 1", "START REPLICA"]);
        self.wait_caught_up(replica, primary);
        self.sql(primary, &[delete]);
    }

    /// Makes every write wait until the lock is dropped, also those of the applying thread of a
    /// replica.
    pub fn block_writes(&self, server: usize) -> Sessions {
        self.servers[server].hold(&self.runtime, "FLUSH TABLES WITH READ LOCK")
    }

    /// A transaction that takes `seconds` on each replica, and no time on the primary.
    pub fn write_slowly(&self, primary: usize, seconds: u32) {
        let sleep = format!(
            "INSERT INTO story.rows (word) SELECT IF(@@global.read_only, SLEEP({seconds}), 0)"
        );
        self.sql(primary, &["SET SESSION binlog_format = 'STATEMENT'", &sleep]);
    }

    /// Inserts one row.
    pub fn write(&self, server: usize, word: &str) {
        let insert = format!("INSERT INTO story.rows (word) VALUES ('{word}')");
        self.sql(server, &[&insert]);
    }

    /// Writes to `primary` until dropped.
    pub fn write_steadily(&self, primary: usize) -> Workload {
        let session = self.servers[primary].session(&self.runtime);
        let insert = "INSERT INTO story.rows (word) VALUES ('tick')";
        Workload::begin(&self.runtime, session, insert)
    }

    /// Lets a replica receive from a server outside of the cluster as well, which has the same
    /// `server_id` as `namesake` and goes on writing until what is returned is dropped.
    pub fn begin_migration(&self, replica: usize, namesake: usize) -> Migration {
        let [first, second, third, _] = self.servers[replica].address().octets();
        let outside = Ipv4Addr::new(first, second, third, OUTSIDE);
        let migration = Migration::begin(&self.programs, outside, server_id(namesake));
        let (host, port) = migration.address();
        let statements = self.flavour().follow_also(migration::CHANNEL, host, port);
        self.sql(replica, &statements.each_ref().map(String::as_str));
        patience::until("the replica receives from outside", || {
            self.servers[replica]
                .show(&self.runtime, &Migration::has_arrived(), "arrived")
                .as_deref()
                == Some("1")
        });
        migration
    }

    /// Gives a replica, or what was one, a copy of another replica's data, and lets it follow the
    /// same primary.
    pub fn rebuild(&mut self, server: usize, donor: usize, primary: usize) {
        if self.is_running(server) {
            self.servers[server].kill9();
        }
        self.stop_quickly(donor);
        self.servers[server].copy_data(&self.servers[donor]);
        self.launch(donor, true);
        self.launch(server, true);
        for replica in [donor, server] {
            self.wait_for_start(replica);
            self.follow(replica, primary);
        }
    }

    /// Makes `server` a copy of a replica's data that follows nobody and takes writes, as a restored backup
    /// under the primary's option file does: it has the primary's `server_id`, and more than the
    /// primary.
    pub fn rebuild_promoted(&mut self, server: usize, donor: usize, primary: usize) {
        self.rebuild(server, donor, primary);
        self.stop_quickly(server);
        let settings = self.settings(primary, false);
        self.servers[server].launch(&settings);
        self.wait_for_start(server);
        self.promote(server);
        for word in ["restored", "and used", "ever since"] {
            self.write(server, word);
        }
    }

    /// Starts a new server of no history under the address of `server`, writable, with the probe's
    /// user, which is in its binary log.
    pub fn make_foreign(&mut self, server: usize) {
        self.install_anew(server, &self.programs.users());
    }

    /// The same with nothing in its binary log, as the entry points of container images do it.
    pub fn make_empty(&mut self, server: usize) {
        self.install_anew(server, &self.programs.unlogged_users());
    }

    fn install_anew(&mut self, server: usize, statements: &[String]) {
        self.stop_quickly(server);
        self.servers[server].put_data_aside();
        let file = self.servers[server].first_statements(statements);
        let mut settings = self.settings(server, false);
        settings.push(format!("--init-file={}", file.display()));
        self.servers[server].launch(&settings);
        self.wait_for_start(server);
    }

    /// Ends [`Self::make_foreign`] or [`Self::make_empty`]: the server with its own data is back, as a replica.
    pub fn make_native(&mut self, server: usize, primary: usize) {
        self.kill9(server); // Nobody wants what it has.
        self.servers[server].take_data_back();
        self.start_server(server, true);
        self.wait_caught_up(server, primary);
    }

    /// Fills the disk of a server, or ends that. Who writes then waits for room, for up to a minute
    /// after there is some.
    pub fn fill_disk(&self, server: usize, full: bool) {
        self.servers[server].fill_disk(full);
    }

    /// Takes every connection slot that an ordinary user can get, the probe's too.
    pub fn fill_connections(&self, server: usize) -> Sessions {
        self.servers[server].fill_connections(&self.runtime)
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub fn end_probe_sessions(&self, server: usize) {
        self.servers[server].end_probe_sessions(&self.runtime);
    }

    /// How many sessions the probe has; `None` when the server does not tell.
    pub fn probe_sessions(&self, server: usize) -> Option<usize> {
        self.servers[server].probe_sessions(&self.runtime)
    }

    /// Whether a server is running.
    pub fn is_running(&self, server: usize) -> bool {
        self.servers[server].is_running()
    }

    /// What a server has logged about the probe's user, or about nobody it knows by name.
    pub fn log_of_probe(&self, server: usize) -> Vec<String> {
        self.servers[server].log_of_probe()
    }

    /// Waits until `replica` has applied all that `primary` has written.
    pub fn wait_caught_up(&self, replica: usize, primary: usize) {
        let end = self.value(primary, self.flavour().end());
        let has_reached = self.flavour().has_reached(&end);
        patience::until("the replica catches up", || self.value(replica, &has_reached) == "1");
    }

    /// The first column of the first row of a query that must succeed.
    pub fn value(&self, server: usize, query: &str) -> String {
        self.servers[server].value(&self.runtime, query)
    }

    /// Runs statements that must succeed, in one session of the administrator.
    pub fn sql(&self, server: usize, statements: &[&str]) {
        self.servers[server].sql(&self.runtime, statements);
    }

    fn launch(&mut self, server: usize, read_only: bool) {
        let settings = self.settings(server, read_only);
        self.servers[server].launch(&settings);
    }

    fn settings(&self, server: usize, read_only: bool) -> Vec<String> {
        let mut settings = self.flavour().replication_settings(server_id(server));
        settings.push(format!("--read-only={}", u8::from(read_only)));
        settings.extend(self.reported.get(&server).map(|host| format!("--report-host={host}")));
        settings
    }

    /// What a server says of its replication; the column is called as MySQL calls it.
    fn replication(&self, server: usize, column: &str) -> Option<String> {
        let column = self.flavour().column(column);
        self.servers[server].show(&self.runtime, REPLICATION, &column)
    }

    fn wait_for_start(&self, server: usize) {
        self.servers[server].wait_for(&self.runtime, "SELECT 1", "1", "1");
    }
}

fn server_id(server: usize) -> usize {
    server + 1
}
