//! PostgreSQL servers under Patroni, with one etcd as their store, on loopback addresses.
//!
//! Who leads is Patroni's choice. Its PostgreSQL is no child of it: it outlives its Patroni, as it
//! does in production, so that a host that dies is both of them killed.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use rustix::process::Pid;
use tempfile::TempDir;

use crate::{
    account, patience, ports,
    postgres_programs::Programs,
    postgres_sessions::SessionMaker,
    process::{self, ServerProcess},
};

/// The cluster's name in the store.
const SCOPE: &str = "orders";

/// Seconds after which the leader key of a silent leader is free. Patroni's manual asks for 20 and
/// more; its loop takes one second here.
const LEASE: u32 = 6;

/// How long Patroni may take for anything: a bootstrap, a failover, a copy of the data.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a REST API may take to answer one question.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The members and their store. Dropped, nothing of them is left.
pub struct PatroniCluster {
    members: Vec<Member>,
    /// The port of PostgreSQL on every address.
    port: u16,
    /// The port of Patroni's REST API on every address.
    rest_port: u16,
    sessions: SessionMaker,
    programs: Programs,
    etcd: Option<ServerProcess>,
    directory: TempDir,
}

struct Member {
    address: Ipv4Addr,
    config: PathBuf,
    data: PathBuf,
    process: Option<ServerProcess>,
}

impl PatroniCluster {
    /// Starts the store at `etcd` and one member at each of `addresses`. The first leads, and all
    /// others stream from it.
    ///
    /// # Panics
    /// When they do not get there; with the end of a log.
    pub fn start(programs: Programs, etcd: Ipv4Addr, addresses: &[Ipv4Addr]) -> Self {
        let directory = programs.account().directory("pointsman-patroni-");
        let port = ports::free_on(addresses);
        let rest_port = loop {
            let rest_port = ports::free_on(addresses);
            if rest_port != port {
                break rest_port;
            }
        };
        let member = |(number, address): (usize, &Ipv4Addr)| Member {
            address: *address,
            config: directory.path().join(format!("patroni{number}.yml")),
            data: directory.path().join(format!("data{number}")),
            process: None,
        };
        let mut cluster = Self {
            members: (1..).zip(addresses).map(member).collect(),
            port,
            rest_port,
            sessions: SessionMaker::start(),
            programs,
            etcd: None,
            directory,
        };
        let store = cluster.start_store(etcd);
        for index in 0..addresses.len() {
            cluster.write_config(index, store);
        }
        cluster.start_member(0);
        cluster.until("the first member leads", |cluster| cluster.leads(0));
        for index in 1..addresses.len() {
            cluster.start_member(index);
        }
        for index in 1..addresses.len() {
            cluster.wait_for_replica(index);
        }
        cluster
    }

    /// The port of PostgreSQL, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the REST API, the same on every address.
    pub fn rest_port(&self) -> u16 {
        self.rest_port
    }

    /// The name of a member for `patronictl`.
    pub fn name(index: usize) -> String {
        format!("db{}", index + 1)
    }

    /// Where a member's REST API is.
    pub fn rest(&self, index: usize) -> SocketAddr {
        (self.members[index].address, self.rest_port).into()
    }

    /// Whether a member says that it has the leader key.
    pub fn leads(&self, index: usize) -> bool {
        status(self.rest(index), "/primary") == Some(200)
    }

    /// Waits until a member says that it is a replica that streams.
    ///
    /// # Panics
    /// When it does not in time; with the end of its log.
    pub fn wait_for_replica(&self, index: usize) {
        let streams = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'";
        self.until(&format!("{} streams", Self::name(index)), |cluster| {
            status(cluster.rest(index), "/replica") == Some(200)
                && cluster.value(index, streams).as_deref() == Some("1")
        });
    }

    /// The member that has the leader key.
    ///
    /// # Panics
    /// When none has it in time.
    pub fn wait_for_leader(&self) -> usize {
        let found = patience::poll(PATIENCE, || {
            let mut running = (0..self.members.len()).filter(|index| self.is_running(*index));
            running.find(|index| self.leads(*index))
        });
        found.unwrap_or_else(|| panic!("nobody leads:\n{}", self.tell()))
    }

    /// Runs `patronictl` with these words, as an operator does.
    ///
    /// # Panics
    /// When it fails; with its output.
    pub fn control(&self, words: &[&str]) -> String {
        let mut command = self.programs.account().command("patronictl");
        command.arg("-c").arg(&self.members[0].config).args(words);
        account::run(&mut command)
    }

    /// A planned switchover to `candidate`; returns when Patroni says that it is done.
    pub fn switch_over(&self, candidate: usize) {
        let candidate = Self::name(candidate);
        self.control(&["switchover", SCOPE, "--candidate", &candidate, "--force"]);
    }

    /// Makes Patroni leave its cluster alone, and waits until every member knows.
    pub fn pause(&self) {
        self.control(&["pause", "--wait", SCOPE]);
    }

    /// Ends [`Self::pause`].
    pub fn resume(&self) {
        self.control(&["resume", "--wait", SCOPE]);
    }

    /// The host of a member dies: SIGKILL to its Patroni and to its PostgreSQL.
    pub fn kill_host(&mut self, index: usize) {
        let member = &mut self.members[index];
        let postmaster = member.postmaster();
        // Patroni first: it would start its PostgreSQL again.
        drop(member.process.take());
        if let Some(postmaster) = postmaster {
            end_postmaster(postmaster);
        }
    }

    /// The host of a member freezes: SIGSTOP to its Patroni and to its PostgreSQL. What follows is
    /// [`Self::kill_host`].
    pub fn freeze_host(&self, index: usize) {
        self.freeze_patroni(index);
        if let Some(postmaster) = self.members[index].postmaster() {
            process::freeze(postmaster);
        }
    }

    /// SIGSTOP to the Patroni of a member: its PostgreSQL goes on.
    pub fn freeze_patroni(&self, index: usize) {
        self.members[index].process.as_ref().expect("the member runs").freeze();
    }

    /// Starts the Patroni of a stopped member.
    pub fn start_member(&mut self, index: usize) {
        let log = self.log_file(index);
        let mut command = self.programs.account().command("patroni");
        command.arg(&self.members[index].config);
        self.members[index].process = Some(ServerProcess::spawn(command, &log));
    }

    /// Runs a statement that must succeed, as superuser.
    ///
    /// # Panics
    /// When it fails.
    pub fn sql(&self, index: usize, statements: &str) {
        let address = self.members[index].address;
        let ran = self.sessions.query(address, self.port, statements);
        ran.unwrap_or_else(|error| panic!("{statements} on {}: {error}", Self::name(index)));
    }

    /// What everybody has said of late, for a story that fails.
    pub fn tell(&self) -> String {
        let mut text = String::new();
        for (index, member) in self.members.iter().enumerate() {
            if let Some(process) = &member.process {
                _ = writeln!(text, "{}:\n{}", Self::name(index), process.log_tail());
            }
        }
        text
    }
}

/// The parts.
impl PatroniCluster {
    /// Starts etcd; where its clients find it.
    fn start_store(&mut self, address: Ipv4Addr) -> SocketAddr {
        let clients = SocketAddr::from((address, ports::free_on(&[address])));
        let peers = loop {
            let port = ports::free_on(&[address]);
            if port != clients.port() {
                break format!("http://{address}:{port}");
            }
        };
        let url = format!("http://{clients}");
        let mut command = self.programs.account().command("etcd");
        command
            .args(["--name", "store", "--log-level", "warn", "--unsafe-no-fsync"])
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("store={peers}"), "--data-dir"])
            .arg(self.directory.path().join("etcd"));
        self.etcd = Some(ServerProcess::spawn(command, &self.directory.path().join("log-etcd")));
        self.until("etcd is well", |_| status(clients, "/health") == Some(200));
        clients
    }

    fn write_config(&self, index: usize, store: SocketAddr) {
        let Member { address, config, data, .. } = &self.members[index];
        let (port, rest_port) = (self.port, self.rest_port);
        let (data, programs) = (data.display(), self.programs.directory().display());
        let text = format!(
            "scope: {SCOPE}
name: {name}
restapi:
  listen: {address}:{rest_port}
  connect_address: {address}:{rest_port}
etcd3:
  host: {store}
bootstrap:
  dcs:
    ttl: {LEASE}
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      remove_data_directory_on_rewind_failure: true
      remove_data_directory_on_diverged_timelines: true
      parameters:
        max_connections: 30
        wal_keep_size: 64MB
  initdb:
  - no-sync
  - encoding: UTF8
  - locale: C
  - wal-segsize: '1'
postgresql:
  listen: {address}:{port}
  connect_address: {address}:{port}
  data_dir: {data}
  bin_dir: {programs}
  pg_hba:
  - local all all trust
  - host all pointsman 127.0.0.0/8 scram-sha-256
  - host all,replication all 127.0.0.0/8 trust
  pgpass: {data}.pgpass
  authentication:
    superuser:
      username: postgres
    replication:
      username: replicator
  parameters:
    unix_socket_directories: ''
    fsync: 'off'
    shared_buffers: 16MB
    autovacuum: 'off'
    password_encryption: scram-sha-256
    wal_retrieve_retry_interval: 200ms
",
            name = Self::name(index),
        );
        fs::write(config, text).expect("the directory can be written to");
        self.programs.account().own(config);
    }

    fn is_running(&self, index: usize) -> bool {
        self.members[index].process.as_ref().is_some_and(|process| !process.has_ended())
    }

    fn value(&self, index: usize, query: &str) -> Option<String> {
        self.sessions.query(self.members[index].address, self.port, query).ok().flatten()
    }

    fn log_file(&self, index: usize) -> PathBuf {
        self.directory.path().join(format!("log{}", index + 1))
    }

    fn until(&self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let found = patience::poll(PATIENCE, || happened(self).then_some(()));
        assert!(found.is_some(), "waited {PATIENCE:?} in vain: {what}\n{}", self.tell());
    }
}

impl Drop for PatroniCluster {
    fn drop(&mut self) {
        for index in 0..self.members.len() {
            self.kill_host(index);
        }
    }
}

impl Member {
    /// The process of a running PostgreSQL, from the first line of its `postmaster.pid`.
    fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        // The file may be of a server that was killed, and the number somebody else's by now.
        let home = fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok()?;
        (home == self.data).then_some(pid)
    }
}

/// Kills a PostgreSQL that is nobody's child, and waits for its end. Its children notice.
fn end_postmaster(postmaster: Pid) {
    process::kill_parent(postmaster);
    let home = format!("/proc/{}/cwd", postmaster.as_raw_nonzero());
    // A process that has ended has none, whether or not somebody has waited for it.
    patience::until("a killed PostgreSQL ends", || fs::read_link(&home).is_err());
}

/// The status of a GET, unless there is no answer.
pub fn status(at: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&at, REST_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(REST_TIMEOUT)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    let status = std::str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse();
    // The rest is read, so that the server does not log a broken pipe.
    drop(stream.read_to_end(&mut Vec::new()));
    status.ok()
}

/// Whether the programs of Patroni and of its store are there.
///
/// # Panics
/// When one is missing; with its name.
pub fn assert_installed() {
    for program in ["patroni", "patronictl", "etcd"] {
        let found = Command::new("which").arg(program).output();
        let found = found.is_ok_and(|output| output.status.success());
        assert!(found, "{program} is not installed; tests/run installs it");
    }
}
