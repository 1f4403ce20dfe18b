//! A PostgreSQL primary with streaming standbys on loopback addresses, and everything that may
//! befall them.
//!
//! The servers are numbered from 0 in the order of their addresses. Who is primary is up to the
//! test; nothing here keeps track of it. Each operation waits for its effect on the server itself,
//! never for what Pointsman makes of it. Superuser sessions log in without a password, the probe's
//! role with SCRAM.

use std::{ffi::OsString, fmt::Write as _, fs, net::Ipv4Addr, path::PathBuf, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time};
use tokio_postgres::Client;

use crate::{
    account,
    disk::Disk,
    patience, ports,
    postgres_programs::Programs,
    postgres_sessions::{SessionMaker, SqlError},
    process::ServerProcess,
};

/// The servers and their data. Dropped, nothing of them is left.
pub struct PgCluster {
    servers: Vec<PgServer>,
    programs: Programs,
    port: u16,
    sessions: SessionMaker,
    disks: Vec<Disk>,
    directory: TempDir,
}

/// How to shut down, in the words of `pg_ctl stop -m`.
#[derive(Clone, Copy, Debug)]
pub enum Shutdown {
    /// Lets nobody in, waits for all sessions to end, then in order.
    Smart,
    /// Ends the sessions, then in order.
    Fast,
    /// At once; the next start recovers.
    Immediate,
}

/// Sessions held open; dropped, they end.
pub struct Sessions {
    _clients: Vec<Client>,
}

/// A session that inserts a row every 20 ms; dropped, it ends.
pub struct Workload {
    task: JoinHandle<()>,
}

struct PgServer {
    address: Ipv4Addr,
    port: u16,
    data: PathBuf,
    environment: Vec<(OsString, OsString)>,
    process: Option<ServerProcess>,
}

const COUNT_PROBE_SESSIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pointsman'";
const COUNT_SLOTS: &str = "SELECT current_setting('max_connections')::int \
                           - current_setting('superuser_reserved_connections')::int";
const PROBE_HAS_ASKED: &str = "SELECT (count(*) > 0)::text FROM pg_stat_activity \
                               WHERE usename = 'pointsman' AND state = 'idle' AND query <> ''";
const END_PROBE_SESSIONS: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pointsman'";

impl PgCluster {
    /// Makes a new system with the primary at the first of `addresses` and standbys at the others,
    /// all streaming.
    pub fn start(programs: Programs, addresses: &[Ipv4Addr]) -> Self {
        let directory = programs.account().directory("pointsman-postgres-");
        let port = ports::free_on(addresses);
        let number = 1..=addresses.len();
        let disk = |number| Disk::at(&directory.path().join(format!("disk{number}")));
        let disks: Vec<_> = number.map(disk).collect();
        let server = |(disk, address): (&Disk, &Ipv4Addr)| {
            programs.account().own(disk.path());
            PgServer {
                address: *address,
                port,
                data: disk.path().join("data"),
                environment: Vec::new(),
                process: None,
            }
        };
        let mut cluster = Self {
            servers: disks.iter().zip(addresses).map(server).collect(),
            programs,
            port,
            sessions: SessionMaker::start(),
            disks,
            directory,
        };
        cluster.initialise(0);
        cluster.stop(0, Shutdown::Fast);
        for standby in 1..addresses.len() {
            cluster.copy_stopped(0, standby);
        }
        cluster.start_server(0);
        for standby in 1..addresses.len() {
            cluster.start_as_standby(standby, 0);
        }
        cluster
    }

    /// Makes the heartbeat's table on the primary.
    pub fn allow_heartbeats(&self, primary: usize) {
        self.sql(primary, &self.programs.grants().heartbeat().join(";\n"));
    }

    /// The port, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of a running server's postmaster.
    pub fn pid(&self, server: usize) -> Pid {
        self.process(server).pid()
    }

    /// SIGKILL to the postmaster; its children end with it.
    pub fn kill9(&mut self, server: usize) {
        self.take_process(server).crash();
    }

    /// Stops a server in an orderly way, or nearly so.
    pub fn stop(&mut self, server: usize, how: Shutdown) {
        // The postmaster's signals: postgres(1), "Notes".
        let signal = match how {
            Shutdown::Smart => Signal::TERM,
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        self.take_process(server).end(signal);
    }

    /// Begins a smart shutdown, which lasts until the last session has ended. What is returned is
    /// such a session; dropped, it ends.
    pub fn begin_smart_shutdown(&self, server: usize) -> Sessions {
        let session = self.open_sessions(server, 1);
        self.process(server).signal(Signal::TERM);
        session
    }

    /// Waits for the end of a shutdown that has begun.
    pub fn wait_for_end(&mut self, server: usize) {
        patience::until("the server ends", || self.process(server).has_ended());
        self.servers[server].process = None;
    }

    /// Kills one session with SIGKILL; the server ends all others and recovers by itself.
    pub fn crash_session(&self, server: usize) {
        let victim = self.session(server, "postgres").expect("a free slot");
        let pid = self.sessions.ask(&victim, "SELECT pg_backend_pid()");
        let pid = pid.and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        let pid = pid.expect("a session has a process");
        kill_process(pid, Signal::KILL).expect("the session's process lives");
        patience::until("the server has noticed", || !self.sessions.is_open(&victim));
        let recovered = || self.try_value(server, "SELECT 1").is_some();
        patience::until("the server recovers by itself", recovered);
    }

    /// Starts a stopped server as whatever its data says, and waits until it takes sessions.
    pub fn start_server(&mut self, server: usize) {
        assert!(self.servers[server].process.is_none(), "server {server} is running");
        let log = self.log_file(server);
        let spot = &mut self.servers[server];
        let mut command = self.programs.command_with(&spot.environment, "postgres");
        command.arg("-D").arg(&spot.data);
        spot.process = Some(ServerProcess::spawn(command, &log));
        let ready = patience::poll(patience::PATIENCE, || {
            let one = self.try_value(server, "SELECT 1");
            (one.is_some() || self.process(server).has_ended()).then_some(one)
        });
        let tail = || self.process(server).log_tail();
        assert!(ready.flatten().is_some(), "no start of {server}:\n{}", tail());
    }

    /// What a server finds in its environment from its next start on.
    pub fn set_environment(&mut self, server: usize, environment: Vec<(OsString, OsString)>) {
        self.servers[server].environment = environment;
    }

    /// Gives a running server this key and certificate, PEM, from its next session on; with `None`
    /// it speaks no TLS.
    pub fn set_identity(&self, server: usize, identity: Option<&str>) {
        let (settings, pem) = (self.tls_file(server, "conf"), self.tls_file(server, "pem"));
        let text = identity.map_or_else(String::new, |identity| {
            self.programs.account().write_secret(&pem, identity);
            let pem = pem.display();
            format!("ssl = on\nssl_cert_file = '{pem}'\nssl_key_file = '{pem}'\n")
        });
        self.programs.account().write_secret(&settings, &text);
        // New sessions tell when the settings were read by the process that lets them in, which
        // reads certificates right after them, before it lets anybody in.
        let read = || self.value(server, "SELECT pg_conf_load_time()");
        let before = read();
        self.sql(server, "SELECT pg_reload_conf()");
        patience::until("the server reads its settings", || read() != before);
    }

    /// Starts a stopped server, whose data is as old as `of`'s or older and of the same branch, as
    /// its standby.
    pub fn start_as_standby(&mut self, server: usize, of: usize) {
        self.mark_as_standby(server);
        self.configure(server, of);
        self.start_server(server);
        self.wait_for_streaming(server, of);
    }

    fn mark_as_standby(&self, server: usize) {
        let mark = self.servers[server].data.join("standby.signal");
        fs::write(&mark, "").expect("the data directory can be written to");
        self.programs.account().own(&mark);
    }

    /// Promotes a standby where nobody sees it, and lets it come up as a standby again: it is on a timeline
    /// of its own, and nobody is there whom it could follow.
    pub fn make_stray(&mut self, server: usize) {
        self.stop(server, Shutdown::Fast);
        let port = self.servers[server].port;
        self.servers[server].port = ports::free_on(&[self.servers[server].address]);
        self.configure(server, server);
        self.start_server(server);
        self.promote(server);
        self.stop(server, Shutdown::Fast);
        self.servers[server].port = port;
        self.configure(server, server);
        self.mark_as_standby(server);
        self.start_server(server);
    }

    /// Makes `server`, running or not, a standby of `of` with a new copy of its data.
    pub fn rebuild(&mut self, server: usize, of: usize) {
        self.copy_running(of, server);
        self.start_as_standby(server, of);
    }

    /// Makes `server`, running or not, a writable copy of `of` on the same timeline, as a standby
    /// that was started without its `standby.signal`.
    pub fn rebuild_writable(&mut self, server: usize, of: usize) {
        self.copy_running(of, server);
        self.configure(server, server);
        self.start_server(server);
    }

    /// Makes `server` a copy of `of` that follows nobody and was promoted, as a restored backup is: on
    /// a timeline of its own.
    pub fn rebuild_promoted(&mut self, server: usize, of: usize) {
        self.copy_running(of, server);
        self.mark_as_standby(server);
        self.configure(server, server);
        self.start_server(server);
        self.promote(server);
    }

    /// Receives the log of `server`, as a backup does, until somebody ends it.
    ///
    /// # Panics
    /// When it does not begin.
    pub fn receive_from(&self, server: usize) -> ServerProcess {
        let folder = self.directory.path().join("received");
        fs::create_dir(&folder).expect("a directory can be made");
        self.programs.account().own(&folder);
        let from = self.servers[server].address.to_string();
        let mut receive = self.programs.command("pg_receivewal");
        receive
            .args(["--no-password", "--username=postgres", "--host", &from])
            .args(["--port", &self.port.to_string(), "--directory"])
            .arg(&folder);
        ServerProcess::spawn(receive, &self.directory.path().join("received.log"))
    }

    fn copy_running(&mut self, of: usize, server: usize) {
        self.servers[server].process = None;
        let data = self.servers[server].data.clone();
        drop(fs::remove_dir_all(&data));
        let from = self.servers[of].address.to_string();
        let mut copy = self.programs.command("pg_basebackup");
        copy.args(["--no-sync", "--checkpoint=fast", "--wal-method=stream"])
            .args(["--username=postgres", "--no-password", "--host", &from])
            .args(["--port", &self.port.to_string(), "--pgdata"])
            .arg(&data);
        account::run(&mut copy);
    }

    /// Lets a running standby follow `to` from now on.
    pub fn repoint(&mut self, standby: usize, to: usize) {
        self.configure(standby, to);
        if self.programs.major() >= 13 {
            self.process(standby).signal(Signal::HUP);
        } else {
            self.stop(standby, Shutdown::Fast); // `primary_conninfo` needs a restart before 13.
            self.start_server(standby);
        }
        self.wait_for_streaming(standby, to);
    }

    /// Whether `server` runs and streams from `of`.
    pub fn follows(&self, server: usize, of: usize) -> bool {
        self.is_running(server)
            && self.try_value(server, &self.streams_from(of)).as_deref() == Some("1")
    }

    /// The end of a server's log.
    pub fn tell(&self, server: usize) -> String {
        self.servers[server].process.as_ref().map(ServerProcess::log_tail).unwrap_or_default()
    }

    /// Whether `server` runs and is in recovery.
    pub fn is_standby(&self, server: usize) -> bool {
        let asked = "SELECT pg_is_in_recovery()";
        self.is_running(server) && self.try_value(server, asked).as_deref() == Some("t")
    }

    /// Promotes a standby; returns when it takes writes.
    pub fn promote(&self, standby: usize) {
        self.sql(standby, "SELECT pg_promote(false)");
        patience::until("the promoted server leaves recovery", || {
            self.value(standby, "SELECT pg_is_in_recovery()") == "f"
        });
    }

    /// SIGSTOP to a server with all of its processes.
    pub fn freeze(&self, server: usize) {
        self.process(server).freeze();
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self, server: usize) {
        self.process(server).thaw();
    }

    /// Pauses replay on a standby.
    pub fn pause_replay(&self, standby: usize) {
        self.sql(standby, "SELECT pg_wal_replay_pause()");
    }

    /// Ends [`Self::pause_replay`].
    pub fn resume_replay(&self, standby: usize) {
        self.sql(standby, "SELECT pg_wal_replay_resume()");
    }

    /// Makes replay on `standby` wait, although nobody paused it: a session there reads a table
    /// that `primary` has locked and released since. Replay goes on when the session is dropped.
    pub fn block_replay(&self, standby: usize, primary: usize) -> Sessions {
        let reader = self.session(standby, "postgres").expect("a free slot");
        let read = "BEGIN; SELECT count(*) FROM blocker";
        self.sessions.run(&reader, read);
        let lock = "BEGIN; LOCK TABLE blocker IN ACCESS EXCLUSIVE MODE; COMMIT";
        self.sql(primary, lock);
        Sessions { _clients: vec![reader] }
    }

    /// Makes every commit wait for a standby that does not exist, or ends that.
    pub fn block_commits(&self, primary: usize, on: bool) {
        let names = if on { "'nobody'" } else { "''" };
        self.sql(primary, &format!("ALTER SYSTEM SET synchronous_standby_names = {names}"));
        self.sql(primary, "SELECT pg_reload_conf()");
    }

    /// Keeps everybody else from writing heartbeats until dropped.
    pub fn lock_heartbeats(&self, primary: usize) -> Sessions {
        let locker = self.session(primary, "postgres").expect("a free slot");
        self.sessions.run(&locker, "BEGIN; LOCK TABLE pointsman.heartbeat IN SHARE MODE");
        Sessions { _clients: vec![locker] }
    }

    /// Takes away the probe's role with its rights.
    pub fn forget_probe(&self, primary: usize) {
        self.sql(primary, "DROP OWNED BY pointsman; DROP ROLE pointsman");
    }

    /// Opens `count` sessions that do nothing.
    pub fn open_sessions(&self, server: usize, count: usize) -> Sessions {
        let open = || self.session(server, "application").expect("a free slot");
        Sessions { _clients: std::iter::repeat_with(open).take(count).collect() }
    }

    /// Writes to `primary` until dropped.
    pub fn write_steadily(&self, primary: usize) -> Workload {
        let writer = self.session(primary, "postgres").expect("a free slot");
        let task = self.sessions.runtime().spawn(async move {
            while writer.simple_query("INSERT INTO ticks DEFAULT VALUES").await.is_ok() {
                time::sleep(Duration::from_millis(20)).await;
            }
        });
        Workload { task }
    }

    /// Puts another system in the place of `server`, writable, with the same role for the probe. It
    /// is prepared on another port, so that nobody sees it half done.
    pub fn make_foreign(&mut self, server: usize) {
        let spot = &mut self.servers[server];
        let native = spot.process.take();
        spot.port = ports::free_on(&[spot.address]);
        spot.data = spot.data.with_extension("foreign");
        self.initialise(server);
        self.stop(server, Shutdown::Fast);
        self.servers[server].port = self.port;
        self.configure(server, server);
        self.servers[server].process = native;
        self.stop(server, Shutdown::Fast);
        self.start_server(server);
    }

    /// Ends [`Self::make_foreign`]: the server with its own data is back.
    pub fn make_native(&mut self, server: usize) {
        self.stop(server, Shutdown::Fast);
        let foreign = self.servers[server].data.clone();
        fs::remove_dir_all(&foreign).expect("a directory can be removed");
        self.servers[server].data = foreign.with_extension("");
        self.start_server(server);
    }

    /// Fills the disk of a primary, and writes until the server has ended of it.
    pub fn fill_disk(&mut self, primary: usize) {
        self.disks[primary].fill();
        patience::until("the server ends for want of room", || {
            // A table that cannot grow is an error; a log that cannot grow is the end.
            let log = "SELECT pg_logical_emit_message(false, 'full', repeat('x', 1000000)) \
                       FROM generate_series(1, 30)";
            drop(self.query(primary, log));
            self.process(primary).has_ended()
        });
        self.servers[primary].process = None;
    }

    /// Ends [`Self::fill_disk`]; the server is not started.
    pub fn free_disk(&self, server: usize) {
        self.disks[server].free();
    }

    /// Takes every connection slot that an ordinary role can get, the probe's too.
    pub fn fill_connections(&self, server: usize) -> Sessions {
        // One session for all questions: each one of its own would leave a slot behind.
        let administrator = self.session(server, "postgres").expect("a free slot");
        let slots = self.sessions.ask(&administrator, COUNT_SLOTS);
        let slots: usize = slots.and_then(|slots| slots.parse().ok()).expect("a number of slots");
        let mut clients = Vec::new();
        let mut fill = || {
            while let Some(client) = self.session(server, "application") {
                clients.push(client);
            }
            clients.len() + 1 == slots
        };
        patience::until("every slot is taken, none of them by the probe", || {
            if fill() {
                return true;
            }
            self.sessions.run(&administrator, END_PROBE_SESSIONS);
            // Two ends in a row would look like the end of the server, so the probe has its reply.
            fill() || {
                let asked = || self.sessions.ask(&administrator, PROBE_HAS_ASKED)?.parse().ok();
                patience::poll(Duration::from_secs(2), || asked().filter(|asked| *asked));
                false
            }
        });
        clients.push(administrator);
        Sessions { _clients: clients }
    }

    /// How many lines of a server's log hold `text`.
    pub fn lines_with(&self, server: usize, text: &str) -> usize {
        let log = self.directory.path().join(format!("log{}", server + 1));
        let log = fs::read(log).expect("the server has a log");
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(text)).count()
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub fn end_probe_sessions(&self, server: usize) {
        self.sql(server, END_PROBE_SESSIONS);
    }

    /// How many sessions the probe has; `None` when the server does not tell.
    pub fn probe_sessions(&self, server: usize) -> Option<usize> {
        self.try_value(server, COUNT_PROBE_SESSIONS)?.parse().ok()
    }

    /// Whether a server is running.
    pub fn is_running(&self, server: usize) -> bool {
        self.servers[server].process.as_ref().is_some_and(|process| !process.has_ended())
    }

    /// What a server has logged about the probe: about its role, or about somebody who has not yet
    /// said who he is. Everybody else comes with another role.
    pub fn log_of_probe(&self, server: usize) -> Vec<String> {
        let log = fs::read(self.log_file(server)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let marks = ["<pointsman@", "<@127.", "<[unknown]@127."];
        let lines = log.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
        lines.map(str::to_owned).collect()
    }

    /// Waits until `standby` has replayed all that `primary` has written.
    pub fn wait_caught_up(&self, standby: usize, primary: usize) {
        let end = self.value(primary, "SELECT pg_current_wal_lsn()");
        let reached = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn");
        patience::until("the standby catches up", || self.value(standby, &reached) == "t");
    }

    /// The first column of the first row of a query that must succeed.
    pub fn value(&self, server: usize, query: &str) -> String {
        self.query(server, query)
            .unwrap_or_else(|error| panic!("{query} on server {server}: {error}"))
            .unwrap_or_else(|| panic!("{query} on server {server} has no row"))
    }

    /// Runs a statement, or several, that must succeed, as superuser.
    pub fn sql(&self, server: usize, statements: &str) {
        self.query(server, statements)
            .unwrap_or_else(|error| panic!("{statements} on server {server}: {error}"));
    }
}

/// The parts.
impl PgCluster {
    /// Makes a new system at the place of `server` and starts it as a primary with roles and
    /// tables.
    fn initialise(&mut self, server: usize) {
        let data = self.servers[server].data.clone();
        let mut initdb = self.programs.command("initdb");
        initdb
            .args(["--no-sync", "--wal-segsize=1", "--locale=C", "--encoding=UTF8"])
            .args(["--auth=trust", "--username=postgres", "--pgdata"])
            .arg(&data);
        account::run(&mut initdb);
        let rules = "host all pointsman 127.0.0.0/8 scram-sha-256\n\
                     host all,replication all 127.0.0.0/8 trust\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("the data directory can be written to");
        self.configure(server, server);
        self.start_server(server);
        self.sql(server, &self.programs.grants().user().join(";\n"));
        self.sql(server, "CREATE ROLE application LOGIN");
        let tables = "CREATE TABLE blocker (); CREATE TABLE ticks (at timestamptz DEFAULT now())";
        self.sql(server, tables);
    }

    /// Writes the settings of `server`, which follows `primary` if its data says that it is a
    /// standby.
    fn configure(&self, server: usize, primary: usize) {
        let file = self.servers[server].data.join("postgresql.conf");
        let text = self.settings(server, primary);
        fs::write(&file, text).expect("the data directory can be written to");
        self.programs.account().own(&file);
    }

    fn settings(&self, server: usize, primary: usize) -> String {
        let (own, other) = (self.servers[server].address, self.servers[primary].address);
        let keep = match self.programs.major() {
            ..13 => "wal_keep_segments = 64",
            _ => "wal_keep_size = '64MB'",
        };
        let mut text = format!(
            "listen_addresses = '{own}'\n\
             port = {port}\n\
             primary_conninfo = 'host={other} port={source} user=postgres'\n\
             {keep}\n\
             include_if_exists = '{tls}'\n",
            tls = self.tls_file(server, "conf").display(),
            port = self.servers[server].port,
            source = self.port,
        );
        // Small, quick, and nothing that writes of itself; a killed process loses nothing that the
        // kernel has.
        for (name, value) in [
            ("unix_socket_directories", "''"),
            ("fsync", "off"),
            ("shared_buffers", "'16MB'"),
            ("max_connections", "20"),
            ("max_wal_size", "'128MB'"),
            ("min_wal_size", "'8MB'"),
            ("autovacuum", "off"),
            ("password_encryption", "'scram-sha-256'"),
            ("wal_retrieve_retry_interval", "'200ms'"),
            ("max_standby_streaming_delay", "-1"),
            ("log_line_prefix", "'%m [%p] <%u@%h> '"),
        ] {
            writeln!(text, "{name} = {value}").expect("a string can be written to");
        }
        text
    }

    fn copy_stopped(&self, from: usize, to: usize) {
        let mut copy = self.programs.account().command("cp");
        copy.arg("--archive").arg(&self.servers[from].data).arg(&self.servers[to].data);
        account::run(&mut copy);
    }

    fn wait_for_streaming(&self, standby: usize, of: usize) {
        let streams = self.streams_from(of);
        // It looks for its sender every five seconds, and anew when that one was not ready.
        let streams = patience::poll(2 * patience::PATIENCE, || {
            (self.try_value(standby, &streams).as_deref() == Some("1")).then_some(())
        });
        assert!(streams.is_some(), "server {standby} does not stream from server {of}");
    }

    fn streams_from(&self, of: usize) -> String {
        let host = self.servers[of].address;
        format!(
            "SELECT count(*) FROM pg_stat_wal_receiver \
             WHERE status = 'streaming' AND conninfo LIKE '%host={host} %'"
        )
    }

    fn process(&self, server: usize) -> &ServerProcess {
        let process = self.servers[server].process.as_ref();
        process.unwrap_or_else(|| panic!("server {server} is not running"))
    }

    fn take_process(&mut self, server: usize) -> ServerProcess {
        let process = self.servers[server].process.take();
        process.unwrap_or_else(|| panic!("server {server} is not running"))
    }

    fn log_file(&self, server: usize) -> PathBuf {
        self.directory.path().join(format!("log{}", server + 1))
    }

    /// What a server needs for TLS. Not among its data, which others get copies of.
    fn tls_file(&self, server: usize, kind: &str) -> PathBuf {
        self.directory.path().join(format!("tls{}.{kind}", server + 1))
    }

    /// [`Self::value`] of a server that may be away.
    pub fn try_value(&self, server: usize, query: &str) -> Option<String> {
        self.query(server, query).ok().flatten()
    }

    fn query(&self, server: usize, statements: &str) -> Result<Option<String>, SqlError> {
        let spot = &self.servers[server];
        self.sessions.query(spot.address, spot.port, statements)
    }

    /// A new session, unless the server refuses it.
    fn session(&self, server: usize, user: &str) -> Option<Client> {
        let spot = &self.servers[server];
        self.sessions.open(spot.address, spot.port, user)
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.task.abort();
    }
}
